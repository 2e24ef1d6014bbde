// What a hostile host sends, at a chosen rate: flood INTERFACE MAC KIND PACKETS-PER-SECOND SECONDS [ADDRESS | FLOWS]
//
// Writes whole frames to an interface, each packet different from the one before it, and prints how many it sent. The kinds:
//
//   ordinary      UDP of a thousand flows that stay the same: what a client with nothing in mind sends
//   inturn        UDP of so many FLOWS that stay the same, one after the other
//   among         the same in random order
//   flows         UDP, each packet from another address of one /64 and another port
//   ports         UDP from one address, each packet from another port to another port
//   destinations  UDP from one address and port, each packet to another host
//   syns          TCP SYNs, as flows
//   firsts        first fragments of datagrams whose rest never comes
//   laters        later fragments of datagrams whose first never comes
//   tiny          fragments of eight octets that overlap
//   malformed     lengths, offsets, options, headers and ICMPv6 types that are wrong, a dozen of them in turn
//   errors        ICMPv6 errors about packets that were never sent
//   insyns        from the IPv4 side: TCP SYNs from everywhere to every port of the pool, which is 192.0.2.64/28, or of an
//                 ADDRESS that is shared, with the ports from 61440 on
//   inudp         from the IPv4 side: UDP, likewise
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 32, ROOM = 256, ETHERNET = 14 };

static uint64_t state = 88172645463325252ull;
static uint32_t pool = 0xc0000240, addresses = 16, first_port = 1024, ports = 64000;
static uint64_t flows = 1;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static uint32_t sum(const uint8_t *at, size_t count, uint32_t start)
{
    for (size_t index = 0; index < count; index++)
        start += (index & 1) ? at[index] : (uint32_t)at[index] << 8;
    return start;
}

static unsigned fold(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return ~total & 0xffff;
}

// An IPv6 header in front of a payload, and the checksum of the payload at its place.
static size_t six(uint8_t *packet, unsigned protocol, const uint8_t *source, uint32_t destination, size_t payload, int check)
{
    static const uint8_t prefix[12] = {0, 0x64, 0xff, 0x9b};

    memset(packet, 0, 40);
    packet[0] = 0x60;
    put16(packet + 4, (unsigned)payload);
    packet[6] = (uint8_t)protocol;
    packet[7] = 64;
    memcpy(packet + 8, source, 16);
    memcpy(packet + 24, prefix, 12);
    put32(packet + 36, destination);
    if (check >= 0) {
        put16(packet + 40 + check, 0);
        put16(packet + 40 + check, fold(sum(packet + 8, 32 + payload, (uint32_t)payload + protocol)));
    }
    return 40 + payload;
}

static size_t four(uint8_t *packet, unsigned protocol, uint32_t source, uint32_t destination, size_t payload, int check)
{
    memset(packet, 0, 20);
    packet[0] = 0x45;
    put16(packet + 2, 20 + (unsigned)payload);
    packet[6] = 0x40;
    packet[8] = 64;
    packet[9] = (uint8_t)protocol;
    put32(packet + 12, source);
    put32(packet + 16, destination);
    put16(packet + 10, fold(sum(packet, 20, 0)));
    put16(packet + 20 + check, 0);
    put16(packet + 20 + check, fold(sum(packet + 12, 8 + payload, (uint32_t)payload + protocol)));
    return 20 + payload;
}

static size_t udp(uint8_t *at, unsigned from, unsigned to)
{
    put16(at, from);
    put16(at + 2, to);
    put16(at + 4, 26);
    memset(at + 6, 0, 20);
    return 26;
}

static size_t syn(uint8_t *at, unsigned from, unsigned to)
{
    memset(at, 0, 20);
    put16(at, from);
    put16(at + 2, to);
    put32(at + 4, (uint32_t)next());
    at[12] = 0x50;
    at[13] = 2;
    at[14] = 0x20;
    return 20;
}

static size_t fragment(uint8_t *at, unsigned offset, int more, uint32_t identification)
{
    at[0] = 17;
    at[1] = 0;
    put16(at + 2, offset | (unsigned)more);
    put32(at + 4, identification);
    return 8;
}

