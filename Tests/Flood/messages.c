// The ends of a flood of DNS messages that are not as they should be:
//
//   messages good ADDRESS                       an upstream: every name has the A record 5.6.7.8 and no AAAA record
//   messages hostile ADDRESS                    an upstream that sends 16 spoiled replies to each question, and then a good one
//   messages spoil ADDRESS COUNT RATE           a client that sends so many spoiled queries, so many a second, over UDP, and some
//                                               over TCP
//   messages ask ADDRESS NAMES RATE [COUNT]     a client that asks for the AAAA record of name after name, as a stub resolver does:
//                                               after two seconds without an answer again, three times in all. NAMES is how many
//                                               different names, as "1000.good.test"
//
// Clients have the address FROM of their environment, so that the resolver can tell them apart.
// Each ends at SIGTERM, or when it has sent what it was to, and says in one line of JSON what it did.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1024, BAD_REPLIES = 16, PATIENCE = 2000, TRIES = 3 };

static volatile sig_atomic_t over;
static void end(int number)
{
    (void)number;
    over = 1;
}

static uint64_t state = 88172645463325252ull;
static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
static size_t below(size_t limit) { return limit ? next() % limit : 0; }

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(53) };
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        fprintf(stderr, "no address: %s\n", text);
        exit(2);
    }
    return address;
}

