"""NAT: bindings, sessions, filtering and hairpins (RFC 6146 sections 3.5 to 3.8)."""

import os
import time

from bench import C6, D6, P, P2, S4, S5, T1, T2, case, embed, equal, require, run
from wire import *

TARGET = embed(P, S4)
TARGET5 = embed(P, S5)


@case("NAT-01", "TCP, UDP and ICMP have tables of their own")
def tables(b):
    port = b.port()
    flows = [b.udp_flow(sport=port), b.tcp_flow(sport=port), b.ping_flow(identifier=port)]
    for transport, flow in zip(("udp", "tcp", "icmp"), flows):
        entry = b.session(transport, C6, port)
        require(entry is not None, f"no {transport} session is listed")
        equal("the external address", entry["external"], f"{flow.external}:{flow.eport}")


@case("NAT-02", "a client's port has one mapping for all destinations, under each prefix")
def mapping(b):
    for transport in (UDP, TCP):
        port = b.port()
        seen = set()
        for prefix, peer, dport in ((P, S4, 1), (P, S4, 2), (P, S5, 3), (P, "192.0.2.9", 4)):
            target = embed(prefix, peer)
            packet = udp6(C6, target, port, dport) if transport == UDP else tcp6(C6, target, port, dport, SYN)
            out = b.out4(packet)
            seen.add((out.src, out.sport))
        equal("the count of mappings", len(seen), 1)


@case("NAT-05", "all sessions of a client use one pool address")
def pairing(b):
    for client in ("2001:db8:6:8001::1", "2001:db8:6:8002::1", "2001:db8:6:8003::1"):
        packets = [udp6(client, TARGET, 1000 + n, 53) for n in range(50)]
        packets += [tcp6(client, TARGET, 1000 + n, 80, SYN) for n in range(50)]
        packets += [ping6(client, TARGET, 128, 5, 1)]
        _, out4 = b.exchange(packets)
        equal("the count of packets", len(out4), 101)
        equal("the count of addresses", len({p.src for p in out4}), 1)


@case("NAT-05", "a client with flows keeps its pool address when a reload changes the pool (CGN-01)", config="repooled")
def pairing_kept(b):
    from configurations import CONFIGURATIONS

    text = CONFIGURATIONS["repooled"]["text"]
    clients = [f"2001:db8:6:{0xA000 + n:x}::1" for n in range(24)]

    def addresses(port, clients=clients):
        _, out4 = b.exchange([udp6(client, TARGET, port, 53, client.encode()) for client in clients])
        out4 += b.exchange([tcp6(client, TARGET, port, 80, SYN, client.encode()) for client in clients])[1]
        equal("the packets", len(out4), 2 * len(clients))
        return {(p.data, p.src) for p in out4}

    first = addresses(1001)
    equal("the addresses", {address for _, address in first}, {T1})
    b.write(text.replace(T1, f"{T1}-{T2}"))
    b.ctl("reload")
    equal("the addresses after another came", addresses(1002), first)
    equal("the first flows'", addresses(1001), first)
    others = addresses(1002, [f"2001:db8:6:{0xB000 + n:x}::1" for n in range(24)])
    equal("the addresses of new clients", {address for _, address in others}, {T1, T2})
    b.write(text)
    b.ctl("reload")
    equal("the addresses when it has gone", addresses(1003), first)


@case("NAT-06", "ports below 1024 stay below, the others above, when the pool has both", config="allports")
def port_classes(b):
    # The client's port is the payload as well, because flows may overtake each other.
    packets = [udp6(C6, TARGET, port, 53, b"%d" % port) for port in list(range(100, 140)) + list(range(40000, 40040))]
    _, out4 = b.exchange(packets)
    equal("the count", len(out4), 80)
    require(all(p.sport < 1024 for p in out4 if int(p.data) < 1024), "a low port became a high one")
    require(all(p.sport >= 1024 for p in out4 if int(p.data) >= 1024), "a high port became a low one")


