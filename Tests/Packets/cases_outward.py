"""X64: IPv6 to IPv4, header and generation rules (RFC 7915 section 5)."""

import os
import struct
import time

from bench import C6, HOPS, P, S4, S5, T1, T2, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)


@case("X64-01", "an IPv4 packet has version 4, five words, no options and a right checksum")
def header(b):
    for packet in (b.udp_flow().udp6(b"x"), ping6(C6, TARGET, 128, b.port(), 1), tcp6(C6, TARGET, b.port(), 80, SYN)):
        out = b.out4(packet)
        equal("the first octet", out.raw[0], 0x45)
        equal("the header's sum", sum16(out.raw[:20]), 0xFFFF)


@case("X64-02", "TOS is a copy of the traffic class")
def traffic_class(b):
    flow = b.udp_flow()
    for tc in (0x2E, 0xB9, 0xFF, 0x03, 0):
        equal("TOS", b.out4(flow.udp6(b"x", tc=tc)).tos, tc)


@case("X64-02", "TOS is 0x10 for any traffic class when that is set", config="fixedtos")
def fixed_tos(b):
    flow = b.udp_flow()
    for tc in (0x2E, 0xB9):
        equal("TOS", b.out4(flow.udp6(b"x", tc=tc)).tos, 0x10)
    equal("the traffic class", b.out6(flow.udp4(b"x", tos=0x55)).tc, 0x10)


@case("X64-03", "the total length loses the extension headers")
def total_length(b):
    flow = b.udp_flow()
    datagram = udp(C6, TARGET, flow.sport, 53, bytes(100))
    equal("Total Length", b.out4(ip6(C6, TARGET, UDP, datagram)).total, 128)
    out = b.out4(ip6(C6, TARGET, 0, options_header(UDP) + datagram))
    equal("Total Length", out.total, 128)
    equal("the payload", out.data, bytes(100))


@case("X64-04", "a result of 1260 octets or less goes out with DF clear, a larger one with DF set")
def dont_fragment(b):
    flow = b.udp_flow()
    for total, df in ((48, 0), (100, 0), (1279, 0), (1280, 0), (1281, 1), (1500, 1)):
        out = b.out4(flow.udp6(bytes(total - 48)))
        equal("Total Length", out.total, total - 20)
        equal(f"DF of {out.total} octets", out.df, df)
        equal("MF and offset", (out.mf, out.offset), (False, 0))
    # TCP and ICMP alike.
    port = b.port()
    equal("DF of a SYN", b.out4(tcp6(C6, TARGET, port, 80, SYN)).df, 0)
    equal("DF of a long segment", b.out4(tcp6(C6, TARGET, port, 80, ACK, bytes(1300))).df, 1)
    equal("DF of a ping", b.out4(ping6(C6, TARGET, 128, port, 1, bytes(1232))).df, 0)
    equal("DF of a long ping", b.out4(ping6(C6, TARGET, 128, port, 1, bytes(1233))).df, 1)


@case("X64-05", "packets that may be fragmented have identifications of their own")
def identification(b):
    flow = b.udp_flow()
    _, out4 = b.exchange([flow.udp6(b"%d" % index) for index in range(200)])
    equal("the count of identifications", len({p.identification for p in out4}), 200)


@case("X64-06", "15,000 small packets of many clients to one host repeat no identification")
def identifications_differ(b):
    seen = {}
    for batch in range(60):
        packets = [udp6(f"2001:db8:6:8000::{batch:x}", TARGET, 30000, 53, b"%d" % index) for index in range(250)]
        _, out4 = b.exchange(packets)
        for out in out4:
            if out.df == 0:
                key = (out.src, out.dst, out.protocol, out.identification)
                require(key not in seen, f"{key} comes twice")
                seen[key] = True
    require(len(seen) > 14900, f"only {len(seen)} packets came")


