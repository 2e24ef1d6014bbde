"""Packets as the kernel's own stack hands them to a cable: checksums to be filled in, segments to be cut."""

import os
import random
import struct

from bench import C6, D6, P, S4, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)
NEEDS_CHECKSUM, TCP4, UDP4, TCP6, UDP_L4 = 1, 1, 3, 4, 5


def partial(packet, protocol):
    """The packet with the sum of its pseudo header alone where its checksum belongs, and its virtio header's fields."""
    start = 40 if packet[0] >> 4 == 6 else 20
    offset = 16 if protocol == TCP else 6
    source, destination = (
        (t6(packet[8:24]), t6(packet[24:40])) if start == 40 else (t4(packet[12:16]), t4(packet[16:20]))
    )
    value = sum16(pseudo(source, destination, protocol, len(packet) - start))
    at = start + offset
    return packet[:at] + struct.pack("!H", value) + packet[at + 2 :], 14 + start, offset


def offloaded(side, packet, protocol, kind=0, size=0):
    """Sends a packet with a virtio header: a checksum to be filled in, and segments of that size to be cut."""
    packet, start, offset = partial(packet, protocol)
    header = start + (20 if protocol == TCP else 8) if kind else 0
    side.offloaded.send(
        struct.pack("<BBHHHH", NEEDS_CHECKSUM, kind, header, size, start, offset) + side.header + packet
    )


def received(b, side, wait=0.05):
    out6, out4 = b.settle(wait)
    b.nothing(out4 if side is b.wan else out6, "back to the sender")
    return out6 if side is b.wan else out4


@case("X64-21", "checksums that the kernel leaves to be filled in are right at the other end")
def partial_checksums(b):
    b.lan.open_offloaded(), b.wan.open_offloaded()
    flow, connection = b.udp_flow(), b.tcp_flow()
    data = os.urandom(701)
    b.flush()
    offloaded(b.lan, flow.udp6(data), UDP)
    offloaded(b.lan, connection.tcp6(ACK, data), TCP)
    offloaded(b.lan, tcp6(C6, TARGET, b.port(), 80, SYN, options=b"\x02\x04\x05\xb4"), TCP)
    out = received(b, b.lan)
    equal("the payloads", sorted(p.data for p in out), sorted([data, data, b""]))
    b.flush()
    offloaded(b.wan, flow.udp4(data), UDP)
    offloaded(b.wan, connection.tcp4(ACK, data), TCP)
    equal("the payloads from IPv4", [p.data for p in received(b, b.wan)], [data, data])


@case("X64-04", "a TCP segment of 40,000 octets leaves in segments of its size, in both directions")
def super_segments(b):
    b.lan.open_offloaded(), b.wan.open_offloaded()
    connection = b.tcp_flow()
    data = os.urandom(40000)
    for side, kind, packet, size, df in (
        (b.lan, TCP6, connection.tcp6(ACK | PSH, data, seq=1000), 1400, 1),
        (b.lan, TCP6, connection.tcp6(ACK | PSH, data[:2000], seq=1000), 1400, 1),
        (b.lan, TCP6, connection.tcp6(ACK | PSH, data[:3000], seq=1000), 1400, 1),
        (b.lan, TCP6, connection.tcp6(ACK | PSH, data, seq=1000), 1000, 0),
        (b.wan, TCP4, connection.tcp4(ACK | PSH, data, seq=1000), 1400, None),
        (b.wan, TCP4, connection.tcp4(ACK | PSH, data, seq=1000, df=0), 1200, None),
    ):
        b.flush()
        offloaded(side, packet, TCP, kind, size)
        out = received(b, side)
        sent = Packet(packet).data
        require(
            b"".join(p.data for p in sorted(out, key=lambda p: p.seq)) == sent,
            f"segments of {size}: the stream is not what was sent, {len(out)} came",
        )
        equal("the largest segment", max(len(p.data) for p in out), size)
        if df is not None:
            require(all(p.df == int(p.total > 1260) for p in out), "DF does not follow the size of each segment")
            require(df or len({p.identification for p in out}) == len(out), "identifications repeat")
            equal("segments with PSH", [p.seq + len(p.data) for p in out if p.flags & PSH], [1000 + len(sent)])