@case("NAT-06", "by default no external port lies below 1024")
def no_low_ports(b):
    packets = [udp6(C6, TARGET, port, 53) for port in (1, 123, 500, 1023)]
    _, out4 = b.exchange(packets)
    equal("the count", len(out4), 4)
    require(all(p.sport >= 1024 for p in out4), "a low port was given")


@case("NAT-07", "parity of UDP ports is kept, and ports are not guessable (NAT-10)")
def parity(b):
    ports = [b.port() for _ in range(400)]
    _, out4 = b.exchange([udp6(C6, TARGET, port, 53, b"%d" % port) for port in ports])
    require(all(p.sport % 2 == int(p.data) % 2 for p in out4), "a parity is not kept")
    require(len({p.sport for p in out4}) == 400, "a port was given twice")
    steps = [abs(a.sport - c.sport) for a, c in zip(out4, out4[1:])]
    require(len(set(steps)) > 200, "the steps between ports repeat")
    require(max(p.sport for p in out4) > 50000 and min(p.sport for p in out4) < 15000, "the ports do not use the range")


@case("NAT-07", "the parity of a low UDP port is kept where all external ports are high")
def parity_of_low_ports(b):
    ports = range(900, 1000)
    _, out4 = b.exchange([udp6(C6, TARGET, port, 53, b"%d" % port) for port in ports])
    equal("the count", len(out4), 100)
    require(all(p.sport % 2 == int(p.data) % 2 for p in out4), "a parity is not kept")


@case("NAT-11", "a UDP packet makes a session of 300 seconds, and each further one resets it (NAT-15)")
def udp_session(b):
    flow = b.udp_flow()
    entry = b.session("udp", C6, flow.sport)
    require(entry is not None and 270 <= entry["secondsLeft"] <= 300, f"the session is {entry}")
    time.sleep(5.2)
    aged = b.session("udp", C6, flow.sport)["secondsLeft"]
    require(aged <= 295, "the session does not age")
    b.out4(flow.udp6(b"again"))
    require(b.session("udp", C6, flow.sport)["secondsLeft"] > aged, "the packet does not refresh the session")


@case("NAT-12", "IPv4 UDP without a binding is dropped, and makes none (NAT-37)")
def no_binding(b):
    before = b.bindings()
    for port in (b.unused_external("udp", T2), b.unused_external("udp", T2), 53, 0):
        b.silent4(udp4(S4, T2, 53, port, b"x"), f"to port {port}")
    b.exchange([], [udp4(S4, T1, 53, port, b"scan") for port in range(1, 300)])
    b.exchange([], [ping4(S4, T1, 8, port, 1) for port in range(1, 300)])
    b.no_new_bindings(before)


@case("NAT-13", "endpoint-independent filtering admits anyone to a binding")
def endpoint_independent(b):
    flow = b.udp_flow()
    for peer, port in ((S5, 53), (S4, 99), ("192.0.2.77", 7)):
        out = b.out6(udp4(peer, flow.external, port, flow.eport, b"hi"))
        equal("the ends", (out.src, out.sport, out.dst, out.dport), (embed(P, peer), port, C6, flow.sport))


@case("NAT-14", "address-dependent filtering admits only hosts the client has sent to, from any port", config="adf")
def address_dependent(b):
    flow = b.udp_flow()
    out6, _ = b.exchange([], [udp4(S5, flow.external, 53, flow.eport, b"x")])
    b.nothing(out6, "from S5")
    equal("the source port", b.out6(udp4(S4, flow.external, 999, flow.eport, b"x")).sport, 999)
    connection = b.tcp_flow()
    out6, _ = b.exchange([], [tcp4(S5, connection.external, 80, connection.eport, ACK)])
    b.nothing(out6, "TCP from S5")
    b.out4(udp6(C6, TARGET5, flow.sport, 1))
    b.out6(udp4(S5, flow.external, 53, flow.eport, b"x"))


@case("NAT-14", "address- and port-dependent filtering admits only the port the client has sent to", config="apdf")
def port_dependent(b):
    flow = b.udp_flow()
    out6, _ = b.exchange(
        [], [udp4(S4, flow.external, 999, flow.eport, b"x"), udp4(S5, flow.external, 53, flow.eport, b"x")]
    )
    b.nothing(out6, "from another port")
    b.out6(flow.udp4(b"x"))


