// The yardstick of the instruction budget: a stateful NAT64 for whole packets of UDP, TCP and echo and for super-packets, as one would write it in C. It does what
// the engine does for a packet of a session: every header checked before it is read, the session found by SipHash-1-3 in an
// open-addressing table under the lock of its shard, TCP's state and the lifetime moved on, both headers written, the checksum made to
// follow, an identification of its own for each pair of hosts, counters. What the engine does for other packets it refuses.
//
//   translator udp|tcp|echo|super|datagrams|syn|fin up|down PACKETS [idle]    idle: the same loop without the translation
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64, PLACES = 1024, FLOWS = 64, LENGTH = 256, UDP = 0, TCP = 1, ECHO = 2, MARGIN = 128, MTU = 1500, SEGMENT_LIMIT = 1440 };
enum { CLOSED, V4_INIT, V6_INIT, ESTABLISHED, V4_FIN, V6_FIN, BOTH_FIN, TRANS, STATES };
enum { SYN, FIN, RST, OTHER };
enum { SENT, DROPPED };
enum { TCP4 = 1, TCP6 = 4, UDP_L4 = 5, SEGMENT = 1428, SEGMENTS = 10 };

struct session {
    uint64_t client_high, client_low;
    uint32_t external, peer;
    uint16_t client_port, external_port, peer_port;
    uint8_t transport, prefix, state, lifetime;
    uint32_t refreshed;
};
struct shard {
    _Alignas(64) atomic_uint lock;
    uint64_t *places;
    struct session *sessions;
};
struct offload {
    uint8_t needs_checksum, segmentation;
    uint16_t segment_size, header_length, checksum_start, checksum_offset;
};
struct frame {
    int start, count;
    struct offload offload;
};

static uint64_t key0 = 1, key1 = 2;
static struct shard by_client[SHARDS], by_external[SHARDS];
static const uint64_t prefix_high = 0x20010db800640000;
static const uint32_t pool_first = 0xCB007101, pool_last = 0xCB007101;
static uint32_t lifetimes[8] = {0, 300 * 15, 7200 * 15, 240 * 15};
static struct { atomic_ulong packets6, octets6, packets4, octets4, super_packets, drops[16]; } counters;
static atomic_uint identifications[1024];

#define ROTATE(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define ROUND \
    v0 += v1, v1 = ROTATE(v1, 13) ^ v0, v0 = ROTATE(v0, 32), v2 += v3, v3 = ROTATE(v3, 16) ^ v2, v0 += v3, \
    v3 = ROTATE(v3, 21) ^ v0, v2 += v1, v1 = ROTATE(v1, 17) ^ v2, v2 = ROTATE(v2, 32)

static inline uint64_t siphash(const uint64_t *words, int count)
{
    uint64_t v0 = key0 ^ 0x736F6D6570736575, v1 = key1 ^ 0x646F72616E646F6D, v2 = key0 ^ 0x6C7967656E657261, v3 = key1 ^ 0x7465646279746573;
    for (int i = 0; i <= count; i++) {
        uint64_t word = i < count ? words[i] : (uint64_t)count << 59;
        v3 ^= word;
        ROUND;
        v0 ^= word;
    }
    v2 ^= 0xFF;
    ROUND;
    ROUND;
    ROUND;
    return v0 ^ v1 ^ v2 ^ v3;
}

static inline uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
static inline uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
static inline void put16(uint8_t *p, uint16_t v) { v = __builtin_bswap16(v); memcpy(p, &v, 2); }
static inline void put32(uint8_t *p, uint32_t v) { v = __builtin_bswap32(v); memcpy(p, &v, 4); }
static inline void put64(uint8_t *p, uint64_t v) { v = __builtin_bswap64(v); memcpy(p, &v, 8); }

static inline uint64_t add(uint64_t sum, uint64_t words) { sum += words; return sum + (sum < words); }
static inline uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xFFFFFFFF);
    sum = (sum >> 32) + (sum & 0xFFFFFFFF);
    sum = (sum >> 16) + (sum & 0xFFFF);
    sum = (sum >> 16) + (sum & 0xFFFF);
    return (uint16_t)((sum >> 16) + (sum & 0xFFFF));
}
static inline void count(atomic_ulong *counter, unsigned long amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount, memory_order_relaxed);
}
static inline void lock(struct shard *shard)
{
    while (atomic_exchange_explicit(&shard->lock, 1, memory_order_acquire)) continue;
}
static inline void unlock(struct shard *shard) { atomic_store_explicit(&shard->lock, 0, memory_order_release); }