@case("X64-20", "a TCP segment to be cut into more than the IPv4 link takes is refused with PTB", wan=1400)
def super_too_big(b):
    b.lan.open_offloaded()
    connection = b.tcp_flow()
    b.flush()
    offloaded(b.lan, connection.tcp6(ACK, os.urandom(20000)), TCP, TCP6, 1440)
    out6, out4 = b.settle(0.05)
    b.nothing(out4, "segments of 1440 octets")
    equal("type and MTU", {(p.type, p.word) for p in out6}, {(2, 1420)})


@case("X46-12", "a TCP segment to be cut into more than the IPv6 link takes is refused with 3/4", lan=1400)
def super_too_big4(b):
    b.wan.open_offloaded()
    connection = b.tcp_flow()
    b.flush()
    offloaded(b.wan, connection.tcp4(ACK, os.urandom(20000)), TCP, TCP4, 1360)
    out6, out4 = b.settle(0.05)
    b.nothing(out6, "segments of 1360 octets")
    equal("type, code, MTU", {(p.type, p.code, p.word) for p in out4}, {(3, 4, 1380)})


@case("X64-21", "UDP datagrams sent as one leave one by one, in both directions")
def super_datagrams(b):
    b.lan.open_offloaded(), b.wan.open_offloaded()
    flow = b.udp_flow()
    data = os.urandom(12000)
    for side, packet, size in (
        (b.lan, flow.udp6(data), 1200),
        (b.wan, flow.udp4(data), 1200),
        (b.lan, flow.udp6(data), 1440),
        (b.lan, flow.udp6(data[:3000]), 1400),
    ):
        b.flush()
        offloaded(side, packet, UDP, UDP_L4, size)
        out = received(b, side)
        sent = Packet(packet).data
        require(b"".join(p.data for p in out) == sent, f"the datagrams are not what was sent, {len(out)} came")
        equal("their sizes", {len(p.data) for p in out[:-1]}, {size})
        if side is b.lan:
            require(all(p.df == int(p.total > 1260) for p in out), "DF does not follow the size of each datagram")


@case("X64-21", "UDP datagrams that the kernel coalesces leave as they came")
def coalesced_datagrams(b):
    flow = b.udp_flow()
    for device in ("lan0", "wan0"):
        b.on("ethtool", "-K", device, "gro", "on", "rx-udp-gro-forwarding", "on", check=False)
    try:
        data = [os.urandom(900) for _ in range(60)]
        out6, out4 = b.exchange([flow.udp6(piece) for piece in data], wait=0.05)
        b.nothing(out6, "coalesced datagrams")
        require([p.data for p in out4] == data, f"the datagrams are not what was sent, {len(out4)} came")
        out6, out4 = b.exchange([], [flow.udp4(piece) for piece in data], wait=0.05)
        require([p.data for p in out6] == data, f"the datagrams are not what was sent back, {len(out6)} came")
    finally:
        for device in ("lan0", "wan0"):
            b.on("ethtool", "-K", device, "gro", "off", "rx-udp-gro-forwarding", "off", check=False)