// A socket with room for all that comes while its process does not run.
static int udp(void)
{
    int number = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 8 << 20;
    if (setsockopt(number, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(number, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return number;
}

// A socket of a client's.
static int client(const struct sockaddr_in *peer, int type)
{
    struct sockaddr_in own = address_of(getenv("FROM") ? getenv("FROM") : "0.0.0.0");
    int number = type == SOCK_DGRAM ? udp() : socket(AF_INET, type | SOCK_CLOEXEC, 0);
    own.sin_port = 0;
    if (bind(number, (struct sockaddr *)&own, sizeof own) || (type == SOCK_DGRAM && connect(number, (const struct sockaddr *)peer, sizeof *peer))) {
        perror("client");
        exit(1);
    }
    return number;
}

static size_t encode(uint8_t *at, const char *name)
{
    uint8_t *start = at;
    while (*name) {
        size_t length = strcspn(name, ".");
        *at++ = (uint8_t)length;
        memcpy(at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    *at++ = 0;
    return (size_t)(at - start);
}

static size_t question(uint8_t *at, uint16_t id, const char *name, uint16_t type)
{
    uint8_t header[12] = { (uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1 };
    memcpy(at, header, 12);
    size_t count = 12 + encode(at + 12, name);
    uint8_t tail[4] = { (uint8_t)(type >> 8), (uint8_t)type, 0, 1 };
    memcpy(at + count, tail, 4);
    return count + 4;
}

// Some octets changed, added or cut off, behind the first `kept`.
static size_t spoil(uint8_t *at, size_t count, size_t kept)
{
    static const uint8_t odd[] = { 0, 0x3f, 0x40, 0x80, 0xc0, 0xff };
    for (size_t round = 1 + below(3); round > 0 && count > kept; round--) {
        size_t place = kept + below(count - kept);
        switch (below(5)) {
        case 0: at[place] ^= (uint8_t)(1 << below(8)); break;
        case 1: count = place; break;
        case 2: at[place] = odd[below(sizeof odd)]; break;
        case 3:
            if (count + 2 > ROOM) break;
            memmove(at + place + 2, at + place, count - place);
            at[place] = 0xc0;
            at[place + 1] = (uint8_t)next();
            count += 2;
            break;
        default:
            for (size_t more = 1 + below(40); more > 0 && count < ROOM; more--) at[count++] = (uint8_t)next();
        }
    }
    return count;
}

// The right answer to a query; nothing if it is none.
static size_t answer(const uint8_t *query, size_t length, uint8_t *reply)
{
    if (length < 17) return 0;
    size_t count = 12;
    while (count < length && query[count]) count += query[count] + 1u;
    if (count + 5 > length) return 0;
    unsigned type = query[count + 2];
    count += 5;
    memcpy(reply, query, count);
    memcpy(reply + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
    static const uint8_t a[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 5, 6, 7, 8 };
    static const uint8_t soa[34] = { 0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, [32] = 1, [33] = 44 };
    reply[type == 1 ? 7 : 9] = 1;
    memcpy(reply + count, type == 1 ? a : soa, type == 1 ? sizeof a : sizeof soa);
    return count + (type == 1 ? sizeof a : sizeof soa);
}

static int serve(const char *where, int hostile)
{
    struct sockaddr_in own = address_of(where), peer;
    int number = udp();
    // So that a signal between the look at `over` and the wait is not forgotten.
    struct timeval patience = { .tv_usec = 200000 };
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(number, (struct sockaddr *)&own, sizeof own)) {
        perror("bind");
        return 1;
    }
    uint64_t asked = 0, bad = 0;
    while (!over) {
        uint8_t query[ROOM], reply[ROOM + 64], copy[ROOM + 64];
        socklen_t size = sizeof peer;
        ssize_t length = recvfrom(number, query, sizeof query, 0, (struct sockaddr *)&peer, &size);
        if (length <= 0) continue;
        size_t count = answer(query, (size_t)length, reply);
        if (!count) continue;
        asked++;
        for (int round = 0; hostile && round < BAD_REPLIES; round++) {
            memcpy(copy, reply, count);
            // Most with the right identifier, so that they are looked at.
            size_t spoiled = spoil(copy, count, round % 4 ? 2 : 0);
            bad += sendto(number, copy, spoiled, 0, (struct sockaddr *)&peer, size) == (ssize_t)spoiled;
        }
        sendto(number, reply, count, 0, (struct sockaddr *)&peer, size);
    }
    printf("{\"asked\": %llu, \"spoiled\": %llu}\n", (unsigned long long)asked, (unsigned long long)bad);
    return 0;
}

// Waits until the time has come for message `sent` of so many a second since `start`.
static void pace(double start, uint64_t sent, double rate)
{
    double wait = start + (double)sent / rate - now();
    if (wait <= 0.0005) return;
    struct timespec time = { .tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9) };
    nanosleep(&time, NULL);
}

// A connection with spoiled messages, left open or closed in the midst of one, as chance has it; the last ones stay open.
static void connection(const struct sockaddr_in *peer, const uint8_t *message, size_t count)
{
    static int open[16];
    static unsigned turn;
    int number = client(peer, SOCK_STREAM | SOCK_NONBLOCK);
    uint8_t frames[2 * ROOM + 8] = { (uint8_t)(count >> 8), (uint8_t)count };
    memcpy(frames + 2, message, count);
    frames[count + 2] = frames[count + 3] = 0xff;
    memcpy(frames + count + 4, message, count);
    struct pollfd wanted = { .fd = number, .events = POLLOUT };
    if (connect(number, (const struct sockaddr *)peer, sizeof *peer) && errno != EINPROGRESS) {
        close(number);
        return;
    }
    poll(&wanted, 1, 100);
    (void)!send(number, frames, 4 + 2 * count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (open[turn % 16]) close(open[turn % 16]);
    open[turn++ % 16] = number;
}

static int flood(const char *where, uint64_t count, double rate)
{
    static const char *names[] = { "known.good.test", "ipv4only.arpa",
        "8.0.7.0.6.0.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa" };
    static const uint16_t types[] = { 28, 28, 12 };
    struct sockaddr_in peer = address_of(where);
    int number = client(&peer, SOCK_DGRAM);
    uint64_t sent = 0, failed = 0, connections = 0;
    double start = now();
    for (uint64_t index = 0; index < count && !over; index++) {
        uint8_t message[ROOM + 64];
        size_t length = question(message, (uint16_t)index, names[index % 3], types[index % 3]);
        length = spoil(message, length, index % 7 ? 2 : 0);
        if (send(number, message, length, 0) == (ssize_t)length) sent++;
        else failed++;
        if (index % 512 == 511) {
            connection(&peer, message, length);
            connections++;
        }
        // What came back is thrown away.
        if (index % 64 == 63) {
            while (recv(number, message, sizeof message, MSG_DONTWAIT) >= 0) continue;
            pace(start, index, rate);
        }
    }
    printf("{\"sent\": %llu, \"notSent\": %llu, \"connections\": %llu, \"seconds\": %.1f}\n", (unsigned long long)sent,
        (unsigned long long)failed, (unsigned long long)connections, now() - start);
    return 0;
}

// A question under way.
struct asked {
    double first, last;
    uint32_t name;
    uint8_t tries;
};

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int ask(const char *where, const char *names, double rate, uint64_t most)
{
    static struct asked table[65536];
    static float times[1 << 22];
    char *zone = NULL;
    uint32_t count = (uint32_t)strtoul(names, &zone, 10), name = 0;
    struct sockaddr_in peer = address_of(where);
    int number = client(&peer, SOCK_DGRAM);
    uint64_t asked = 0, answered = 0, again = 0, wrong = 0, lost = 0, waiting = 0;
    double start = now(), swept = start;
    while (waiting > 0 || (!over && asked < most)) {
        double time = now();
        while (!over && asked < most && (double)asked < (time - start) * rate) {
            struct asked *one = &table[asked & 65535];
            if (one->tries) {
                lost++;
                waiting--;
            }
            *one = (struct asked){ .first = time, .last = time, .name = name++ % count, .tries = 1 };
            waiting++;
            uint8_t message[ROOM];
            char text[128];
            snprintf(text, sizeof text, "n%u%s", one->name, zone);
            size_t length = question(message, (uint16_t)asked++, text, 28);
            (void)!send(number, message, length, MSG_DONTWAIT);
        }
        for (uint64_t id = 0; time - swept > 0.1 && id < 65536; id++) {
            struct asked *one = &table[id];
            if (!one->tries || time - one->last < PATIENCE / 1e3) continue;
            if (one->tries == TRIES) {
                lost++;
                waiting--;
                one->tries = 0;
                continue;
            }
            one->tries++;
            one->last = time;
            again++;
            uint8_t message[ROOM];
            char text[128];
            snprintf(text, sizeof text, "n%u%s", one->name, zone);
            size_t length = question(message, (uint16_t)id, text, 28);
            (void)!send(number, message, length, MSG_DONTWAIT);
        }
        if (time - swept > 0.1) swept = time;
        struct pollfd wanted = { .fd = number, .events = POLLIN };
        poll(&wanted, 1, 1);
        uint8_t reply[4096];
        ssize_t length;
        while ((length = recv(number, reply, sizeof reply, MSG_DONTWAIT)) >= 0 || errno == ECONNREFUSED) {
            if (length < 12) continue;
            struct asked *one = &table[reply[0] << 8 | reply[1]];
            if (!one->tries) continue;
            // 64:ff9b::506:708, the last record of a short answer without EDNS.
            static const uint8_t synthetic[16] = { 0, 0x64, 0xff, 0x9b, [12] = 5, [13] = 6, [14] = 7, [15] = 8 };
            if ((reply[3] & 15) || reply[7] != 1 || length < 28 || memcmp(reply + length - 16, synthetic, 16)) wrong++;
            times[answered % (sizeof times / sizeof *times)] = (float)(now() - one->first);
            answered++;
            one->tries = 0;
            waiting--;
        }
    }
    size_t kept = answered < sizeof times / sizeof *times ? answered : sizeof times / sizeof *times;
    qsort(times, kept, sizeof *times, compare);
    printf("{\"asked\": %llu, \"answered\": %llu, \"again\": %llu, \"lost\": %llu, \"wrong\": %llu, \"median\": %.6f, \"p99\": %.6f}\n",
        (unsigned long long)asked, (unsigned long long)answered, (unsigned long long)again, (unsigned long long)lost,
        (unsigned long long)wrong, kept ? (double)times[kept / 2] : 0, kept ? (double)times[kept * 99 / 100] : 0);
    return 0;
}

int main(int count, char **words)
{
    struct sigaction action = { .sa_handler = end };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (count == 3 && !strcmp(words[1], "good")) return serve(words[2], 0);
    if (count == 3 && !strcmp(words[1], "hostile")) return serve(words[2], 1);
    if (count == 5 && !strcmp(words[1], "spoil")) return flood(words[2], strtoull(words[3], NULL, 10), atof(words[4]));
    if (count >= 5 && !strcmp(words[1], "ask"))
        return ask(words[2], words[3], atof(words[4]), count > 5 ? strtoull(words[5], NULL, 10) : UINT64_MAX);
    fprintf(stderr, "how it is called stands at the head of messages.c\n");
    return 2;
}
