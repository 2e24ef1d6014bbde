// The traffic of the soak test: clients and servers of many flows at the far ends of two cables, with loss and reordering on the way.
// Every packet carries who sent it, a number and a hash over all of its payload; every packet that comes out of the box is checked from
// its first octet to its last, and against everything that is known of its flow. Nothing else stands at the far ends.
//
//   traffic -f FLOWS -t SECONDS -r PACKETS -l LIFETIME -m BOX_LAN_MAC,BOX_WAN_MAC LAN_INTERFACE WAN_INTERFACE
//
// A flow: client 2001:db8:6:8000+C::1 (one network for each 250 flows), of each eight one TCP connection and one ping. Says JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { UDP = 17, TCP = 6, PING = 1, PING6 = 58, BATCH = 32, RING = 256, ROOM = 1536, HEADER = 40, LOSS = 50 };
enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

struct flow {
    uint32_t generation, sent, external;
    uint16_t external_port;
    uint8_t is_open, closing;
    uint32_t highest[2];
    uint64_t window[2];
    double heard;
};
struct side {
    int fd, filled;
    uint8_t ethernet[14];
    uint8_t ring[RING][ROOM];
    int lengths[RING];
    uint8_t out[BATCH][ROOM];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
};
struct inner { uint32_t magic, flow, generation, number, direction, size; };

static struct side lan, wan;
static struct flow *flows;
static uint32_t flow_count = 1000;
static double lifetime = 8;
static uint64_t random_state = 20261125;
static const uint8_t client_prefix[6] = {0x20, 1, 0xD, 0xB8, 0, 6}, translation_prefix[12] = {0x20, 1, 0xD, 0xB8, 0, 0x64};
static struct { uint64_t sent, lost, up, down, opened, answered, probes, wrong, errors; } seen;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec; }
static uint64_t dice(void)
{
    uint64_t w = random_state += 0x9E3779B97F4A7C15;
    w = (w ^ w >> 30) * 0xBF58476D1CE4E5B9;
    w = (w ^ w >> 27) * 0x94D049BB133111EB;
    return w ^ w >> 31;
}
static uint64_t hash(const uint8_t *p, int count)
{
    uint64_t h = 0xCBF29CE484222325;
    for (int i = 0; i < count; i++) h = (h ^ p[i]) * 0x100000001B3;
    return h;
}
static uint32_t sum(const uint8_t *p, int count)
{
    uint64_t s = 0;
    for (int i = 0; i + 1 < count; i += 2) s += (uint64_t)p[i] << 8 | p[i + 1];
    if (count & 1) s += (uint64_t)p[count - 1] << 8;
    while (s >> 16) s = (s & 0xFFFF) + (s >> 16);
    return (uint32_t)s;
}
static uint16_t fold(uint32_t s) { while (s >> 16) s = (s & 0xFFFF) + (s >> 16); return (uint16_t)s; }
static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v; }
static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static int protocol_of(uint32_t i) { return i % 8 == 0 ? TCP : i % 8 == 1 ? PING : UDP; }
static void client_of(uint32_t i, uint8_t *address)
{
    memset(address, 0, 16);
    memcpy(address, client_prefix, 6);
    put16(address + 6, 0x8000 + i / 250);
    address[15] = 1;
}
static uint16_t client_port(uint32_t i, uint32_t generation) { return (uint16_t)(1024 + i % 250 * 256 + (generation & 255)); }
static void peer_of(uint32_t i, uint8_t *address) { memcpy(address, (uint8_t[4]){198, 51, 100, (uint8_t)(1 + i % 200)}, 4); }
static uint16_t peer_port(uint32_t i) { return (uint16_t)(1000 + i % 50); }

static void wrong(const char *what, uint32_t flow, const uint8_t *p, int count)
{
    if (seen.wrong++ >= 5) return;
    fprintf(stderr, "wrong: %s, flow %u:", what, flow);
    for (int i = 0; i < count && i < 96; i++) fprintf(stderr, " %02x", p[i]);
    fprintf(stderr, "\n");
}

static void flush(struct side *side, int count)
{
    for (int done = 0; done < count;) {
        int n = sendmmsg(side->fd, side->messages + done, (unsigned)(count - done), 0);
        if (n > 0) done += n;
        else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) { perror("sendmmsg"); exit(2); }
    }
}