@case("X64-27", "8,000 packets with random faults do no harm, and none leaves with a fault")
def random_faults(b):
    dice = random.Random(6146)
    flow, connection, ping = b.udp_flow(), b.tcp_flow(), b.ping_flow()
    big = udp(C6, TARGET, flow.sport, 53, bytes(1400))
    seeds6 = [
        flow.udp6(b"x" * 50),
        connection.tcp6(SYN, options=b"\x02\x04\x05\xb4"),
        ping6(C6, TARGET, 128, ping.sport, 1, b"y" * 9),
        ip6(C6, TARGET, 44, fragment_header(UDP, 0, True, 5) + big[:800]),
        ip6(C6, TARGET, 44, fragment_header(UDP, 800, False, 5) + big[800:]),
        ip6(C6, TARGET, 0, options_header(60) + options_header(43) + routing_header(UDP, 0) + big[:8] + bytes(20)),
        ip6(C6, TARGET, ICMP6, icmp6(C6, TARGET, 1, 4, data=flow.sent6(b"q" * 60))),
        ip6(C6, TARGET, ICMP6, icmp6(C6, TARGET, 3, 0, b"\x10\0\0\0", flow.sent6(b"q" * 200))),
    ]
    seeds4 = [
        flow.udp4(b"x" * 50),
        connection.tcp4(ACK),
        ping4(S4, ping.external, 0, ping.eport, 1, b"y" * 9),
        ip4(S4, flow.external, UDP, big[:800], identification=5, mf=1),
        ip4(S4, flow.external, UDP, big[800:], identification=5, offset=800),
        ip4(S4, flow.external, ICMP, icmp4(3, 4, b"\0\0\5\0", flow.sent4(b"q" * 60))),
        ip4(S4, flow.external, ICMP, icmp4(11, 0, b"\0\x20\0\0", flow.sent4(b"q" * 200))),
        flow.udp4(b"x", options=bytes([7, 7, 4]) + bytes(5)),
    ]
    found = []
    for batch in range(40):
        for side, seeds in ((b.lan, seeds6), (b.wan, seeds4)):
            for _ in range(100):
                packet = bytearray(dice.choice(seeds))
                for _ in range(dice.choice((1, 1, 2, 6))):
                    # Faults in the first words of headers rather than in payloads.
                    packet[min(int(dice.expovariate(1 / 40)), len(packet) - 1)] = dice.choice(
                        (0, 255, dice.randrange(256))
                    )
                if dice.random() < 0.1:
                    packet = packet[: dice.randrange(1, len(packet))]
                if packet[0] >> 4 == 4 and len(packet) >= 20 and dice.random() < 0.8:
                    # So that the kernel lets it pass.
                    words = max((packet[0] & 15) * 4, 20)
                    packet[10:12] = b"\0\0"
                    packet[10:12] = struct.pack("!H", checksum(bytes(packet[:words])))
                side.send(bytes(packet))
        out6, out4 = b.settle(0)
        # Wrong checksums may pass as wrong ones; nothing else may be wrong.
        ours = (flow.external, connection.external, ping.external)
        for packet in out4 + out6:
            if packet.src in ours or packet.src.startswith(P):
                found += [f"{packet}: {fault}" for fault in packet.faults() if "transport checksum" not in fault]
        b.take_faults()
    require(not found, "; ".join(found[:3]))
    # Errors of the kernel to clients that are none wait for them, and leave no room for its errors in the next case.
    b.on("ip", "-6", "neigh", "flush", "dev", "lan0", "nud", "incomplete")
    b.settle()


@case("X46-13", "UDP datagrams sent as one, with DF clear and too large for 1280, leave as fragments of each")
def super_datagrams_cut(b):
    b.wan.open_offloaded()
    flow = b.udp_flow()
    data = os.urandom(1400 * 7 + 300)
    b.flush()
    offloaded(b.wan, flow.udp4(data, identification=0x0100), UDP, UDP_L4, 1400)
    out = received(b, b.wan)
    require(all(p.total <= 1280 for p in out), "a piece is larger than 1280")
    groups = {}
    for packet in out:
        groups.setdefault(packet.identification if packet.is_fragment else "whole", []).append(packet)
    wholes = []
    for group in groups.values():
        whole = reassemble(group)
        require(
            whole is not None and group[0].transport_is_right(whole),
            "a datagram cannot be put together, or its checksum is wrong",
        )
        wholes.append(whole[8:])
    require(
        sorted(wholes) == sorted(data[at : at + 1400] for at in range(0, len(data), 1400)),
        "the datagrams are not what was sent",
    )


