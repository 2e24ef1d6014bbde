"""I46, I64: what ICMP errors quote, whole and cut, with lengths that lie, and the extensions of RFC 4884."""

import struct

from bench import C6, HOPS, R4, S4, case, equal
from configurations import LENGTHS
from pairs import CHECKSUM_AT, TRANSPORTS, Pair, arrive, batches, extension, same
from wire import *


def told6(kind, code, quoted, length=96, word=0):
    """The ICMPv6 error that a router's ICMPv4 error becomes."""
    source = embed(LENGTHS[length], R4, length)
    message = icmp6(source, C6, kind, code, struct.pack("!I", word), quoted)
    return ip6(source, C6, ICMP6, message, hops=64 - HOPS)


def told4(pair, kind, code, quoted, word=0):
    """The ICMPv4 error that a client's ICMPv6 error becomes."""
    return ip4(pair.external, S4, ICMP, icmp4(kind, code, struct.pack("!I", word), quoted), ttl=64 - HOPS)


@case("I46-27", "a quote cut at any octet is the start of what the client sent, or none (I46-18)", "lengths")
def cut_inward(b):
    for transport, length in zip(TRANSPORTS, (96, 56, 32)):
        pair = Pair(b, transport, length)
        quoted, was = pair.sent4(b"W" * 23, ttl=9, df=1), pair.sent6(b"W" * 23, hops=9)
        # The half of a checksum cannot be made right; and eight octets of transport is what RFC 792 promises.
        half = 20 + CHECKSUM_AT[transport] + 1
        for cuts in batches([cut for cut in range(len(quoted) + 1) if cut != half]):
            sent = [pair.error4(11, 0, 0, quoted[:cut]) for cut in cuts]
            arrive(b, pair.name, sent, [told6(3, 0, was[: cut + 20], length) for cut in cuts if cut >= 28])


@case("I64-16", "a quote cut at any octet is the start of what the peer sent, or none", "lengths")
def cut_outward(b):
    for transport, length in zip(TRANSPORTS, (96, 56, 32)):
        pair = Pair(b, transport, length)
        quoted, was = pair.came6(b"W" * 23, hops=9), pair.came4(b"W" * 23, ttl=9)
        half = 40 + CHECKSUM_AT[transport] + 1
        for cuts in batches([cut for cut in range(len(quoted) + 1) if cut != half]):
            sent = [pair.error6(3, 0, 0, quoted[:cut]) for cut in cuts]
            arrive(b, pair.name, sent, [told4(pair, 11, 0, was[: cut - 20]) for cut in cuts if cut >= 48])


