"""NAT: fragments (RFC 6146 section 3.4, RFC 8200 section 4.5)."""

import itertools
import os
import struct
import time

from bench import P, embed, C6, S4, case, equal, require
from pairs import HEADER, TRANSPORTS, Pair, same
from wire import *

TARGET = embed(P, S4)


def pieces6(flow, message, cuts, identification, protocol=UDP):
    bounds = [0, *cuts, len(message)]
    return [
        ip6(
            flow.client,
            flow.target,
            44,
            fragment_header(protocol, start, end < len(message), identification) + message[start:end],
        )
        for start, end in zip(bounds, bounds[1:])
    ]


def pieces4(flow, message, cuts, identification, protocol=UDP, options=b""):
    bounds = [0, *cuts, len(message)]
    return [
        ip4(
            flow.peer,
            flow.external,
            protocol,
            message[start:end],
            identification=identification,
            offset=start,
            mf=int(end < len(message)),
            options=options,
        )
        for start, end in zip(bounds, bounds[1:])
    ]


@case("NAT-24", "3,000 octets in three fragments arrive whole, in all orders and both directions")
def fragment_orders(b):
    flow = b.udp_flow()
    data = os.urandom(3000)
    outward = udp(C6, TARGET, flow.sport, 53, data)
    inward = udp(S4, flow.external, 53, flow.eport, data)
    for number, sequence in enumerate(itertools.permutations(range(3))):
        pieces = pieces6(flow, outward, (1200, 2400), 0x10000 + number)
        out6, out4 = b.exchange([pieces[index] for index in sequence])
        b.nothing(out6, f"order {sequence}")
        whole = reassemble(out4)
        require(
            whole is not None and whole[8:] == data and out4[0].transport_is_right(whole),
            f"order {sequence} does not arrive whole",
        )
        pieces = pieces4(flow, inward, (1200, 2400), 0x2000 + number)
        out6, out4 = b.exchange([], [pieces[index] for index in sequence])
        b.nothing(out4, f"order {sequence}")
        whole = reassemble(out6)
        require(
            whole is not None and whole[8:] == data and out6[0].transport_is_right(whole),
            f"order {sequence} does not arrive whole from IPv4",
        )


@case("NAT-24", "IPv4 fragments with 40 octets of options arrive whole, with and without a UDP checksum (X46-24)")
def fragments_with_options(b):
    flow = b.udp_flow()
    data = os.urandom(2600)
    options = bytes([7, 39, 4]) + bytes(37)
    for number, sequence in enumerate(itertools.permutations(range(2))):
        for check in (None, 0):
            message = udp(S4, flow.external, 53, flow.eport, data, check=check)
            pieces = pieces4(flow, message, (1400,), 0x2800 + 2 * number + (check is None), options=options)
            out6, out4 = b.exchange([], [pieces[index] for index in sequence])
            b.nothing(out4, f"order {sequence}, checksum {check}")
            require(all(p.total <= 1280 for p in out6), "a fragment is larger than 1280 octets")
            whole = reassemble(out6)
            require(
                whole is not None and whole[8:] == data and out6[0].transport_is_right(whole),
                f"order {sequence}, checksum {check} does not arrive whole",
            )


@case("NAT-24", "fragments of TCP and of pings arrive whole, in all orders and both directions")
def fragments_of_others(b):
    connection, ping = b.tcp_flow(), b.ping_flow()
    data = os.urandom(2800)
    cases = (
        (
            TCP,
            tcp(C6, TARGET, connection.sport, 80, ACK, data),
            TCP,
            tcp(S4, connection.external, 80, connection.eport, ACK, data),
            connection,
            20,
        ),
        (
            ICMP6,
            icmp6(C6, TARGET, 128, 0, echo(ping.sport, 1), data),
            ICMP,
            icmp4(0, 0, echo(ping.eport, 1), data),
            ping,
            8,
        ),
    )
    for protocol6, outward, protocol4, inward, flow, skip in cases:
        for number, sequence in enumerate(itertools.permutations(range(3))):
            pieces = pieces6(flow, outward, (1200, 2400), 0x30000 + number, protocol6)
            _, out4 = b.exchange([pieces[index] for index in sequence])
            whole = reassemble(out4)
            require(
                whole is not None and whole[skip:] == data,
                f"protocol {protocol6}, order {sequence} does not arrive whole",
            )
            require(out4[0].transport_is_right(whole), f"protocol {protocol6}: the checksum is wrong")
            pieces = pieces4(flow, inward, (1200, 2400), 0x4000 + number, protocol4)
            out6, _ = b.exchange([], [pieces[index] for index in sequence])
            whole = reassemble(out6)
            require(
                whole is not None and whole[skip:] == data,
                f"protocol {protocol4}, order {sequence} does not arrive whole from IPv4",
            )
            require(out6[0].transport_is_right(whole), f"protocol {protocol4}: the checksum is wrong")


