// Links and their addresses.
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "internal.h"

#ifndef IFA_PROTO
#define IFA_PROTO 11
#endif

typedef void (*each_link)(void *, const struct cnetlink_link *);
typedef void (*each_address)(void *, const struct cnetlink_address *);

static uint8_t address_mode(struct nlattr *families) {
    if (!families) return 255;
    struct nlattr *family;
    int left;
    nla_for_each_nested(family, families, left) {
        if (nla_type(family) != AF_INET6) continue;
        struct nlattr *table[IFLA_INET6_MAX + 1];
        if (nla_parse_nested(table, IFLA_INET6_MAX, family, NULL) < 0) return 255;
        struct nlattr *mode = table[IFLA_INET6_ADDR_GEN_MODE];
        return mode && nla_len(mode) >= 1 ? nla_get_u8(mode) : 255;
    }
    return 255;
}

static void link_entry(struct cnetlink *connection, const struct nlmsghdr *message) {
    struct nlattr *table[IFLA_MAX + 1];
    if (message->nlmsg_type != RTM_NEWLINK) return;
    if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct ifinfomsg), table, IFLA_MAX, NULL) < 0) return;
    const struct ifinfomsg *header = nlmsg_data(message);
    struct cnetlink_link link = {
        .index = (uint32_t)header->ifi_index,
        .mtu = cnetlink_u32(table[IFLA_MTU], 0),
        .flags = header->ifi_flags,
        .address_mode = address_mode(table[IFLA_AF_SPEC]),
    };
    cnetlink_text(table[IFLA_IFNAME], link.name, sizeof link.name);
    if (table[IFLA_LINKINFO]) {
        struct nlattr *kinds[IFLA_INFO_MAX + 1];
        if (nla_parse_nested(kinds, IFLA_INFO_MAX, table[IFLA_LINKINFO], NULL) >= 0)
            cnetlink_text(kinds[IFLA_INFO_KIND], link.kind, sizeof link.kind);
    }
    ((each_link)connection->each)(connection->context, &link);
}

int cnetlink_links(struct cnetlink *connection, each_link each, void *context) {
    struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
    return cnetlink_dump(connection, cnetlink_request(RTM_GETLINK, NLM_F_DUMP, &header, sizeof header), link_entry,
                         (void (*)(void))each, context);
}

static void address_entry(struct cnetlink *connection, const struct nlmsghdr *message) {
    struct nlattr *table[IFA_PROTO + 1];
    if (message->nlmsg_type != RTM_NEWADDR) return;
    if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct ifaddrmsg), table, IFA_PROTO, NULL) < 0) return;
    const struct ifaddrmsg *header = nlmsg_data(message);
    struct cnetlink_address address = {
        .link = header->ifa_index,
        .flags = cnetlink_u32(table[IFA_FLAGS], header->ifa_flags),
        .valid_seconds = UINT32_MAX,
        .family = header->ifa_family,
        .length = header->ifa_prefixlen,
        .scope = header->ifa_scope,
    };
    // IPv4 always has both, alike without a peer; IPv6 has IFA_LOCAL only beside a peer.
    if (cnetlink_ip_get(table[IFA_LOCAL], &address.local)) {
        if (cnetlink_ip_get(table[IFA_ADDRESS], &address.peer))
            address.has_peer = address.peer.high != address.local.high || address.peer.low != address.local.low;
    } else if (!cnetlink_ip_get(table[IFA_ADDRESS], &address.local)) {
        return;
    }
    if (table[IFA_PROTO] && nla_len(table[IFA_PROTO]) >= 1) address.protocol = nla_get_u8(table[IFA_PROTO]);
    if (table[IFA_CACHEINFO] && nla_len(table[IFA_CACHEINFO]) >= (int)sizeof(struct ifa_cacheinfo)) {
        struct ifa_cacheinfo lifetimes;
        memcpy(&lifetimes, nla_data(table[IFA_CACHEINFO]), sizeof lifetimes);
        address.valid_seconds = lifetimes.ifa_valid;
    }
    ((each_address)connection->each)(connection->context, &address);
}

int cnetlink_addresses(struct cnetlink *connection, uint8_t family, each_address each, void *context) {
    struct ifaddrmsg header = {.ifa_family = family};
    return cnetlink_dump(connection, cnetlink_request(RTM_GETADDR, NLM_F_DUMP, &header, sizeof header), address_entry,
                         (void (*)(void))each, context);
}

int cnetlink_set_up(struct cnetlink *connection, uint32_t link, bool up) {
    struct ifinfomsg header = {.ifi_index = (int)link, .ifi_change = IFF_UP, .ifi_flags = up ? IFF_UP : 0};
    return cnetlink_transact(connection, cnetlink_request(RTM_SETLINK, 0, &header, sizeof header));
}

int cnetlink_set_mtu(struct cnetlink *connection, uint32_t link, uint32_t mtu) {
    struct ifinfomsg header = {.ifi_index = (int)link};
    struct nl_msg *message = cnetlink_request(RTM_SETLINK, 0, &header, sizeof header);
    if (message && nla_put_u32(message, IFLA_MTU, mtu) < 0) {
        nlmsg_free(message);
        message = NULL;
    }
    return cnetlink_transact(connection, message);
}

int cnetlink_set_no_link_local(struct cnetlink *connection, uint32_t link) {
    struct ifinfomsg header = {.ifi_index = (int)link};
    struct nl_msg *message = cnetlink_request(RTM_SETLINK, 0, &header, sizeof header);
    struct nlattr *families = message ? nla_nest_start(message, IFLA_AF_SPEC) : NULL;
    struct nlattr *family = families ? nla_nest_start(message, AF_INET6) : NULL;
    if (!family || nla_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) < 0) {
        nlmsg_free(message);
        return cnetlink_transact(connection, NULL);
    }
    nla_nest_end(message, family);
    nla_nest_end(message, families);
    return cnetlink_transact(connection, message);
}

int cnetlink_change_address(struct cnetlink *connection, bool add, const struct cnetlink_address *address) {
    struct ifaddrmsg header = {
        .ifa_family = address->family,
        .ifa_prefixlen = address->length,
        .ifa_scope = address->scope,
        .ifa_index = address->link,
    };
    int flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
    struct nl_msg *message = cnetlink_request(add ? RTM_NEWADDR : RTM_DELADDR, flags, &header, sizeof header);
    const struct cnetlink_ip *peer = address->has_peer ? &address->peer : &address->local;
    if (message
        && (cnetlink_ip_put(message, IFA_LOCAL, address->family, &address->local) < 0
            || cnetlink_ip_put(message, IFA_ADDRESS, address->family, peer) < 0
            || (add && nla_put_u32(message, IFA_FLAGS, address->flags) < 0)
            || (add && address->protocol && nla_put_u8(message, IFA_PROTO, address->protocol) < 0))) {
        nlmsg_free(message);
        message = NULL;
    }
    return cnetlink_transact(connection, message);
}
