#ifndef CLINUX_STEERING_H
#define CLINUX_STEERING_H

#include <stddef.h>
#include <stdint.h>

/* Loads a program of the kind that looks at packets (BPF_PROG_TYPE_SOCKET_FILTER) and returns its descriptor. */
int clinux_steering_load(const uint64_t *instructions, size_t count);
/* What a loaded program says of a packet, which stands behind 14 octets of whatever. */
int clinux_steering_try(int program, const void *octets, size_t count, uint32_t *answer);
/* Lets a program choose the queue of each packet of a TUN: the rest of what it returns, divided by the number of
 * queues. The device keeps the program. */
int clinux_tun_set_steering(int descriptor, int program);

#endif
