/* A child process of our own executable, and what it may not do. */
#ifndef CLINUX_CONFINE_H
#define CLINUX_CONFINE_H

#include <stddef.h>
#include <stdint.h>

/* Starts this process's own executable again with these arguments (the first is its name, the last a null) and these
 * descriptors as 3, 4 and so on; everything else is closed, no signal is blocked, no environment is left. Returns the
 * process, or a negated errno. */
int clinux_spawn_self(const char *const *arguments, const int *descriptors, int count);
/* Ends a child and forgets it. */
int clinux_end_child(int process);
/* Whether a child has ended. Its number stays its own until clinux_end_child(). */
int clinux_child_has_ended(int process);

/* From now on, in every thread to come and for good: no file is written, made, removed, truncated or executed, no process
 * is started or signalled, nothing listens, sockets are of IPv4 and IPv6 alone, and there are at most so many octets of
 * memory of its own. What is refused fails with EPERM. Returns 1; 0 where the kernel has no Landlock, so that seccomp
 * alone keeps it from files; or a negated errno. */
int clinux_confine(uint64_t memory);

/* A pair of connected sockets that keep messages apart; closed on exec. */
int clinux_message_pair(int ends[2]);
/* Sends or receives one message without waiting. */
int64_t clinux_message_send(int descriptor, const void *octets, size_t count);
int64_t clinux_message_receive(int descriptor, void *octets, size_t count);

#endif