@case(
    "NAT-17", "outbound packets keep a UDP session, which ends without them with its binding (NAT-04)", config="short"
)
def refresh(b):
    flow, idle = b.udp_flow(), b.udp_flow()
    until = time.monotonic() + 3
    while time.monotonic() < until:
        b.out4(flow.udp6(b"keep"))
        time.sleep(0.4)
    equal("the port", b.out4(flow.udp6(b"keep")).sport, flow.eport)
    b.until(lambda: b.session("udp", C6, idle.sport) is None, "an idle session of 2 seconds is still there")
    require(
        not [e for e in b.bindings() if e["external"] == f"{idle.external}:{idle.eport}" and e["transport"] == "udp"],
        "its binding is still there",
    )
    b.silent4(idle.udp4(b"late"), "to an ended session")


@case("NAT-18", "packets refused by filtering refresh nothing", config="shortadf")
def refused_refresh_nothing(b):
    flow = b.udp_flow()

    def ended():
        b.exchange([], [udp4(S5, flow.external, 53, flow.eport, b"x")])
        time.sleep(0.3)
        return b.session("udp", C6, flow.sport) is None

    b.until(ended, "refused packets keep the session beyond its two seconds")


@case("NAT-19", "identifiers of pings are kept apart by client, and one for all destinations of a client")
def identifiers(b):
    first, second = b.ping_flow(identifier=1), b.ping_flow(client=D6, identifier=1)
    require((first.external, first.eport) != (second.external, second.eport), "two clients have one identifier")
    for prefix, peer in ((P, S4), (P, S5), (P, "192.0.2.5")):
        out = b.out4(ping6(C6, embed(prefix, peer), 128, 1, 3))
        equal("the identifier", (out.src, out.id), (first.external, first.eport))
    require(56 <= b.session("icmp", C6, 1, S4)["secondsLeft"] <= 60, "the lifetime is not 60 seconds (NAT-20)")


@case("NAT-21", "IPv4 pings without a binding get no answer, from the host neither")
def ping_pool(b):
    for address in (T1, T2):
        b.silent4(ping4(S4, address, 8, b.unused_external("icmp", address), 1), f"a ping of {address}")


@case("NAT-22", "address-dependent filtering holds for pings", config="adf")
def ping_filtered(b):
    ping = b.ping_flow()
    out6, _ = b.exchange([], [ping4(S5, ping.external, 8, ping.eport, 1)])
    b.nothing(out6, "a ping from S5")
    b.out6(ping4(S4, ping.external, 8, ping.eport, 1))


@case("NAT-31", "a packet to a client's pool address comes back to the IPv6 side from the sender's (NAT-32)")
def hairpin(b):
    receiver = b.udp_flow(client=D6)
    port = b.port()
    target = embed(P, receiver.external)
    out6, out4 = b.exchange([udp6(C6, target, port, receiver.eport, b"hairpin")])
    b.nothing(out4, "a hairpin")
    out = b.one(out6, "a hairpin")
    equal("the destination", (out.dst, out.dport, out.data), (D6, receiver.sport, b"hairpin"))
    entry = [e for e in b.sessions("--client", C6, "--protocol", "udp") if e["client"].endswith(f":{port}")]
    equal("the sender's sessions", len(entry), 1)
    address, _, external = entry[0]["external"].rpartition(":")
    equal("the source", (out.src, out.sport), (embed(P, address), int(external)))
    back6, back4 = b.exchange([udp6(D6, out.src, receiver.sport, out.sport, b"answer")])
    b.nothing(back4, "the answer")
    back = b.one(back6, "the answer")
    equal(
        "the answer",
        (back.src, back.sport, back.dst, back.dport, back.data),
        (target, receiver.eport, C6, port, b"answer"),
    )
    require(back.hops < 64, "the hop limit does not fall (NAT-34)")


