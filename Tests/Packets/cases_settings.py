"""Settings that keep something back or tell more."""

import struct

from bench import C6, P, R4, S4, S5, T1, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)


@case("NAT-23", "with icmp-echo off clients' pings are dropped in silence and leave no state", config="noecho")
def no_echo(b):
    identifier = b.port()
    before = b.drops().get("echo-refused", 0)
    b.silent6(ping6(C6, TARGET, 128, identifier, 1, b"x"), "an echo request")
    b.silent6(ping6(C6, TARGET, 129, identifier, 1, b"x"), "an echo reply")
    message = icmp6(C6, TARGET, 128, 0, echo(identifier, 2), bytes(1400))
    for start, more in ((0, True), (1200, False)):
        part = message[start : start + 1200]
        b.silent6(ip6(C6, TARGET, 44, fragment_header(ICMP6, start, more, 0x77) + part), "a ping in fragments")
    require(b.drops().get("echo-refused", 0) >= before + 2, "nothing is counted")
    equal("the session", b.session("icmp", C6, identifier), None)


@case("NAT-23", "with icmp-echo off other traffic and errors about it pass", config="noecho")
def no_echo_others(b):
    flow, connection = b.udp_flow(), b.tcp_flow()
    out = b.out6(ip4(R4, flow.external, ICMP, icmp4(11, 0, data=flow.sent4())), "an error")
    equal("the error", (out.type, out.code, out.src), (3, 0, embed(P, R4)))
    b.out4(connection.tcp6(ACK, b"x"))


@case("X46-29", "with icmp-errors off nobody is told anything, on either side", config="noerrors", wan=1400)
def no_errors(b):
    flow = b.udp_flow()
    for name, packet in {
        "a hop limit that runs out": flow.udp6(b"x", hops=2),
        "another transport": ip6(C6, TARGET, 132, bytes(24)),
        "1448 octets for a link of 1400": flow.udp6(bytes(1440)),
    }.items():
        b.silent6(packet, name)
    for name, packet in {
        "a TTL that runs out": flow.udp4(b"x", ttl=2),
        "another transport": ip4(S4, flow.external, 132, bytes(24)),
    }.items():
        b.silent4(packet, name)


@case("X46-29", "with icmp-errors off the errors of others pass all the same", config="noerrors")
def no_errors_of_ours(b):
    flow = b.udp_flow()
    word = struct.pack("!I", 1300)
    out = b.out6(ip4(R4, flow.external, ICMP, icmp4(3, 4, word, flow.sent4())), "3/4 of a router")
    equal("type and MTU", (out.type, out.word), (2, 1320))
    out = b.out4(ip6(C6, TARGET, ICMP6, icmp6(C6, TARGET, 1, 4, data=flow.sent6())), "1/4 of the client")
    equal("type and code", (out.type, out.code), (3, 3))


@case("NAT-14", "with report-refused a peer that filtering refuses is told 3/13 (X46-29)", config="report")
def report_filtered(b):
    flow, ping = b.udp_flow(), b.ping_flow()
    packets = (
        udp4(S5, flow.external, 53, flow.eport, b"x"),
        ping4(S5, ping.external, 8, ping.eport, 1),
    )
    for packet in packets:
        out6, out4 = b.exchange([], [packet])
        b.nothing(out6, "a packet that filtering refuses")
        equal("the error", [(p.type, p.code, p.dst) for p in out4], [(3, 13, S5)])
    b.out6(flow.udp4(b"the peer itself"))


@case("NAT-12", "with report-refused a peer whose packet nobody waits for is told 3/1 (NAT-21)", config="report")
def report_unbound(b):
    port, identifier, segment = (b.unused_external(transport, T1) for transport in ("udp", "icmp", "tcp"))
    for packet in (udp4(S4, T1, 53, port, b"x"), ping4(S4, T1, 8, identifier, 1)):
        out6, out4 = b.exchange([], [packet])
        b.nothing(out6, "a packet to nobody")
        equal("the error", [(p.type, p.code, p.dst) for p in out4], [(3, 1, S4)])
    b.silent4(tcp4(S4, T1, 80, segment, ACK), "a segment to nobody (TCP-08)")
    quoted = udp4(T1, S4, port, 53, b"x")
    b.silent4(ip4(R4, T1, ICMP, icmp4(3, 3, data=quoted)), "an error about nobody's packet")
