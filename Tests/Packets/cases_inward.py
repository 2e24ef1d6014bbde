"""X46: IPv4 to IPv6, header and generation rules (RFC 7915 section 4)."""

import os
import struct
import time

from bench import BOX4, C6, HOPS, P, R4, S4, S5, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)


@case(
    "X46-01",
    "an IPv6 packet has version 6 and flow label 0; source and destination come from session and binding (X46-08)",
)
def header(b):
    flow = b.udp_flow(dport=80)
    out = b.out6(flow.udp4(b"x"))
    equal("the first word but for the traffic class", out.raw[0] & 0xF0, 0x60)
    equal("the flow label", out.flow, 0)
    equal("the ends", (out.src, out.sport, out.dst, out.dport), (TARGET, 80, C6, flow.sport))


@case("X46-02", "the traffic class is a copy of TOS")
def traffic_class(b):
    flow = b.udp_flow()
    for tos in (0xB9, 0x2E, 0xFF, 0x01, 0):
        equal("the traffic class", b.out6(flow.udp4(b"x", tos=tos)).tc, tos)


@case("X46-03", "the payload length is without the IPv4 header, whose options are left out")
def payload_length(b):
    flow = b.udp_flow()
    equal("Payload Length", b.out6(flow.udp4(bytes(100))).length, 108)
    record_route = bytes([7, 11, 4]) + bytes(9)
    out = b.out6(flow.udp4(bytes(100), options=record_route), "with a record route")
    equal("Payload Length, next header", (out.length, out.chain, out.protocol), (108, [], 17))
    out = b.out6(flow.udp4(bytes(100), options=b"\x01" * 40), "with 40 octets of options")
    equal("Payload Length", out.length, 108)


@case("X46-04", "a source route that is not finished is refused, a finished one is ignored")
def source_route(b):
    flow = b.udp_flow()
    for kind in (131, 137):
        unfinished = bytes([kind, 7, 4]) + a4(S5)
        out6, out4 = b.exchange([], [flow.udp4(b"x", options=unfinished)])
        b.nothing(out6, f"option {kind}")
        require(
            all((p.type, p.code) in ((3, 5), (12, 0)) for p in out4),
            f"the error about option {kind} is {out4[0] if out4 else ''}",
        )
        if kind == 131:
            equal("type and code", [(p.type, p.code, p.dst) for p in out4], [(3, 5, S4)])
    out6, _ = b.exchange([], [flow.udp4(b"x", options=bytes([131, 7, 8]) + a4(S5))])
    equal("the payload behind a finished source route", [p.data for p in out6], [b"x"])


@case("X46-05", "next header is the protocol, 58 for ICMP")
def protocols(b):
    equal("UDP", b.out6(b.udp_flow().udp4(b"x")).protocol, 17)
    equal("TCP", b.out6(b.tcp_flow().tcp4(ACK)).protocol, 6)
    ping = b.ping_flow()
    equal("ICMP", b.out6(ping4(S4, ping.external, 0, ping.eport, 1)).protocol, 58)


@case("X46-06", "the translator takes one hop, the kernel one on each side")
def time_to_live(b):
    flow = b.udp_flow()
    for ttl in (64, 255, 5, 4):
        equal("the hop limit", b.out6(flow.udp4(b"x", ttl=ttl)).hops, ttl - HOPS)


@case("X46-07", "a TTL that runs out is told by ICMPv4 11/0, whoever finds it")
def time_exceeded(b):
    flow = b.udp_flow()
    for ttl in (1, 2, 3):
        out6, out4 = b.exchange([], [flow.udp4(b"last", ttl=ttl)])
        b.nothing(out6, f"TTL {ttl}")
        out = b.one(out4, f"TTL {ttl}")
        equal(f"type, code and destination with TTL {ttl}", (out.type, out.code, out.dst), (11, 0, S4))
        quote = out.quote
        equal("the quoted flow", (quote.src, quote.sport, quote.dst, quote.dport), (S4, 53, flow.external, flow.eport))
    error = ip4(R4, flow.external, ICMP, icmp4(3, 1, data=flow.sent4()), ttl=2)
    b.silent4(error, "an ICMP error whose TTL runs out")
    whole = udp(S4, flow.external, 53, flow.eport, bytes(64))
    b.exchange([], [ip4(S4, flow.external, UDP, whole[:32], identification=900, mf=1)])
    b.silent4(
        ip4(S4, flow.external, UDP, whole[32:], identification=900, offset=32, ttl=2),
        "a later fragment whose TTL runs out",
    )


@case("X46-09", "sources that belong to no host are dropped in silence")
def sources(b):
    flow = b.udp_flow()
    for source in ("127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1"):
        b.silent4(udp4(source, flow.external, 53, flow.eport, b"x"), f"from {source}")