// Puts a packet on its way: one in LOSS is lost, and the others leave in an order of their own.
static void post(struct side *side, const uint8_t *packet, int count)
{
    static int queued[2];
    int *n = &queued[side == &wan];
    seen.sent++;
    if (dice() % LOSS == 0) { seen.lost++; return; }
    int place = (int)(dice() % RING);
    if (side->lengths[place]) {
        memcpy(side->out[*n] + 14, side->ring[place], (size_t)side->lengths[place]);
        side->vectors[*n].iov_len = (size_t)side->lengths[place] + 14;
        if (++*n == BATCH) { flush(side, BATCH); *n = 0; }
    }
    memcpy(side->ring[place], packet, (size_t)count);
    side->lengths[place] = count;
}

static int write_inner(uint8_t *p, uint32_t i, uint32_t number, uint32_t direction)
{
    int size = HEADER + (int)(dice() % 16 == 0 ? dice() % 1160 : dice() % 128);
    struct inner inner = {0x50414B34, i, flows[i].generation, number, direction, (uint32_t)size};
    memcpy(p, &inner, sizeof inner);
    for (int k = HEADER; k < size; k++) p[k] = (uint8_t)(number * 31 + (uint32_t)k);
    uint64_t h = hash(p, 32) ^ hash(p + HEADER, size - HEADER);
    memcpy(p + 32, &h, 8);
    return size;
}

// A packet of either family; ports as they are to stand in it.
static void send_packet(struct side *side, uint32_t i, const uint8_t *from, const uint8_t *to, uint16_t source, uint16_t destination, int flags,
    uint32_t number, uint32_t direction)
{
    uint8_t p[ROOM] = {0};
    int is6 = side == &lan, ip = is6 ? 40 : 20, proto = protocol_of(i), l4 = proto == TCP ? 20 : 8;
    uint8_t *t = p + ip;
    int size = l4 + write_inner(t + l4, i, number, direction);
    if (proto == PING) {
        t[0] = is6 ? (direction ? 129 : 128) : (direction ? 0 : 8);
        put16(t + 4, direction ? destination : source), put16(t + 6, number);
    } else {
        put16(t, source), put16(t + 2, destination);
        if (proto == TCP) { put16(t + 4, number >> 16), put16(t + 6, number), t[12] = 0x50, t[13] = (uint8_t)flags; put16(t + 14, 65535); }
        else put16(t + 4, (uint32_t)size);
    }
    int wire = proto == PING && is6 ? PING6 : proto, field = proto == TCP ? 16 : proto == UDP ? 6 : 2;
    if (is6) {
        p[0] = 0x60, p[6] = (uint8_t)wire, p[7] = 64;
        put16(p + 4, (uint32_t)size);
        memcpy(p + 8, from, 16), memcpy(p + 24, to, 16);
    } else {
        p[0] = 0x45, p[8] = 64, p[9] = (uint8_t)wire;
        put16(p + 2, (uint32_t)(20 + size)), put16(p + 4, (uint32_t)dice()), put16(p + 6, dice() % 2 ? 0x4000 : 0);
        memcpy(p + 12, from, 4), memcpy(p + 16, to, 4);
        put16(p + 10, (uint16_t)~sum(p, 20));
    }
    uint32_t pseudo = proto == PING && !is6 ? 0 : (is6 ? sum(p + 8, 32) : sum(p + 12, 8)) + (uint32_t)(size + wire);
    uint16_t check = (uint16_t)~fold(pseudo + sum(t, size));
    put16(t + field, proto == UDP && !check ? 0xFFFF : check);
    post(side, p, ip + size);
}

static void client_sends(uint32_t i)
{
    struct flow *f = &flows[i];
    uint8_t from[16], to[16];
    client_of(i, from);
    memcpy(to, translation_prefix, 12);
    peer_of(i, to + 12);
    int flags = f->closing ? FIN | ACK : f->is_open ? PSH | ACK : SYN;
    send_packet(&lan, i, from, to, client_port(i, f->generation), peer_port(i), flags, ++f->sent, 0);
    if (f->closing || (f->is_open && dice() % 100 == 0)) {
        // A connection says goodbye first; the next packet belongs to another flow in the same place.
        if (protocol_of(i) == TCP && !f->closing) { f->closing = 1; return; }
        *f = (struct flow){.generation = f->generation + 1};
    }
}

// Whether a number comes for the first time, as far as the last 64 are remembered.
static int is_new(struct flow *f, uint32_t number, int direction)
{
    uint32_t ahead = number - f->highest[direction];
    if (number > f->highest[direction]) {
        f->window[direction] = ahead < 64 ? f->window[direction] << ahead | 1 : 1;
        f->highest[direction] = number;
        return 1;
    }
    uint32_t behind = f->highest[direction] - number;
    if (behind >= 64) return 1;
    if (f->window[direction] >> behind & 1) return 0;
    f->window[direction] |= 1ULL << behind;
    return 1;
}

