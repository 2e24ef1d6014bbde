"""A pool that is the address of the box itself."""

import os

from bench import BOX4, C6, D6, P, R4, S4, S5, case, embed, equal, require
from cases_fragments import pieces4
from cases_offloads import TCP4, offloaded
from configurations import CONFIGURATIONS
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
    out6, out4 = b.exchange([], [tcp4(S4, BOX4, 4000, unused(b), SYN)])
    b.nothing(out6, "a SYN to a free port")
    equal("the host's answer", [p.flags for p in out4], [RST | ACK])


@case(
    "TCP-05",
    "with a shared address a SYN to a client's port waits for the client, and is refused after its time (TCP-04)",
    config="share",
)
def shared_held(b):
    flow, other = b.tcp_flow(), b.tcp_flow()
    b.silent4(tcp4(S5, BOX4, 80, flow.eport, SYN), "a stranger's SYN to a client's port")
    b.silent4(tcp4(S5, BOX4, 80, other.eport, SYN), "another")
    b.out4(tcp6(C6, embed(P, S5), flow.sport, 80, SYN))
    equal("the state", b.session("tcp", C6, flow.sport, S5)["state"], "ESTABLISHED")
    _, out4 = b.exchange([], [tcp4(S5, BOX4, 81, other.eport, SYN | ACK)])
    equal("the host's answer to a SYN with ACK", [p.flags for p in out4], [RST])
    out6, out4 = b.collect(lambda out6, out4: bool(out4), 30)
    refused = b.one(out4, "after its time")
    told = (refused.type, refused.code, refused.src, refused.dst, refused.quote.dport)
    equal("what is told", told, (3, 3, BOX4, S5, other.eport))
    b.nothing(out6 + b.collect(lambda out6, out4: False, 1)[1], "to the client, or of the SYN that was met")


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


def unused(b):
    """A port of the translator's that no client has."""
    taken = {int(entry["external"].rpartition(":")[2]) for entry in b.bindings()}
    return next(port for port in range(62222, 65536) if port not in taken)


OPTIONS = b"\x01\x01\x01\x00"
# Read as a transport header without options, this is a packet to a port of the translator's.
DISGUISE = b"\x01\x01\xf0\x06\x00\x00\x00\x00"


@case("NAT-13", "with a shared address packets with IPv4 options find their client, or the host", config="share")
def shared_options(b):
    flow, connection = b.udp_flow(), b.tcp_flow()
    equal("UDP", b.out6(flow.udp4(b"x", options=OPTIONS)).data, b"x")
    segment = tcp(S4, BOX4, 80, connection.eport, ACK, b"y")
    equal("TCP", b.out6(ip4(S4, BOX4, TCP, segment, options=OPTIONS * 2)).data, b"y")
    for options in (OPTIONS, DISGUISE, DISGUISE * 5):
        out6, out4 = b.exchange([], [udp4(S4, BOX4, 4000, 9, b"x", options=options)])
        b.nothing(out6, f"UDP to the host with options {options}")
        equal("the host's answer to UDP", [(p.type, p.code) for p in out4], [(3, 3)])
        segment = tcp(S4, BOX4, 4000, 22, SYN)
        out6, out4 = b.exchange([], [ip4(S4, BOX4, TCP, segment, options=options)])
        b.nothing(out6, f"TCP to the host with options {options}")
        equal("the host's answer to TCP", [p.flags for p in out4], [RST | ACK])


@case("I46-25", "with a shared address an error that quotes IPv4 options finds its client, or the host", config="share")
def shared_quoted_options(b):
    for flow in (b.udp_flow(), b.tcp_flow()):
        protocol = UDP if flow.dport == 53 else TCP
        for options in (b"\x94\x04\0\0", bytes([7, 39, 4]) + bytes(37)):
            sent = flow.sent4() if protocol == UDP else tcp4(BOX4, S4, flow.eport, 80, ACK)
            quoted = ip4(BOX4, S4, protocol, sent[20:], options=options)
            out = b.out6(ip4(R4, BOX4, ICMP, icmp4(11, 0, data=quoted)), "an error about a client's packet")
            equal("type and ends", (out.type, out.dst, out.quote.sport), (3, C6, flow.sport))
    handed = b.status()["dataplane"]["handedBack"]
    quoted = udp4(BOX4, S4, 40000, 53, options=OPTIONS)
    b.silent4(ip4(R4, BOX4, ICMP, icmp4(11, 0, data=quoted)), "one about the host's")
    require(b.status()["dataplane"]["handedBack"] > handed, "it is not handed back")


@case("NAT-21", "with a shared address the host gets its packets with the time to live they came with", config="share")
def shared_time_to_live(b):
    b.udp_flow()
    out6, out4 = b.exchange([], [ping4(S4, BOX4, 8, 65079, 1, b"last hop", ttl=1)])
    equal("the answer to a ping on its last hop", [(p.type, p.data) for p in out4], [(0, b"last hop")])
    out6, out4 = b.exchange([], [udp4(S4, BOX4, 4000, unused(b), b"x", ttl=1)])
    equal("the answer to UDP on its last hop", [(p.type, p.code) for p in out4], [(3, 3)])
    equal("its time to live in what the answer quotes", out4[0].quote.hops, 1)