@case("X64-07", "the translator takes one hop, the kernel one on each side")
def hop_limit(b):
    flow = b.udp_flow()
    for hops in (64, 255, 5, 4):
        equal("TTL", b.out4(flow.udp6(b"x", hops=hops)).hops, hops - HOPS)


@case("X64-08", "a hop limit that runs out is told by ICMPv6 3/0, whoever finds it")
def hop_limit_exceeded(b):
    flow = b.udp_flow()
    for hops in (1, 2, 3):
        out6, out4 = b.exchange([flow.udp6(b"last", hops=hops)])
        b.nothing(out4, f"hop limit {hops}")
        out = b.one(out6, f"hop limit {hops}")
        equal(f"type and code with hop limit {hops}", (out.type, out.code), (3, 0))
        equal("the destination", out.dst, C6)
        quote = out.quote
        equal("the quoted flow", (quote.src, quote.sport, quote.dst, quote.dport), (C6, flow.sport, TARGET, 53))
    for packet in (tcp6(C6, TARGET, b.port(), 80, SYN, hops=2), ping6(C6, TARGET, 128, b.port(), 1, hops=2)):
        out6, out4 = b.exchange([packet])
        b.nothing(out4, "hop limit 2")
        equal("type and code", (out6[0].type, out6[0].code) if out6 else None, (3, 0))


@case("X64-08", "a hop limit that runs out in an ICMPv6 error is told to nobody")
def hop_limit_of_error(b):
    flow = b.udp_flow()
    error = ip6(C6, TARGET, ICMP6, icmp6(C6, TARGET, 1, 4, data=flow.sent6()), hops=2)
    b.silent6(error, "an error with hop limit 2")


@case("X64-09", "protocol is that of the first header that is not skipped")
def protocols(b):
    equal("TCP", b.out4(tcp6(C6, TARGET, b.port(), 80, SYN)).protocol, 6)
    equal("UDP", b.out4(udp6(C6, TARGET, b.port(), 53)).protocol, 17)
    equal("ICMP", b.out4(ping6(C6, TARGET, 128, b.port(), 1)).protocol, 1)
    datagram = udp(C6, TARGET, b.port(), 53, b"behind headers")
    chain = options_header(60) + options_header(43, 16) + routing_header(UDP, 0)
    out = b.out4(ip6(C6, TARGET, 0, chain + datagram), "hop-by-hop, destination options and a finished routing header")
    equal(
        "protocol, length and payload", (out.protocol, out.total, out.data), (17, 20 + len(datagram), b"behind headers")
    )
    for chain, first in (
        (options_header(UDP, 24), 60),
        (routing_header(UDP, 0, 4), 43),
        (options_header(60) + options_header(UDP), 60),
    ):
        out = b.out4(ip6(C6, TARGET, first, chain + datagram), f"header {first}")
        equal("the payload", out.data, b"behind headers")


@case("X64-10", "a routing header with segments left is refused with 4/0 at that octet")
def routing(b):
    datagram = udp(C6, TARGET, b.port(), 53, b"x")
    for chain, first, pointer in (
        (routing_header(UDP, 1), 43, 43),
        (options_header(43) + routing_header(UDP, 1), 0, 51),
        (routing_header(UDP, 2, 4), 43, 43),
    ):
        out6, out4 = b.exchange([ip6(C6, TARGET, first, chain + datagram)])
        b.nothing(out4, "segments left")
        out = b.one(out6, "the error")
        equal("type, code and pointer", (out.type, out.code, out.word), (4, 0, pointer))


@case("X64-11", "source and ports are those of the binding, the destination is the one embedded")
def addresses(b):
    out = b.out4(udp6(C6, TARGET, b.port(), 443, b"x"))
    require(out.src in (T1, T2), f"the source is {out.src}")
    equal("the destination", (out.dst, out.dport), (S4, 443))