// Checks what came out of the box; the flow's number, or -1 when the packet is no flow's or of an earlier one in its place.
static long received(struct side *side, const uint8_t *p, int count, struct inner *inner, const uint8_t **transport)
{
    int is6 = side == &lan, ip = is6 ? 40 : 20;
    if (count < ip) { wrong("too short", 0, p, count); return -1; }
    int wire = is6 ? p[6] : p[9], size = is6 ? get16(p + 4) : get16(p + 2) - 20, l4 = wire == TCP ? 20 : 8;
    const uint8_t *t = p + ip;
    // The box looks for its neighbours, and says which groups it hears: the latter behind a hop-by-hop header.
    if (is6 && (p[24] == 0xFF || (wire == PING6 && t[0] >= 133))) return -1;
    if (!is6 && (p[0] != 0x45 || sum(p, 20) != 0xFFFF)) { wrong("IPv4 header", 0, p, count); return -1; }
    // Ethernet pads what is shorter than 60 octets.
    if (size < l4 || count < ip + size) { wrong("length", 0, p, count); return -1; }
    if ((is6 && wire == PING6 && t[0] < 128) || (!is6 && wire == PING && t[0] != 0 && t[0] != 8)) {
        if (seen.errors++ < 5) fprintf(stderr, "ICMP%s error %d/%d\n", is6 ? "v6" : "", t[0], t[1]);
        return -1;
    }
    uint32_t pseudo = wire == PING ? 0 : (is6 ? sum(p + 8, 32) : sum(p + 12, 8)) + (uint32_t)(size + wire);
    if (fold(pseudo + sum(t, size)) != 0xFFFF) { wrong("transport checksum", 0, p, count); return -1; }
    if (wire == TCP && size == 20) { seen.probes++; return -1; }
    const uint8_t *data = t + l4;
    if (size < l4 + HEADER) { wrong("payload", 0, p, count); return -1; }
    memcpy(inner, data, sizeof *inner);
    uint64_t h;
    memcpy(&h, data + 32, 8);
    if (inner->magic != 0x50414B34 || (int)inner->size != size - l4 || h != (hash(data, 32) ^ hash(data + HEADER, size - l4 - HEADER))) {
        wrong("payload", inner->flow, p, count);
        return -1;
    }
    if (inner->flow >= flow_count || inner->direction != (uint32_t)is6) { wrong("flow", inner->flow, p, count); return -1; }
    int proto = protocol_of(inner->flow);
    if (wire != (proto == PING && is6 ? PING6 : proto)) { wrong("protocol", inner->flow, p, count); return -1; }
    if (inner->generation != flows[inner->flow].generation) return -1;
    if (!is_new(&flows[inner->flow], inner->number, is6)) { wrong("twice", inner->flow, p, count); return -1; }
    *transport = t;
    return inner->flow;
}

static void server_receives(const uint8_t *p, int count)
{
    struct inner inner;
    const uint8_t *t;
    long i = received(&wan, p, count, &inner, &t);
    if (i < 0) return;
    seen.up++;
    struct flow *f = &flows[i];
    int proto = protocol_of((uint32_t)i);
    uint8_t peer[4];
    peer_of((uint32_t)i, peer);
    uint32_t external;
    memcpy(&external, p + 12, 4);
    uint16_t port = proto == PING ? get16(t + 4) : get16(t);
    if (memcmp(p + 16, peer, 4) || (proto != PING && get16(t + 2) != peer_port((uint32_t)i))) { wrong("to another peer", inner.flow, p, count); return; }
    if ((ntohl(external) & 0xFFFFFFF0) != 0xCB007100 || port < 1024) { wrong("from outside the pool", inner.flow, p, count); return; }
    double moment = now();
    if (f->external && (f->external != external || f->external_port != port) && moment - f->heard < 0.6 * lifetime) {
        wrong("from another binding", inner.flow, p, count);
        return;
    }
    if (!f->external) seen.opened++;
    f->external = external, f->external_port = port, f->heard = moment;
    int flags = proto == TCP && t[13] & SYN ? SYN | ACK : proto == TCP && t[13] & FIN ? FIN | ACK : PSH | ACK;
    send_packet(&wan, (uint32_t)i, p + 16, p + 12, peer_port((uint32_t)i), port, flags, inner.number, 1);
}

