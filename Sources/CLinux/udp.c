#include "udp.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Headers that Debian 12 ships lack these names in the files above. */
#ifndef IP_PMTUDISC_OMIT
#define IP_PMTUDISC_OMIT 5
#endif
#ifndef IPV6_PMTUDISC_OMIT
#define IPV6_PMTUDISC_OMIT 5
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* A burst of ten thousand queries must not be lost while a worker is busy. */
static const int listen_buffer = 4 << 20;

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void put64(uint8_t *to, uint64_t value) {
    for (int i = 0; i < 8; i++) to[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get64(const uint8_t *from) {
    uint64_t value;
    memcpy(&value, from, 8);
    return __builtin_bswap64(value);
}

static socklen_t address_of(const struct clinux_endpoint *endpoint, union address *address) {
    memset(address, 0, sizeof *address);
    if (endpoint->family == 4) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(endpoint->port);
        address->v4.sin_addr.s_addr = htonl((uint32_t)endpoint->low);
        return sizeof address->v4;
    }
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(endpoint->port);
    address->v6.sin6_scope_id = endpoint->scope;
    put64(address->v6.sin6_addr.s6_addr, endpoint->high);
    put64(address->v6.sin6_addr.s6_addr + 8, endpoint->low);
    return sizeof address->v6;
}

static void endpoint_of(const union address *address, struct clinux_endpoint *endpoint) {
    memset(endpoint, 0, sizeof *endpoint);
    if (address->any.sa_family == AF_INET) {
        endpoint->family = 4;
        endpoint->low = ntohl(address->v4.sin_addr.s_addr);
        endpoint->port = ntohs(address->v4.sin_port);
        return;
    }
    endpoint->family = 6;
    endpoint->high = get64(address->v6.sin6_addr.s6_addr);
    endpoint->low = get64(address->v6.sin6_addr.s6_addr + 8);
    endpoint->scope = address->v6.sin6_scope_id;
    endpoint->port = ntohs(address->v6.sin6_port);
}

static int turn_on(int fd, int level, int option) {
    int one = 1;
    return setsockopt(fd, level, option, &one, sizeof one);
}

/* Closes a half-made socket without losing the reason. */
static int fail(int fd) {
    int code = errno;
    close(fd);
    return -code;
}

static int make(const struct clinux_endpoint *endpoint, int type) {
    int domain = endpoint->family == 4 ? AF_INET : AF_INET6;
    int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (domain == AF_INET6 && turn_on(fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0) return fail(fd);
    return fd;
}

/* Datagrams leave without DF and no path MTU learnt from a (perhaps forged) ICMP error changes how: RFC 9715. */
static int omit_path_mtu(int fd, int family) {
    int v4 = IP_PMTUDISC_OMIT, v6 = IPV6_PMTUDISC_OMIT;
    if (family == 4) return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
    return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
}

static void enlarge(int fd, int forced, int asked) {
    if (setsockopt(fd, SOL_SOCKET, forced, &listen_buffer, sizeof listen_buffer) < 0)
        setsockopt(fd, SOL_SOCKET, asked, &listen_buffer, sizeof listen_buffer);
}

static int bind_to(int fd, const struct clinux_endpoint *at, int flags) {
    union address address;
    socklen_t length = address_of(at, &address);
    if (flags & CLINUX_LISTEN_FREEBIND) {
        if (at->family == 4 && turn_on(fd, IPPROTO_IP, IP_FREEBIND) < 0) return -1;
        if (at->family == 6 && turn_on(fd, IPPROTO_IPV6, IPV6_FREEBIND) < 0) return -1;
    }
    return bind(fd, &address.any, length);
}

int clinux_udp_listen(const struct clinux_endpoint *at, int flags) {
    int fd = make(at, SOCK_DGRAM);
    if (fd < 0) return fd;
    if (omit_path_mtu(fd, at->family) < 0) return fail(fd);
    enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    if (at->high == 0 && at->low == 0) {
        /* The kernel would answer from an address of its own choice (RFC 2181 section 4.1). */
        int done = at->family == 4 ? turn_on(fd, IPPROTO_IP, IP_PKTINFO) : turn_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
        if (done < 0) return fail(fd);
    }
    if ((flags & CLINUX_LISTEN_JOIN) && turn_on(fd, SOL_SOCKET, SO_REUSEPORT) < 0) return fail(fd);
    if (bind_to(fd, at, flags) < 0) return fail(fd);
    /* Only now: set before, it would let us take half of another program's queries. */
    if (turn_on(fd, SOL_SOCKET, SO_REUSEPORT) < 0) return fail(fd);
    return fd;
}

static int bind_source(int fd, const struct clinux_endpoint *from) {
    if (from == NULL) return 0;
    if (turn_on(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) < 0) return -1;
    return bind_to(fd, from, 0);
}

int clinux_udp_connect(const struct clinux_endpoint *to, const struct clinux_endpoint *from) {
    union address address;
    socklen_t length = address_of(to, &address);
    int fd = make(to, SOCK_DGRAM);
    if (fd < 0) return fd;
    if (omit_path_mtu(fd, to->family) < 0) return fail(fd);
    /* Without it a host that cannot be reached is waited for until the time-out. */
    int told = to->family == 4 ? turn_on(fd, IPPROTO_IP, IP_RECVERR) : turn_on(fd, IPPROTO_IPV6, IPV6_RECVERR);
    if (told < 0) return fail(fd);
    if (bind_source(fd, from) < 0) return fail(fd);
    /* An unbound socket gets a random port of the local range, which leaves out reserved ports and those of a pool
     * address that the host shares with the NAT64. */
    if (connect(fd, &address.any, length) < 0) return fail(fd);
    return fd;
}

int clinux_tcp_bind(const struct clinux_endpoint *at, int flags) {
    int fd = make(at, SOCK_STREAM);
    if (fd < 0) return fd;
    if (turn_on(fd, SOL_SOCKET, SO_REUSEADDR) < 0) return fail(fd);
    if (bind_to(fd, at, flags) < 0) return fail(fd);
    return fd;
}

int clinux_tcp_connect(const struct clinux_endpoint *to, const struct clinux_endpoint *from) {
    union address address;
    socklen_t length = address_of(to, &address);
    int fd = make(to, SOCK_STREAM);
    if (fd < 0) return fd;
    if (turn_on(fd, IPPROTO_TCP, TCP_NODELAY) < 0) return fail(fd);
    if (bind_source(fd, from) < 0) return fail(fd);
    if (connect(fd, &address.any, length) < 0 && errno != EINPROGRESS) return fail(fd);
    return fd;
}

int clinux_socket_error(int fd) {
    int code = 0;
    socklen_t length = sizeof code;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0) return -errno;
    return -code;
}

int clinux_socket_name(int fd, struct clinux_endpoint *name) {
    union address address;
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.any, &length) < 0) return -errno;
    endpoint_of(&address, name);
    return 0;
}