@case("X64-12", "sources that no host has are dropped in silence")
def sources(b):
    for source in ("::", "::1", "ff02::1", "::ffff:192.0.2.1", "fe80::1"):
        out6, out4 = b.exchange([udp6(source, TARGET, b.port(), 53, b"x")])
        b.nothing(out4, f"from {source}")


@case("X64-13", "sources under a translation prefix are dropped in silence")
def prefix_sources(b):
    before = b.drops().get("hairpin-loop", 0)
    for source in (embed(P, T1), embed(P, S4), embed("2001:db8:65::", S4)):
        b.silent6(udp6(source, embed(P, S5), b.port(), 53, b"x"), f"from {source}")
    equal("the count", b.drops().get("hairpin-loop", 0), before + 3)


@case("X64-14", "only what is addressed into a prefix is translated")
def outside_prefix(b):
    _, out4 = b.exchange([udp6(C6, "2001:db8:ffff::1", b.port(), 53, b"x")])
    b.nothing(out4, "to 2001:db8:ffff::1")


def fragments6(b, flow, data, size, identification, source=C6, target=TARGET, protocol=UDP, message=None):
    message = message or udp(source, target, flow.sport, flow.dport, data)
    pieces = []
    for offset in range(0, len(message), size):
        more = offset + size < len(message)
        head = fragment_header(protocol, offset, more, identification)
        pieces.append(ip6(source, target, 44, head + message[offset : offset + size]))
    return pieces, message


@case("X64-15", "fragments keep offsets, more and the low half of the identification, with DF clear (X64-16)")
def fragment_fields(b):
    flow = b.udp_flow()
    pieces, message = fragments6(b, flow, os.urandom(1400), 1232, 0x1234ABCD)
    out6, out4 = b.exchange(pieces)
    b.nothing(out6, "fragments")
    equal("the count", len(out4), 2)
    equal("identifications", [p.identification for p in out4], [0xABCD, 0xABCD])
    equal("offsets", [p.offset for p in out4], [0, 1232])
    equal("MF", [p.mf for p in out4], [True, False])
    equal("DF", [p.df for p in out4], [0, 0])
    equal("Total Length", [p.total for p in out4], [1252, len(message) - 1232 + 20])
    whole = reassemble(out4)
    require(out4[0].transport_is_right(whole), "the checksum of the whole is wrong")
    equal("the payload", whole[8:], message[8:])


@case("X64-16", "headers in front of the fragment header are taken out of the length")
def fragment_length(b):
    flow = b.udp_flow()
    message = udp(C6, TARGET, flow.sport, 53, os.urandom(1200))
    chain = [
        ip6(C6, TARGET, 0, options_header(44) + fragment_header(UDP, 0, True, 77) + message[:800]),
        ip6(C6, TARGET, 0, options_header(44) + fragment_header(UDP, 800, False, 77) + message[800:]),
    ]
    _, out4 = b.exchange(chain)
    equal("lengths", [p.total for p in out4], [820, len(message) - 800 + 20])
    require(out4[0].transport_is_right(reassemble(out4)), "the checksum of the whole is wrong")


@case("X64-17", "behind a fragment header only a transport header is taken")
def fragment_chain(b):
    flow = b.udp_flow()
    datagram = udp(C6, TARGET, flow.sport, 53, b"x" * 40)
    for header in (60, 0, 43, 51):
        body = fragment_header(header, 0, True, b.port()) + options_header(UDP) + datagram
        _, out4 = b.exchange([ip6(C6, TARGET, 44, body)])
        b.nothing(out4, f"fragment header before header {header}")


