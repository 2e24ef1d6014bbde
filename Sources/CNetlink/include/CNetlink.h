// The door to the kernel's link, address, route, neighbour and traffic control tables. Outside stand plain structs and
// an opaque handle; libnl stays inside.
//
// Every function returns 0 or a negative errno number; cnetlink_reason() then has the kernel's own words. A connection
// speaks to the network namespace of the thread that opened it, and is used by one thread at a time.
#ifndef CNETLINK_H
#define CNETLINK_H

#include <stdbool.h>
#include <stdint.h>

struct cnetlink;

/// An address of either family in the host's octet order: IPv6 as two words, IPv4 as the lowest 32 bits of `low`.
struct cnetlink_ip {
    uint64_t high;
    uint64_t low;
};

struct cnetlink_link {
    uint32_t index;
    uint32_t mtu;
    uint32_t flags;           // IFF_*
    uint8_t address_mode;     // IN6_ADDR_GEN_MODE_*, or 255 when the device has no IPv6
    char name[16];
    char kind[16];            // "tun", "veth", ...; empty for hardware
};

struct cnetlink_address {
    uint32_t link;
    uint32_t flags;           // IFA_F_*
    uint32_t valid_seconds;   // UINT32_MAX is for ever
    uint8_t family;
    uint8_t length;
    uint8_t scope;
    uint8_t protocol;         // 0 where the kernel does not know it
    bool has_peer;
    struct cnetlink_ip local;
    struct cnetlink_ip peer;
};

// The most other hops of a route that are told; those behind them are not.
enum { CNETLINK_HOPS = 8 };

struct cnetlink_route {
    uint32_t table;
    uint32_t metric;
    uint32_t link;            // 0 when the route has none
    uint32_t further[CNETLINK_HOPS]; // the links of the other hops that are not dead, 0 behind the last
    uint8_t family;
    uint8_t length;
    uint8_t protocol;
    uint8_t scope;
    uint8_t type;             // RTN_*
    bool has_gateway;
    bool has_source;
    bool is_dead;             // the kernel passes it over, for its links are down
    uint8_t gateway_family;
    struct cnetlink_ip destination;
    struct cnetlink_ip gateway;
    struct cnetlink_ip source;
};

struct cnetlink_neighbour {
    uint32_t link;
    uint8_t family;
    uint8_t protocol;
    struct cnetlink_ip address;
};

struct cnetlink_qdisc {
    uint32_t link;
    char kind[16];
};

struct cnetlink_key {
    uint32_t value;           // host order
    uint32_t mask;            // host order
    int32_t offset;           // octets from the start of the network header, a multiple of 4
};

enum { CNETLINK_KEYS = 8 };

struct cnetlink_filter {
    uint32_t link;
    uint32_t handle;
    uint32_t class_id;        // 0 when it has none
    uint16_t preference;
    uint16_t ether_type;      // host order
    bool is_u32;
    bool is_rule;             // false for the hash tables that u32 lists beside its rules
    bool is_terminal;
    bool redirects;           // its only action is mirred egress redirect
    uint8_t action_count;
    uint8_t key_count;        // keys that did not fit are counted, not kept
    uint32_t target;          // link index the redirect goes to; 0 when that link is gone
    struct cnetlink_key keys[CNETLINK_KEYS];
};

enum cnetlink_event_kind {
    CNETLINK_EVENT_LINK,
    CNETLINK_EVENT_ADDRESS,
    CNETLINK_EVENT_ROUTE,
    CNETLINK_EVENT_RULE,
    CNETLINK_EVENT_SETTING, // forwarding or rp_filter of IPv4, of a link or of all
    CNETLINK_EVENT_TRAFFIC,
};

struct cnetlink_event {
    enum cnetlink_event_kind kind;
    uint32_t link;            // links, addresses and traffic control
    struct cnetlink_route route;
};