@case("NAT-24", "the largest datagram passes in fragments, in both directions")
def largest_datagram(b):
    flow = b.udp_flow()
    data = os.urandom(65507)
    cuts = list(range(1448, 65515, 1448))
    out6, out4 = b.exchange(pieces6(flow, udp(C6, TARGET, flow.sport, 53, data), cuts, 0x99), wait=0.05)
    whole = reassemble(out4)
    require(whole is not None and whole[8:] == data, f"it does not arrive whole, {len(out4)} fragments came")
    out6, out4 = b.exchange([], pieces4(flow, udp(S4, flow.external, 53, flow.eport, data), cuts, 0x98), wait=0.05)
    whole = reassemble(out6)
    require(whole is not None and whole[8:] == data, f"it does not arrive whole from IPv4, {len(out6)} fragments came")


@case("NAT-25", "the fragments of a datagram may take 1.6 seconds; after the time nothing comes", config="nsp")
def fragment_gap(b):
    flow, late = b.udp_flow(), b.udp_flow()
    data = os.urandom(2000)
    for number in range(0x71, 0x171, 4):
        slow = pieces6(flow, udp(C6, TARGET, flow.sport, 53, data), (1200,), number)
        lost = pieces6(late, udp(C6, TARGET, late.sport, 53, data), (1200,), number + 1)
        slow4 = pieces4(flow, udp(S4, flow.external, 53, flow.eport, data), (1200,), number + 2)
        start = time.monotonic()
        _, before = b.exchange([slow[1], lost[1]], [slow4[1]])
        arrived = time.monotonic()
        time.sleep(max(start + 1.6 - time.monotonic(), 0))
        out6, out4 = b.exchange([slow[0]], [slow4[0]])
        # On a busy machine it may have taken longer than it may: that says nothing.
        if time.monotonic() < start + 2:
            break
    whole, whole6 = reassemble(before + out4), reassemble(out6)
    require(whole is not None and whole[8:] == data, "a first fragment 1.6 seconds late does not complete the datagram")
    require(whole6 is not None and whole6[8:] == data, "the same from IPv4")
    time.sleep(max(arrived + 2.6 - time.monotonic(), 0))
    _, out4 = b.exchange([lost[0]])
    require(len(out4) <= 1 and not any(p.offset for p in out4), "a fragment is kept longer than 2 seconds")


@case("NAT-26", "a flood of lone fragments does not stop other traffic")
def fragment_flood(b):
    flow = b.udp_flow()
    data = os.urandom(1232)
    for number in range(6000):
        b.lan.send(ip6(C6, TARGET, 44, fragment_header(UDP, 1232, False, 0x50000 + number) + data))
    b.settle()
    b.out4(flow.udp6(b"still"))
    b.out6(flow.udp4(b"alive"))
    # The memory is full now; the oldest fragments make room, whoever comes.
    one, two = pieces6(flow, udp(C6, TARGET, flow.sport, 53, data * 2), (1232,), 0x77777)
    _, out4 = b.exchange([two, one])
    require(reassemble(out4) is not None, "in the flood fragments of the same client do not pass")
    inward = pieces4(flow, udp(S4, flow.external, 53, flow.eport, data * 2), (1232,), 0x7777)
    out6, _ = b.exchange([], reversed(inward))
    require(reassemble(out6) is not None, "in the flood fragments from IPv4 do not pass")
    require(b.drops().get("fragment-memory", 0) > 0, "nothing is counted")


@case("NAT-27", "a first fragment without the whole transport header is dropped (NAT-30)")
def tiny(b):
    connection = b.tcp_flow()
    message = tcp(C6, TARGET, connection.sport, 80, ACK, bytes(200))
    out6, out4 = b.exchange(pieces6(connection, message, (8,), 0x81, TCP))
    b.nothing(out4, "eight octets of TCP, and the rest")
    require(all((p.type, p.code) == (4, 3) for p in out6), "the error is not 4/3")
    message = tcp(S4, connection.external, 80, connection.eport, ACK, bytes(200))
    out6, out4 = b.exchange([], pieces4(connection, message, (8,), 0x82, TCP))
    b.nothing(out6, "eight octets of TCP from IPv4, and the rest")


@case("NAT-28", "fragments that overlap are discarded in silence")
def overlap(b):
    flow = b.udp_flow()
    message = udp(C6, TARGET, flow.sport, 53, os.urandom(2000))
    first = ip6(C6, TARGET, 44, fragment_header(UDP, 0, True, 0x91) + message[:1208])
    second = ip6(C6, TARGET, 44, fragment_header(UDP, 1200, False, 0x91) + message[1200:])
    for sequence, number in (((first, second), 1), ((second, first), 2)):
        out6, out4 = b.exchange(sequence)
        b.nothing(out6, "an overlap")
        require(reassemble(out4) is None, "overlapping fragments arrive whole")
        require(len(out4) <= 1, "both fragments were sent on")
        first = first.replace(struct.pack("!I", 0x91), struct.pack("!I", 0x92))
        second = second.replace(struct.pack("!I", 0x91), struct.pack("!I", 0x92))