int clinux_socket_send(int fd, const void *octets, uint32_t count) {
    ssize_t sent;
    do sent = send(fd, octets, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : (int)sent;
}

int clinux_socket_receive(int fd, void *octets, uint32_t count) {
    ssize_t got;
    do got = recv(fd, octets, count, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : (int)got;
}

int64_t clinux_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

/* ---- who has a port ---- */

/* The inode of the socket that has the port, out of one of the tables of /proc/thread-self/net; 0 if there is none. */
static unsigned long holding_inode(const char *table, const struct clinux_endpoint *at, int stream) {
    char path[64], line[512];
    unsigned long found = 0;
    snprintf(path, sizeof path, "/proc/thread-self/net/%s", table);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    while (found == 0 && fgets(line, sizeof line, file) != NULL) {
        char local[33];
        unsigned port, state;
        unsigned long inode;
        if (sscanf(line, " %*d: %32[0-9A-F]:%X %*[0-9A-F]:%*X %X %*X:%*X %*X:%*X %*X %*u %*u %lu", local, &port, &state,
                   &inode) != 4)
            continue;
        if (port != at->port || (stream && state != 10)) continue;
        uint32_t words[4] = {0};
        int count = (int)strlen(local) / 8;
        if (count != 1 && count != 4) continue;
        for (int i = 0; i < count; i++) sscanf(local + 8 * i, "%8X", &words[i]);
        uint32_t asked[4];
        if (at->family == 4) {
            asked[0] = htonl((uint32_t)at->low);
        } else {
            uint8_t octets[16];
            put64(octets, at->high);
            put64(octets + 8, at->low);
            memcpy(asked, octets, 16);
        }
        int same_family = (count == 1) == (at->family == 4);
        int same = same_family && memcmp(words, asked, (size_t)count * 4) == 0;
        int every = (words[0] | words[1] | words[2] | words[3]) == 0 && (same_family || count == 4);
        int asked_every = at->high == 0 && at->low == 0;
        if (same || every || asked_every) found = inode;
    }
    fclose(file);
    return found;
}

static int has_socket(int process, unsigned long inode) {
    char path[64], wanted[64], target[64];
    int found = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", process);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *folder = opendir(path);
    if (folder == NULL) return 0;
    struct dirent *entry;
    while (!found && (entry = readdir(folder)) != NULL) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (length <= 0) continue;
        target[length] = 0;
        found = strcmp(target, wanted) == 0;
    }
    closedir(folder);
    return found;
}

int clinux_port_holder(const struct clinux_endpoint *at, int stream, char *name, uint32_t capacity) {
    const char *own = stream ? (at->family == 4 ? "tcp" : "tcp6") : (at->family == 4 ? "udp" : "udp6");
    unsigned long inode = holding_inode(own, at, stream);
    if (inode == 0 && at->family == 4) inode = holding_inode(stream ? "tcp6" : "udp6", at, stream);
    if (inode == 0) return -ENOENT;
    DIR *processes = opendir("/proc");
    if (processes == NULL) return 0;
    int found = 0;
    struct dirent *entry;
    while (found == 0 && (entry = readdir(processes)) != NULL) {
        int process = atoi(entry->d_name);
        if (process > 0 && has_socket(process, inode)) found = process;
    }
    closedir(processes);
    if (found == 0 || capacity == 0) return found;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", found);
    name[0] = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) return found;
    if (fgets(name, (int)capacity, file) != NULL) name[strcspn(name, "\n")] = 0;
    fclose(file);
    return found;
}

