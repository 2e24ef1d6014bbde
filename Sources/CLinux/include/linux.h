#ifndef CLINUX_LINUX_H
#define CLINUX_LINUX_H

#include <stddef.h>
#include <stdint.h>

/* Opens one more queue of the TUN `name`, making the device if there is none, with multi-queue and the plain virtio
 * header of 10 octets. Non-blocking, closed on exec. */
int clinux_tun_open(const char *name);
/* Asks for these TUN_F_* offloads on a queue's device. */
int clinux_tun_set_offload(int descriptor, unsigned offloads);
/* The bits of clinux_tun_set_offload. */
enum clinux_offload {
    CLINUX_OFFLOAD_CHECKSUM = 0x01,
    CLINUX_OFFLOAD_TCP4 = 0x02,
    CLINUX_OFFLOAD_TCP6 = 0x04,
    CLINUX_OFFLOAD_ECN = 0x08,
    CLINUX_OFFLOAD_UDP4 = 0x20,
    CLINUX_OFFLOAD_UDP6 = 0x40,
};

/* One event as epoll reports it. */
struct clinux_event {
    uint32_t events;
    uint64_t token;
};
/* EPOLLIN, EPOLLOUT and EPOLLERR|EPOLLHUP as bits of our own. */
enum clinux_readiness { CLINUX_READABLE = 1, CLINUX_WRITABLE = 2, CLINUX_BROKEN = 4 };

int clinux_epoll_create(void);
int clinux_epoll_add(int poll, int descriptor, uint32_t readiness, uint64_t token);
int clinux_epoll_modify(int poll, int descriptor, uint32_t readiness, uint64_t token);
int clinux_epoll_remove(int poll, int descriptor);
/* Waits at most this many nanoseconds; negative waits for ever. Returns how many events were written. */
int clinux_epoll_wait(int poll, struct clinux_event *events, int capacity, int64_t nanoseconds);

int clinux_eventfd(void);
int clinux_eventfd_ring(int descriptor);
int clinux_eventfd_hush(int descriptor);

/* Blocks SIGTERM, SIGINT, SIGHUP and SIGPIPE in this thread and those it will start, and opens a descriptor that
 * reads the first three. */
int clinux_signals_open(void);
/* The next signal waiting on the descriptor, 0 if there is none. */
int clinux_signals_next(int descriptor);

int clinux_random(void *octets, size_t count);
int clinux_thread_name(const char *name);
/* How many CPUs this thread may run on. */
int clinux_cpus_allowed(void);
/* read and write, with errno in the result. */
int64_t clinux_read(int descriptor, void *octets, size_t count);
int64_t clinux_write(int descriptor, const void *octets, size_t count);
/* A part of some memory. */
struct clinux_piece {
    uint32_t offset;
    uint32_t count;
};
/* writev of at most 64 pieces of the memory at `base`. */
int64_t clinux_write_pieces(int descriptor, const void *base, const void *pieces, int count);
/* Waits until the descriptor can be read, at most this many nanoseconds (negative: for ever); 1 if it can. */
int clinux_wait_readable(int descriptor, int64_t nanoseconds);
int clinux_no_new_privileges(void);
/* A name in the abstract namespace of Unix sockets, which belongs to this network namespace and to whoever holds the
 * descriptor. -EADDRINUSE while somebody else has it. */
int clinux_claim_name(const char *name);
/* fork(2), to be called while the process has one thread. The child ignores whatever a terminal or a service manager
 * sends to the whole group. */
int clinux_fork(void);
int clinux_pipe(int descriptors[2]);
/* Leaves without running what was set up for the parent's exit. */
void clinux_exit_child(void);
int clinux_open(const char *path, int flags, unsigned mode);

#endif