@case("NAT-29", "impossible fragments are told by 4/0 with a pointer")
def impossible(b):
    flow = b.udp_flow()
    message = udp(C6, TARGET, flow.sport, 53, bytes(200))
    out6, out4 = b.exchange([ip6(C6, TARGET, 44, fragment_header(UDP, 0, True, 0xA1) + message[:101])])
    b.nothing(out4, "a first fragment of 101 octets")
    equal("type, code, pointer", [(p.type, p.code, p.word) for p in out6], [(4, 0, 4)])
    out6, out4 = b.exchange([ip6(C6, TARGET, 44, fragment_header(UDP, 65528, False, 0xA2) + bytes(16))])
    b.nothing(out4, "a fragment beyond 65,535")
    equal("type, code, pointer", [(p.type, p.code, p.word) for p in out6], [(4, 0, 42)])


@case("NAT-29", "a ping whose fragments do not all come in time is told by 3/1, a datagram that was sent on is not")
def reassembly_time(b):
    flow, ping = b.udp_flow(), b.ping_flow()
    first, _ = pieces6(ping, icmp6(C6, TARGET, 128, 0, echo(ping.sport, 1), bytes(2000)), (1200,), 0xA7, ICMP6)
    passed, _ = pieces6(flow, udp(C6, TARGET, flow.sport, 53, bytes(2000)), (1200,), 0xA8)
    out6, out4 = b.exchange([first, passed])
    equal("what goes on at once", [p.protocol for p in out4], [UDP])
    b.nothing(out6, "fragments in good time")
    out6, out4 = b.collect(lambda out6, out4: bool(out6), 6)
    b.nothing(out4, "a ping in pieces")
    equal("type, code, ends", [(p.type, p.code, p.dst) for p in out6], [(3, 1, C6)])
    equal("the quote", (out6[0].quote.src, out6[0].quote.dst, out6[0].quote.identification), (C6, TARGET, 0xA7))
    b.inspect(out6)


@case("X64-06", "fragments of two clients with one identification leave with two (X64-15)")
def identifications_apart(b):
    one, two = b.udp_flow(), b.udp_flow(client="2001:db8:6::d0")
    data = os.urandom(2000)
    seen = []
    for flow in (one, two):
        message = udp(flow.client, TARGET, flow.sport, 53, data)
        _, out4 = b.exchange(pieces6(flow, message, (1200,), 0x1234BEEF))
        whole = reassemble(out4)
        require(whole is not None and whole[8:] == data, "a datagram does not arrive whole")
        seen.append((out4[0].src, out4[0].identification))
    equal("the first identification", seen[0][1], 0xBEEF)
    require(len(set(seen)) == 2, f"both have {seen[0]}")


@case("NAT-30", "a TCP fragment at octet 8 is dropped")
def rewriting(b):
    connection = b.tcp_flow()
    out6, out4 = b.exchange(
        [ip6(C6, TARGET, 44, fragment_header(TCP, 8, False, 0xB1) + bytes(40))],
        [ip4(S4, connection.external, TCP, bytes(40), identification=0xB1, offset=8)],
    )
    b.nothing(out6 + out4, "a fragment at octet 8")


@case("NAT-29", "the datagram whose fragments lead beyond 65,535 octets is not sent on", config="nsp")
def too_long(b):
    flow = b.udp_flow()
    out6, out4 = b.exchange(
        [],
        [
            ip4(S4, flow.external, UDP, udp(S4, flow.external, 53, flow.eport, bytes(1472)), identification=0xF1, mf=1),
            ip4(S4, flow.external, UDP, bytes(1400), identification=0xF1, offset=65528),
        ],
    )
    require(not any(p.offset + len(p.body) > 65535 for p in out6), "a fragment beyond 65,535 octets was sent on")


@case("NAT-28", "fragments that come twice harm nothing")
def duplicates(b):
    flow = b.udp_flow()
    data = os.urandom(3000)
    one, two, three = pieces6(flow, udp(C6, TARGET, flow.sport, 53, data), (1200, 2400), 0x1234)
    for sequence in ((two, two, one, three), (one, one, two, three), (three, one, three, two)):
        _, out4 = b.exchange(sequence)
        unique = {p.offset: p for p in out4}
        whole = reassemble(list(unique.values()))
        require(whole is not None and whole[8:] == data, "the datagram does not arrive whole")
        renumbered = []
        for piece in (one, two, three):
            renumbered.append(piece[:44] + struct.pack("!I", struct.unpack("!I", piece[44:48])[0] + 1) + piece[48:])
        one, two, three = renumbered


