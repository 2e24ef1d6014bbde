"""ADR: every rule of RFC 7915 under prefixes of every length of RFC 6052, octet by octet."""

import random
import struct

from bench import C6, HOPS, R4, S4, case, equal, require
from configurations import LENGTHS
from pairs import HEADER, TRANSPORTS, Pair, arrive, same
from wire import *


def pairs(b):
    return [(Pair(b, transport, length), length) for length in LENGTHS for transport in TRANSPORTS]


@case("ADR-04", "packets of every transport leave under every length of prefix as RFC 7915 says (X64-01)", "lengths")
def outward(b):
    rand = random.Random(1)
    for pair, _ in pairs(b):
        sent, wanted = [], []
        for size in (0, 1, 7, 33, 1000, 1213, 1252, 1253, 1400):
            data, tc = rand.randbytes(size), rand.randrange(256)
            packet = pair.sent6(data, tc=tc, flow=0xABCDE, hops=77)
            sent.append(packet)
            wanted.append(pair.sent4(data, tos=tc, ttl=77 - HOPS, df=int(len(packet) - 20 > 1260)))
        arrive(b, pair.name, sent, wanted)


@case("ADR-03", "packets of every transport come in under every length of prefix as RFC 7915 says (X46-01)", "lengths")
def inward(b):
    rand = random.Random(2)
    for pair, _ in pairs(b):
        sent, wanted = [], []
        for size in (0, 1, 7, 33, 1000, 1213, 1400):
            data, tos, options = rand.randbytes(size), rand.randrange(256), rand.choice((b"", b"\1\1\1\0", b"\1" * 40))
            sent.append(pair.came4(data, tos=tos, ttl=77, df=1, identification=rand.randrange(65536), options=options))
            wanted.append(pair.came6(data, tc=tos, hops=77 - HOPS))
        arrive(b, pair.name, sent, wanted)


@case("X46-13", "with DF clear every length of prefix gets fragments of at most 1280 octets (X46-24)", "lengths")
def cut(b):
    rand = random.Random(3)
    for pair, _ in pairs(b):
        for size, options in ((1232, b""), (1233, b""), (1440, b"\1" * 40), (1472, b"")):
            data = rand.randbytes(size)
            for keys in ({}, {"check": 0}) if pair.transport == "udp" else ({},):
                number = rand.randrange(1, 65536)
                # No more than an Ethernet link carries.
                fits = data[: 1480 - len(options) - HEADER[pair.transport]]
                packet = pair.came4(fits, identification=number, options=options, payload_keys=keys)
                out6, out4 = b.exchange([], [packet])
                b.nothing(out4, pair.name)
                require(all(p.total <= 1280 for p in out6), f"{pair.name}: more than 1280 octets")
                is_cut = 40 + HEADER[pair.transport] + len(fits) > 1280
                equal(f"{pair.name}: fragments", {p.is_fragment for p in out6}, {is_cut})
                if is_cut:
                    equal("identifications", {p.identification for p in out6}, {number})
                whole = reassemble(out6)
                require(whole is not None, f"{pair.name}: {len(fits)} octets do not arrive whole")
                same(f"{pair.name}: {len(fits)} octets", whole, pair.came_payload6(fits))


@case("NAT-24", "fragments pass under every length of prefix, both ways and in both orders (X64-15, X46-16)", "lengths")
def fragments(b):
    rand = random.Random(4)
    number = 0x1000
    for pair, _ in pairs(b):
        for size, cuts in ((100, (24,)), (2001, (1208,)), (3000, (24, 1208, 2408))):
            for backward in (False, True):
                number += 1
                data = rand.randbytes(size)
                sent6, sent4 = [], []
                payload6, payload4 = pair.sent_payload6(data), pair.came_payload4(data)
                bounds = [0, *cuts, len(payload6)]
                for start, end in list(zip(bounds, bounds[1:]))[:: -1 if backward else 1]:
                    more = end < len(payload6)
                    # What is reserved in the header is not looked at: RFC 8200 section 4.5.
                    header = bytearray(fragment_header(pair.in6, start, more, number))
                    header[1], header[3] = 0x5A, header[3] | 6
                    packet = options_header(44) + bytes(header) + payload6[start:end]
                    sent6.append(ip6(C6, pair.target, 60, packet))
                    keys = {"identification": number, "offset": start, "mf": int(more), "df": size % 2}
                    sent4.append(ip4(S4, pair.external, pair.in4, payload4[start:end], **keys))
                out6, out4 = b.exchange(sent6)
                b.nothing(out6, pair.name)
                whole = reassemble(out4)
                require(whole is not None, f"{pair.name}: {size} octets do not arrive whole")
                same(f"{pair.name}: {size} octets", whole, pair.sent_payload4(data))
                out6, out4 = b.exchange([], sent4)
                b.nothing(out4, pair.name)
                whole = reassemble(out6)
                require(whole is not None, f"{pair.name}: {size} octets do not come in whole")
                same(f"{pair.name}: {size} octets", whole, pair.came_payload6(data))
                equal("identifications", {p.identification for p in out6 if p.is_fragment}, {number})