@case("X64-18", "an atomic fragment is handled alone")
def atomic(b):
    flow, other = b.udp_flow(), b.udp_flow()
    pieces, message = fragments6(b, flow, os.urandom(1400), 1232, 0x5555)
    lone, _ = fragments6(b, other, b"atomic", 1232, 0x5555)
    out6, out4 = b.exchange([pieces[0], lone[0], pieces[1]])
    b.nothing(out6, "an atomic fragment between two others")
    equal("the count", len(out4), 3)
    atomic = [p for p in out4 if p.dport == 53 and p.sport == other.eport]
    equal("the atomic fragment's payload", [p.data for p in atomic], [b"atomic"])
    equal("its MF and offset and DF", (atomic[0].mf, atomic[0].offset, atomic[0].df), (False, 0, 0))
    rest = [p for p in out4 if p is not atomic[0]]
    require(rest[0].transport_is_right(reassemble(rest)), "the others do not fit together")


@case("X64-19", "a packet of 1280 octets is cut for an IPv4 link of 1000", wan=1000)
def cut(b):
    flow = b.udp_flow()
    data = os.urandom(1280 - 48)
    out6, out4 = b.exchange([flow.udp6(data)])
    b.nothing(out6, "1280 octets for a link of 1000")
    equal("the count", len(out4), 2)
    require(all(p.total <= 1000 for p in out4), "a piece is larger than the link")
    require(all(p.df == 0 for p in out4), "a piece has DF set")
    whole = reassemble(out4)
    require(
        whole is not None and out4[0].transport_is_right(whole) and whole[8:] == data, "the pieces are not the whole"
    )


@case("X64-20", "a packet above 1280 octets that does not fit is refused with PTB of the IPv4 MTU + 20", wan=1400)
def too_big(b):
    flow = b.udp_flow()
    equal("the largest that fits", b.out4(flow.udp6(bytes(1420 - 48))).total, 1400)
    for total in (1421, 1500):
        out6, out4 = b.exchange([flow.udp6(bytes(total - 48))])
        b.nothing(out4, f"{total} octets for a link of 1400")
        out = b.one(out6, "PTB")
        equal("type, code and MTU", (out.type, out.code, out.word), (2, 0, 1420))
        require(out.total <= 1280, f"the error has {out.total} octets")
        equal("the quote's flow", (out.quote.src, out.quote.sport, out.quote.dst), (C6, flow.sport, TARGET))


@case("X64-20", "the MTU of PTB is never below 1280", wan=1000)
def too_big_floor(b):
    flow = b.udp_flow()
    out6, out4 = b.exchange([flow.udp6(bytes(1300))])
    b.nothing(out4, "1348 octets for a link of 1000")
    equal("type and MTU", [(p.type, p.word) for p in out6], [(2, 1280)])


@case("X64-20", "fragments larger than the IPv4 link are cut further", wan=1400)
def fragments_cut(b):
    flow = b.udp_flow()
    pieces, message = fragments6(b, flow, os.urandom(2800), 1448, 0x777)
    out6, out4 = b.exchange(pieces)
    require(not any(p.total > 1400 for p in out4), "a piece is larger than the link")
    if not any(p.type == 2 for p in out6):
        whole = reassemble(out4)
        require(whole is not None and out4[0].transport_is_right(whole), "the pieces are not the whole")


@case("X64-21", "checksums are right and payloads untouched", lan=9000, wan=9000)
def checksums(b):
    flow, connection, ping = b.udp_flow(), b.tcp_flow(), b.ping_flow()
    for size in (0, 1, 2, 3, 17, 1000, 1001, 1400):
        data = os.urandom(size)
        equal("UDP payload", b.out4(flow.udp6(data)).data, data)
        equal("TCP payload", b.out4(connection.tcp6(ACK | PSH, data)).data, data)
        equal("echo payload", b.out4(ping6(C6, TARGET, 128, ping.sport, 7, data)).data, data)


