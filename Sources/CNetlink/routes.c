// Routes and proxy neighbours.
#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

#include "internal.h"

typedef void (*each_route)(void *, const struct cnetlink_route *);
typedef void (*each_neighbour)(void *, const struct cnetlink_neighbour *);

static void take_gateway(struct nlattr **table, struct cnetlink_route *route) {
    route->has_gateway = cnetlink_ip_get(table[RTA_GATEWAY], &route->gateway);
    if (!route->has_gateway && table[RTA_VIA] && nla_len(table[RTA_VIA]) == 2 + 16) {
        uint64_t words[2];
        memcpy(words, (char *)nla_data(table[RTA_VIA]) + 2, sizeof words);
        route->gateway = (struct cnetlink_ip){__builtin_bswap64(words[0]), __builtin_bswap64(words[1])};
        route->gateway_family = AF_INET6;
        route->has_gateway = true;
    }
}

// A route over several links is told by the first hop that is not dead, and by the links of the others. Where all are
// dead, it is told by the first.
static void take_hops(struct nlattr *hops, struct cnetlink_route *route) {
    if (!hops) return;
    int left = nla_len(hops), living = 0;
    for (struct rtnexthop *hop = nla_data(hops); left >= (int)sizeof *hop && RTNH_OK(hop, left);
         left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
        bool is_dead = hop->rtnh_flags & RTNH_F_DEAD;
        if (is_dead && route->link) continue;
        if (living > 0) {
            if (living <= CNETLINK_HOPS) route->further[living - 1] = (uint32_t)hop->rtnh_ifindex;
            living++;
            continue;
        }
        if (!is_dead) living++;
        route->link = (uint32_t)hop->rtnh_ifindex;
        route->is_dead = is_dead;
        route->has_gateway = false;
        route->gateway_family = route->family;
        struct nlattr *table[RTA_MAX + 1];
        int octets = (int)hop->rtnh_len - (int)RTNH_LENGTH(0);
        if (octets <= 0 || nla_parse(table, RTA_MAX, (struct nlattr *)RTNH_DATA(hop), octets, NULL) < 0) continue;
        take_gateway(table, route);
    }
}

static bool parse(const struct nlmsghdr *message, struct cnetlink_route *route) {
    struct nlattr *table[RTA_MAX + 1];
    if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct rtmsg), table, RTA_MAX, NULL) < 0) return false;
    const struct rtmsg *header = nlmsg_data(message);
    if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6) return false;
    *route = (struct cnetlink_route){
        .table = cnetlink_u32(table[RTA_TABLE], header->rtm_table),
        .metric = cnetlink_u32(table[RTA_PRIORITY], 0),
        .link = cnetlink_u32(table[RTA_OIF], 0),
        .family = header->rtm_family,
        .length = header->rtm_dst_len,
        .protocol = header->rtm_protocol,
        .scope = header->rtm_scope,
        .type = header->rtm_type,
        .is_dead = header->rtm_flags & RTNH_F_DEAD,
        .gateway_family = header->rtm_family,
    };
    cnetlink_ip_get(table[RTA_DST], &route->destination);
    route->has_source = cnetlink_ip_get(table[RTA_PREFSRC], &route->source);
    take_gateway(table, route);
    if (!route->link) take_hops(table[RTA_MULTIPATH], route);
    return true;
}

bool cnetlink_route_parse(const struct nlmsghdr *message, struct cnetlink_route *route) {
    if (!nlmsg_valid_hdr(message, sizeof(struct rtmsg))) return false;
    // Exceptions (a learned path MTU, a redirect) are no routes of anybody's.
    if (((const struct rtmsg *)nlmsg_data(message))->rtm_flags & RTM_F_CLONED) return false;
    return parse(message, route);
}

static void route_entry(struct cnetlink *connection, const struct nlmsghdr *message) {
    struct cnetlink_route route;
    if (message->nlmsg_type != RTM_NEWROUTE || !cnetlink_route_parse(message, &route)) return;
    // Kernels before 4.20 do not narrow, so all of it is asked again here.
    const struct cnetlink_route_filter *wanted = &connection->routes;
    if (wanted->length != 255 && route.length != wanted->length) return;
    if (wanted->table && route.table != wanted->table) return;
    if (wanted->link && route.link != wanted->link) return;
    if (wanted->protocol && route.protocol != wanted->protocol) return;
    if (wanted->type && route.type != wanted->type) return;
    ((each_route)connection->each)(connection->context, &route);
}

int cnetlink_routes(struct cnetlink *connection, struct cnetlink_route_filter filter, each_route each, void *context) {
    struct rtmsg header = {
        .rtm_family = filter.family,
        .rtm_protocol = filter.protocol,
        .rtm_type = filter.type,
    };
    connection->routes = filter;
    struct nl_msg *message = cnetlink_request(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof header);
    if (message
        && ((filter.table && nla_put_u32(message, RTA_TABLE, filter.table) < 0)
            || (filter.link && nla_put_u32(message, RTA_OIF, filter.link) < 0))) {
        nlmsg_free(message);
        message = NULL;
    }
    int code = cnetlink_dump(connection, message, route_entry, (void (*)(void))each, context);
    // Tables are made when their first route is: one that does not exist yet is an empty one.
    return code == -ENOENT ? 0 : code;
}

