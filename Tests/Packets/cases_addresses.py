"""ADR: address format and prefixes (RFC 6052, RFC 8215)."""

from bench import C6, G4, P, S4, U6, W, case, embed, equal, require, run
from wire import *

SAMPLES = {
    "2001:db8::/32": "2001:db8:c000:221::",
    "2001:db8:100::/40": "2001:db8:1c0:2:21::",
    "2001:db8:122::/48": "2001:db8:122:c000:2:2100::",
    "2001:db8:122:300::/56": "2001:db8:122:3c0:0:221::",
    "2001:db8:122:344::/64": "2001:db8:122:344:c0:2:2100:0",
    "2001:db8:122:344::/96": "2001:db8:122:344::c000:221",
}


def six(prefix):
    from configurations import text

    return text(prefixes=f'["{prefix}"]', clients='[clients]\nallow = ["fd00:6::/48"]\n')


def check(b, prefix):
    path = b.write(f'[nat64]\nprefixes = ["{prefix}"]\npool = ["203.0.113.1"]\n', "check.toml")
    return run(b.appliance, "check", path, check=False)


@case("ADR-01", "prefixes of /32, /40, /48, /56, /64 and /96 are accepted, others are refused by name", config=None)
def lengths(b):
    for prefix in SAMPLES:
        done = check(b, prefix)
        require(done.returncode == 0, f"{prefix} is refused: {done.stderr or done.stdout}")
    for length in (0, 31, 33, 44, 80, 95, 97, 128):
        done = check(b, f"2001:db8::/{length}")
        require(done.returncode != 0, f"2001:db8::/{length} is accepted")
        require(f"/{length}" in done.stderr + done.stdout, f"the error does not name the prefix: {done.stderr}")


@case("ADR-02", "the well-known prefix is accepted at /96 alone", config=None)
def well_known_length(b):
    for prefix in ("64:ff9b::/64", "64:ff9b::/32"):
        require(check(b, prefix).returncode != 0, f"{prefix} is accepted")
    require(check(b, "64:ff9b::/96").returncode == 0, "64:ff9b::/96 is refused")


@case("ADR-05", "a /96 whose bits 64 to 71 are not zero is refused or warned of", config=None)
def u_octet(b):
    done = check(b, "2001:db8:122:344:100::/96")
    require(done.returncode or "warn" in (done.stderr + done.stdout).lower(), "nothing is said")


@case("ADR-15", "without a pool nothing is translated and the status says so", config=None)
def no_pool(b):
    path = b.write('[nat64]\nprefixes = ["2001:db8:64::/96"]\npool = []\n', "check.toml")
    require(run(b.appliance, "check", path, check=False).returncode != 0, "an empty pool is accepted")


@case(
    "ADR-04", "all six lengths lead to 192.0.2.33, and the replies come from the same addresses (ADR-03)", config="six"
)
def six_lengths(b):
    for prefix, address in SAMPLES.items():
        b.write(six(prefix))
        b.ctl("reload")
        port = b.port()
        b.sentinel = (U6, address, "192.0.2.33")
        b.learn_sentinel()
        out = b.out4(udp6(U6, address, port, 53, b"x"), prefix)
        equal(f"the destination under {prefix}", out.dst, "192.0.2.33")
        back = b.out6(udp4("192.0.2.33", out.src, 53, out.sport, b"y"), prefix)
        equal(f"the source under {prefix}", back.src, address)
        equal(f"the destination under {prefix}", back.dst, U6)


@case("ADR-06", "bits behind the address are ignored on receipt", config="six")
def suffix(b):
    b.write(six("2001:db8:122:344::/64"))
    b.ctl("reload")
    b.sentinel = (U6, "2001:db8:122:344:c0:2:2100:0", "192.0.2.33")
    b.learn_sentinel()
    out = b.out4(udp6(U6, "2001:db8:122:344:c0:2:21ff:ffff", b.port(), 53, b"x"), "suffix bits")
    equal("the destination", out.dst, "192.0.2.33")
    back = b.out6(udp4("192.0.2.33", out.src, 53, out.sport, b"y"), "the reply")
    require(
        back.src in ("2001:db8:122:344:c0:2:2100:0", "2001:db8:122:344:c0:2:21ff:ffff"), f"the reply is from {back.src}"
    )


