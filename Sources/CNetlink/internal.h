#ifndef CNETLINK_INTERNAL_H
#define CNETLINK_INTERNAL_H

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stddef.h>

#include "CNetlink.h"

struct cnetlink {
    struct nl_sock *socket;
    int error;                // negative errno of the request under way, 0 so far
    char reason[192];
    // The table that is being read.
    void (*entry)(struct cnetlink *, const struct nlmsghdr *);
    void (*each)(void);       // the caller's function, cast back by `entry`
    void *context;
    struct cnetlink_route_filter routes;
};

// Sends and waits for the kernel's acknowledgement; frees the message. A null message is "out of memory".
int cnetlink_transact(struct cnetlink *, struct nl_msg *);
// The same, and hands what the kernel answers before that to `entry`.
int cnetlink_ask(struct cnetlink *, struct nl_msg *, void (*entry)(struct cnetlink *, const struct nlmsghdr *),
                 void (*each)(void), void *context);
// Sends a dump request and hands each answer to `entry`; frees the message.
int cnetlink_dump(struct cnetlink *, struct nl_msg *, void (*entry)(struct cnetlink *, const struct nlmsghdr *),
                  void (*each)(void), void *context);
// A request with its fixed header, or null.
struct nl_msg *cnetlink_request(int type, int flags, const void *header, size_t length);

uint32_t cnetlink_u32(const struct nlattr *, uint32_t otherwise);
bool cnetlink_ip_get(const struct nlattr *, struct cnetlink_ip *);
int cnetlink_ip_put(struct nl_msg *, int attribute, uint8_t family, const struct cnetlink_ip *);
void cnetlink_text(const struct nlattr *, char *to, size_t room);
// Reads a route message; false when it is not one that can be read.
bool cnetlink_route_parse(const struct nlmsghdr *, struct cnetlink_route *);

#endif