@case("X64-04", "with a shared address super-packets pass in both directions", config="share")
def shared_super(b):
    b.lan.open_offloaded(), b.wan.open_offloaded()
    connection = b.tcp_flow()
    data = os.urandom(30000)
    for side, kind, packet in ((b.lan, TCP6, connection.tcp6(ACK, data)), (b.wan, TCP4, connection.tcp4(ACK, data))):
        b.flush()
        offloaded(side, packet, TCP, kind, 1400)
        out = received(b, side)
        require(
            b"".join(p.data for p in sorted(out, key=lambda p: p.seq)) == data,
            f"the stream is not what was sent, {len(out)} segments came",
        )


@case("NAT-21", "with a shared address datagrams in fragments still reach the host", config="share")
def shared_fragments(b):
    b.udp_flow()
    message = udp(S4, "100.64.0.2", 4000, 9, os.urandom(2000))
    pieces = [
        ip4(S4, "100.64.0.2", UDP, message[:1200], identification=0xE7, mf=1),
        ip4(S4, "100.64.0.2", UDP, message[1200:], identification=0xE7, offset=1200),
    ]
    for sequence in ((0, 1), (1, 0)):
        out6, out4 = b.exchange([], [pieces[index] for index in sequence], wait=0.03)
        b.nothing(out6, "a datagram for the host")
        equal("the host's answer", [(p.type, p.code) for p in out4], [(3, 3)])


@case("NAT-24", "300 datagrams whose fragments come shuffled, in both directions at once, arrive whole")
def shuffled_fragments(b):
    dice = random.Random(6146)
    flows = [b.udp_flow(client=f"2001:db8:6:8000::{n:x}") for n in range(10, 20)]
    for batch in range(10):
        packets, wanted = [], {}
        for number in range(30):
            flow = flows[number % len(flows)]
            outward = number % 2 == 0
            data = os.urandom(2800)
            if outward:
                message, side = udp(flow.client, flow.target, flow.sport, 53, data), b.lan
            else:
                message, side = udp(flow.peer, flow.external, 53, flow.eport, data), b.wan
            identification = 0x4000 + batch * 100 + number
            for start in range(0, len(message), 1200):
                piece, more = message[start : start + 1200], start + 1200 < len(message)
                if outward:
                    header = fragment_header(UDP, start, more, identification)
                    packets.append((side, ip6(flow.client, flow.target, 44, header + piece)))
                else:
                    packets.append(
                        (
                            side,
                            ip4(
                                flow.peer,
                                flow.external,
                                UDP,
                                piece,
                                identification=identification,
                                offset=start,
                                mf=int(more),
                            ),
                        )
                    )
            wanted[identification] = data
        dice.shuffle(packets)
        b.flush()
        for side, packet in packets:
            side.send(packet)
        out6, out4 = b.settle(0.02)
        groups = {}
        for packet in out6 + out4:
            groups.setdefault(packet.identification, []).append(packet)
        for identification, data in wanted.items():
            group = groups.get(identification, [])
            whole = reassemble(group)
            require(
                whole is not None and whole[8:] == data and group[0].transport_is_right(whole),
                f"datagram {identification:#x} does not arrive whole: {len(group)} fragments came",
            )


def as_sent(side, packet, protocol, start, size):
    """Sends a super-packet whose transport header starts at another place than usual."""
    offset = 16 if protocol == TCP else 6
    kind = (TCP6 if packet[0] >> 4 == 6 else TCP4) if protocol == TCP else UDP_L4
    ends = (packet[8:24], packet[24:40]) if packet[0] >> 4 == 6 else (packet[12:16], packet[16:20])
    ends = [(t6 if packet[0] >> 4 == 6 else t4)(end) for end in ends]
    value, at = sum16(pseudo(*ends, protocol, len(packet) - start)), start + offset
    packet = packet[:at] + struct.pack("!H", value) + packet[at + 2 :]
    length = 14 + start + (20 if protocol == TCP else 8)
    head = struct.pack("<BBHHHH", NEEDS_CHECKSUM, kind, length, size, 14 + start, offset)
    side.offloaded.send(head + side.header + packet)


