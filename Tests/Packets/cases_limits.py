"""CGN: limits, quotas, pools that run out (RFC 6888, RFC 7857)."""

import time

from bench import C6, D6, P, S4, S5, SENTINEL_PORTS, T1, T2, Failure, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)


def opened(b, client, ports, limit=None):
    """How many UDP mappings are made out of these ports, and the errors that come."""
    out6, out4 = [], []
    ports = list(ports)
    for at in range(0, len(ports), 200):
        more6, more4 = b.exchange([udp6(client, TARGET, port, 53) for port in ports[at : at + 200]], wait=0.005)
        out6, out4 = out6 + more6, out4 + more4
    return out4, out6


@case("CGN-01", "both addresses of the pool are used, one for each client (CGN-03)")
def both_addresses(b):
    packets = [udp6(f"2001:db8:6:{0x9000 + n:x}::1", TARGET, 5000, 53) for n in range(40)]
    _, out4 = b.exchange(packets)
    equal("the addresses used", {p.src for p in out4}, {T1, T2})


@case(
    "CGN-02",
    "a client whose address is out of ports is told 1/3, and loses nothing (NAT-09, CGN-11)",
    config="fewports",
)
def exhausted(b):
    client = "2001:db8:6:8000::1"
    out4, out6 = opened(b, client, range(10000, 10100))
    require(len({p.src for p in out4}) == 1, "it went on with another address")
    # The bench itself has flows, all on the one address or on the other.
    require(len(out4) in (64 - len(SENTINEL_PORTS), 64), f"{len(out4)} of 64 ports were given (CGN-13)")
    equal("the errors", {(p.type, p.code, p.dst) for p in out6}, {(1, 3, client)})
    equal("their count", len(out6), 100 - len(out4))
    require(b.drops().get("pool-exhausted", 0) > 0, "nothing is counted")
    first = out4[0]
    out = b.out6(udp4(S4, first.src, 53, first.sport, b"old"))
    equal("the first flow", (out.dst, out.data), (client, b"old"))
    out6, out4 = b.exchange([tcp6(client, TARGET, 1, 80, SYN)])
    require(len(out4) == 1, "TCP, which has ports of its own, is refused")


@case("CGN-02", "with spilling allowed the client goes on with another address", config="spill")
def spilling(b):
    out4, _ = opened(b, "2001:db8:6:8000::1", range(10000, 10100))
    equal("packets and addresses", (len(out4), len({p.src for p in out4})), (100, 2))


@case("CGN-04", "ports of a /64 are limited to 100; others are not touched", config="perclient")
def port_limit(b):
    out4, out6 = opened(b, "2001:db8:6:8000::1", range(10000, 10080))
    more4, more6 = opened(b, "2001:db8:6:8000::2", range(10000, 10080))
    equal("the mappings", len(out4) + len(more4), 100)
    equal("the errors", {(p.type, p.code) for p in out6 + more6}, {(1, 3)})
    other4, other6 = opened(b, "2001:db8:6:8001::1", range(10000, 10080))
    equal("another network's", (len(other4), len(other6)), (80, 0))


@case("CGN-05", "new mappings of a client are limited in rate", config="rate")
def new_mapping_rate(b):
    start = time.monotonic()
    out4, out6 = opened(b, "2001:db8:6:8000::1", range(10000, 10200))
    passed = time.monotonic() - start
    require(15 <= len(out4) <= 20 * (passed + 1) + 1, f"{len(out4)} were made in {passed:.2f} seconds")
    time.sleep(1.05)
    out4, _ = opened(b, "2001:db8:6:8000::1", range(11000, 11010))
    equal("mappings a second later", len(out4), 10)


@case("CGN-06", "sessions of a client are limited", config="sessions")
def session_limit(b):
    client = "2001:db8:6:8000::1"
    packets = [udp6(client, TARGET, 5000, port) for port in range(1, 81)]
    out6, out4 = b.exchange(packets)
    equal("the sessions", len(out4), 50)
    equal("the errors", {(p.type, p.code) for p in out6}, {(1, 3)})
    b.out4(packets[0])


@case("CGN-06", "hosts outside do not use up the sessions of a client (NAT-36)", config="sessions")
def session_limit_outside(b):
    client = "2001:db8:6:8001::1"
    flow = b.udp_flow(client=client)
    strangers = [udp4(S5, flow.external, port, flow.eport) for port in range(1, 81)]
    out6, _ = b.exchange([], strangers)
    equal("the sessions that strangers begin beside the client's one", len(out6), 37)
    packets = [udp6(client, TARGET, flow.sport, port) for port in range(1001, 1021)]
    equal("the sessions left to the client", len(b.exchange(packets)[1]), 12)