@case("X46-10", "an ICMP error from a private router passes")
def private_router(b):
    flow = b.udp_flow()
    for router in ("10.0.0.1", "192.168.1.1", "169.254.3.4", "100.64.9.9"):
        out = b.out6(ip4(router, flow.external, ICMP, icmp4(11, 0, data=flow.sent4())), f"from {router}")
        equal("type, code, source", (out.type, out.code, out.src), (3, 0, embed(P, router)))


@case("X46-10", "an ICMP error from a private router passes under the well-known prefix", config="wkp")
def private_router_well_known(b):
    flow = b.udp_flow(peer="5.6.7.8", prefix="64:ff9b::")
    out = b.out6(ip4("10.0.0.1", flow.external, ICMP, icmp4(11, 0, data=flow.sent4())))
    equal("type, code, source", (out.type, out.code, out.src), (3, 0, embed("64:ff9b::", "10.0.0.1")))


@case("X46-11", "malformed IPv4 is dropped in silence")
def malformed(b):
    flow = b.udp_flow()
    datagram = udp(S4, flow.external, 53, flow.eport, b"x" * 20)
    good = ip4(S4, flow.external, UDP, datagram)
    faults = {
        "version 5": ip4(S4, flow.external, UDP, datagram, version=5),
        "four words": ip4(S4, flow.external, UDP, datagram, words=4),
        "more words than octets": ip4(S4, flow.external, UDP, datagram[:4], words=15),
        "a length below the header": ip4(S4, flow.external, UDP, datagram, total=19),
        "a length beyond the packet": ip4(S4, flow.external, UDP, datagram, total=len(datagram) + 30),
        "a wrong checksum": ip4(S4, flow.external, UDP, datagram, check=0x1234),
        "half a UDP header": ip4(S4, flow.external, UDP, datagram[:5]),
        "a UDP length beyond the packet": ip4(
            S4, flow.external, UDP, datagram[:4] + struct.pack("!H", 90) + datagram[6:]
        ),
        "a UDP length below the header": ip4(
            S4, flow.external, UDP, datagram[:4] + struct.pack("!H", 7) + datagram[6:]
        ),
        "half a TCP header": ip4(S4, flow.external, TCP, tcp(S4, flow.external, 80, flow.eport, SYN)[:12]),
        "a TCP offset below five": ip4(
            S4, flow.external, TCP, tcp(S4, flow.external, 80, flow.eport, SYN)[:12] + b"\x10\x02" + bytes(6)
        ),
        "half an ICMP header": ip4(S4, flow.external, ICMP, b"\x08\0\xf7\xff"),
    }
    for name, packet in faults.items():
        b.silent4(packet, name)
    for cut in range(len(good)):
        b.wan.send(good[:cut])
    out6, out4 = b.settle()
    b.nothing(out6, "a packet cut short")
    equal("the payload with octets behind it", b.out6(good + b"padding").data, b"x" * 20)


@case("X46-12", "DF set and too large for an IPv6 link of 1500: 3/4 with 1480")
def must_fit(b):
    fits(b, 1480)


@case("X46-12", "DF set and too large for an IPv6 link of 1280: 3/4 with 1260", lan=1280)
def must_fit1280(b):
    fits(b, 1260)


def fits(b, largest):
    flow = b.udp_flow()
    equal("the largest", b.out6(flow.udp4(bytes(largest - 28), df=1)).total, largest + 20)
    for total in (largest + 1, 1500):
        out6, out4 = b.exchange([], [flow.udp4(bytes(total - 28), df=1)])
        b.nothing(out6, f"{total} octets with DF")
        out = b.one(out4, f"{total} octets with DF")
        equal("type, code, MTU, destination", (out.type, out.code, out.word, out.dst), (3, 4, largest, S4))
        equal("the quoted flow", (out.quote.sport, out.quote.dst, out.quote.dport), (53, flow.external, flow.eport))


@case("X46-12", "DF set on a fragment: the usable size is the MTU - 28")
def fragment_must_fit(b):
    flow = b.udp_flow()
    message = udp(S4, flow.external, 53, flow.eport, os.urandom(2900))
    out6, out4 = b.exchange([], [ip4(S4, flow.external, UDP, message[:1456], identification=321, df=1, mf=1)])
    b.nothing(out6, "a fragment of 1476 octets with DF")
    equal("type, code, MTU", [(p.type, p.code, p.word) for p in out4], [(3, 4, 1472)])
    out6, out4 = b.exchange([], [ip4(S4, flow.external, UDP, message[:1448], identification=322, df=1, mf=1)])
    equal("lengths", [p.total for p in out6], [1448 + 48])