static size_t malformed(uint8_t *packet, uint64_t number, const uint8_t *source, uint32_t server)
{
    uint8_t *body = packet + 40;
    unsigned port = (unsigned)next() & 0xffff;
    size_t count;

    switch (number % 12) {
    case 0: // a UDP length that is more than there is
        udp(body, port, 9);
        put16(body + 4, 900);
        return six(packet, 17, source, server, 26, 6);
    case 1: // a UDP length below its header
        udp(body, port, 9);
        put16(body + 4, 3);
        return six(packet, 17, source, server, 26, 6);
    case 2: // a TCP header that ends behind the packet
        syn(body, port, 9);
        body[12] = 0xf0;
        return six(packet, 6, source, server, 20, 16);
    case 3: // a TCP header below its least length
        syn(body, port, 9);
        body[12] = 0x10;
        return six(packet, 6, source, server, 20, 16);
    case 4: // half a UDP header
        udp(body, port, 9);
        return six(packet, 17, source, server, 4, -1);
    case 5: // a source route that is not used up
        memset(body, 0, 24);
        body[0] = 17;
        body[1] = 2;
        body[3] = 1;
        return six(packet, 43, source, server, 24 + udp(body + 24, port, 9), -1);
    case 6: // destination options that end behind the packet
        memset(body, 0, 8);
        body[0] = 17;
        body[1] = 30;
        return six(packet, 60, source, server, 8, -1);
    case 7: // five headers of options in a row
        for (count = 0; count < 40; count += 8) {
            memset(body + count, 0, 8);
            body[count] = count < 32 ? 60 : 17;
            body[count + 2] = 1;
            body[count + 3] = 4;
        }
        return six(packet, 60, source, server, 40 + udp(body + 40, port, 9), -1);
    case 8: // a protocol that nobody knows
        memset(body, 0, 20);
        return six(packet, 200, source, server, 20, -1);
    case 9: // an ICMPv6 message that has no counterpart
        memset(body, 0, 24);
        body[0] = 200;
        return six(packet, 58, source, server, 24, 2);
    case 10: // a fragment whose length is no multiple of eight
        count = fragment(body, 0, 1, (uint32_t)next());
        return six(packet, 44, source, server, count + 21, -1);
    default: // a packet whose checksum is wrong
        udp(body, port, 9);
        count = six(packet, 17, source, server, 26, 6);
        body[6] ^= 0x55;
        return count;
    }
}

static size_t error(uint8_t *packet, const uint8_t *source, uint32_t server)
{
    uint8_t *body = packet + 40, quoted[16], *inner = body + 8;

    memset(body, 0, 8);
    body[0] = (uint8_t)(1 + next() % 4);
    memcpy(quoted, source, 16);
    udp(inner + 40, 9, (unsigned)next() & 0xffff);
    six(inner, 17, quoted, server, 26, 6);
    // Quoted as if it had come from the server.
    memcpy(quoted, inner + 8, 16);
    memcpy(inner + 8, inner + 24, 16);
    memcpy(inner + 24, quoted, 16);
    return six(packet, 58, source, server, 8 + 66, 2);
}