@case("X64-21", "with a shared address the host gets its super-packets as they were", config="share")
def shared_super_packets(b):
    b.wan.open_offloaded()
    b.udp_flow()
    data = os.urandom(40000)
    port = unused(b)
    b.flush()
    offloaded(b.wan, tcp4(S4, BOX4, 4000, port, PSH, data, seq=1000), TCP, TCP4, 1400)
    out6, out4 = b.settle(0.05)
    b.nothing(out6, "a super-packet to the host")
    # One reset that acknowledges all of it: it came in one piece.
    equal("the host's answer", [(p.flags, p.ack) for p in out4], [(RST | ACK, 1000 + len(data))])
    b.flush()
    offloaded(b.wan, udp4(S4, BOX4, 4000, port, data[:1000]), UDP)
    out6, out4 = b.settle(0.05)
    b.nothing(out6, "UDP whose checksum is to be filled in")
    equal("the host's answer", [(p.type, p.code) for p in out4], [(3, 3)])


@case("NAT-21", "with a shared address the host gets what is handed back in order", config="share")
def shared_order(b):
    b.udp_flow()
    burst = []
    for number in range(200):
        burst.append(ping4(S4, BOX4, 8, 65080, number, bytes(100)))
    out6, out4 = b.exchange([], burst)
    equal("the sequence numbers of the host's answers", [p.sequence for p in out4 if p.id == 65080], list(range(200)))


@case("X46-06", "with a shared address nobody outside may bear an address of the host", config="share")
def shared_spoofed(b):
    b.udp_flow()
    before = b.drops()["illegal-source"]
    for packet in (
        ping4(BOX4, BOX4, 8, 62081, 1, b"spoofed"),
        udp4(BOX4, BOX4, 53, 62225, b"spoofed"),
        ip4(BOX4, BOX4, UDP, udp(BOX4, BOX4, 53, 9, bytes(100))[:64], identification=0xE2, mf=1),
    ):
        b.silent4(packet, "a packet from outside with the host's own source")
    equal("illegal sources", b.drops()["illegal-source"] - before, 3)


HOST = embed(P, BOX4)


@case("NAT-31", "with a shared address the host itself is reached under the prefix", config="share")
def shared_host_reached(b):
    port = b.port()
    out6, out4 = b.exchange([ping6(C6, HOST, 128, port, 1, b"host")])
    b.nothing(out4, "a ping of the host")
    equal("the host's answer", [(p.src, p.type, p.id, p.data) for p in out6], [(HOST, 129, port, b"host")])
    out6, out4 = b.exchange([tcp6(C6, HOST, port, 22, SYN, seq=77)])
    b.nothing(out4, "a SYN to the host")
    equal("the answer to a SYN", [(p.src, p.flags, p.ack, p.dport) for p in out6], [(HOST, RST | ACK, 78, port)])
    out6, out4 = b.exchange([udp6(C6, HOST, port, 9, b"x")])
    b.nothing(out4, "UDP to the host")
    error = b.one(out6, "the answer to UDP")
    equal("type, code, source", (error.type, error.code, error.src), (1, 4, HOST))
    quote = error.quote
    equal("what it quotes", (quote.src, quote.dst, quote.sport, quote.dport), (C6, HOST, port, 9))
    # Its checksum has gone through four changes of address and fits the packet the client sent.
    sent = udp6(C6, HOST, port, 9, b"x")
    equal("the quoted datagram", quote.body, sent[40:])


@case("NAT-31", "with an address that a reload has shared, clients reach the host too", config="restart")
def shared_by_reload(b):
    b.udp_flow()
    b.write(CONFIGURATIONS["shareopen"]["text"])
    b.ctl("reload")
    b.learn_sentinel()
    out6, out4 = b.exchange([ping6(C6, HOST, 128, b.port(), 1, b"host")])
    b.start(CONFIGURATIONS["restart"]["text"])
    b.nothing(out4, "a ping of the host")
    equal("the host's answer", [(p.src, p.type, p.data) for p in out6], [(HOST, 129, b"host")])


@case("NAT-31", "with a shared address a ping of the host in fragments is answered", config="share")
def shared_host_fragments(b):
    data = os.urandom(3000)
    message = icmp6(C6, HOST, 128, 0, echo(b.port(), 1), data)
    pieces = [
        ip6(C6, HOST, FRAGMENT, fragment_header(58, at, at + 1400 < len(message), 0xF1) + message[at : at + 1400])
        for at in range(0, len(message), 1400)
    ]
    for sequence in (pieces, pieces[::-1]):
        out6, out4 = b.exchange(sequence)
        b.nothing(out4, "a ping of the host")
        whole = reassemble(out6)
        require(whole is not None and whole[8:] == data, "the host does not answer a ping in fragments")
        equal("the type of the answer", whole[0], 129)