@case("NAT-31", "TCP connections and pings between clients pass, and fragments too")
def hairpin_others(b):
    receiver = b.tcp_flow(client=D6, open=False)
    port = b.port()
    target = embed(P, receiver.external)
    out6, out4 = b.exchange([tcp6(C6, target, port, receiver.eport, SYN, options=b"\x02\x04\x05\xb4")])
    b.nothing(out4, "a SYN")
    syn = b.one(out6, "a SYN")
    equal("the SYN", (syn.dst, syn.dport, syn.flags), (D6, receiver.sport, SYN))
    out6, _ = b.exchange([tcp6(D6, syn.src, receiver.sport, syn.sport, SYN | ACK)])
    equal("the SYN+ACK", [(p.src, p.sport, p.dst, p.dport) for p in out6], [(target, receiver.eport, C6, port)])
    ping = b.ping_flow(client=D6)
    out6, out4 = b.exchange([ping6(C6, embed(P, ping.external), 128, ping.eport, 5, b"hairpin")])
    b.nothing(out4, "a ping between clients")
    flow = b.udp_flow(client=D6)
    data = os.urandom(2000)
    port = b.port()
    message = udp(C6, embed(P, flow.external), port, flow.eport, data)
    pieces = [
        ip6(C6, embed(P, flow.external), 44, fragment_header(UDP, 1200, False, 0xC1) + message[1200:]),
        ip6(C6, embed(P, flow.external), 44, fragment_header(UDP, 0, True, 0xC1) + message[:1200]),
    ]
    out6, out4 = b.exchange(pieces)
    b.nothing(out4, "fragments between clients")
    whole = reassemble(out6)
    require(
        whole is not None and whole[8:] == data and out6[0].transport_is_right(whole),
        "fragments between clients do not arrive whole",
    )


@case("NAT-33", "filtering holds for hairpins", config="adf")
def hairpin_filtered(b):
    receiver = b.udp_flow(client=D6)
    out6, out4 = b.exchange([udp6(C6, embed(P, receiver.external), b.port(), receiver.eport, b"x")])
    b.nothing(out4, "a hairpin, on the IPv4 side")
    require(not [p for p in out6 if p.dst == D6], "it passes although D6 never sent to the pool")


@case("NAT-33", "nobody outside passes for a client by an address of the pool, even where there is a session with it")
def hairpin_spoofed(b):
    receiver, sender = b.udp_flow(client=D6), b.udp_flow()
    b.exchange([udp6(C6, embed(P, receiver.external), sender.sport, receiver.eport, b"x")])
    before = b.drops().get("illegal-source", 0)
    for source, port in ((sender.external, sender.eport), (T1, 9), (T2, 9)):
        b.silent4(udp4(source, receiver.external, port, receiver.eport, b"x"), f"a packet from {source} port {port}")
    connection = b.tcp_flow()
    b.silent4(tcp4(T1, connection.external, 80, connection.eport, SYN), "a SYN from the pool")
    equal("the refusals", b.drops()["illegal-source"] - before, 4)


@case("NAT-34", "a hairpin to oneself is one packet at most")
def hairpin_self(b):
    flow = b.udp_flow()
    out6, out4 = b.exchange([udp6(C6, embed(P, flow.external), flow.sport, flow.eport, b"self")])
    b.nothing(out4, "a packet to oneself")
    require(len(out6) <= 1, f"{len(out6)} packets came")


@case("ERR-06", "an error about a hairpinned packet goes to its sender")
def hairpin_error(b):
    receiver = b.udp_flow(client=D6)
    port = b.port()
    target = embed(P, receiver.external)
    out6, _ = b.exchange([udp6(C6, target, port, receiver.eport, b"hairpin")])
    out = b.one(out6, "a hairpin")
    error = ip6(D6, out.src, ICMP6, icmp6(D6, out.src, 1, 4, data=out.raw))
    out6, out4 = b.exchange([error])
    b.nothing(out4, "the error")
    back = b.one(out6, "the error")
    equal("type, code, destination", (back.type, back.code, back.dst), (1, 4, C6))
    quote = back.quote
    equal("the quoted flow", (quote.src, quote.sport, quote.dst, quote.dport), (C6, port, target, receiver.eport))


