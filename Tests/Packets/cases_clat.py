"""EAM: the provider's side of 464XLAT (RFC 6877): what a translator at the client makes of IPv4 passes both ways."""

import os
import struct

from bench import G4, P, R4, S4, W, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)
# An IPv4 application at 192.168.1.2 behind a /96 of its own, one at 192.0.0.4 behind a /64, one under RFC 7757.
CLATS = ("2001:db8:6:8000::c0a8:102", "2001:db8:6:8001:c0:0:400:0", "2001:db8:6:8002::42")
CLAT = CLATS[0]


@case("EAM-08", "destinations that a CLAT composes are taken apart, and answers find its source, in all protocols")
def composed(b):
    for client in CLATS:
        for server in (S4, "192.0.2.33", "8.8.8.8"):
            target = embed(P, server)
            flow = b.udp_flow(client=client, peer=server)
            connection = b.tcp_flow(client=client, peer=server)
            ping = b.ping_flow(client=client, peer=server)
            for out in (
                b.out4(flow.udp6(b"x")),
                b.out4(connection.tcp6(ACK, b"x")),
                b.out4(ping6(client, target, 128, ping.sport, 2)),
            ):
                equal("the destination", out.dst, server)
            for out in (
                b.out6(flow.udp4(b"x")),
                b.out6(connection.tcp4(ACK, b"x")),
                b.out6(ping4(server, ping.external, 0, ping.eport, 2)),
            ):
                equal("the ends of the answer", (out.src, out.dst), (target, client))


@case(
    "EAM-09",
    "an application's packet of 1500 octets, 1520 behind the CLAT, arrives with 1500, and DF goes by size",
    lan=1520,
)
def growth(b):
    flow, ping = b.udp_flow(client=CLAT), b.ping_flow(client=CLAT)
    for size in [*range(28, 1500, 97), 1259, 1260, 1261, 1280, 1480, 1499, 1500]:
        data = os.urandom(size - 28)
        for out in (b.out4(flow.udp6(data)), b.out4(ping6(CLAT, TARGET, 128, ping.sport, 1, data))):
            equal(f"length and DF of {size}", (out.total, out.df), (size, int(size > 1260)))
            equal("the payload", out.data, data)
        out = b.out6(flow.udp4(data, df=1))
        equal(f"the answer of {size}", (out.total, out.chain, out.data), (size + 20, [], data))


@case("EAM-09", "over a link of 1500 an answer of 1500 with DF is told 1480, and one without comes in fragments")
def shrinking(b):
    flow = b.udp_flow(client=CLAT)
    out6, out4 = b.exchange([], [flow.udp4(bytes(1472), df=1)])
    b.nothing(out6, "1500 octets with DF")
    equal("the error", [(p.type, p.code, p.word) for p in out4], [(3, 4, 1480)])
    data = os.urandom(1472)
    out6, _ = b.exchange([], [flow.udp4(data)])
    whole = reassemble(out6)
    require(whole is not None and whole[8:] == data, "1500 octets without DF do not arrive whole")
    require(all(p.offset or p.mf for p in out6), "an atomic fragment came")


@case("EAM-09", "a CLAT after RFC 6145, which makes atomic fragments of all that has DF clear, is served without any")
def atomic(b):
    flow = b.udp_flow(client=CLAT)
    data = os.urandom(900)
    message = udp(CLAT, TARGET, flow.sport, 53, data)
    out = b.out4(ip6(CLAT, TARGET, 44, fragment_header(UDP, 0, False, 0xABCE) + message))
    equal("DF, MF, identification", (out.df, out.mf, out.identification), (0, False, 0xABCE))
    equal("the payload", out.data, data)
    equal("headers of the answer", b.out6(flow.udp4(data)).chain, [])
    message = udp(CLAT, TARGET, flow.sport, 53, os.urandom(1480))
    pieces = [
        ip6(CLAT, TARGET, 44, fragment_header(UDP, start, start + 1232 < len(message), 0xABCE) + message[start:][:1232])
        for start in range(0, len(message), 1232)
    ]
    _, out4 = b.exchange(pieces)
    whole = reassemble(out4)
    require(whole is not None and whole[8:] == message[8:], "what the CLAT has fragmented does not arrive whole")


@case("EAM-09", "path MTU discovery and traceroute of an application behind a CLAT work, errors both ways")
def errors(b):
    flow = b.udp_flow(client=CLAT, dport=33434)
    for hops in (4, 5):
        equal("TTL of a probe", b.out4(flow.udp6(b"probe", hops=hops)).hops, hops - 3)
    for router in (R4, "10.0.0.1"):
        out = b.out6(ip4(router, flow.external, ICMP, icmp4(11, 0, data=flow.sent4(b"probe", ttl=1))))
        equal("the hop", (out.type, out.code, out.src, out.dst), (3, 0, embed(P, router), CLAT))
        equal("the quoted probe", (out.quote.src, out.quote.sport, out.quote.dport), (CLAT, flow.sport, 33434))
    out = b.out6(ip4(S4, flow.external, ICMP, icmp4(3, 3, data=flow.sent4(b"probe"))))
    equal("the end", (out.type, out.code, out.src), (1, 4, TARGET))
    word = struct.pack("!I", 1400)
    out = b.out6(ip4(R4, flow.external, ICMP, icmp4(3, 4, word, flow.sent4(bytes(1400)))))
    equal("the path's MTU, as IPv6 has it", (out.type, out.word), (2, 1420))
    out = b.out4(ip6(CLAT, TARGET, ICMP6, icmp6(CLAT, TARGET, 1, 4, data=flow.sent6(b"answer"))))
    equal("the application's own refusal", (out.type, out.code, out.src, out.dst), (3, 3, flow.external, S4))
    ping = b.ping_flow(client=CLAT)
    out = b.out6(ip4(R4, ping.external, ICMP, icmp4(11, 0, data=ping4(ping.external, S4, 8, ping.eport, 1, b"x"))))
    equal("the quoted ping", (out.quote.type, out.quote.id, out.quote.src), (128, ping.sport, CLAT))


@case("EAM-10", "a private literal behind a CLAT is refused under the well-known prefix", config="wkp")
def private_literal(b):
    out6, out4 = b.exchange([udp6(CLAT, embed(W, "10.1.2.3"), b.port(), 53, b"x")])
    b.nothing(out4, "10.1.2.3")
    equal("type and code", [(p.type, p.code) for p in out6], [(1, 1)])
    b.out4(udp6(CLAT, embed(W, G4), b.port(), 53, b"x"))


@case("EAM-10", "a private literal behind a CLAT is reached when its range is allowed", config="allow10")
def allowed_literal(b):
    out = b.out4(udp6(CLAT, embed(W, "10.1.2.3"), b.port(), 53, b"x"))
    equal("the destination", out.dst, "10.1.2.3")
    back = b.out6(udp4("10.1.2.3", out.src, 53, out.sport, b"y"))
    equal("the answer", (back.src, back.dst), (embed(W, "10.1.2.3"), CLAT))