@case("X64-08", "with a shared address the way to the host ends at the host", config="share")
def shared_host_traced(b):
    # The kernel takes a hop on the way to the translator, the translator one; the host is the end of the way.
    for hops, wanted in ((2, (3, 0)), (3, (1, 4))):
        out6, out4 = b.exchange([udp6(C6, HOST, b.port(), 33434, b"trace", hops=hops)])
        b.nothing(out4, "a datagram to the host")
        equal(f"the answer to a hop limit of {hops}", [(p.type, p.code) for p in out6], [wanted])


@case("ERR-04", "with a shared address a client's ICMP error reaches the host's own socket", config="share", lan=1280)
def shared_host_error(b):
    listener = b.background(
        "import socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"s.bind(('{BOX4}', 7007))\n"
        "print('ready')\n"
        "s.settimeout(30)\n"
        "data, peer = s.recvfrom(100)\n"
        "s.connect(peer)\n"
        "s.send(b'reply to ' + peer[0].encode())\n"
        "try: s.recv(100)\n"
        "except OSError as error: print(error.errno)\n"
    )
    port = b.port()
    out6, out4 = b.exchange([udp6(C6, HOST, port, 7007, b"hello")], wait=0.1)
    if not out6:
        out6, more4 = b.collect(lambda out6, out4: bool(out6), 30)
        out4 += more4
    b.nothing(out4, "a datagram to the host")
    reply = b.one(out6, "the reply")
    equal("the source that the host saw", reply.data, b"reply to 192.0.0.7")
    b.exchange([ip6(C6, HOST, ICMP6, icmp6(C6, HOST, 1, 4, data=reply.raw))])
    equal("the error at the host's socket (ECONNREFUSED)", listener.communicate(timeout=60)[0].strip(), "111")


@case("X64-20", "with a shared address clients hear what the host's kernel has to say of their packets", config="share")
def shared_kernel_errors(b):
    narrow, rejected, closed = "198.51.100.70", "198.51.100.71", "198.51.100.72"
    b.on("ip", "route", "add", narrow, "via", "100.64.0.1", "mtu", "1300")
    b.on("ip", "route", "add", "prohibit", rejected)
    b.on("ip", "route", "add", "unreachable", closed)
    try:
        flow = b.udp_flow(peer=narrow)
        connection = b.tcp_flow(peer=narrow)
        ping = b.ping_flow(peer=narrow)
        for what, packet in (
            ("UDP", flow.udp6(bytes(1400))),
            ("TCP", connection.tcp6(ACK, bytes(1400))),
            ("a ping", ping6(C6, embed(P, narrow), 128, ping.sport, 2, bytes(1400))),
        ):
            out6, out4 = b.exchange([packet])
            b.nothing(out4, f"{what} of 1400 octets")
            error = b.one(out6, f"the answer to {what} of 1400 octets")
            equal(f"the answer to {what}", (error.type, error.word, error.src), (2, 1320, embed(P, BOX4)))
            # All but the hop limit, of which the kernel and the translator have taken their hops.
            equal(f"what it quotes of {what}", error.quote.raw[8:56], packet[8:56])
        # The kernel sends five such errors to one address, and then one a second.
        port = b.port()
        for what, peer, code, packet in (
            ("UDP", rejected, 1, udp6(C6, embed(P, rejected), port, 53, b"x")),
            ("TCP", closed, 0, tcp6(C6, embed(P, closed), port, 80, SYN)),
            ("a ping", closed, 0, ping6(C6, embed(P, closed), 128, port, 1, b"x")),
        ):
            out6, out4 = b.exchange([packet])
            b.nothing(out4, f"{what} to {peer}")
            error = b.one(out6, f"the answer to {what} to {peer}")
            equal(f"the answer to {what} to {peer}", (error.type, error.code), (1, code))
            equal("what it quotes", error.quote.raw[8:48], packet[8:48])
    finally:
        for words in ([narrow], ["prohibit", rejected], ["unreachable", closed]):
            b.on("ip", "route", "del", *words)


@case("X64-20", "with a shared address the host hears what its kernel has to say of its own packets", config="share")
def shared_kernel_errors_of_host(b):
    b.udp_flow()
    b.sysctl("net.ipv4.neigh.wan0.retrans_time_ms=100")
    listener = b.background(
        "import socket, struct\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)\n"
        f"s.bind(('{BOX4}', 0))\n"
        "s.settimeout(30)\n"
        "print('ready')\n"
        "s.sendto(struct.pack('!BBHHH', 8, 0, 0xFFFF - 0x0800 - 5 - 6, 5, 6), ('100.64.0.99', 0))\n"
        "while True:\n"
        "    packet = s.recv(1500)\n"
        "    if packet[20] == 3: break\n"
        "print(socket.inet_ntoa(packet[12:16]), packet[21], socket.inet_ntoa(packet[44:48]))\n"
    )
    equal("the error at the host's socket", listener.communicate(timeout=60)[0].split(), [BOX4, "1", "100.64.0.99"])