@case("X64-21", "a wrong checksum never becomes right")
def wrong_checksums(b):
    flow, connection = b.udp_flow(), b.tcp_flow()
    right = struct.unpack("!H", udp(C6, TARGET, flow.sport, 53, b"data")[6:8])[0]
    packets = [
        ip6(C6, TARGET, UDP, udp(C6, TARGET, flow.sport, 53, b"data", check=right ^ 0x0100)),
        ip6(C6, TARGET, TCP, tcp(C6, TARGET, connection.sport, 80, ACK, b"data", check=0x1234)),
        ip6(C6, TARGET, ICMP6, icmp6(C6, TARGET, 128, 0, echo(b.port(), 1), b"data", check=0x1234)),
    ]
    _, out4 = b.exchange(packets)
    for out in out4:
        require(not out.transport_is_right(), f"a wrong checksum became right: {out}")
    b.take_faults()


@case("X64-21", "a UDP checksum that comes to zero is sent as 0xFFFF")
def zero_sum(b):
    flow = b.udp_flow()
    base = sum16(pseudo(flow.external, S4, UDP, 10) + struct.pack("!HHHH", flow.eport, 53, 10, 0))
    filler = struct.pack("!H", 0xFFFF - base)
    out = b.out4(flow.udp6(filler))
    equal("the checksum", out.body[6:8], b"\xff\xff")
    base = sum16(pseudo(TARGET, C6, UDP, 10) + struct.pack("!HHHH", 53, flow.sport, 10, 0))
    out = b.out6(flow.udp4(struct.pack("!H", 0xFFFF - base)))
    equal("the checksum on the way in", out.body[6:8], b"\xff\xff")


@case("X64-22", "IPv6 UDP without a checksum is dropped")
def zero_checksum(b):
    _, out4 = b.exchange([ip6(C6, TARGET, UDP, udp(C6, TARGET, b.port(), 53, b"x", check=0))])
    b.nothing(out4, "UDP without a checksum")


@case("X64-23", "other transports are refused with ICMPv6 1/4")
def transports(b):
    for protocol in (132, 47, 50, 51, 59, 4, 41, 1, 2, 253):
        body = bytes([59, 4]) + bytes(22) if protocol == 51 else bytes(24)
        out6, out4 = b.exchange([ip6(C6, TARGET, protocol, body)])
        b.nothing(out4, f"protocol {protocol}")
        out = b.one(out6, f"the error about protocol {protocol}")
        equal(f"type and code for protocol {protocol}", (out.type, out.code), (1, 4))


@case("X64-24", "what the policy refuses is told by 1/1", config="wkp")
def policy(b):
    out6, out4 = b.exchange([udp6(C6, embed("64:ff9b::", "10.1.2.3"), b.port(), 53, b"x")])
    b.nothing(out4, "10.1.2.3")
    equal("type and code", [(p.type, p.code) for p in out6], [(1, 1)])


@case("X64-25", "no error answers an ICMPv6 message that the policy refuses", config="wkp")
def no_errors(b):
    target = embed("64:ff9b::", "10.1.2.3")
    b.silent6(ping6(C6, target, 128, b.port(), 1), "an echo request to 10.1.2.3")
    quoted = udp6(target, C6, 53, 4000, b"x")
    b.silent6(ip6(C6, target, ICMP6, icmp6(C6, target, 1, 4, data=quoted)), "an error to 10.1.2.3")
    b.silent6(ip6(C6, target, ICMP6, icmp6(C6, target, 137, 0, data=bytes(32))), "a redirect to 10.1.2.3")


@case("X64-26", "errors are limited to 10 in a second, with a burst", config="limits", wan=1400)
def rate_limit(b):
    flow = b.udp_flow()
    big = flow.udp6(bytes(1452))
    start = time.monotonic()
    out6, _ = b.exchange([big] * 2000)
    passed = time.monotonic() - start
    require(out6, "no error at all")
    require(len(out6) <= 50 + 10 * (passed + 1), f"{len(out6)} errors in {passed:.2f} seconds")
    equal("the error's size", {p.total for p in out6}, {1280})