@case("X64-09", "super-packets lose extension headers and options as others do, and run out of hops as others (X46-03)")
def super_headers(b):
    b.lan.open_offloaded(), b.wan.open_offloaded()
    connection = b.tcp_flow()
    data = os.urandom(5000)

    def stream(packets):
        return b"".join(packet.data for packet in sorted(packets, key=lambda packet: packet.seq))

    payload = tcp(C6, TARGET, connection.sport, 80, ACK, data)
    for number, header in ((60, options_header(TCP)), (43, routing_header(TCP, 0)), (0, options_header(TCP))):
        b.flush()
        as_sent(b.lan, ip6(C6, TARGET, number, header + payload), TCP, 40 + len(header), 1000)
        equal(f"the data behind header {number}", stream(received(b, b.lan)), data)
    b.flush()
    as_sent(b.lan, ip6(C6, TARGET, 43, routing_header(TCP, 1) + payload), TCP, 64, 1000)
    out6, out4 = b.settle(0.05)
    b.nothing(out4, "segments left")
    equal("type, code, pointer", {(p.type, p.code, p.word) for p in out6}, {(4, 0, 43)})
    payload = tcp(S4, connection.external, 80, connection.eport, ACK, data)
    b.flush()
    as_sent(b.wan, ip4(S4, connection.external, TCP, payload, df=1, options=b"\7\7\4" + bytes(5)), TCP, 28, 1000)
    equal("the data behind options", stream(received(b, b.wan)), data)
    b.flush()
    as_sent(b.lan, connection.tcp6(ACK, data, hops=2), TCP, 40, 1000)
    out6, out4 = b.settle(0.05)
    b.nothing(out4, "no hop left")
    equal("type, code, destination", {(p.type, p.code, p.dst) for p in out6}, {(3, 0, C6)})
    b.flush()
    as_sent(b.wan, ip4(S4, connection.external, TCP, payload, df=1, ttl=2), TCP, 20, 1000)
    out6, out4 = b.settle(0.05)
    b.nothing(out6, "no hop left from IPv4")
    equal("type, code, destination", {(p.type, p.code, p.dst) for p in out4}, {(11, 0, S4)})
    require(all(p.total <= 576 for p in out4), "an error is longer than 576 octets")


@case("NAT-31", "super-packets between clients arrive in segments and datagrams of their size")
def super_hairpins(b):
    b.lan.open_offloaded()
    for transport, protocol in (("tcp", TCP), ("udp", UDP)):
        receiver = (b.tcp_flow if protocol == TCP else b.udp_flow)(client=D6)
        target, port = embed(P, receiver.external), b.port()

        def packet(flags, data):
            make = tcp6 if protocol == TCP else udp6
            return make(C6, target, port, receiver.eport, *([flags] if protocol == TCP else []), data)

        b.one(b.exchange([packet(SYN, b"")])[0], f"a hairpin of {transport}")
        for size in (100, 1219, 1400):
            data = os.urandom(size * 5 + 3)
            b.flush()
            as_sent(b.lan, packet(ACK, data), protocol, 40, size)
            out6, out4 = b.settle(0.05)
            b.nothing(out4, f"a hairpin of {transport}")
            order = sorted(out6, key=lambda p: p.seq) if protocol == TCP else out6
            equal("the ends", {(p.dst, p.dport) for p in out6}, {(D6, receiver.sport)})
            equal("the largest", max(len(p.data) for p in out6), size)
            require(b"".join(p.data for p in order) == data, f"{transport} of {size} octets is not what was sent")


@case("X64-21", "a datagram whose checksum the kernel leaves, and comes to zero, is sent with 0xFFFF (X46-22)")
def partial_zero(b):
    b.lan.open_offloaded(), b.wan.open_offloaded()
    flow = b.udp_flow()
    for side, make, becomes in ((b.lan, flow.udp6, flow.sent4), (b.wan, flow.udp4, flow.sent6)):
        start = 20 if side is b.lan else 40
        data = becomes(b"\0\0")[start + 6 : start + 8]
        b.flush()
        offloaded(side, make(data), UDP)
        out = b.one(received(b, side), "the datagram")
        equal("checksum and data", (out.body[6:8], out.data), (b"\xff\xff", data))