/* ---- batches ---- */

/* What goes with a message: the address of ours, and how long the datagrams in it are. */
union control {
    struct cmsghdr align;
    char octets[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

struct batch {
    struct mmsghdr headers[CLINUX_UDP_BATCH];
    struct iovec vectors[CLINUX_UDP_BATCH];
    union address addresses[CLINUX_UDP_BATCH];
    union control controls[CLINUX_UDP_BATCH];
    uint8_t octets[CLINUX_UDP_BATCH][CLINUX_UDP_SLOT] __attribute__((aligned(64)));
};

struct clinux_udp_inbox {
    /* How many of the headers, from the first, are not ready for a message: the kernel has written into no others. */
    int used;
    struct batch batch;
};

/* Answers of one batch that go to one client and are equally long leave as one message, which the kernel or the network
 * card cuts into datagrams (UDP_SEGMENT): the way through the network stack is gone once for all of them. */
struct group {
    struct clinux_udp_ends ends;
    uint32_t length; /* of each datagram */
    uint32_t count;
    uint32_t first; /* of its vectors among those gathered */
};

struct clinux_udp_outbox {
    uint32_t sealed;
    uint32_t groups;
    /* It was refused to cut a message; from then on each datagram is one. */
    int is_plain;
    /* The group of each datagram. */
    uint8_t group_of[CLINUX_UDP_BATCH];
    /* Where to look for the group of a client: one more than its number, in a place that its address, port and length
     * give. */
    uint8_t group_at[CLINUX_UDP_BATCH];
    struct group group[CLINUX_UDP_BATCH];
    struct mmsghdr messages[CLINUX_UDP_BATCH];
    struct iovec gathered[CLINUX_UDP_BATCH];
    struct batch batch;
};

static void *make_batch(size_t size, size_t offset) {
    char *memory;
    if (posix_memalign((void **)&memory, 64, size) != 0) return NULL;
    memset(memory, 0, size);
    struct batch *batch = (struct batch *)(memory + offset);
    for (int i = 0; i < CLINUX_UDP_BATCH; i++) {
        struct msghdr *header = &batch->headers[i].msg_hdr;
        batch->vectors[i].iov_base = batch->octets[i];
        batch->vectors[i].iov_len = CLINUX_UDP_SLOT;
        header->msg_iov = &batch->vectors[i];
        header->msg_iovlen = 1;
        header->msg_name = &batch->addresses[i];
    }
    return memory;
}

struct clinux_udp_inbox *clinux_udp_inbox_make(void) {
    struct clinux_udp_inbox *inbox = make_batch(sizeof *inbox, offsetof(struct clinux_udp_inbox, batch));
    if (inbox != NULL) inbox->used = CLINUX_UDP_BATCH;
    return inbox;
}

void clinux_udp_inbox_free(struct clinux_udp_inbox *inbox) { free(inbox); }

int clinux_udp_inbox_fill(struct clinux_udp_inbox *inbox, int fd) {
    struct batch *batch = &inbox->batch;
    for (int i = 0; i < inbox->used; i++) {
        struct msghdr *header = &batch->headers[i].msg_hdr;
        header->msg_namelen = sizeof batch->addresses[i];
        header->msg_control = &batch->controls[i];
        header->msg_controllen = sizeof batch->controls[i];
        header->msg_flags = 0;
    }
    int count;
    do count = recvmmsg(fd, batch->headers, CLINUX_UDP_BATCH, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    /* One more than came: the attempt that found nothing may have begun to write. */
    inbox->used = count < 0 ? 1 : count < CLINUX_UDP_BATCH ? count + 1 : count;
    if (count >= 0) return count;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

const void *clinux_udp_inbox_octets(const struct clinux_udp_inbox *inbox, uint32_t index) {
    return inbox->batch.octets[index];
}

uint32_t clinux_udp_inbox_count(const struct clinux_udp_inbox *inbox, uint32_t index) {
    uint32_t count = inbox->batch.headers[index].msg_len;
    return count < CLINUX_UDP_SLOT ? count : CLINUX_UDP_SLOT;
}

void clinux_udp_inbox_ends(const struct clinux_udp_inbox *inbox, uint32_t index, struct clinux_udp_ends *ends) {
    const struct msghdr *header = &inbox->batch.headers[index].msg_hdr;
    memset(ends, 0, sizeof *ends);
    endpoint_of(&inbox->batch.addresses[index], &ends->peer);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR((struct msghdr *)header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo told;
            memcpy(&told, CMSG_DATA(c), sizeof told);
            ends->local_low = ntohl(told.ipi_spec_dst.s_addr);
            ends->interface = (uint32_t)told.ipi_ifindex;
            ends->has_local = 1;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo told;
            memcpy(&told, CMSG_DATA(c), sizeof told);
            ends->local_high = get64(told.ipi6_addr.s6_addr);
            ends->local_low = get64(told.ipi6_addr.s6_addr + 8);
            ends->interface = told.ipi6_ifindex;
            ends->has_local = 1;
        }
    }
}

void clinux_udp_inbox_mark_cut(struct clinux_udp_inbox *inbox, uint32_t count) {
    for (uint32_t i = 0; i < count && i < CLINUX_UDP_BATCH; i++)
        if (inbox->batch.headers[i].msg_hdr.msg_flags & MSG_TRUNC) inbox->batch.octets[i][2] |= 2;
}

struct clinux_udp_outbox *clinux_udp_outbox_make(void) {
    return make_batch(sizeof(struct clinux_udp_outbox), offsetof(struct clinux_udp_outbox, batch));
}

void clinux_udp_outbox_free(struct clinux_udp_outbox *outbox) { free(outbox); }

void *clinux_udp_outbox_next(struct clinux_udp_outbox *outbox) {
    return outbox->batch.octets[outbox->sealed < CLINUX_UDP_BATCH ? outbox->sealed : 0];
}

/* The longest datagrams that are put together: they pass every link of IPv6 uncut. And how many octets go together. */
enum { most_to_cut = 1232, most_in_group = 65000 };

static uint8_t *add_control(uint8_t *at, int level, int type, const void *data, size_t count) {
    struct cmsghdr *c = (struct cmsghdr *)at;
    memset(c, 0, CMSG_SPACE(count));
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(count);
    memcpy(CMSG_DATA(c), data, count);
    return at + CMSG_SPACE(count);
}

/* Says from which of our addresses a message is to leave, and where it is to be cut if it holds several datagrams. */
static void write_control(struct msghdr *header, union control *control, const struct group *group) {
    const struct clinux_udp_ends *ends = &group->ends;
    uint8_t *end = (uint8_t *)control;
    if (ends->has_local && ends->peer.family == 4) {
        /* The interface is left to the routes: the way back need not be the way here. */
        struct in_pktinfo say = {0};
        say.ipi_spec_dst.s_addr = htonl((uint32_t)ends->local_low);
        end = add_control(end, IPPROTO_IP, IP_PKTINFO, &say, sizeof say);
    } else if (ends->has_local) {
        struct in6_pktinfo say = {0};
        put64(say.ipi6_addr.s6_addr, ends->local_high);
        put64(say.ipi6_addr.s6_addr + 8, ends->local_low);
        /* A link-local address means nothing without its interface; for the others the routes decide. */
        if (ends->local_high >> 54 == 0xfe80 >> 6) say.ipi6_ifindex = ends->interface;
        end = add_control(end, IPPROTO_IPV6, IPV6_PKTINFO, &say, sizeof say);
    }
    if (group->count > 1) {
        uint16_t length = (uint16_t)group->length;
        end = add_control(end, IPPROTO_UDP, UDP_SEGMENT, &length, sizeof length);
    }
    header->msg_controllen = (size_t)(end - (uint8_t *)control);
    header->msg_control = header->msg_controllen > 0 ? control : NULL;
}

/* Whether a datagram between these ends may join a group. */
static int fits(const struct group *group, const struct clinux_udp_ends *ends, uint32_t length) {
    const struct clinux_udp_ends *own = &group->ends;
    return group->length == length && (group->count + 1) * length <= most_in_group && own->peer.port == ends->peer.port
           && own->peer.low == ends->peer.low && own->peer.high == ends->peer.high
           && own->peer.family == ends->peer.family && own->peer.scope == ends->peer.scope
           && own->has_local == ends->has_local && own->local_low == ends->local_low
           && own->local_high == ends->local_high && own->interface == ends->interface;
}

uint32_t clinux_udp_outbox_seal(struct clinux_udp_outbox *outbox, const struct clinux_udp_ends *ends, uint32_t count) {
    uint32_t index = outbox->sealed;
    if (index >= CLINUX_UDP_BATCH || count > CLINUX_UDP_SLOT) return index;
    outbox->batch.vectors[index].iov_len = count;
    outbox->sealed = index + 1;
    uint64_t key = (ends->peer.low ^ ends->peer.port ^ (uint64_t)count << 16) * 0x9e3779b97f4a7c15u;
    uint8_t *at = &outbox->group_at[(key >> 32) % CLINUX_UDP_BATCH];
    int may_join = *at > 0 && !outbox->is_plain && count > 0 && count <= most_to_cut;
    if (may_join && fits(&outbox->group[*at - 1], ends, count)) {
        outbox->group[*at - 1].count += 1;
        outbox->group_of[index] = *at - 1;
        return outbox->sealed;
    }
    struct group *group = &outbox->group[outbox->groups];
    group->ends = *ends;
    group->length = count;
    group->count = 1;
    outbox->group_of[index] = (uint8_t)outbox->groups;
    outbox->groups += 1;
    *at = (uint8_t)outbox->groups;
    return outbox->sealed;
}

void clinux_udp_outbox_clear(struct clinux_udp_outbox *outbox) {
    outbox->sealed = 0;
    outbox->groups = 0;
    memset(outbox->group_at, 0, sizeof outbox->group_at);
}

/* Makes a message of each group. */
static void gather(struct clinux_udp_outbox *outbox) {
    uint32_t place[CLINUX_UDP_BATCH];
    uint32_t first = 0;
    for (uint32_t i = 0; i < outbox->groups; i++) {
        struct group *group = &outbox->group[i];
        struct msghdr *header = &outbox->messages[i].msg_hdr;
        header->msg_name = &outbox->batch.addresses[i];
        header->msg_namelen = address_of(&group->ends.peer, &outbox->batch.addresses[i]);
        header->msg_iov = &outbox->gathered[first];
        header->msg_iovlen = group->count;
        write_control(header, &outbox->batch.controls[i], group);
        group->first = place[i] = first;
        first += group->count;
    }
    for (uint32_t i = 0; i < outbox->sealed; i++)
        outbox->gathered[place[outbox->group_of[i]]++] = outbox->batch.vectors[i];
}

/* Sends the datagrams of a group each as a message. Returns how many could be sent. */
static uint32_t send_apart(struct clinux_udp_outbox *outbox, uint32_t index, int fd) {
    struct group *group = &outbox->group[index];
    struct msghdr *header = &outbox->messages[index].msg_hdr;
    uint32_t all = group->count, sent = 0;
    group->count = 1;
    write_control(header, &outbox->batch.controls[index], group);
    header->msg_iovlen = 1;
    for (uint32_t i = 0; i < all; i++) {
        header->msg_iov = &outbox->gathered[group->first + i];
        if (sendmsg(fd, header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) sent += 1;
    }
    return sent;
}

uint32_t clinux_udp_outbox_send(struct clinux_udp_outbox *outbox, int fd) {
    uint32_t done = 0, lost = 0;
    gather(outbox);
    while (done < outbox->groups) {
        int sent = sendmmsg(fd, outbox->messages + done, outbox->groups - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            done += (uint32_t)sent;
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
            /* The clients ask again; waiting would only make everybody late. */
            while (done < outbox->groups) lost += outbox->group[done++].count;
        } else {
            /* One that cannot be sent, to port 0 or an unreachable peer, does not hold up the rest. */
            uint32_t count = outbox->group[done].count;
            if (count > 1) {
                /* Or it may not be cut: an old kernel, a device without checksums, a way of small MTU or with IPsec. */
                uint32_t went = send_apart(outbox, done, fd);
                if (went > 0) outbox->is_plain = 1;
                count -= went;
            }
            lost += count;
            done += 1;
        }
    }
    clinux_udp_outbox_clear(outbox);
    return lost;
}