@case("CGN-06", "sessions of a mapping are limited: its eleventh peer is refused, the others go on", config="binding")
def binding_limit(b):
    client = "2001:db8:6:8000::1"
    before = b.drops().get("binding-limit", 0)
    peers = [udp6(client, TARGET, 5000, port) for port in range(1, 21)]
    out6, out4 = b.exchange(peers)
    equal("the peers reached", sorted(p.dport for p in out4), list(range(1, 11)))
    equal("the errors", [(p.type, p.code, p.dst) for p in out6], [(1, 3, client)] * 10)
    equal("what is counted", b.drops().get("binding-limit", 0) - before, 10)
    for packet in peers[0], peers[9]:
        b.out4(packet)
    b.out4(udp6(client, TARGET, 5001, 11))


@case("CGN-06", "hosts outside do not use up the sessions of a mapping (NAT-36)", config="binding")
def binding_limit_outside(b):
    client = "2001:db8:6:8001::1"
    flow = b.udp_flow(client=client)
    strangers = [udp4(S5, flow.external, port, flow.eport) for port in range(1, 21)]
    out6, _ = b.exchange([], strangers)
    equal("the sessions that strangers begin beside the client's one", len(out6), 7)
    packets = [udp6(client, TARGET, flow.sport, port) for port in range(1001, 1011)]
    equal("the sessions left to the client", len(b.exchange(packets)[1]), 2)


@case("CGN-07", "a destination that is refused is not reached, and told", config="refuse")
def refused_destination(b):
    out6, out4 = b.exchange([udp6(C6, embed(P, S5), b.port(), 53)])
    b.nothing(out4, "a refused destination")
    equal("type and code", [(p.type, p.code) for p in out6], [(1, 1)])
    b.out4(udp6(C6, TARGET, b.port(), 53))


@case("CGN-09", "a freed port rests before it is given again", config="resting")
def hold_down(b):
    out4, _ = opened(b, C6, range(10000, 10100))
    equal("how many ports the first client got", len(out4), 64 - len(SENTINEL_PORTS))
    used = {f"{p.src}:{p.sport}" for p in out4}
    b.until(lambda: used.isdisjoint(entry["external"] for entry in b.bindings()), "its bindings do not end")
    out4, out6 = opened(b, D6, range(10000, 10010))
    equal("the ports that the next client got", [p.sport for p in out4], [])
    equal("what it was told", {(p.type, p.code) for p in out6}, {(1, 3)})


def alone(b, opened, other):
    """A flow whose external port stands for nobody in the other protocol, where earlier cases have left bindings."""
    taken = {entry["external"] for entry in b.bindings("--protocol", other)}
    for _ in range(20):
        flow = opened()
        if f"{flow.external}:{flow.eport}" not in taken:
            return flow
    raise Failure(f"every port chosen has a binding of {other}")


@case("CGN-12", "the log says nothing about where clients go", config="adf")
def no_destinations_logged(b):
    flow, connection, ping = b.udp_flow(), b.tcp_flow(), b.ping_flow()
    b.exchange([], [udp4(S5, flow.external, 53, flow.eport, b"refused"), tcp4(S5, connection.external, 80, 1, SYN)])
    with open(f"{b.folder}/log") as file:
        log = file.read()
    for address in (S4, S5, TARGET, embed(P, S5)):
        require(address not in log, f"{address} stands in the log")


@case("CGN-14", "a binding of TCP admits no UDP")
def separate(b):
    connection = alone(b, b.tcp_flow, "udp")
    b.silent4(udp4(S4, connection.external, 80, connection.eport, b"x"), "UDP to a port of TCP")
    flow = alone(b, b.udp_flow, "tcp")
    out6, _ = b.exchange([], [tcp4(S4, flow.external, 53, flow.eport, ACK)])
    b.nothing(out6, "TCP to a port of UDP")


@case("NAT-36", "the table of bindings is limited, and old flows go on", config="small")
def table_limit(b):
    flow = b.udp_flow()
    made = refused = 0
    for batch in range(30):
        out6, out4 = b.exchange(
            [udp6(f"2001:db8:6:8000::{batch:x}:{n:x}", TARGET, 5000, 53) for n in range(200)], wait=0.003
        )
        made, refused = made + len(out4), refused + len([p for p in out6 if (p.type, p.code) == (1, 3)])
    # Beside those of the bench and of the old flow.
    require(4096 - len(SENTINEL_PORTS) - 1 <= made <= 4096 * 1.3, f"{made} bindings of 4096 were made")
    require(refused > 0, "nobody was told 1/3")
    b.out4(flow.udp6(b"old"))
    b.out6(flow.udp4(b"old"))


@case("CLI-01", "clients outside of the served networks are refused with 1/1, and leave no state")
def foreign_client(b):
    before = b.bindings()
    source = "2001:db8:7::1"
    b.on("ip", "-6", "route", "replace", "2001:db8:7::/64", "via", C6)
    out6, out4 = b.exchange([udp6(source, TARGET, b.port(), 53, b"x")])
    b.nothing(out4, "a foreign client")
    equal("type, code, destination", [(p.type, p.code, p.dst) for p in out6], [(1, 1, source)])
    b.no_new_bindings(before)