@case("X46-13", "DF clear and larger than 1280: fragments of at most 1280 octets")
def split(b):
    flow = b.udp_flow()
    data = os.urandom(1500 - 28)
    out6, out4 = b.exchange([], [flow.udp4(data, identification=0xABCD)])
    b.nothing(out4, "1500 octets without DF")
    require(len(out6) >= 2 and all(p.total <= 1280 and p.is_fragment for p in out6), "the fragments are not as ordered")
    equal("identifications", {p.identification for p in out6}, {0xABCD})
    require(all(len(p.body) % 8 == 0 for p in out6 if p.mf), "a fragment is no multiple of 8")
    whole = reassemble(out6)
    require(
        whole is not None and out6[0].transport_is_right(whole) and whole[8:] == data, "the pieces are not the whole"
    )
    data = os.urandom(1480)
    ping = b.ping_flow()
    out6, _ = b.exchange([], [ping4(S4, ping.external, 0, ping.eport, 5, data[:1472])])
    whole = reassemble(out6)
    require(whole is not None and whole[8:] == data[:1472], "the pieces of a ping are not the whole")
    require(out6[0].transport_is_right(whole), "the checksum of a cut ping is wrong")
    equal("next headers", {p.protocol for p in out6}, {58})


@case("X46-14", "lowest-ipv6-mtu of 1500 lets a packet of 1480 octets through whole", config="lowest1500")
def lowest(b):
    flow = b.udp_flow()
    out = b.out6(flow.udp4(bytes(1480 - 28)))
    equal("length and headers", (out.total, out.chain), (1500, []))
    out6, _ = b.exchange([], [flow.udp4(bytes(1500 - 28))])
    require(len(out6) == 2 and all(p.total <= 1500 for p in out6), "1500 octets are not cut in two")


@case("X46-15", "no fragment header for what fits; one for each fragment (X46-18)")
def fragment_headers(b):
    flow = b.udp_flow()
    for df in (0, 1):
        for size in (28, 1000, 1260):
            equal("headers", b.out6(flow.udp4(bytes(size - 28), df=df, identification=7)).chain, [])


@case("X46-16", "a fragment keeps offset, more and identification")
def fragment_fields(b):
    flow = b.udp_flow()
    message = udp(S4, flow.external, 53, flow.eport, os.urandom(1800))
    pieces = [
        ip4(S4, flow.external, UDP, message[:1200], identification=0xABCD, mf=1),
        ip4(S4, flow.external, UDP, message[1200:], identification=0xABCD, offset=1200),
    ]
    out6, out4 = b.exchange([], pieces)
    b.nothing(out4, "two fragments")
    equal(
        "identification, offset, more",
        [(p.identification, p.offset, p.mf) for p in out6],
        [(0xABCD, 0, True), (0xABCD, 1200, False)],
    )
    whole = reassemble(out6)
    require(out6[0].transport_is_right(whole) and whole[8:] == message[8:], "the pieces are not the whole")


@case("X46-17", "a large fragment is cut with offsets right and more set")
def refragment(b):
    flow = b.udp_flow()
    message = udp(S4, flow.external, 53, flow.eport, os.urandom(4000))
    pieces = [
        ip4(
            S4,
            flow.external,
            UDP,
            message[at : at + 1480],
            identification=0x1111,
            offset=at,
            mf=int(at + 1480 < len(message)),
        )
        for at in range(0, len(message), 1480)
    ]
    out6, _ = b.exchange([], pieces)
    require(all(p.total <= 1280 for p in out6), "a piece is larger than 1280")
    equal("pieces without more", len([p for p in out6 if not p.mf]), 1)
    whole = reassemble(out6)
    require(
        whole is not None and out6[0].transport_is_right(whole) and whole[8:] == message[8:],
        "the pieces are not the whole",
    )


@case("X46-19", "4,000 packets of a flow leave in order, in both directions")
def order(b):
    flow = b.udp_flow()
    for direction in (6, 4):
        seen = []
        for batch in range(0, 4000, 200):
            packets = [
                (flow.udp6 if direction == 6 else flow.udp4)(struct.pack("!I", n)) for n in range(batch, batch + 200)
            ]
            out6, out4 = b.exchange(*((packets, []) if direction == 6 else ([], packets)), wait=0.001)
            seen += [struct.unpack("!I", p.data)[0] for p in (out4 if direction == 6 else out6)]
        require(seen == sorted(seen), "packets overtook each other")
        require(len(seen) > 3900, f"only {len(seen)} packets came")


@case("X46-20", "checksums are right and payloads untouched")
def checksums(b):
    flow, connection, ping = b.udp_flow(), b.tcp_flow(), b.ping_flow()
    for size in (0, 1, 2, 3, 17, 1000, 1001, 1230):
        data = os.urandom(size)
        equal("UDP payload", b.out6(flow.udp4(data)).data, data)
        equal("TCP payload", b.out6(connection.tcp4(ACK | PSH, data)).data, data)
        equal("echo payload", b.out6(ping4(S4, ping.external, 0, ping.eport, 7, data)).data, data)


