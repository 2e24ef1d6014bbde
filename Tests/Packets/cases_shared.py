"""A pool that is the address of the box itself."""

import os

from bench import BOX4, C6, D6, P, R4, S4, S5, case, embed, equal, require
from cases_fragments import pieces4
from wire import *

TARGET = embed(P, S4)


@case("NAT-13", "with a shared address clients are served from the box's own, in all protocols", config="share")
def shared(b):
    flow, connection, ping = b.udp_flow(), b.tcp_flow(), b.ping_flow()
    for each in (flow, connection, ping):
        equal("the external address", each.external, BOX4)
        require(each.eport >= 61440, f"the port is {each.eport}")
    equal("UDP", b.out6(flow.udp4(b"x")).data, b"x")
    equal("TCP", b.out6(connection.tcp4(ACK, b"y")).data, b"y")
    equal("a ping", b.out6(ping4(S4, ping.external, 0, ping.eport, 1, b"z")).data, b"z")
    out = b.out6(ip4(R4, BOX4, ICMP, icmp4(3, 3, data=flow.sent4())), "an error")
    equal("an error", (out.type, out.code, out.src), (1, 4, embed(P, R4)))
    data = os.urandom(2000)
    pieces = pieces4(flow, udp(S4, BOX4, 53, flow.eport, data), (1200,), 0xD1)
    for sequence in ((0, 1), (1, 0)):
        out6, out4 = b.exchange([], [pieces[index].replace(b"", b"") for index in sequence])
        whole = reassemble(out6)
        require(whole is not None and whole[8:] == data, f"fragments in order {sequence} do not arrive whole")


@case("NAT-21", "with a shared address the host still answers for itself", config="share")
def shared_host(b):
    b.udp_flow()
    out6, out4 = b.exchange([], [ping4(S4, BOX4, 8, 77, 1, b"host")])
    b.nothing(out6, "a ping of the host")
    equal("the host's answer", [(p.type, p.id, p.data) for p in out4], [(0, 77, b"host")])
    out6, out4 = b.exchange([], [tcp4(S4, BOX4, 4000, 22, SYN)])
    equal("the host's answer to a SYN", [p.flags for p in out4], [RST | ACK])
    out6, out4 = b.exchange([], [udp4(S4, BOX4, 4000, 9, b"x")])
    equal("the host's answer to UDP", [(p.type, p.code) for p in out4], [(3, 3)])
    data = os.urandom(2000)
    message = icmp4(8, 0, echo(78, 1), data)
    pieces = [
        ip4(S4, BOX4, ICMP, message[:1200], identification=0xE1, mf=1),
        ip4(S4, BOX4, ICMP, message[1200:], identification=0xE1, offset=1200),
    ]
    out6, out4 = b.exchange([], pieces)
    whole = reassemble(out4)
    require(whole is not None and whole[8:] == data, "the host does not answer a ping in fragments")


@case("NAT-06", "with a shared address a low client port gets one of the translator's own", config="share")
def shared_ports(b):
    _, out4 = b.exchange([udp6(C6, TARGET, port, 53, b"%d" % port) for port in (53, 123, 5353, 65535)])
    require(len(out4) == 4 and all(p.sport >= 61440 for p in out4), "a port outside of the translator's was given")


@case("X46-12", "with a shared address a packet that must not be cut is refused with 3/4", config="share", lan=1280)
def shared_too_big(b):
    flow = b.udp_flow()
    out6, out4 = b.exchange([], [flow.udp4(bytes(1400), df=1)])
    b.nothing(out6, "1428 octets with DF")
    equal("type, code, MTU, ends", [(p.type, p.code, p.word, p.src, p.dst) for p in out4], [(3, 4, 1260, BOX4, S4)])
    out6, _ = b.exchange([], [flow.udp4(bytes(1400))])
    whole = reassemble(out6)
    require(whole is not None and len(whole) == 1408, "without DF it does not arrive in fragments")


@case(
    "TCP-03", "with a shared address a SYN to a free port of the translator's is the host's to answer", config="share"
)
def shared_syn(b):
    b.udp_flow()
    out6, out4 = b.exchange([], [tcp4(S4, BOX4, 4000, 62222, SYN)])
    b.nothing(out6, "a SYN to a free port")
    equal("the host's answer", [p.flags for p in out4], [RST | ACK])


@case("NAT-31", "with a shared address clients reach each other", config="shareopen")
def shared_hairpin(b):
    receiver = b.udp_flow(client=D6)
    target = embed(P, BOX4)
    out6, out4 = b.exchange([udp6(C6, target, b.port(), receiver.eport, b"hairpin")])
    b.nothing(out4, "a hairpin")
    equal("the hairpin", [(p.dst, p.dport, p.data) for p in out6], [(D6, receiver.sport, b"hairpin")])


@case("I46-02", "with a shared address pings of the host and of clients do not mix", config="share")
def shared_pings(b):
    ping = b.ping_flow()
    out6, out4 = b.exchange([], [ping4(S4, BOX4, 8, ping.eport, 1, b"request")])
    # A request to a client's identifier may be the client's or the host's; under address-dependent filtering from a
    # peer of its own it is the client's.
    require(len(out6) + len(out4) == 1, "it is lost, or answered twice")
    out6, out4 = b.exchange([], [ping4(S5, BOX4, 8, ping.eport, 1, b"request")])
    b.nothing(out6, "a ping of the host from a stranger")
    equal("the host's answer", [(p.type, p.data) for p in out4], [(0, b"request")])
