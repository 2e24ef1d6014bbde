"""Static bindings, of the file and at runtime; maps of IPv4 ranges to prefixes; the source of ICMP errors."""

import json
import signal

from bench import BOX4, C6, D6, P, P2, R4, S4, S5, T1, T2, case, embed, equal, require
from cases_shared import unused
from configurations import CONFIGURATIONS
from wire import ACK, ICMP, SYN, icmp4, ip4, ping4, ping6, tcp4, tcp6, udp4, udp6


def static(b):
    return json.loads(b.ctl("bindings", "static", "--json"))["bindings"]


def refused(b, *words):
    """What appliance-ctl says when it refuses."""
    import subprocess

    done = subprocess.run(
        [f"{b.folder}/appliance-ctl", "--socket", f"{b.folder}/control.sock", *words], capture_output=True, text=True
    )
    equal(f"the exit code of {' '.join(words)}", done.returncode, 1)
    return done.stderr


@case("NAT-03", "a SYN from a stranger to a static TCP binding is forwarded, and answered from it", config="static")
def syn(b):
    out = b.out6(tcp4(S4, T1, 4000, 443, SYN))
    equal("the SYN", (out.src, out.sport, out.dst, out.dport), (embed(P, S4), 4000, D6, 8443))
    out = b.out4(tcp6(D6, embed(P, S4), 8443, 4000, SYN | ACK))
    equal("the answer", (out.src, out.sport, out.dst, out.dport), (T1, 443, S4, 4000))
    equal("the state", b.session("tcp", D6, 8443, S4)["state"], "ESTABLISHED")
    out = b.out4(tcp6(D6, embed(P, S5), 8443, 80, SYN))
    equal("a connection of the client's own", (out.src, out.sport), (T1, 443))


@case("NAT-03", "static bindings exist for UDP with ranges of ports and for pings", config="static")
def others(b):
    out = b.out6(udp4(S4, T2, 4000, 8007, b"in"))
    equal("the datagram", (out.dst, out.dport, out.data), (D6, 9007, b"in"))
    out = b.out4(udp6(D6, embed(P, S5), 9003, 53, b"out"))
    equal("the datagram of the client", (out.src, out.sport), (T2, 8003))
    out = b.out6(ping4(S5, T2, 8, 77, 1, b"ping"))
    equal("the ping", (out.dst, out.id, out.data), (D6, 78, b"ping"))
    out = b.out4(ping6(D6, embed(P, S5), 129, 78, 1, b"ping"))
    equal("the reply", (out.src, out.id, out.type), (T2, 77, 0))
    b.silent4(udp4(S4, T2, 4000, 8011, b"in"), "the port behind the range")


@case("NAT-03", "static bindings list as static, without traffic too", config="static")
def listed(b):
    found = {(e["transport"], e["external"]) for e in b.bindings() if e["isStatic"]}
    wanted = {("tcp", f"{T1}:443"), ("udp", f"{T1}:443"), ("icmp", f"{T2}:77")}
    equal("the static bindings", found, wanted | {("udp", f"{T2}:{port}") for port in range(8000, 8011)})
    equal("their number", b.status()["dataplane"]["staticBindings"], len(found))
    last = static(b)[-1]
    equal("a run", (last["external"], last["origin"], last.get("problem")), (f"{T2}:8000-8010", "file", None))


@case("NAT-03", "a client reaches another by its static binding (NAT-31)", config="static")
def hairpin(b):
    port = b.port()
    out6, out4 = b.exchange([udp6(C6, embed(P, T1), port, 443, b"hairpin")])
    b.nothing(out4, "a hairpin")
    equal("the hairpin", [(p.dst, p.dport, p.data) for p in out6], [(D6, 8443, b"hairpin")])
    out6, out4 = b.exchange([udp6(D6, out6[0].src, 8443, out6[0].sport, b"back")])
    equal("the way back", [(p.src, p.sport, p.dst, p.dport) for p in out6], [(embed(P, T1), 443, C6, port)])


@case("NAT-03", "bindings are added and taken away at runtime, and last over a crash", config="static")
def runtime(b):
    b.silent4(tcp4(S4, T1, 4001, 80, ACK), "a port that stands for nobody")
    b.ctl("bindings", "add", "tcp", f"{T1}:80-81", f"[{D6}]:8080-8081")
    equal("the SYN", [b.out6(tcp4(S4, T1, 4001, 81, SYN)).dport], [8081])
    b.process.send_signal(signal.SIGKILL)
    b.process.wait()
    b.start(CONFIGURATIONS["static"]["text"])
    equal("the origin", [e["origin"] for e in static(b) if e["external"] == f"{T1}:80-81"], ["runtime"])
    equal("the SYN after a crash", [b.out6(tcp4(S4, T1, 4002, 81, SYN)).dport], [8081])
    b.ctl("bindings", "remove", "tcp", f"{T1}:80-81")
    b.silent4(tcp4(S4, T1, 4002, 81, ACK), "a packet of a session that ended with its binding")
    require(b.session("tcp", D6, 8081) is None, "the session lives on")