def inward_table():
    """Type and code of ICMPv4, and what RFC 7915 section 4.2 makes of it."""
    table = {(3, code): (1, 0) for code in (0, 1, 5, 6, 7, 8, 11, 12)}
    table |= {(3, code): (1, 1) for code in (9, 10, 13, 15)}
    table |= {(3, 2): (4, 1), (3, 3): (1, 4), (3, 4): (2, 0), (12, 0): (4, 0), (12, 2): (4, 0)}
    table |= {(11, code): (3, code) for code in range(3)}
    return table | {(3, 14): None, (3, 16): None, (4, 0): None, (5, 1): None, (12, 1): None, (12, 3): None}


@case("I46-18", "every ICMPv4 error is translated under every length of prefix, its quote octet by octet", "lengths")
def errors_inward(b):
    for pair, length in pairs(b):
        sent, wanted = [], []
        for number, ((kind, code), into) in enumerate(inward_table().items()):
            word = {3: 1400 if code == 4 else 0, 12: 9 << 24}.get(kind, 0)
            data = bytes([number] * 30)
            quoted = pair.sent4(data, tos=0xB9, ttl=5, df=1, identification=0x7777)
            sent.append(pair.error4(kind, code, word, quoted, tos=0xC3))
            if into is None:
                continue
            source = embed(LENGTHS[length], R4, length)
            word = struct.pack("!I", {(4, 1): 6, (2, 0): 1420, (4, 0): 6}.get(into, 0))
            message = icmp6(source, C6, *into, word, pair.sent6(data, tc=0xB9, hops=5))
            wanted.append(ip6(source, C6, ICMP6, message, tc=0xC3, hops=64 - HOPS))
        arrive(b, pair.name, sent, wanted)


@case("I64-16", "every ICMPv6 error is translated under every length of prefix, its quote octet by octet", "lengths")
def errors_outward(b):
    table = {(1, 0): (3, 1), (1, 1): (3, 10), (1, 2): (3, 1), (1, 3): (3, 1), (1, 4): (3, 3), (2, 0): (3, 4)}
    table |= {(3, 0): (11, 0), (3, 1): (11, 1), (4, 0): (12, 0), (4, 1): (3, 2)}
    table |= {(1, 5): None, (1, 6): None, (4, 2): None, (4, 3): None, (5, 0): None, (127, 0): None, (137, 0): None}
    for pair, _ in pairs(b):
        sent, wanted = [], []
        for number, ((kind, code), into) in enumerate(table.items()):
            data = bytes([number] * 30)
            word = {2: 1400, 4: 7 if code == 0 else 0}.get(kind, 0)
            quoted = pair.came6(data, tc=0xB9, hops=5, flow=0x12345)
            sent.append(pair.error6(kind, code, word, quoted, tc=0xC3, flow=5))
            if into is None:
                continue
            word = struct.pack("!I", {(3, 4): 1380, (12, 0): 8 << 24}.get(into, 0))
            message = icmp4(*into, word, pair.came4(data, tos=0xB9, ttl=5))
            wanted.append(ip4(pair.external, S4, ICMP, message, tos=0xC3, ttl=64 - HOPS))
        arrive(b, pair.name, sent, wanted)


@case("X64-08", "hop limits run out under every length of prefix, and the quote is the packet (X46-07)", "lengths")
def hops(b):
    for pair, _ in pairs(b):
        packet = pair.sent6(b"q" * 40, hops=2)
        out6, out4 = b.exchange([packet])
        b.nothing(out4, pair.name)
        error = b.one(out6, pair.name)
        equal("type, code, destination", (error.type, error.code, error.dst), (3, 0, C6))
        same(f"{pair.name}: the quote", error.data[:7] + error.data[8:], packet[:7] + packet[8:])
        packet = pair.came4(b"q" * 1200, ttl=2, df=1)
        out6, out4 = b.exchange([], [packet])
        b.nothing(out6, pair.name)
        error = b.one(out4, pair.name)
        equal("type, code, destination", (error.type, error.code, error.dst), (11, 0, S4))
        # The kernel has taken a hop and changed the header's checksum.
        same(f"{pair.name}: the quote", error.data[12:], packet[12 : len(error.data)])
        equal("octets", error.total, 576)
        silent = [pair.error6(1, 4, 0, pair.came6(b"x"), hops=2), pair.error4(3, 1, 0, pair.sent4(b"x"), ttl=2)]
        silent.append(ip4(S4, pair.external, pair.in4, bytes(64), offset=640, identification=3, ttl=2))
        arrive(b, f"{pair.name}: errors and later fragments", silent, [])


@case("ADR-06", "bits behind the embedded address are not looked at, under every length of prefix", "lengths")
def suffixes(b):
    for length, prefix in LENGTHS.items():
        if length == 96:
            continue
        octets = bytearray(a6(embed(prefix, S4, length)))
        octets[length // 8 + 5 :] = b"\xff" * len(octets[length // 8 + 5 :])
        target = t6(bytes(octets))
        out = b.out4(udp6(C6, target, b.port(), 53, b"suffix"), f"under /{length}")
        equal("the destination", out.dst, S4)
        back = b.out6(udp4(S4, out.src, 53, out.sport, b"answer"))
        require(back.src in (target, embed(prefix, S4, length)), f"under /{length} the answer comes from {back.src}")