@case("I46-25", "quotes with options, of first fragments, with extensions behind them, all at once (I46-22)", "lengths")
def mixed_inward(b):
    for transport, length in (("udp", 96), ("tcp", 64)):
        pair = Pair(b, transport, length)
        for options in (b"", b"\7\7\4" + bytes(5), b"\7\x27\4" + bytes(37)):
            for more in (0, 1):
                payload4, payload6 = pair.sent_payload4(b"M" * 1000)[:1000], pair.sent_payload6(b"M" * 1000)[:1000]
                quoted = ip4(
                    pair.external, S4, pair.in4, payload4, options=options, ttl=3, mf=more, identification=0x99
                )[:160]
                head = b"" if not more else fragment_header(pair.in6, 0, True, 0x99)
                was = head + payload6[: 160 - 20 - (len(options) + 3) // 4 * 4]
                was = ip6(C6, pair.target, 44 if more else pair.in6, was, hops=3, length=1000 + len(head))
                room = max(128, -(-len(was) // 8) * 8)
                was += bytes(room - len(was)) + extension(2)
                sent = pair.error4(11, 0, 40 << 16, quoted + extension(2))
                arrive(b, pair.name, [sent], [told6(3, 0, was, length, room // 8 << 24)])


@case("I46-22", "extensions of every shape keep their octets behind quotes of every length", "lengths")
def extensions_inward(b):
    for transport, length in (("udp", 96), ("ping", 40)):
        pair = Pair(b, transport, length)
        sent, wanted = [], []
        for kind, code, into in ((11, 0, (3, 0)), (3, 1, (1, 0)), (3, 3, (1, 4)), (3, 13, (1, 1))):
            for words in (32, 33, 34, 137, 255):
                for size in (20, words * 4):
                    for objects in (extension(), extension(4, 20), b"\x20\0\0\0", b"\x10\1\2\3garbage"):
                        quoted = (pair.sent4(bytes([code]) * size, ttl=1, df=1) + bytes(1020))[: words * 4]
                        sent.append(pair.error4(kind, code, words << 16, quoted + objects))
                        was = pair.sent6(bytes([code]) * size, hops=1)[: words * 4 + 20]
                        room = max(128, min(-(-len(was) // 8) * 8, (1232 - len(objects)) // 8 * 8))
                        was = (was + bytes(128))[:room] if len(was) < 128 else (was + bytes(8))[:room]
                        wanted.append(told6(*into, was + objects, length, room // 8 << 24))
        for some in batches(list(zip(sent, wanted))):
            arrive(b, pair.name, [one for one, _ in some], [other for _, other in some])


@case("I64-18", "extensions of every shape keep their octets behind quotes of every length", "lengths")
def extensions_outward(b):
    for transport, length in (("udp", 96), ("ping", 40)):
        pair = Pair(b, transport, length)
        sent, wanted = [], []
        for kind, code, into in ((3, 0, (11, 0)), (1, 0, (3, 1)), (1, 1, (3, 10)), (1, 4, (3, 3))):
            for units in (16, 17, 18, 40, 127):
                for size in (20, units * 8):
                    for objects in (extension(), extension(4, 20), b"\x20\0\0\0", b"\x10\1\2\3garbage"):
                        quoted = (pair.came6(bytes([code]) * size, hops=1) + bytes(1020))[: units * 8]
                        sent.append(pair.error6(kind, code, units << 24, quoted + objects))
                        was = pair.came4(bytes([code]) * size, ttl=1)[: units * 8 - 20]
                        room = max(128, -(-len(was) // 4) * 4)
                        wanted.append(told4(pair, *into, was + bytes(room - len(was)) + objects, room // 4 << 16))
        for some in batches(list(zip(sent, wanted))):
            arrive(b, pair.name, [one for one, _ in some], [other for _, other in some])


@case("I46-22", "a length attribute that lies gives no message that lies (I64-18)", "lengths")
def lying_attributes(b):
    pair = Pair(b, "udp")
    for words, there in ((33, 128), (255, 128), (1, 128), (31, 128), (32, 128), (5, 128), (32, 60)):
        quoted = (pair.sent4(b"E" * 20, ttl=1, df=1) + bytes(128))[:there]
        out = b.out6(pair.error4(11, 0, words << 16, quoted), f"{words} words of {there} octets")
        equal(f"the attribute for {words} words of {there} octets", out.rest[0], 0)
        same("the quote", out.data, pair.sent6(b"E" * 20, hops=1))
    for units, there in ((17, 128), (255, 128), (1, 128), (15, 128), (16, 128), (16, 70)):
        quoted = (pair.came6(b"E" * 20, hops=1) + bytes(128))[:there]
        out = b.out4(pair.error6(3, 0, units << 24, quoted), f"{units} units of {there} octets")
        equal(f"the attribute for {units} units of {there} octets", out.rest[1], 0)
        equal("the quoted octets", len(out.data), 48)


@case("I64-16", "quotes behind extension headers are translated, those of no packet of ours dropped", "lengths")
def headers_outward(b):
    for transport in TRANSPORTS:
        pair = Pair(b, transport, 48)
        size = 60 if transport == "tcp" else 64
        payload6, payload4 = pair.came_payload6(b"F" * size), pair.came_payload4(b"F" * size)
        # Of a fragment nobody knows how long its datagram is, which the checksum of a ping covers.
        if transport != "ping":
            first = fragment_header(pair.in6, 0, True, 0x1234BEEF) + payload6
            for header, body in ((44, first), (0, options_header(44) + first)):
                was = ip4(S4, pair.external, pair.in4, payload4, identification=0xBEEF, mf=1, ttl=4)
                sent = pair.error6(1, 4, 0, ip6(pair.target, C6, header, body, hops=4))
                arrive(b, f"{pair.name}: a first fragment", [sent], [told4(pair, 3, 3, was)])
        was = ip4(S4, pair.external, pair.in4, payload4, ttl=4)
        for header, body in (
            (60, options_header(pair.in6) + payload6),
            (0, options_header(43) + routing_header(60, 0) + options_header(pair.in6) + payload6),
            (44, fragment_header(pair.in6, 0, False, 0x1234BEEF) + payload6),
        ):
            sent = pair.error6(1, 4, 0, ip6(pair.target, C6, header, body, hops=4))
            arrive(b, f"{pair.name} behind header {header}", [sent], [told4(pair, 3, 3, was)])
        silent = [
            (43, routing_header(pair.in6, 1) + payload6),
            (44, fragment_header(pair.in6, 80, False, 5) + payload6),
            (44, bytes([pair.in6, 0, 0])),
            (60, options_header(pair.in6)[:4]),
            (60, bytes([pair.in6, 99, 1, 4]) + bytes(4) + payload6),
            (51, bytes([pair.in6, 1]) + bytes(10) + payload6),
            (ICMP, payload4),
        ]
        sent = [pair.error6(1, 4, 0, ip6(pair.target, C6, header, body)) for header, body in silent]
        sent += [
            pair.error6(1, 4, 0, pair.came4(b"x") + bytes(40)),
            pair.error6(1, 4, 0, pair.sent6(b"x")),
            pair.error6(1, 4, 0, pair.came6(b"x", version=5)),
            pair.error4(3, 1, 0, pair.sent6(b"x")),
            pair.error4(3, 1, 0, pair.came4(b"x")),
            pair.error4(3, 1, 0, ip4(pair.external, S4, ICMP6, pair.sent_payload6(b"x"))),
            pair.error4(3, 1, 0, pair.sent4(b"x", words=4)),
            pair.error4(3, 1, 0, pair.sent4(b"x" * 20, words=15)[:40]),
        ]
        for kind in (3, 4, 5, 9, 10, 11, 12, 13, 14, 17):
            inner = icmp4(kind, 0, echo(pair.eport, 1), pair.came4(b"x"))
            sent.append(pair.error4(3, 1, 0, ip4(pair.external, S4, ICMP, inner)))
        for kind in (1, 2, 3, 4, 130, 133, 135, 137):
            inner = icmp6(pair.target, C6, kind, 0, echo(pair.sport, 1), pair.sent6(b"x"))
            sent.append(pair.error6(1, 4, 0, ip6(pair.target, C6, ICMP6, inner)))
        arrive(b, f"{pair.name}: quotes of what is not ours", sent, [])


@case("I46-18", "lengths in quoted headers are carried over, or the error is dropped (I64-16)", "lengths")
def lying_lengths(b):
    for transport in TRANSPORTS:
        pair = Pair(b, transport)
        for total in (0, 19, 20, 27, 28, 65516, 65535):
            quoted = ip4(pair.external, S4, pair.in4, pair.sent_payload4(b"F" * 60), total=total)
            out6, out4 = b.exchange([], [pair.error4(11, 0, 0, quoted)])
            b.nothing(out4, f"a quote of {total} octets")
            for packet in out6:
                equal(f"the payload of a quote of {total} octets", packet.quote.length, total - 20)
        for length in (0, 7, 8, 65515, 65516, 65535):
            quoted = ip6(pair.target, C6, pair.in6, pair.came_payload6(b"F" * 60), length=length)
            out6, out4 = b.exchange([pair.error6(3, 0, 0, quoted)])
            b.nothing(out6, f"a quote of payload {length}")
            for packet in out4:
                equal(f"the total of a quote of payload {length}", packet.quote.total, min(length + 20, 65535))
                equal("the sum of the quoted header", sum16(packet.data[:20]), 0xFFFF)


@case("I46-19", "errors about echo replies of a client and requests to it lead to its identifier (I64-16)", "lengths")
def other_echoes(b):
    for length in LENGTHS:
        pair = Pair(b, "ping", length)
        was6 = ip6(C6, pair.target, ICMP6, icmp6(C6, pair.target, 129, 0, echo(pair.sport, 3), b"pong"), hops=5)
        was4 = ip4(pair.external, S4, ICMP, icmp4(0, 0, echo(pair.eport, 3), b"pong"), ttl=5, df=1)
        arrive(b, pair.name, [pair.error4(11, 0, 0, was4)], [told6(3, 0, was6, length)])
        was6 = ip6(pair.target, C6, ICMP6, icmp6(pair.target, C6, 128, 0, echo(pair.sport, 3), b"ping"), hops=5)
        was4 = ip4(S4, pair.external, ICMP, icmp4(8, 0, echo(pair.eport, 3), b"ping"), ttl=5)
        arrive(b, pair.name, [pair.error6(1, 3, 0, was6)], [told4(pair, 3, 1, was4)])


@case("I46-21", "large quotes are cut to what 1280 octets hold, 1260 in IPv4, and right as far as they go", "lengths")
def large_quotes(b):
    for transport in TRANSPORTS:
        pair = Pair(b, transport)
        data = bytes(range(250)) * 5
        quoted4, was6 = pair.sent4(data, df=1, ttl=8), pair.sent6(data, hops=8)
        quoted6, was4 = pair.came6(data, hops=8), pair.came4(data, ttl=8)
        for size in (548, 1211, 1212, 1213, 1232, len(quoted4)):
            # What leaves with DF clear has no more than 1260 octets (X64-04).
            sent = [pair.error4(3, 1, 0, quoted4[:size]), pair.error6(3, 0, 0, quoted6[:size])]
            wanted = [told6(1, 0, was6[: min(size + 20, 1232)]), told4(pair, 11, 0, was4[: min(size - 20, 1232)])]
            arrive(b, f"{pair.name}, {size} octets", sent, wanted)