@case("ADR-07", "the well-known prefix carries no private address, in neither direction", config="wkp")
def strict(b):
    before = b.drops().get("destination-refused", 0)
    out6, out4 = b.exchange([udp6(C6, embed(W, "10.1.2.3"), b.port(), 53, b"x")])
    b.nothing(out4, "10.1.2.3 under the well-known prefix")
    require(b.drops().get("destination-refused", 0) == before + 1, "the drop is not counted")
    target, port = embed(W, "10.1.2.3"), b.port()
    for packet in (udp6(C6, target, port, 53, b"x"), tcp6(C6, target, port, 80, SYN)):
        out6, _ = b.exchange([packet])
        equal("what the client is told", [(p.type, p.code, p.quote.raw[8:]) for p in out6], [(1, 1, packet[8:])])
    # RFC 7915 section 5.4: of a packet that is itself ICMPv6 nothing is told.
    b.silent6(ping6(C6, target, 128, port, 1), "a ping of 10.1.2.3")
    flow = b.udp_flow(peer=G4, prefix=W)
    out6, out4 = b.exchange([], [udp4("10.1.2.3", flow.external, 53, flow.eport, b"x")])
    b.nothing(out6, "from 10.1.2.3 to a port opened under the well-known prefix")


@case(
    "ADR-10",
    "every range that is not global is refused under the well-known prefix, its neighbours are not",
    config="wkp",
)
def ranges(b):
    inside = (
        "0.0.0.1 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1 "
        "169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.255 192.0.2.0 192.0.2.255 192.88.99.1 192.168.0.0 "
        "192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.100 203.0.113.255 224.0.0.1 "
        "239.255.255.255 240.0.0.1 255.255.255.255"
    ).split()
    outside = (
        "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 "
        "172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 "
        "198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255"
    ).split()
    port = b.port()
    _, out4 = b.exchange([udp6(C6, embed(W, address), port, 53, b"x") for address in inside])
    b.nothing(out4, "addresses that are not global")
    _, out4 = b.exchange([udp6(C6, embed(W, address), port, 53, b"x") for address in outside])
    equal("the list of translated addresses", sorted(p.dst for p in out4), sorted(outside))


@case("ADR-08", "a private range that is allowed is reached, others stay closed", config="allow10")
def allowed(b):
    out = b.out4(udp6(C6, embed(W, "10.1.2.3"), b.port(), 53, b"x"), "10.1.2.3")
    equal("the destination", out.dst, "10.1.2.3")
    equal("the reply's source", b.out6(udp4("10.1.2.3", out.src, 53, out.sport, b"y")).src, embed(W, "10.1.2.3"))
    _, out4 = b.exchange([udp6(C6, embed(W, "192.168.1.1"), b.port(), 53, b"x")])
    b.nothing(out4, "192.168.1.1")


@case("ADR-13", "a /96 of 64:ff9b:1::/48 carries private addresses", config="local")
def local_prefix(b):
    equal("the destination", b.out4(udp6(C6, "64:ff9b:1::a01:203", b.port(), 53, b"x")).dst, "10.1.2.3")


@case("ADR-14", "neighbours of the well-known prefix are not it", config="wkp")
def neighbours(b):
    _, out4 = b.exchange(
        [udp6(C6, address, b.port(), 53, b"x") for address in ("64:ff9b::1:0:1", "64:ff9b:0:1::1", "64:ff9a:ffff::1")]
    )
    b.nothing(out4, "addresses beside the prefix")


@case("ADR-16", "each session answers under the prefix it was opened with", config="wkp")
def two_prefixes(b):
    port = b.port()
    for prefix, peer in ((W, G4), (P, S4), (P, G4), (W, "8.8.8.8")):
        flow = b.udp_flow(peer=peer, prefix=prefix, sport=port)
        equal("the reply's source", b.out6(flow.udp4(b"y")).src, embed(prefix, peer))