/// Opens a connection; on failure nothing is stored and the number is all there is.
int cnetlink_open(struct cnetlink **opened);
void cnetlink_close(struct cnetlink *);
/// The words that belong to the last failure: the kernel's, or those of the C library. Valid until the next call.
const char *cnetlink_reason(const struct cnetlink *);

// Tables. Each entry is handed to `each`, which must not call back into the connection. -EAGAIN: the table changed
// while it was read, and what was handed out may lack entries.

int cnetlink_links(struct cnetlink *, void (*each)(void *, const struct cnetlink_link *), void *);
int cnetlink_addresses(struct cnetlink *, uint8_t family, void (*each)(void *, const struct cnetlink_address *),
                       void *);
/// What a list of routes is narrowed to by the kernel; 0 leaves a field open. `length` is compared here, not there;
/// 255 leaves it open.
struct cnetlink_route_filter {
    uint32_t table;
    uint32_t link;
    uint8_t family;
    uint8_t protocol;
    uint8_t type;
    uint8_t length;
};
int cnetlink_routes(struct cnetlink *, struct cnetlink_route_filter,
                    void (*each)(void *, const struct cnetlink_route *), void *);
/// A packet whose way is asked for: by all rules and tables, as if it came in by `link`, or, with 0, were the host's own.
struct cnetlink_question {
    struct cnetlink_ip destination;
    struct cnetlink_ip source;
    uint32_t link;
    uint8_t family;
    bool has_source;
    bool wants_route;         // IPv4: the route that was found, as it stands in its table, and not what follows for the packet
};
/// Hands the way to `each`. -ENETUNREACH and its kin: there is none.
int cnetlink_way(struct cnetlink *, struct cnetlink_question, void (*each)(void *, const struct cnetlink_route *), void *);
int cnetlink_proxies(struct cnetlink *, uint8_t family,
                     void (*each)(void *, const struct cnetlink_neighbour *), void *);
int cnetlink_qdiscs(struct cnetlink *, void (*each)(void *, const struct cnetlink_qdisc *), void *);
/// The filters of a link's clsact or ingress qdisc, of packets that come in or of those that go out.
int cnetlink_filters(struct cnetlink *, uint32_t link, bool egress,
                     void (*each)(void *, const struct cnetlink_filter *), void *);

// Changes.

/// Sets a link up or down.
int cnetlink_set_up(struct cnetlink *, uint32_t link, bool up);
int cnetlink_set_mtu(struct cnetlink *, uint32_t link, uint32_t mtu);
/// Keeps the kernel from giving the link a link-local address (IN6_ADDR_GEN_MODE_NONE).
int cnetlink_set_no_link_local(struct cnetlink *, uint32_t link);
/// Adds or deletes an address. `flags` are IFA_F_*; kernels before 5.18 do not keep the protocol.
int cnetlink_change_address(struct cnetlink *, bool add, const struct cnetlink_address *);
int cnetlink_change_route(struct cnetlink *, bool add, const struct cnetlink_route *);
int cnetlink_change_proxy(struct cnetlink *, bool add, const struct cnetlink_neighbour *);
int cnetlink_change_clsact(struct cnetlink *, bool add, uint32_t link);
/// Adds a terminal u32 filter of IPv4 packets that come in: its keys, class and, if `redirects`, the target.
int cnetlink_add_filter(struct cnetlink *, const struct cnetlink_filter *);
/// Deletes the one filter of this link, preference, ether type and handle; with handle 0 all of the preference.
int cnetlink_delete_filter(struct cnetlink *, const struct cnetlink_filter *);

// Events.

/// Opens a connection that hears of links, addresses, routes and traffic control, with room for `octets` of them.
int cnetlink_watch_open(struct cnetlink **opened, int octets);
int cnetlink_watch_descriptor(const struct cnetlink *);
/// Hands out what has arrived, at most `limit` datagrams, and returns how many it read; never waits.
/// -ENOBUFS: events were lost. 0: nothing is waiting.
int cnetlink_watch_read(struct cnetlink *, int limit, void (*each)(void *, const struct cnetlink_event *), void *);

#endif