static void client_receives(const uint8_t *p, int count)
{
    struct inner inner;
    const uint8_t *t;
    long i = received(&lan, p, count, &inner, &t);
    if (i < 0) return;
    seen.down++;
    int proto = protocol_of((uint32_t)i);
    uint8_t client[16], peer[16];
    client_of((uint32_t)i, client);
    memcpy(peer, translation_prefix, 12);
    peer_of((uint32_t)i, peer + 12);
    uint16_t port = client_port((uint32_t)i, inner.generation);
    int right = !memcmp(p + 24, client, 16) && !memcmp(p + 8, peer, 16);
    right = right && (proto == PING ? get16(t + 4) == port : get16(t + 2) == port && get16(t) == peer_port((uint32_t)i));
    if (!right) { wrong("to another client", inner.flow, p, count); return; }
    if (!flows[i].is_open) seen.answered++;
    flows[i].is_open = 1;
}

static int receive(struct side *side, void (*take)(const uint8_t *, int))
{
    static uint8_t room[BATCH][65536];
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){room[i], sizeof room[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int n = recvmmsg(side->fd, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) take(room[i] + 14, (int)messages[i].msg_len - 14);
    return n > 0 ? n : 0;
}

static void open_side(struct side *side, const char *name, uint16_t type, const char *box)
{
    int one = 1, memory = 128 << 20;
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = (int)if_nametoindex(name)};
    side->fd = socket(AF_PACKET, SOCK_RAW, 0);
    setsockopt(side->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    setsockopt(side->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
    setsockopt(side->fd, SOL_SOCKET, SO_RCVBUFFORCE, &memory, sizeof memory);
    if (side->fd < 0 || bind(side->fd, (struct sockaddr *)&at, sizeof at)) { perror(name); exit(2); }
    uint8_t *e = side->ethernet;
    sscanf(box, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", e, e + 1, e + 2, e + 3, e + 4, e + 5);
    memcpy(e + 6, (uint8_t[6]){2, 0, 0, 0, (uint8_t)(type >> 8), 2}, 6);
    put16(e + 12, type);
    for (int i = 0; i < BATCH; i++) {
        memcpy(side->out[i], e, 14);
        side->vectors[i].iov_base = side->out[i];
        side->messages[i].msg_hdr = (struct msghdr){.msg_iov = &side->vectors[i], .msg_iovlen = 1};
    }
}

int main(int argc, char **argv)
{
    double seconds = 10, rate = 40000;
    char *boxes = "";
    for (int o; (o = getopt(argc, argv, "f:t:r:l:m:")) != -1;) switch (o) {
        case 'f': flow_count = (uint32_t)atol(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'l': lifetime = atof(optarg); break;
        case 'm': boxes = optarg; break;
        default: return 2;
        }
    char *comma = strchr(boxes, ',');
    if (argc - optind != 2 || !comma) return 2;
    open_side(&lan, argv[optind], ETH_P_IPV6, boxes);
    open_side(&wan, argv[optind + 1], ETH_P_IP, comma + 1);
    flows = calloc(flow_count, sizeof *flows);
    double began = now(), end = began + seconds;
    uint64_t turn = 0;
    for (double moment = began; moment < end + 1; moment = now()) {
        uint64_t due = (uint64_t)((moment < end ? moment - began : seconds) * rate);
        // A machine that is busy with something else is not made busier afterwards.
        if (due > turn + 20000) { began += (double)(due - turn - 2000) / rate; continue; }
        int quiet = 1;
        for (int i = 0; i < BATCH && turn < due; i++, turn++) {
            // Every flow in turn, neighbours apart: a step that has no divisor in common with any number of flows used.
            client_sends((uint32_t)(turn * 7919 % flow_count));
            quiet = 0;
        }
        while (receive(&wan, server_receives) == BATCH) quiet = 0;
        while (receive(&lan, client_receives) == BATCH) quiet = 0;
        if (quiet) usleep(200);
    }
    uint32_t open = 0;
    for (uint32_t i = 0; i < flow_count; i++) open += flows[i].external != 0;
    printf("{\"sent\":%lu,\"lost\":%lu,\"up\":%lu,\"down\":%lu,\"opened\":%lu,\"answered\":%lu,\"probes\":%lu,\"errors\":%lu,\"wrong\":%lu,\"open\":%u}\n",
        seen.sent, seen.lost, seen.up, seen.down, seen.opened, seen.answered, seen.probes, seen.errors, seen.wrong, open);
    return seen.wrong ? 1 : 0;
}
