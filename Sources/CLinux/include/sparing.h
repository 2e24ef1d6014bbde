/* Lines of text that a library writes as often as strangers make it. */
#ifndef CLINUX_SPARING_H
#define CLINUX_SPARING_H

#include <stdio.h>

/* A stream to a descriptor that lets so many lines through within so many seconds, and then says how many it left out.
 * Returns null where there is no memory for it. */
FILE *clinux_sparing_stream(int descriptor, unsigned most, unsigned seconds);
/* Makes such a stream this process's standard error, for whoever writes there by way of stdio: 20 lines a minute. */
void clinux_spare_standard_error(void);

#endif