static inline int drop(int reason) { count(&counters.drops[reason], 1); return DROPPED; }

static const uint8_t steps[STATES][2][4] = {
    // of each state: from IPv4 (SYN, FIN, RST, other), then from IPv6; the upper half is the lifetime that starts, 0 none
    [V4_INIT] = {{V4_INIT, V4_INIT, V4_INIT, V4_INIT}, {ESTABLISHED | 2 << 4, V4_INIT, V4_INIT, V4_INIT}},
    [V6_INIT] = {{ESTABLISHED | 2 << 4, V6_INIT, V6_INIT, V6_INIT}, {V6_INIT | 3 << 4, V6_INIT, V6_INIT, V6_INIT}},
    [ESTABLISHED] = {{ESTABLISHED | 2 << 4, V4_FIN, TRANS | 3 << 4, ESTABLISHED | 2 << 4}, {ESTABLISHED | 2 << 4, V6_FIN, TRANS | 3 << 4, ESTABLISHED | 2 << 4}},
    [V4_FIN] = {{V4_FIN | 2 << 4, V4_FIN | 2 << 4, V4_FIN | 2 << 4, V4_FIN | 2 << 4}, {V4_FIN | 2 << 4, BOTH_FIN | 3 << 4, V4_FIN | 2 << 4, V4_FIN | 2 << 4}},
    [V6_FIN] = {{V6_FIN | 2 << 4, BOTH_FIN | 3 << 4, V6_FIN | 2 << 4, V6_FIN | 2 << 4}, {V6_FIN | 2 << 4, V6_FIN | 2 << 4, V6_FIN | 2 << 4, V6_FIN | 2 << 4}},
    [BOTH_FIN] = {{V4_INIT | 3 << 4, BOTH_FIN, BOTH_FIN, BOTH_FIN}, {V6_INIT | 3 << 4, BOTH_FIN, BOTH_FIN, BOTH_FIN}},
    [TRANS] = {{ESTABLISHED | 2 << 4, ESTABLISHED | 2 << 4, TRANS, ESTABLISHED | 2 << 4}, {ESTABLISHED | 2 << 4, ESTABLISHED | 2 << 4, TRANS, ESTABLISHED | 2 << 4}},
};

static inline void refresh(struct session *s, int is6, uint8_t flags, uint32_t now)
{
    if (s->transport != TCP) {
        s->refreshed = now;
        return;
    }
    int event = flags & 4 ? RST : flags & 2 ? SYN : flags & 1 ? FIN : OTHER;
    uint8_t step = steps[s->state][is6][event];
    s->state = step & 15;
    if (step >> 4) {
        s->lifetime = step >> 4;
        s->refreshed = now;
    }
}

static inline void store_sum(uint8_t *field, uint64_t change, int is_udp)
{
    uint16_t sum = (uint16_t)~fold(add(change, (uint16_t)~get16(field)));
    put16(field, is_udp && !sum ? 0xFFFF : sum);
}

// What a packet is to become: octets behind the IP header of the largest and of the last one, and how many there are.
struct pieces {
    int largest, last, count;
};

static inline int is_whole(const uint8_t *l4, int count, int proto, const struct offload *o, int header, struct pieces *pieces)
{
    *pieces = (struct pieces){count, count, 1};
    if (proto == 17) {
        if (count < 8 || get16(l4 + 4) < 8 || get16(l4 + 4) > count) return 0;
    } else if (proto == 6) {
        if (count < 20 || (l4[12] >> 4) < 5 || (l4[12] >> 4) * 4 > count) return 0;
    } else if (proto == (header == 40 ? 58 : 1)) {
        return count >= 8 && !o->needs_checksum && !o->segmentation && (header == 40 ? l4[0] == 128 || l4[0] == 129 : l4[0] == 8 || l4[0] == 0);
    } else {
        return 0;
    }
    if (!o->needs_checksum && !o->segmentation) return 1;
    if (!o->needs_checksum || o->checksum_start != header || o->checksum_offset != (proto == 6 ? 16 : 6)) return 0;
    if (!o->segmentation) return 1;
    if (o->segmentation != (proto == 17 ? UDP_L4 : header == 40 ? TCP6 : TCP4) || !o->segment_size) return 0;
    unsigned own = proto == 17 ? 8 : (l4[12] >> 4) * 4u, data = (unsigned)count - own, whole = data / o->segment_size, rest = data % o->segment_size;
    pieces->largest = whole ? (int)(own + o->segment_size) : count;
    pieces->last = rest ? (int)(own + rest) : pieces->largest;
    pieces->count = (int)whole + 1;
    return 1;
}

