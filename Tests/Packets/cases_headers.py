"""X46-03, X46-04, X64-03, X64-09, X64-10: IPv4 options and IPv6 extension headers, alone and together."""

import struct

from bench import C6, S4, case, equal, require
from pairs import TRANSPORTS, Pair, arrive, batches, same
from wire import *


def long_options_header(next_header, octets):
    """Padding of more than one option."""
    return bytes([next_header, octets // 8 - 1, 1, 250]) + bytes(250) + bytes([1, octets - 256]) + bytes(octets - 256)


HEADERS = {
    "HBH": (0, options_header),
    "DO": (60, options_header),
    "long DO": (60, lambda following: long_options_header(following, 264)),
    "RH 0": (43, lambda following: routing_header(following, 0, 0)),
    "RH 2": (43, lambda following: routing_header(following, 0, 2)),
    "RH 4": (43, lambda following: routing_header(following, 0, 4)),
    "RH 253": (43, lambda following: routing_header(following, 0, 253)),
}


def chain(names, protocol, payload):
    """The payload behind extension headers, and the number of the first."""
    for name in reversed(names):
        number, header = HEADERS[name]
        protocol, payload = number, header(protocol) + payload
    return protocol, payload


@case("X64-09", "headers in any order are left out, size and DF are those of what remains (X64-03, X64-04)", "lengths")
def orders(b):
    chains = [[name] for name in HEADERS]
    chains += [["HBH", "DO", "RH 0", "DO"], ["HBH", "RH 4", "long DO"], ["DO", "DO"], ["RH 0", "RH 4"]]
    for transport in TRANSPORTS:
        pair = Pair(b, transport, 64)
        for atomic in (False, True):
            sent, wanted = [], []
            for number, names in enumerate(chains):
                for size in (10, 1220, 1221, 1253):
                    data = bytes([number]) * size
                    protocol, payload = pair.in6, pair.sent_payload6(data)
                    if atomic:
                        protocol, payload = 44, fragment_header(protocol, 0, False, 0xAABB0000 + number) + payload
                    packet = ip6(C6, pair.target, *chain(names, protocol, payload))
                    if len(packet) > 1500:
                        continue
                    sent.append(packet)
                    out = pair.sent4(data, ttl=61)
                    wanted.append(pair.sent4(data, ttl=61, df=int(len(out) > 1260 and not atomic)))
            for some in batches(list(zip(sent, wanted))):
                what = f"{pair.name}, atomic fragments: {atomic}"
                arrive(b, what, [one for one, _ in some], [other for _, other in some])


@case("X64-10", "segments left are told by 4/0 at their octet, whatever stands in front and follows", "lengths")
def segments_left(b):
    pair = Pair(b, "udp", 48)
    for kind, left in ((0, 1), (2, 1), (3, 255), (4, 2), (253, 1)):
        for names, at in (((), 43), (("DO",), 51), (("HBH", "DO"), 59), (("long DO",), 43 + 264)):
            rest = routing_header(UDP, left, kind) + pair.sent_payload6(b"left")
            packet = ip6(C6, pair.target, *chain(names, 43, rest))
            out6, out4 = b.exchange([packet])
            b.nothing(out4, f"kind {kind}")
            out = b.one(out6, f"kind {kind} behind {names}")
            equal("type, code, pointer, destination", (out.type, out.code, out.word, out.dst), (4, 0, at, C6))
            same("the quote", out.data[:7] + out.data[8:], packet[:7] + packet[8:])
    error = pair.error6(1, 4, 0, pair.came6(b"x"))
    silent = [ip6(C6, pair.target, 43, routing_header(ICMP6, 1) + error[40:])]
    rest = routing_header(UDP, 1) + pair.sent_payload6(bytes(16))
    rest = rest[: len(rest) // 8 * 8]
    silent.append(ip6(C6, pair.target, 44, fragment_header(43, 8, True, 77) + rest))
    arrive(b, "an error, and a later fragment", silent, [])
    # In the part that is in fragments no such header is looked at: RFC 7915 section 5.1.1.
    out6, out4 = b.exchange([ip6(C6, pair.target, 44, fragment_header(43, 0, True, 77) + rest)])
    b.nothing(out4, "a fragment of a routing header")
    equal("the error about it", [(p.type, p.code, p.word, p.dst) for p in out6], [(1, 1, 0, C6)])


@case("X64-27", "headers that lie about themselves let nothing pass", "lengths")
def lying_headers(b):
    pair = Pair(b, "udp", 48)
    payload = pair.sent_payload6(b"lie")
    sent = [
        ip6(C6, pair.target, 60, bytes([UDP, 200, 1, 4]) + bytes(4) + payload),
        ip6(C6, pair.target, 60, bytes([UDP])),
        ip6(C6, pair.target, 60, options_header(UDP)),
        ip6(C6, pair.target, 44, bytes([UDP, 0, 0, 0])),
        ip6(C6, pair.target, 44, fragment_header(44, 0, False, 1) + fragment_header(UDP, 0, False, 2) + payload),
        ip6(C6, pair.target, 60, options_header(0) + options_header(UDP) + payload),
        ip6(C6, pair.target, 60, b"".join(options_header(60) for _ in range(60)) + options_header(UDP) + payload),
        ip6(C6, pair.target, 0, bytes([UDP, 0, 0xC2, 4]) + struct.pack("!I", 70000) + payload, length=0),
        ip6(C6, pair.target, UDP, b""),
        ip6(C6, pair.target, UDP, payload[:7]),
        ip6(C6, pair.target, TCP, bytes(19)),
        ip6(C6, pair.target, ICMP6, bytes([128]) + bytes(6)),
    ]
    for packet in sent:
        _, out4 = b.exchange([packet])
        b.nothing(out4, packet[:64].hex(" ", 4))


@case("X46-03", "options of every kind are left out, and a source route is found anywhere in their list", "lengths")
def options(b):
    hop = a4("198.51.100.9")
    for transport in TRANSPORTS:
        pair = Pair(b, transport, 40)
        sent, wanted = [], []
        for number, some in enumerate(
            (
                b"\1\1\1\0",
                # Behind the end of the list nothing counts.
                b"\0\x83\7\4" + hop,
                b"\x83\7\x08" + hop,
                b"\1\x83\7\x08" + hop,
                b"\x94\4\0\0",
                b"\x82\x0b" + bytes(9),
                b"\x88\4\0\1",
                b"\x1e\4\0\0",
                b"\1" * 40,
                b"\x44\x0c\5\0" + bytes(8),
                b"\7\x0b\4" + bytes(9),
            )
        ):
            data = bytes([number] * 30)
            sent.append(pair.came4(data, options=some))
            wanted.append(pair.came6(data, hops=61))
        arrive(b, pair.name, sent, wanted)
        for some in (
            b"\x83\7\4" + hop,
            b"\x89\7\4" + hop,
            b"\1\1\1\x83\7\4" + hop,
            b"\7\7\4" + bytes(4) + b"\x83\7\4" + hop,
            b"\x83\x0f\x0c" + bytes(8) + hop,
        ):
            out6, out4 = b.exchange([], [pair.came4(b"x", options=some)])
            b.nothing(out6, f"options {some.hex()}")
            # The kernel answers some of them itself.
            require(all((p.type, p.code) in ((3, 5), (12, 0)) for p in out4), f"{some.hex()} is answered by another")
            later = ip4(S4, pair.external, pair.in4, bytes(40), options=some, offset=800, identification=4)
            arrive(b, "a later fragment, an error", [later, pair.error4(3, 1, 0, pair.sent4(b"x"), options=some)], [])


@case("X46-25", "headers of IPv6 are none in IPv4, and ICMP of the other family is no ICMP (X64-23)", "lengths")
def numbers(b):
    pair = Pair(b, "udp")
    for number in (0, 33, 43, 44, 51, 58, 59, 60, 132, 135, 136, 139, 140):
        body = options_header(UDP) + pair.came_payload4(b"behind!!")
        out6, out4 = b.exchange([], [ip4(S4, pair.external, number, body)])
        b.nothing(out6, f"protocol {number}")
        equal(f"the error about {number}", [(p.type, p.code, p.dst) for p in out4], [(3, 2, S4)])
        later = ip4(S4, pair.external, number, body, offset=80, mf=1, identification=9)
        arrive(b, f"a later fragment of {number}", [later], [])
    for number in (1, 2, 33, 51, 59, 132, 135, 136, 139, 140):
        packet = ip6(C6, pair.target, number, bytes([8]) + bytes(39))
        out6, out4 = b.exchange([packet])
        b.nothing(out4, f"next header {number}")
        equal(f"the error about {number}", [(p.type, p.code, p.dst) for p in out6], [(1, 4, C6)])
        same("the quote", out6[0].data[:7] + out6[0].data[8:], packet[:7] + packet[8:])


@case("X64-21", "sums at the ends of one's complement stay right, on both sides of every transport (X46-20)", "lengths")
def sums(b):
    for transport, at in (("udp", 6), ("tcp", 16), ("ping", 2)):
        for length in (96, 32):
            pair = Pair(b, transport, length)
            sent, wanted = [], []
            makers = (pair.sent_payload6, pair.sent_payload4, pair.came_payload4, pair.came_payload6)
            for maker in makers:
                # Two octets of data let the sum be anything.
                base = struct.unpack("!H", maker(b"\0\0")[at : at + 2])[0]
                for number in range(base - 2, base + 3):
                    data = struct.pack("!H", number % 65536)
                    outward = maker in makers[:2]
                    sent.append(pair.sent6(data) if outward else pair.came4(data))
                    wanted.append(pair.sent4(data, ttl=61) if outward else pair.came6(data, hops=61))
            arrive(b, pair.name, sent, wanted)