@case("EAM-07", "clients of any address form are served")
def any_source(b):
    for client in ("2001:db8:6:8000::c000:1", "2001:db8:6:8000:c0:2:2100:0", "2001:db8:6:ffff:ffff:ffff:ffff:ffff"):
        out = b.out4(udp6(client, TARGET, 5000, 53))
        back = b.out6(udp4(S4, out.src, 53, out.sport, b"x"))
        equal("the client", (back.dst, back.dport), (client, 5000))


@case("NAT-16", "lifetimes below the least are refused (NAT-20, TCP-19, TCP-29)", config=None)
def least_lifetimes(b):
    for key, value in (
        ("udp", 119),
        ("icmp", 30),
        ("tcp-established", 7199),
        ("tcp-transitory", 239),
        ("tcp-incoming-syn", 5),
        ("fragment", 1),
    ):
        path = b.write(f"[nat64]\n[nat64.lifetimes]\n{key} = {value}\n", "check.toml")
        done = run(b.appliance, "check", path, check=False)
        require(done.returncode != 0 and key in done.stderr + done.stdout, f"{key} = {value} is accepted")
    path = b.write("[nat64]\nlowest-ipv6-mtu = 1279\n", "check.toml")
    require(run(b.appliance, "check", path, check=False).returncode != 0, "lowest-ipv6-mtu = 1279 is accepted (X46-14)")


@case("CGN-09", "after a kill and a restart a client finds the port it had", config="restart")
def restart(b):
    flows = [b.udp_flow(client=client) for client in (C6, D6, "2001:db8:6:8000::8")]
    b.process.kill()
    b.process.wait()
    from configurations import CONFIGURATIONS

    b.start(CONFIGURATIONS["restart"]["text"])
    for flow in flows:
        out = b.out4(flow.udp6(b"again"))
        equal("the external address", (out.src, out.sport), (flow.external, flow.eport))


@case("NAT-02", "a client's port has the same mapping under every prefix, and each peer answers under its own (ADR-16)")
def mapping_under_prefixes(b):
    port = b.port()
    first, second = b.udp_flow(sport=port), b.udp_flow(sport=port, peer=S5, prefix=P2)
    equal("the mappings", (first.external, first.eport), (second.external, second.eport))
    equal("the first source", b.out6(first.udp4(b"x")).src, embed(P, S4))
    equal("the second source", b.out6(second.udp4(b"x")).src, embed(P2, S5))
    b.out4(udp6(C6, embed(P2, S4), port, 53, b"the same peer under the other prefix"))
    require(b.out6(first.udp4(b"x")).src in (embed(P, S4), embed(P2, S4)), "the peer answers under no prefix of ours")


@case("X64-11", "IPv4 destinations that no host can have are dropped")
def destinations(b):
    for address in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1"):
        for packet in (udp6(C6, embed(P, address), b.port(), 53, b"x"), tcp6(C6, embed(P, address), b.port(), 80, SYN)):
            _, out4 = b.exchange([packet])
            b.nothing(out4, f"to {address}")
        require(
            not [e for e in b.sessions("--client", C6) if e["peer"].startswith(f"{address}:")],
            f"a session with {address} was made",
        )


@case("NAT-12", "port 0 on either side does no harm")
def port_zero(b):
    flow = b.udp_flow()
    out6, out4 = b.exchange(
        [
            udp6(C6, TARGET, 0, 53, b"x"),
            udp6(C6, TARGET, b.port(), 0, b"x"),
            tcp6(C6, TARGET, 0, 0, SYN),
            ping6(C6, TARGET, 128, 0, 1),
        ],
        [udp4(S4, flow.external, 0, flow.eport, b"x"), udp4(S4, flow.external, 53, 0, b"x")],
    )
    require(all(p.sport != 0 for p in out4 if p.protocol != ICMP), "a packet leaves from port 0")
    require(len(out6) <= 1, "more than the one to a bound port came in")