// Lowers the maximum segment size that a SYN announces, and says how the sum changes.
static __attribute__((noinline)) uint64_t clamp_segment_size(uint8_t *l4, uint64_t change)
{
    int end = (l4[12] >> 4) * 4, at = 20;
    while (at < end) {
        if (l4[at] == 0) break;
        if (l4[at] == 1) {
            at++;
            continue;
        }
        if (at + 2 > end || l4[at + 1] < 2 || at + l4[at + 1] > end) break;
        if (l4[at] == 2 && l4[at + 1] == 4) {
            uint16_t old = get16(l4 + at + 2);
            if (old <= SEGMENT_LIMIT) break;
            put16(l4 + at + 2, SEGMENT_LIMIT);
            int odd = at & 1;
            return add(add(change, odd ? __builtin_bswap16(SEGMENT_LIMIT) : SEGMENT_LIMIT), (uint16_t)~(odd ? __builtin_bswap16(old) : old));
        }
        at += l4[at + 1];
    }
    return change;
}

// Type and identifier of an echo message; the sum of ICMPv6 covers a pseudo-header, that of ICMP does not.
static inline void rewrite_echo(uint8_t *l4, uint8_t type, uint16_t identifier, uint64_t pseudo)
{
    uint64_t change = add(add(pseudo, (uint64_t)type << 8), (uint16_t)~(get16(l4) & 0xFF00));
    change = add(add(change, identifier), (uint16_t)~get16(l4 + 4));
    l4[0] = type;
    put16(l4 + 4, identifier);
    store_sum(l4 + 2, change, 0);
}

static int outward(uint8_t *memory, struct frame *frame, uint32_t now)
{
    uint8_t *p = memory + frame->start, *l4 = p + 40;
    if (frame->count < 40) return drop(1);
    int payload = get16(p + 4), proto = p[6];
    if (40 + payload > frame->count) return drop(1);
    uint64_t source_high = get64(p + 8), source_low = get64(p + 16), destination_high = get64(p + 24), destination_low = get64(p + 32);
    if (!source_high && (source_low <= 1 || source_low >> 32 == 0xFFFF)) return drop(2);
    if (source_high >> 56 == 0xFF || source_high >> 54 == 0x3FA || source_high == prefix_high) return drop(2);
    if (destination_high != prefix_high || destination_low >> 32) return drop(3);
    struct pieces pieces;
    if (!is_whole(l4, payload, proto, &frame->offload, 40, &pieces)) return drop(4);
    if (proto == 17 && !get16(l4 + 6) && !frame->offload.needs_checksum) return drop(5);
    if (p[7] <= 1) return drop(6);
    int size = 20 + payload;
    int is_large = 20 + pieces.largest > 1260;
    if (size > 65535 || 20 + pieces.largest > MTU || is_large != (20 + pieces.last > 1260)) return drop(7);
    uint32_t peer = (uint32_t)destination_low;
    int transport = proto == 6 ? TCP : proto == 17 ? UDP : ECHO;
    uint16_t port = get16(transport == ECHO ? l4 + 4 : l4), peer_port = transport == ECHO ? 0 : get16(l4 + 2);

    uint64_t words[3] = {source_high, source_low, (uint64_t)port << 8 | (uint64_t)transport};
    uint64_t hash = siphash(words, 3);
    struct shard *shard = &by_client[hash & (SHARDS - 1)];
    uint32_t tag = (uint32_t)(hash >> 32), place = tag & (PLACES - 1);
    struct session *s;
    lock(shard);
    for (;; place = (place + 1) & (PLACES - 1)) {
        uint64_t entry = shard->places[place];
        if (!entry) {
            unlock(shard);
            return drop(8);
        }
        if (entry >> 32 != tag) continue;
        s = &shard->sessions[(uint32_t)entry - 1];
        if (s->client_low == source_low && s->client_high == source_high && s->client_port == port && s->transport == transport) break;
    }
    if (s->peer != peer || s->peer_port != peer_port || s->prefix || now - s->refreshed >= lifetimes[s->lifetime]) {
        unlock(shard);
        return drop(9);
    }
    refresh(s, 1, l4[13], now);
    uint32_t external = s->external;
    uint16_t external_port = s->external_port;
    unlock(shard);

    uint64_t change = add(add(0, external), peer), old = add(add(add(source_high, source_low), destination_high), destination_low);
    if (transport == ECHO) {
        rewrite_echo(l4, l4[0] == 128 ? 8 : 0, external_port, (uint16_t)~fold(add(old, (uint64_t)payload + 58)));
        proto = 1;
    } else {
        change = add(change, (uint16_t)~fold(old));
        if (transport == TCP && l4[13] & 2) change = clamp_segment_size(l4, change);
        if (!frame->offload.needs_checksum) change = add(add(change, external_port), (uint16_t)~port);
        put16(l4, external_port);
    }
    if (transport == ECHO) {
        // Written already.
    } else if (frame->offload.needs_checksum) {
        uint8_t *field = l4 + frame->offload.checksum_offset;
        put16(field, fold(add(change, get16(field))));
        frame->offload.checksum_start = 20;
        if (frame->offload.segmentation == TCP6) frame->offload.segmentation = TCP4;
        if (frame->offload.header_length) frame->offload.header_length -= 20;
    } else {
        store_sum(l4 + (transport == TCP ? 16 : 6), change, transport == UDP);
    }

    uint16_t fragment = 0, identification;
    if (is_large) {
        static uint16_t unfragmented;
        fragment = 0x4000;
        identification = unfragmented = (uint16_t)(unfragmented + pieces.count);
    } else {
        uint64_t pair[2] = {(uint64_t)external << 32 | peer, (uint64_t)proto};
        uint64_t h = siphash(pair, 2);
        identification = (uint16_t)(atomic_fetch_add_explicit(&identifications[h & 1023], (unsigned)pieces.count, memory_order_relaxed) + (uint32_t)(h >> 32));
    }
    uint8_t traffic_class = (uint8_t)(get16(p) >> 4), hops = p[7];
    uint64_t first = 0x4500000000000000 | (uint64_t)traffic_class << 48 | (uint64_t)(uint16_t)size << 32 | (uint64_t)identification << 16 | fragment;
    uint64_t second = (uint64_t)(hops - 1) << 56 | (uint64_t)proto << 48 | external;
    uint16_t sum = (uint16_t)~fold(add(add(first, second), peer));
    put64(p + 20, first);
    put64(p + 28, second | (uint64_t)sum << 32);
    put32(p + 36, peer);
    if (frame->offload.segmentation) count(&counters.super_packets, 1);
    count(&counters.packets6, 1);
    count(&counters.octets6, (unsigned long)frame->count);
    frame->start += 20;
    frame->count = size;
    return SENT;
}