@case("X64-26", "a client that uses up the errors leaves some to others (NAT-36)", config="limits", wan=1400)
def errors_left(b):
    flow, other = b.udp_flow(), b.udp_flow(client="2001:db8:6:8009::1")
    b.exchange([flow.udp6(bytes(1452))] * 500)
    out6, out4 = b.exchange([flow.udp6(bytes(1452))] * 20 + [other.udp6(bytes(1452))])
    b.nothing(out4, "1500 octets for a link of 1400")
    told = [(p.type, p.word) for p in out6 if p.dst == other.client]
    equal("what the other client is told", told, [(2, 1420)])


@case("X64-27", "malformed IPv6 is dropped and harms nothing")
def malformed(b):
    flow = b.udp_flow()
    datagram = udp(C6, TARGET, flow.sport, 53, b"x" * 20)
    packets = [
        ip6(C6, TARGET, UDP, datagram, length=len(datagram) + 8),
        ip6(C6, TARGET, UDP, datagram, length=0),
        ip6(C6, TARGET, UDP, datagram[:7]),
        ip6(C6, TARGET, UDP, datagram[:4] + struct.pack("!H", 200) + datagram[6:]),
        ip6(C6, TARGET, UDP, datagram[:4] + struct.pack("!H", 7) + datagram[6:]),
        ip6(C6, TARGET, UDP, datagram, version=5),
        ip6(C6, TARGET, 60, bytes([60, 255, 1, 4]) + bytes(4)),
        ip6(C6, TARGET, 60, options_header(60) * 40 + options_header(UDP) + datagram),
        ip6(C6, TARGET, 44, fragment_header(UDP, 0, True, 1)),
        ip6(C6, TARGET, 44, fragment_header(UDP, 0, True, 1)[:5]),
        ip6(C6, TARGET, 0, bytes([UDP, 0, 0xC2, 4]) + struct.pack("!I", 70000) + datagram, length=0),
        ip6(C6, TARGET, TCP, tcp(C6, TARGET, flow.sport, 80, SYN)[:19]),
        ip6(C6, TARGET, TCP, tcp(C6, TARGET, flow.sport, 80, SYN)[:12] + b"\x10\x02" + bytes(6)),
        ip6(C6, TARGET, TCP, tcp(C6, TARGET, flow.sport, 80, SYN)[:12] + b"\xf0\x02" + bytes(6)),
        ip6(C6, TARGET, ICMP6, b"\x80\0\0\0"),
    ]
    _, out4 = b.exchange(packets)
    b.nothing(out4, "malformed packets")
    for packet in packets:
        for cut in range(0, min(len(packet), 90), 7):
            b.lan.send(packet[:cut])
    _, out4 = b.settle()
    b.nothing(out4, "malformed packets cut short")
    equal("trailing octets behind the packet", b.out4(flow.udp6(b"x") + b"trailing").data, b"x")


@case("X64-21", "coalesced TCP segments come out as they went in, with offloads on")
def offloads(b):
    connection = b.tcp_flow()
    for device in ("lan0", "wan0"):
        b.on("ethtool", "-K", device, "gro", "on", check=False)
    try:
        data = os.urandom(40 * 1000)
        segments = [connection.tcp6(ACK, data[at : at + 1000], seq=1 + at, ack=1) for at in range(0, len(data), 1000)]
        out6, out4 = b.exchange(segments, wait=0.05)
        b.nothing(out6, "coalesced segments")
        received = b"".join(p.data for p in sorted(out4, key=lambda p: p.seq))
        require(received == data, f"{len(received)} octets of {len(data)} came, in {len(out4)} packets")
        back = [connection.tcp4(ACK, data[at : at + 1000], seq=1 + at, ack=1) for at in range(0, len(data), 1000)]
        out6, out4 = b.exchange([], back, wait=0.05)
        received = b"".join(p.data for p in sorted(out6, key=lambda p: p.seq))
        require(received == data, f"{len(received)} octets of {len(data)} came back, in {len(out6)} packets")
    finally:
        for device in ("lan0", "wan0"):
            b.on("ethtool", "-K", device, "gro", "off", check=False)
