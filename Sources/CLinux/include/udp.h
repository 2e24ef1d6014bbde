#ifndef CLINUX_UDP_H
#define CLINUX_UDP_H

#include <stdint.h>

/* Datagram sockets in batches (recvmmsg, sendmmsg), and the sockets of DNS over TCP.
 *
 * Functions that return a descriptor or a count return -errno when they fail. Addresses are numbers in the host's
 * own octet order; an IPv4 address lies in the lower 32 bits of `low`. */

/* How many datagrams a batch holds. */
#define CLINUX_UDP_BATCH 64
/* Octets for one datagram; a longer one that comes in is cut. */
#define CLINUX_UDP_SLOT 4096

/* An address with a port and, for link-local addresses, the interface. */
struct clinux_endpoint {
    uint64_t high;
    uint64_t low;
    uint32_t scope;
    uint16_t port;
    uint8_t family; /* 4 or 6 */
};

/* The two ends of a datagram: who sent it and which address of ours it was sent to. */
struct clinux_udp_ends {
    struct clinux_endpoint peer;
    /* The address that was asked; known, and needed, only on a socket bound to the unspecified address. */
    uint64_t local_high;
    uint64_t local_low;
    uint32_t interface;
    uint8_t has_local;
};

struct clinux_udp_inbox;
struct clinux_udp_outbox;

/* Binds although the address is not on this machine yet. */
#define CLINUX_LISTEN_FREEBIND 1
/* Shares the port with a socket of ours that is bound to it already. */
#define CLINUX_LISTEN_JOIN 2

/* A socket that hears datagrams for one address, or for all when it is unspecified. Without JOIN the address must be
 * free of sockets of anybody, those that would share it included. */
int clinux_udp_listen(const struct clinux_endpoint *at, int flags);
/* A socket from a random port that exchanges datagrams with one peer and is told of ICMP errors. `from` may be NULL. */
int clinux_udp_connect(const struct clinux_endpoint *to, const struct clinux_endpoint *from);
/* A stream socket bound to an address, not listening yet. */
int clinux_tcp_bind(const struct clinux_endpoint *at, int flags);
/* A stream socket that begins to connect. `from` may be NULL. */
int clinux_tcp_connect(const struct clinux_endpoint *to, const struct clinux_endpoint *from);
/* What became of a connection: 0, or the error as -errno. */
int clinux_socket_error(int fd);
/* The address a socket is bound to. */
int clinux_socket_name(int fd, struct clinux_endpoint *name);
/* One datagram or some octets of a stream, without blocking and without a signal. */
int clinux_socket_send(int fd, const void *octets, uint32_t count);
int clinux_socket_receive(int fd, void *octets, uint32_t count);

/* Raises the limit on open descriptors as far as this process may and returns it. */
int64_t clinux_raise_descriptor_limit(void);
/* Who has the port of an address (stream: TCP, otherwise UDP), as far as /proc tells. Returns the process's number and
 * its name, 0 when the port is taken by a process that cannot be seen, or -ENOENT when nobody has it. */
int clinux_port_holder(const struct clinux_endpoint *at, int stream, char *name, uint32_t capacity);

struct clinux_udp_inbox *clinux_udp_inbox_make(void);
void clinux_udp_inbox_free(struct clinux_udp_inbox *inbox);
/* Takes the datagrams that wait, at most a batch; 0 when there is none. */
int clinux_udp_inbox_fill(struct clinux_udp_inbox *inbox, int fd);
/* A datagram of the last filling. `index` must be below its count. */
const void *clinux_udp_inbox_octets(const struct clinux_udp_inbox *inbox, uint32_t index);
uint32_t clinux_udp_inbox_count(const struct clinux_udp_inbox *inbox, uint32_t index);
void clinux_udp_inbox_ends(const struct clinux_udp_inbox *inbox, uint32_t index, struct clinux_udp_ends *ends);

/* Sets the TC bit of messages that did not fit into their slot, so that nobody believes they are whole. */
void clinux_udp_inbox_mark_cut(struct clinux_udp_inbox *inbox, uint32_t count);

struct clinux_udp_outbox *clinux_udp_outbox_make(void);
void clinux_udp_outbox_free(struct clinux_udp_outbox *outbox);
/* The memory of the next datagram; there is always room for one. */
void *clinux_udp_outbox_next(struct clinux_udp_outbox *outbox);
/* Seals the next datagram as an answer; returns how many are sealed, and the caller sends when that is a batch. */
uint32_t clinux_udp_outbox_seal(struct clinux_udp_outbox *outbox, const struct clinux_udp_ends *ends, uint32_t count);
/* Empties the box without sending. */
void clinux_udp_outbox_clear(struct clinux_udp_outbox *outbox);
/* Sends what is sealed and empties the box. Returns how many could not be sent. */
uint32_t clinux_udp_outbox_send(struct clinux_udp_outbox *outbox, int fd);

/* Datagrams to the peer of a connected socket that leave together; each has at most CLINUX_UDP_QUESTION octets. */
#define CLINUX_UDP_QUESTION 512

struct clinux_udp_questions;

struct clinux_udp_questions *clinux_udp_questions_make(void);
void clinux_udp_questions_free(struct clinux_udp_questions *questions);
/* The memory of a datagram. */
void *clinux_udp_questions_octets(struct clinux_udp_questions *questions, uint32_t index);
/* Says how long a datagram is. */
void clinux_udp_questions_seal(struct clinux_udp_questions *questions, uint32_t index, uint32_t count);
/* Sends datagrams from one on. Returns how many were sent, or a negated errno if the first could not be. */
int clinux_udp_questions_post(struct clinux_udp_questions *questions, int fd, uint32_t first, uint32_t end);

#endif