static int inward(uint8_t *memory, struct frame *frame, uint32_t now)
{
    uint8_t *p = memory + frame->start;
    int header = (p[0] & 15) * 4, total = get16(p + 2);
    if (header != 20 || total < 20 || total > frame->count) return drop(1);
    uint64_t sum = add(add(get64(p), get64(p + 8)), get32(p + 16));
    if (fold(sum) != 0xFFFF) return drop(10);
    uint32_t source = get32(p + 12), destination = get32(p + 16);
    if (destination < pool_first || destination > pool_last) return drop(3);
    if (source >> 24 == 0 || source >> 24 == 127 || source >> 28 >= 14) return drop(2);
    if (get16(p + 6) & 0x3FFF) return drop(11);
    uint8_t *l4 = p + 20;
    int payload = total - 20, proto = p[9];
    struct pieces pieces;
    if (!is_whole(l4, payload, proto, &frame->offload, 20, &pieces)) return drop(4);
    int transport = proto == 6 ? TCP : proto == 17 ? UDP : ECHO;
    uint16_t peer_port = transport == ECHO ? 0 : get16(l4), port = get16(transport == ECHO ? l4 + 4 : l4 + 2);

    uint64_t word = (uint64_t)destination << 32 | (uint64_t)port << 8 | (uint64_t)transport;
    uint64_t hash = siphash(&word, 1);
    struct shard *shard = &by_external[hash & (SHARDS - 1)];
    uint32_t tag = (uint32_t)(hash >> 32), place = tag & (PLACES - 1);
    struct session *s;
    lock(shard);
    for (;; place = (place + 1) & (PLACES - 1)) {
        uint64_t entry = shard->places[place];
        if (!entry) {
            unlock(shard);
            return drop(8);
        }
        if (entry >> 32 != tag) continue;
        s = &shard->sessions[(uint32_t)entry - 1];
        if (s->external == destination && s->external_port == port && s->transport == transport) break;
    }
    if (s->peer != source || s->peer_port != peer_port || now - s->refreshed >= lifetimes[s->lifetime]) {
        unlock(shard);
        return drop(9);
    }
    refresh(s, 0, l4[13], now);
    uint64_t client_high = s->client_high, client_low = s->client_low;
    uint16_t client_port = s->client_port;
    unlock(shard);

    if (p[8] <= 1) return drop(6);
    int may_fragment = !(get16(p + 6) & 0x4000);
    if (40 + pieces.largest > (may_fragment ? 1280 : MTU)) return drop(7);
    uint64_t change = add(add(add(add(0, prefix_high), source), client_high), client_low);
    if (transport == ECHO) {
        rewrite_echo(l4, l4[0] == 8 ? 128 : 129, client_port, add(change, (uint64_t)payload + 58));
        proto = 58;
    } else {
        change = add(change, (uint16_t)~fold(add(source, destination)));
        if (transport == TCP && l4[13] & 2) change = clamp_segment_size(l4, change);
        if (!frame->offload.needs_checksum) change = add(add(change, client_port), (uint16_t)~port);
    }
    if (transport == UDP && !frame->offload.needs_checksum && !get16(l4 + 6)) return drop(12);
    if (transport != ECHO) put16(l4 + 2, client_port);
    if (transport == ECHO) {
        // Written already.
    } else if (frame->offload.needs_checksum) {
        uint8_t *field = l4 + frame->offload.checksum_offset;
        put16(field, fold(add(change, get16(field))));
        frame->offload.checksum_start = 40;
        if (frame->offload.segmentation == TCP4) frame->offload.segmentation = TCP6;
        if (frame->offload.header_length) frame->offload.header_length += 20;
    } else {
        store_sum(l4 + (transport == TCP ? 16 : 6), change, transport == UDP);
    }
    uint8_t tos = p[1], hops = p[8];
    p -= 20;
    put64(p, 0x6000000000000000 | (uint64_t)tos << 52 | (uint64_t)(uint16_t)payload << 16 | (uint64_t)proto << 8 | (uint8_t)(hops - 1));
    put64(p + 8, prefix_high);
    put64(p + 16, source);
    put64(p + 24, client_high);
    put64(p + 32, client_low);
    if (frame->offload.segmentation) count(&counters.super_packets, 1);
    count(&counters.packets4, 1);
    count(&counters.octets4, (unsigned long)frame->count);
    frame->start -= 20;
    frame->count = 40 + payload;
    return SENT;
}