@case("X64-18", "lone fragments of every protocol pass both ways (RFC 6946)")
def atomic_others(b):
    flow, connection, ping = b.udp_flow(), b.tcp_flow(), b.ping_flow()
    for protocol, message in (
        (UDP, udp(C6, TARGET, flow.sport, 53, b"data")),
        (TCP, tcp(C6, TARGET, connection.sport, 80, ACK, b"data")),
        (ICMP6, icmp6(C6, TARGET, 128, 0, echo(ping.sport, 3), b"data")),
    ):
        out = b.out4(
            ip6(C6, TARGET, 44, fragment_header(protocol, 0, False, 0x12345678) + message), f"protocol {protocol}"
        )
        equal("data, offset, MF", (out.data, out.offset, out.mf), (b"data", 0, False))


@case("NAT-24", "fragments of all transports under one identification, interleaved, arrive whole, both ways", "lengths")
def interleaved(b):
    for length in (96, 32):
        pairs = [Pair(b, transport, length) for transport in TRANSPORTS]
        for step in (1, -1):
            data = {pair.name: os.urandom(2400 - HEADER[pair.transport]) for pair in pairs}
            sent6, sent4 = [], []
            for start in (0, 800, 1600):
                for pair in pairs:
                    part = pair.sent_payload6(data[pair.name])[start : start + 800]
                    header = fragment_header(pair.in6, start, start < 1600, 0x77770001 + step)
                    sent6.append(ip6(C6, pair.target, 44, header + part))
                    part = pair.came_payload4(data[pair.name])[start : start + 800]
                    keys = {"identification": 0x5555 + step, "offset": start, "mf": int(start < 1600)}
                    sent4.append(ip4(S4, pair.external, pair.in4, part, **keys))
            out6, out4 = b.exchange(sent6[::step], sent4[::step])
            for pair in pairs:
                whole = reassemble([p for p in out6 if p.protocol == pair.in6])
                require(whole is not None, f"{pair.name} does not come in whole")
                same(pair.name, whole, pair.came_payload6(data[pair.name]))
                whole = reassemble([p for p in out4 if p.protocol == pair.in4])
                require(whole is not None, f"{pair.name} does not arrive whole")
                same(pair.name, whole, pair.sent_payload4(data[pair.name]))


# Not beside the cases that want one identification: the second datagram gets any.
@case("X64-06", "identifications alike in their low halves do not mix two datagrams of a client (X64-15)", "lengths")
def halves(b):
    flow = b.udp_flow()
    messages = [udp(C6, TARGET, flow.sport, 53, os.urandom(2000)) for _ in range(2)]
    pieces = [pieces6(flow, message, (1000,), number) for message, number in zip(messages, (0x1D00D, 0x2D00D))]
    out6, out4 = b.exchange([pieces[0][0], pieces[1][0], pieces[0][1], pieces[1][1]])
    b.nothing(out6, "two datagrams")
    numbers = {p.identification for p in out4}
    equal("how many identifications leave", len(numbers), 2)
    wholes = [reassemble([p for p in out4 if p.identification == number]) for number in numbers]
    equal("the data", sorted(whole[8:] for whole in wholes), sorted(message[8:] for message in messages))


@case("NAT-28", "of a ping whose fragments overlap, or end twice, nothing is sent on, and what still comes neither")
def ping_overlap(b):
    ping = b.ping_flow()
    data = os.urandom(3000)
    outward, inward = icmp6(C6, TARGET, 128, 0, echo(ping.sport, 1), data), icmp4(0, 0, echo(ping.eport, 1), data)
    for number, parts in enumerate(
        (
            ((0, 1208), (1200, 2400), (2400, 3008)),
            ((0, 1208), (1208, 2400), (2000, 3008)),
            ((0, 1000), (1000, 2000), (1992, 3008)),
            ((2400, 2500), (2400, 2600), (0, 1200), (1200, 2400)),
        )
    ):
        parts += ((0, 1000), (1000, 2000), (2000, 3008))
        more = [end in (1000, 1200, 1208, 2000, 2400) for _, end in parts]
        out6, out4 = b.exchange(
            [
                ip6(C6, TARGET, 44, fragment_header(ICMP6, start, follows, 0x3000 + number) + outward[start:end])
                for (start, end), follows in zip(parts, more)
            ],
            [
                ip4(S4, ping.external, ICMP, inward[start:end], identification=number, offset=start, mf=int(follows))
                for (start, end), follows in zip(parts, more)
            ],
        )
        b.nothing(out6 + out4, f"overlap {number}")