@case("NAT-03", "a static binding in the way of another client is refused by its name, or ends it", config="static")
def conflict(b):
    flow = b.udp_flow(client=C6)
    external = f"{flow.external}:{flow.eport}"
    told = refused(b, "bindings", "add", "udp", external, f"[{D6}]:7000")
    require(f"[{C6}]:{flow.sport}" in told and "--replace" in told, f"it says: {told}")
    equal("the flow goes on", b.out6(flow.udp4(b"x")).data, b"x")
    b.ctl("bindings", "add", "udp", external, f"[{D6}]:7000", "--replace")
    out = b.out6(flow.udp4(b"y"))
    equal("who has the port", (out.dst, out.dport), (D6, 7000))
    out = b.out4(flow.udp6(b"z"))
    require((out.src, out.sport) != (flow.external, flow.eport), "the other client still has the port")
    told = refused(b, "bindings", "add", "udp", external, f"[{C6}]:7000")
    require("static binding" in told, f"it says: {told}")
    told = refused(b, "bindings", "remove", "tcp", f"{T1}:443")
    require("configuration file" in told, f"it says: {told}")
    b.ctl("bindings", "remove", "udp", external)


@case("NAT-03", "a reload puts static bindings in force and takes them away at once", config="static")
def reload(b):
    flow = b.udp_flow(client=C6)
    b.out6(tcp4(S4, T1, 4100, 443, SYN))
    more = f"""
[[nat64.static]]
protocol = "udp"
ipv4 = "{flow.external}"
ipv4-port = {flow.eport}
ipv6 = "{D6}"
ipv6-port = 7001
"""
    text = CONFIGURATIONS["static"]["text"]
    b.write(text.replace('"tcp", "udp"', '"udp"') + more)
    b.ctl("reload")
    out = b.out6(flow.udp4(b"y"))
    equal("who has the port, which another client had", (out.dst, out.dport), (D6, 7001))
    require(b.session("tcp", D6, 8443, S4) is None, "the session of a binding that is gone lives on")
    b.silent4(tcp4(S4, T1, 4100, 443, ACK), "a packet to a binding that is gone")
    b.write(text)
    b.ctl("reload")
    equal("the binding is back", b.out6(tcp4(S4, T1, 4101, 443, SYN)).dport, 8443)


@case("NAT-03", "of a shared address only the translator's ports serve as static bindings", config="share")
def shared(b):
    told = refused(b, "bindings", "add", "tcp", f"{BOX4}:443", f"[{D6}]:443")
    require("61440 to 65535" in told and "nat64.ports" in told, f"it says: {told}")
    port = unused(b)
    b.ctl("bindings", "add", "tcp", f"{BOX4}:{port}", f"[{D6}]:443")
    out = b.out6(tcp4(S4, BOX4, 4000, port, SYN))
    equal("the SYN", (out.dst, out.dport), (D6, 443))
    b.ctl("bindings", "remove", "tcp", f"{BOX4}:{port}")


LOCAL = "64:ff9b:1:a01:2:300::"  # 10.1.2.3 under 64:ff9b:1::/48


@case("ADR-16", "a mapped range is reached under its prefix alone, and answers under it", config="maps")
def mapped(b):
    flow = b.udp_flow(peer=S5, prefix=P2)
    equal("the reply", b.out6(flow.udp4(b"x")).src, embed(P2, S5))
    out6, out4 = b.exchange([udp6(C6, embed(P, S5), b.port(), 53, b"x")])
    b.nothing(out4, "under the wrong prefix")
    equal("the refusal", [(p.type, p.code) for p in out6], [(1, 1)])
    # What no range holds is reached under every prefix: hosts that discovered one may use it for everything.
    equal("an unmapped peer", b.out4(udp6(C6, embed(P2, S4), b.port(), 53, b"x")).dst, S4)


@case("ADR-16", "a mapped peer that speaks first is seen under its prefix", config="maps")
def unsolicited(b):
    flow = b.udp_flow(peer=S4, prefix=P)
    out = b.out6(udp4(S5, flow.external, 4000, flow.eport, b"x"))
    equal("where it comes from", out.src, embed(P2, S5))
    out = b.out6(udp4(R4, flow.external, 4000, flow.eport, b"x"))
    equal("where another comes from", out.src, embed(P, R4))


@case("ADR-13", "10/8 is mapped to 64:ff9b:1::/48, under which it is reached without being allowed", config="maps")
def local_use(b):
    port = b.port()
    out = b.out4(udp6(C6, LOCAL, port, 53, b"x"))
    equal("the destination", out.dst, "10.1.2.3")
    out = b.out6(udp4("10.1.2.3", out.src, 53, out.sport, b"y"))
    equal("the source of the reply", out.src, LOCAL)
    _, out4 = b.exchange([udp6(C6, embed(P, "10.1.2.3"), b.port(), 53, b"x")])
    b.nothing(out4, "under another prefix")


@case("ERR-01", "an error of a router in a mapped range comes from its address under the mapped prefix", config="maps")
def mapped_router(b):
    flow = b.udp_flow(peer=S4, prefix=P)
    out = b.out6(ip4(S5, flow.external, ICMP, icmp4(11, 0, data=flow.sent4())))
    equal("type, source", (out.type, out.src), (3, embed(P2, S5)))
    out = b.out6(ip4(R4, flow.external, ICMP, icmp4(11, 0, data=flow.sent4())))
    equal("type, source", (out.type, out.src), (3, embed(P, R4)))


@case("ERR-01", "by the letter of RFC 6146 an error comes from the embedded destination, if wanted", config="literal")
def literal(b):
    flow = b.udp_flow(peer=S4, prefix=P)
    out = b.out6(ip4(R4, flow.external, ICMP, icmp4(11, 0, data=flow.sent4())))
    equal("type, source, destination", (out.type, out.src, out.dst), (3, embed(P, S4), C6))
