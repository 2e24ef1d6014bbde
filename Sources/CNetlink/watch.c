// Events. They are read without libnl's callbacks: a storm of them must cost next to nothing.
#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

int cnetlink_watch_open(struct cnetlink **opened, int octets) {
    static const int groups[] = {
        RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_TC,
        RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
    };
    struct cnetlink *connection;
    int code = cnetlink_open(&connection);
    if (code < 0) return code;
    int descriptor = nl_socket_get_fd(connection->socket);
    // The first needs CAP_NET_ADMIN and passes over the system's limit; the second does not and stays below it.
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        errno = 0;
        if (nl_socket_add_membership(connection->socket, groups[i]) < 0) {
            int number = errno ? errno : EPROTO;
            cnetlink_close(connection);
            return -number;
        }
    }
    *opened = connection;
    return 0;
}

int cnetlink_watch_descriptor(const struct cnetlink *connection) { return nl_socket_get_fd(connection->socket); }

static bool read_event(const struct nlmsghdr *message, struct cnetlink_event *event) {
    *event = (struct cnetlink_event){0};
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        if (!nlmsg_valid_hdr(message, sizeof(struct ifinfomsg))) return false;
        event->kind = CNETLINK_EVENT_LINK;
        event->link = (uint32_t)((const struct ifinfomsg *)nlmsg_data(message))->ifi_index;
        return true;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        if (!nlmsg_valid_hdr(message, sizeof(struct ifaddrmsg))) return false;
        event->kind = CNETLINK_EVENT_ADDRESS;
        event->link = ((const struct ifaddrmsg *)nlmsg_data(message))->ifa_index;
        return true;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        event->kind = CNETLINK_EVENT_ROUTE;
        return cnetlink_route_parse(message, &event->route);
    case RTM_NEWQDISC:
    case RTM_DELQDISC:
    case RTM_NEWTFILTER:
    case RTM_DELTFILTER:
        if (!nlmsg_valid_hdr(message, sizeof(struct tcmsg))) return false;
        event->kind = CNETLINK_EVENT_TRAFFIC;
        event->link = (uint32_t)((const struct tcmsg *)nlmsg_data(message))->tcm_ifindex;
        return true;
    case RTM_DELRULE:
    case RTM_NEWRULE:
        event->kind = CNETLINK_EVENT_RULE;
        return true;
    case RTM_NEWNETCONF:
        event->kind = CNETLINK_EVENT_SETTING;
        return true;
    default:
        return false;
    }
}

int cnetlink_watch_read(struct cnetlink *connection, int limit, void (*each)(void *, const struct cnetlink_event *),
                        void *context) {
    static _Thread_local _Alignas(16) char buffer[64 * 1024];
    int descriptor = nl_socket_get_fd(connection->socket), count = 0;
    while (count < limit) {
        struct sockaddr_nl from = {0};
        socklen_t length = sizeof from;
        ssize_t got = recvfrom(descriptor, buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
        if (got < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return count;
            return -errno;
        }
        count++;
        if (from.nl_pid != 0) continue;
        int left = (int)got;
        for (struct nlmsghdr *message = (void *)buffer; nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
            struct cnetlink_event event;
            if (read_event(message, &event)) each(context, &event);
        }
    }
    return count;
}