static void way_entry(struct cnetlink *connection, const struct nlmsghdr *message) {
    struct cnetlink_route route;
    if (message->nlmsg_type != RTM_NEWROUTE || !parse(message, &route)) return;
    ((each_route)connection->each)(connection->context, &route);
}

int cnetlink_way(struct cnetlink *connection, struct cnetlink_question question, each_route each, void *context) {
    uint8_t bits = question.family == AF_INET ? 32 : 128;
    struct rtmsg header = {
        .rtm_family = question.family,
        .rtm_dst_len = bits,
        .rtm_src_len = question.has_source ? bits : 0,
        .rtm_flags = question.wants_route ? RTM_F_FIB_MATCH : 0,
    };
    struct nl_msg *message = cnetlink_request(RTM_GETROUTE, 0, &header, sizeof header);
    if (message
        && (cnetlink_ip_put(message, RTA_DST, question.family, &question.destination) < 0
            || (question.has_source && cnetlink_ip_put(message, RTA_SRC, question.family, &question.source) < 0)
            || (question.link && nla_put_u32(message, RTA_IIF, question.link) < 0))) {
        nlmsg_free(message);
        message = NULL;
    }
    return cnetlink_ask(connection, message, way_entry, (void (*)(void))each, context);
}

int cnetlink_change_route(struct cnetlink *connection, bool add, const struct cnetlink_route *route) {
    int type = add ? RTM_NEWROUTE : RTM_DELROUTE, flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
    struct rtmsg header = {
        .rtm_family = route->family,
        .rtm_dst_len = route->length,
        .rtm_table = route->table < 256 ? (unsigned char)route->table : RT_TABLE_UNSPEC,
        .rtm_protocol = route->protocol,
        .rtm_scope = route->scope,
        .rtm_type = route->type,
    };
    struct nl_msg *message = cnetlink_request(type, flags, &header, sizeof header);
    if (message
        && (cnetlink_ip_put(message, RTA_DST, route->family, &route->destination) < 0
            || nla_put_u32(message, RTA_TABLE, route->table) < 0
            || (route->link && nla_put_u32(message, RTA_OIF, route->link) < 0)
            || (route->metric && nla_put_u32(message, RTA_PRIORITY, route->metric) < 0)
            || (route->has_gateway && cnetlink_ip_put(message, RTA_GATEWAY, route->family, &route->gateway) < 0)
            || (route->has_source && cnetlink_ip_put(message, RTA_PREFSRC, route->family, &route->source) < 0))) {
        nlmsg_free(message);
        message = NULL;
    }
    return cnetlink_transact(connection, message);
}

static void proxy_entry(struct cnetlink *connection, const struct nlmsghdr *message) {
    struct nlattr *table[NDA_MAX + 1];
    if (message->nlmsg_type != RTM_NEWNEIGH) return;
    if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct ndmsg), table, NDA_MAX, NULL) < 0) return;
    const struct ndmsg *header = nlmsg_data(message);
    if (!(header->ndm_flags & NTF_PROXY)) return;
    struct cnetlink_neighbour neighbour = {.link = (uint32_t)header->ndm_ifindex, .family = header->ndm_family};
    if (!cnetlink_ip_get(table[NDA_DST], &neighbour.address)) return;
    struct nlattr *protocol = table[NDA_PROTOCOL];
    if (protocol && nla_len(protocol) >= 1) neighbour.protocol = nla_get_u8(protocol);
    ((each_neighbour)connection->each)(connection->context, &neighbour);
}

int cnetlink_proxies(struct cnetlink *connection, uint8_t family, each_neighbour each, void *context) {
    struct ndmsg header = {.ndm_family = family, .ndm_flags = NTF_PROXY};
    return cnetlink_dump(connection, cnetlink_request(RTM_GETNEIGH, NLM_F_DUMP, &header, sizeof header), proxy_entry,
                         (void (*)(void))each, context);
}

int cnetlink_change_proxy(struct cnetlink *connection, bool add, const struct cnetlink_neighbour *neighbour) {
    struct ndmsg header = {
        .ndm_family = neighbour->family,
        .ndm_ifindex = (int)neighbour->link,
        .ndm_state = NUD_PERMANENT,
        .ndm_flags = NTF_PROXY,
    };
    int type = add ? RTM_NEWNEIGH : RTM_DELNEIGH;
    struct nl_msg *message = cnetlink_request(type, add ? NLM_F_CREATE | NLM_F_EXCL : 0, &header, sizeof header);
    if (message
        && (cnetlink_ip_put(message, NDA_DST, neighbour->family, &neighbour->address) < 0
            || (add && nla_put_u8(message, NDA_PROTOCOL, neighbour->protocol) < 0))) {
        nlmsg_free(message);
        message = NULL;
    }
    return cnetlink_transact(connection, message);
}