// Not inlined, as a library's entry would not be.
__attribute__((noinline)) int translate(uint8_t *memory, int room, struct frame *frame, uint64_t nanoseconds)
{
    if (frame->count < 20 || frame->start < MARGIN || frame->start + frame->count + MARGIN > room) return drop(0);
    uint32_t now = (uint32_t)(nanoseconds >> 26);
    switch (memory[frame->start] >> 4) {
    case 6: return outward(memory, frame, now);
    case 4: return inward(memory, frame, now);
    default: return drop(0);
    }
}

static void insert(struct shard *shard, uint64_t hash, struct session *sessions, int number)
{
    uint32_t tag = (uint32_t)(hash >> 32), place = tag & (PLACES - 1);
    while (shard->places[place]) place = (place + 1) & (PLACES - 1);
    shard->places[place] = (uint64_t)tag << 32 | (uint32_t)(number + 1);
    shard->sessions = sessions;
}

// A packet of so many octets of zeros behind the transport header, its checksum right; no more than the headers of a super-packet.
static int write_packet(uint8_t *p, const struct session *s, int is6, int data, uint8_t flags)
{
    int is_syn = flags & 2, proto = s->transport == TCP ? 6 : s->transport == UDP ? 17 : is6 ? 58 : 1;
    int l4 = proto == 6 ? is_syn ? 24 : 20 : 8, header = is6 ? 40 : 20, payload = l4 + data;
    memset(p, 0, LENGTH);
    uint8_t *t = p + header;
    if (s->transport == ECHO) {
        t[0] = is6 ? 128 : 0;
        put16(t + 4, is6 ? s->client_port : s->external_port);
    } else {
        put16(t, is6 ? s->client_port : s->peer_port);
        put16(t + 2, is6 ? s->peer_port : s->external_port);
    }
    if (proto == 6) t[12] = (uint8_t)(l4 << 2), t[13] = flags;
    if (proto == 6 && is_syn) put32(t + 20, 0x02040000 | 1460);
    if (proto == 17) put16(t + 4, (uint16_t)payload);
    uint64_t sum = proto == 1 ? 0 : (uint64_t)(payload + proto);
    if (is6) {
        p[0] = 0x60, p[6] = (uint8_t)proto, p[7] = 64;
        put16(p + 4, (uint16_t)payload);
        put64(p + 8, s->client_high), put64(p + 16, s->client_low), put64(p + 24, prefix_high), put64(p + 32, s->peer);
        for (int i = 8; i < 40; i += 2) sum += get16(p + i);
    } else {
        p[0] = 0x45, p[6] = 0x40, p[8] = 64, p[9] = (uint8_t)proto;
        put16(p + 2, (uint16_t)(20 + payload));
        put32(p + 12, s->peer), put32(p + 16, s->external);
        uint64_t h = 0;
        for (int i = 0; i < 20; i += 2) h += get16(p + i);
        put16(p + 10, (uint16_t)~fold(h));
        if (proto != 1) for (int i = 12; i < 20; i += 2) sum += get16(p + i);
    }
    for (int i = 0; i < l4; i += 2) sum += get16(t + i);
    put16(t + (proto == 6 ? 16 : proto == 17 ? 6 : 2), (uint16_t)~fold(sum));
    return header + payload;
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    const char *kind = argv[1];
    int is_datagrams = strcmp(kind, "datagrams") == 0, is_super = is_datagrams || strcmp(kind, "super") == 0;
    int transport = is_datagrams || strcmp(kind, "udp") == 0 ? UDP : strcmp(kind, "echo") == 0 ? ECHO : TCP, opens = strcmp(kind, "syn") == 0, closes = strcmp(kind, "fin") == 0, is6 = strcmp(argv[2], "up") == 0, idle = argc > 4;
    long packets = atol(argv[3]);
    static struct session sessions[FLOWS];
    static uint8_t templates[FLOWS][LENGTH], memory[20000];
    int length = 0;
    for (int i = 0; i < SHARDS; i++) {
        by_client[i].places = calloc(PLACES, 8);
        by_external[i].places = calloc(PLACES, 8);
    }
    for (int i = 0; i < FLOWS; i++) {
        struct session *s = &sessions[i];
        *s = (struct session){.client_high = 0x20010db800060000, .client_low = (uint64_t)(0xC0 + i % 8), .external = pool_first,
            .peer = 0xC633640A + (uint32_t)(i % 4), .client_port = (uint16_t)(40000 + i), .external_port = (uint16_t)(50000 + i),
            .peer_port = transport == ECHO ? 0 : 443, .transport = (uint8_t)transport, .state = ESTABLISHED, .lifetime = transport == TCP ? 2 : 1, .refreshed = (uint32_t)(1000000000000 >> 26)};
        uint64_t words[3] = {s->client_high, s->client_low, (uint64_t)s->client_port << 8 | (uint64_t)transport};
        uint64_t word = (uint64_t)s->external << 32 | (uint64_t)s->external_port << 8 | (uint64_t)transport;
        uint64_t client = siphash(words, 3), external = siphash(&word, 1);
        insert(&by_client[client & (SHARDS - 1)], client, sessions, i);
        insert(&by_external[external & (SHARDS - 1)], external, sessions, i);
        length = write_packet(templates[i], s, is6, is_super ? SEGMENTS * SEGMENT : opens || closes ? 0 : 64, (uint8_t)(0x10 | opens << 1 | closes));
    }
    struct offload offload = {0};
    if (is_super) {
        uint16_t header = is6 ? 40 : 20;
        offload = is_datagrams ? (struct offload){1, UDP_L4, SEGMENT, (uint16_t)(header + 8), header, 6}
                               : (struct offload){1, is6 ? TCP6 : TCP4, SEGMENT, (uint16_t)(header + 20), header, 16};
    }
    long sent = 0;
    for (long i = 0; i < packets; i++) {
        struct frame frame = {.start = MARGIN, .count = length, .offload = offload};
        memcpy(memory + MARGIN, templates[i % FLOWS], 128);
        if (idle) sent += memory[MARGIN + 20 + i % 8] >= 0;
        else if (translate(memory, sizeof memory, &frame, 1000000000000 + (uint64_t)i) == SENT) sent++;
    }
    printf("%ld of %ld\n", sent, packets);
    return sent == packets ? 0 : 1;
}