static size_t make(uint8_t *packet, const char *kind, uint64_t number)
{
    const uint32_t server = 0x0b0b0b02;
    uint8_t source[16] = {0x20, 1, 0x0d, 0xb8, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0xba, 0xd0}, *body = packet + 40;
    unsigned port = 1024 + (unsigned)(next() % 64000);
    size_t count;

    if (!strcmp(kind, "ordinary"))
        return six(packet, 17, source, server, udp(body, 10000 + (unsigned)(number % 1000), 9), 6);
    if (!strcmp(kind, "inturn") || !strcmp(kind, "among")) {
        uint64_t flow = (kind[0] == 'i' ? number : next()) % flows;
        put32(source + 8, (uint32_t)(flow / 50000));
        return six(packet, 17, source, server, udp(body, 1024 + (unsigned)(flow % 50000), 9), 6);
    }
    if (!strcmp(kind, "ports"))
        return six(packet, 17, source, server, udp(body, port, 1024 + (unsigned)(next() % 64000)), 6);
    if (!strcmp(kind, "destinations"))
        return six(packet, 17, source, (uint32_t)next(), udp(body, 10000, 9), 6);
    if (!strcmp(kind, "firsts")) {
        count = fragment(body, 0, 1, (uint32_t)next());
        udp(body + count, port, 9);
        put16(body + count + 6, 0x1234);
        return six(packet, 44, source, server, count + 24, -1);
    }
    if (!strcmp(kind, "laters")) {
        count = fragment(body, 1480, 0, (uint32_t)next());
        memset(body + count, 0, 24);
        return six(packet, 44, source, server, count + 24, -1);
    }
    if (!strcmp(kind, "tiny")) {
        count = fragment(body, (unsigned)(number % 4) * 8, 1, (uint32_t)(number / 5));
        memset(body + count, 0, 8);
        return six(packet, 44, source, server, count + 8, -1);
    }
    if (!strcmp(kind, "malformed"))
        return malformed(packet, number, source, server);
    if (!strcmp(kind, "errors"))
        return error(packet, source, server);
    if (!strcmp(kind, "insyns"))
        return four(packet, 6, 0x0b000000 | (uint32_t)(next() & 0xffffff), pool + (uint32_t)(next() % addresses),
                    syn(packet + 20, port, first_port + (unsigned)(next() % ports)), 16);
    if (!strcmp(kind, "inudp"))
        return four(packet, 17, 0x0b000000 | (uint32_t)(next() & 0xffffff), pool + (uint32_t)(next() % addresses),
                    udp(packet + 20, port, first_port + (unsigned)(next() % ports)), 6);
    put32(source + 8, (uint32_t)next());
    put32(source + 12, (uint32_t)next());
    if (!strcmp(kind, "flows"))
        return six(packet, 17, source, server, udp(body, port, 9), 6);
    if (!strcmp(kind, "syns"))
        return six(packet, 6, source, server, syn(body, port, 9), 16);
    fprintf(stderr, "no such kind: %s\n", kind);
    exit(2);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **words)
{
    static uint8_t frames[BATCH][ROOM];
    struct iovec pieces[BATCH];
    struct mmsghdr messages[BATCH];
    struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_halen = 6};
    unsigned mac[6];
    uint64_t sent = 0;

    if (count < 6 || sscanf(words[2], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6) {
        fprintf(stderr, "usage: flood INTERFACE MAC KIND PACKETS-PER-SECOND SECONDS [ADDRESS | FLOWS]\n");
        return 2;
    }
    int is_inward = !strncmp(words[3], "in", 2) && strcmp(words[3], "inturn");
    if (count > 6 && !is_inward) {
        flows = strtoull(words[6], NULL, 10);
        if (flows == 0)
            return 2;
    } else if (count > 6) {
        struct in_addr address;
        if (!inet_aton(words[6], &address))
            return 2;
        pool = ntohl(address.s_addr);
        addresses = 1;
        first_port = 61440;
        ports = 4096;
    }
    double rate = atof(words[4]), start = now(), end = start + atof(words[5]);
    int from = socket(AF_PACKET, SOCK_RAW, 0);
    place.sll_ifindex = (int)if_nametoindex(words[1]);
    if (from < 0 || bind(from, (struct sockaddr *)&place, sizeof place) < 0) {
        perror("flood");
        return 1;
    }
    memset(messages, 0, sizeof messages);
    for (int index = 0; index < BATCH; index++) {
        for (int octet = 0; octet < 6; octet++)
            frames[index][octet] = (uint8_t)mac[octet];
        memcpy(frames[index] + 6, (uint8_t[]){2, 0, 0, 0, 0xba, 0xd0}, 6);
        put16(frames[index] + 12, is_inward ? 0x0800 : 0x86dd);
        pieces[index].iov_base = frames[index];
        messages[index].msg_hdr.msg_iov = &pieces[index];
        messages[index].msg_hdr.msg_iovlen = 1;
    }
    for (double at = now(); at < end; at = now()) {
        double ahead = (double)sent / rate - (at - start);
        if (ahead > 0) {
            struct timespec pause = {0, (long)(ahead * 1e9)};
            nanosleep(&pause, NULL);
            continue;
        }
        for (int index = 0; index < BATCH; index++)
            pieces[index].iov_len = ETHERNET + make(frames[index] + ETHERNET, words[3], sent + (uint64_t)index);
        int done = sendmmsg(from, messages, BATCH, 0);
        if (done > 0)
            sent += (uint64_t)done;
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}