@case("X46-21", "a wrong checksum never becomes right")
def wrong_checksums(b):
    flow, connection, ping = b.udp_flow(), b.tcp_flow(), b.ping_flow()
    right = struct.unpack("!H", udp(S4, flow.external, 53, flow.eport, b"data")[6:8])[0]
    packets = [
        ip4(S4, flow.external, UDP, udp(S4, flow.external, 53, flow.eport, b"data", check=right ^ 1)),
        ip4(
            S4, connection.external, TCP, tcp(S4, connection.external, 80, connection.eport, ACK, b"data", check=0x1234)
        ),
        ip4(S4, ping.external, ICMP, icmp4(0, 0, echo(ping.eport, 1), b"data", check=0x1234)),
    ]
    out6, _ = b.exchange([], packets)
    for out in out6:
        require(not out.transport_is_right(), f"a wrong checksum became right: {out}")
    b.take_faults()


@case("X46-23", "UDP without a checksum gets one")
def zero_checksum(b):
    flow = b.udp_flow()
    for size in (0, 1, 500, 1300):
        data = os.urandom(size)
        packet = ip4(S4, flow.external, UDP, udp(S4, flow.external, 53, flow.eport, data, check=0))
        out6, out4 = b.exchange([], [packet])
        b.nothing(out4, "UDP without a checksum")
        whole = reassemble(out6)
        require(whole is not None and whole[8:] == data, "the payload is not what was sent")
        require(whole[6:8] != b"\0\0" and out6[0].transport_is_right(whole), "the checksum is wrong")


@case("X46-23", "UDP without a checksum is dropped when that is set", config="dropzero")
def zero_checksum_dropped(b):
    flow = b.udp_flow()
    b.silent4(
        ip4(S4, flow.external, UDP, udp(S4, flow.external, 53, flow.eport, b"x", check=0)), "UDP without a checksum"
    )


@case("X46-24", "fragments of UDP without a checksum come out with one, in any order")
def zero_checksum_fragments(b):
    for sequence in ((0, 1), (1, 0)):
        flow = b.udp_flow()
        message = udp(S4, flow.external, 53, flow.eport, os.urandom(1800), check=0)
        pieces = [
            ip4(S4, flow.external, UDP, message[:1200], identification=0x3333 + sequence[0], mf=1),
            ip4(S4, flow.external, UDP, message[1200:], identification=0x3333 + sequence[0], offset=1200),
        ]
        out6, out4 = b.exchange([], [pieces[index] for index in sequence])
        b.nothing(out4, "fragments without a checksum")
        whole = reassemble(out6)
        require(whole is not None and whole[8:] == message[8:], "the payload is not what was sent")
        require(whole[6:8] != b"\0\0" and out6[0].transport_is_right(whole), "the checksum is wrong")


@case("X46-25", "other transports are refused with ICMPv4 3/2, IGMP in silence (X46-26)")
def transports(b):
    flow = b.udp_flow()
    for protocol in (132, 47, 50, 51, 41, 58, 0, 253):
        out6, out4 = b.exchange([], [ip4(S4, flow.external, protocol, bytes(24))])
        b.nothing(out6, f"protocol {protocol}")
        equal(f"the error about protocol {protocol}", [(p.type, p.code, p.dst) for p in out4], [(3, 2, S4)])
    b.silent4(ip4(S4, flow.external, 2, bytes(8)), "IGMP")


@case("X46-27", "what is addressed beside the pool is not translated")
def beside_pool(b):
    b.udp_flow()
    for address in ("203.0.113.0", "203.0.113.3", BOX4):
        out6, _ = b.exchange([], [udp4(S4, address, 53, 2000, b"x")])
        b.nothing(out6, f"to {address}")


@case("X46-28", "no error for multicast, broadcast, later fragments and ICMP errors")
def no_errors(b):
    flow = b.udp_flow()
    for destination in ("224.0.0.251", "255.255.255.255"):
        out6, out4 = b.exchange([], [ip4(S4, destination, 132, bytes(24))])
        b.nothing(out6 + out4, f"to {destination}")
    b.silent4(ip4(S4, flow.external, 132, bytes(24), offset=64), "a later fragment of another transport")
    b.silent4(ip4("127.0.0.1", flow.external, 132, bytes(24)), "from 127.0.0.1")


@case("X46-29", "errors to the IPv4 side are limited to 10 in a second, with a burst", config="limits")
def rate_limit(b):
    flow = b.udp_flow()
    big = flow.udp4(bytes(1472), df=1)
    start = time.monotonic()
    _, out4 = b.exchange([], [big] * 1500)
    passed = time.monotonic() - start
    require(out4, "no error at all")
    require(len(out4) <= 50 + 10 * (passed + 1), f"{len(out4)} errors in {passed:.2f} seconds")
