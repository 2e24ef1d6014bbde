/* What Swift's Glibc module lacks: everything behind _GNU_SOURCE, variadic calls and a few kernel headers.
 * Every function returns a result of zero or more, or a negated errno, so that nothing runs between a call and errno. */
#ifndef CLINUX_H
#define CLINUX_H

#include "confine.h"
#include "linux.h"
#include "sparing.h"
#include "steering.h"
#include "udp.h"

#endif
