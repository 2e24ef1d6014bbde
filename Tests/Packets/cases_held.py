"""SYNs from outside that wait for their client (RFC 6146 section 3.5.2.2), by what the client does meanwhile."""

from bench import C6, P, S4, S5, T1, T2, case, embed, equal, require
from wire import ACK, ICMP, SYN, tcp4, tcp6


def wait_everywhere(b):
    """Makes a SYN of S4's port 80 wait at every TCP port of the pool that has no binding."""
    b.exchange([], [tcp4(S4, address, 80, port, SYN) for address in (T1, T2) for port in range(2000, 2064)])


def refused(b, count):
    """The external transport addresses for which S4 is told 3/3: those of so many SYNs, and all that come by then."""
    found = set()

    def done(out6, out4):
        found.update((p.src, p.quote.dport) for p in out4 if p.protocol == ICMP and (p.type, p.code) == (3, 3))
        return len(found) >= count

    b.collect(done, 30)
    out6, out4 = b.collect(lambda out6, out4: False, 0.3)
    done(out6, out4)
    return found


@case("TCP-09", "a client's SYN meets the one that waits at its port, whether the port is new or not", config="shortfew")
def meeting(b):
    wait_everywhere(b)
    first, second = b.port(), b.port()
    one = b.out4(tcp6(C6, embed(P, S4), first, 80, SYN))
    equal("the state of a new port", b.session("tcp", C6, first)["state"], "ESTABLISHED")
    two = b.out4(tcp6(C6, embed(P, S5), second, 80, SYN))
    equal("its port", b.out4(tcp6(C6, embed(P, S4), second, 80, SYN)).sport, two.sport)
    equal("the state of a bound port", b.session("tcp", C6, second, S4)["state"], "ESTABLISHED")
    told = refused(b, 126)
    require(not told & {(one.src, one.sport), (two.src, two.sport)}, "a SYN that was met is refused all the same")
    equal("the others that are refused", len(told), 126)


@case("TCP-05", "a SYN that waits passes when it comes again and the client has sent to its host", config="shortfew")
def admitted(b):
    flow = b.tcp_flow(peer=S5)
    b.silent4(tcp4(S4, flow.external, 80, flow.eport, SYN), "a stranger's SYN")
    b.out4(tcp6(C6, embed(P, S4), flow.sport, 81, SYN))
    b.out6(tcp4(S4, flow.external, 80, flow.eport, SYN))
    b.out4(tcp6(C6, embed(P, S4), flow.sport, 80, SYN | ACK))
    # The time of this one ends after that of the first would.
    taken = {entry["external"] for entry in b.bindings("--protocol", "tcp")}
    other = next(port for port in range(2000, 2064) if f"{T1}:{port}" not in taken)
    b.silent4(tcp4(S4, T1, 80, other, SYN), "a SYN to no binding")
    equal("what is refused", refused(b, 1), {(T1, other)})


@case("TCP-03", "a SYN to a port that no client is ever given waits, and is refused after its time (TCP-04)", config="short")
def never_given(b):
    before = b.bindings()
    ports = (1, 22, 80, 1023)
    out6, out4 = b.exchange([], [tcp4(S4, T1, 4000, port, SYN) for port in ports])
    b.nothing(out6 + out4, "a SYN to a port that no client is given")
    b.no_new_bindings(before)
    told = set()

    def done(out6, out4):
        told.update((p.src, p.quote.dport) for p in out4 if p.protocol == ICMP and (p.type, p.code) == (3, 3))
        return {(T1, port) for port in ports} <= told

    b.collect(done, 30)
    require(done([], []), f"of {ports} only {told} are refused")
