"""Links and routes that are narrower than others, or change."""

import os
import time

from bench import BOX4, C6, P, S4, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)


@case("X64-20", "links that grow while the daemon runs carry more at once", lan=9000, wan=9000)
def grown(b):
    flow = b.udp_flow()
    for total in (1520, 3000, 8900):
        data = os.urandom(total - 48)
        equal(f"the payload of {total} octets", b.out4(flow.udp6(data)).data, data)
        equal(f"the payload of {total} octets from IPv4", b.out6(flow.udp4(data, df=1)).data, data)


@case("X64-20", "a route narrower than the IPv4 link: the kernel's own 3/4 reaches the client as PTB")
def narrow_route4(b):
    flow = b.udp_flow()
    b.on("ip", "-4", "route", "change", "default", "via", "100.64.0.1", "mtu", "lock", "1300")
    try:
        out6, out4 = b.exchange([flow.udp6(bytes(1400))])
        out = b.one(out6, "the error about 1448 octets")
        b.nothing([p for p in out4 if p.total > 1300], "1428 octets for a route of 1300")
        equal("type, MTU, ends", (out.type, out.word, out.dst), (2, 1320, C6))
        # The kernel speaks from the address of its link to the translator (RFC 7600), or of the uplink.
        require(out.src in (embed(P, "192.0.0.8"), embed(P, BOX4)), f"it comes from {out.src}")
        equal("the quoted flow", (out.quote.src, out.quote.sport, out.quote.dst), (C6, flow.sport, TARGET))
        equal("what fits", b.out4(flow.udp6(bytes(1320 - 48))).total, 1300)
    finally:
        b.on("ip", "-4", "route", "change", "default", "via", "100.64.0.1")


@case("X46-12", "a route narrower than the IPv6 link: the kernel's own PTB reaches the peer as 3/4")
def narrow_route6(b):
    client = "2001:db8:6:8000::7"
    flow = b.udp_flow(client=client)
    b.on("ip", "-6", "route", "add", "2001:db8:6:8000::7/128", "via", C6, "mtu", "1300")
    try:
        out6, out4 = b.exchange([], [flow.udp4(bytes(1400), df=1)])
        b.nothing(out6, "1448 octets for a route of 1300")
        out = b.one(out4, "the error about 1428 octets")
        equal(
            "type, code, MTU, ends", (out.type, out.code, out.word, out.src, out.dst), (3, 4, 1280, flow.external, S4)
        )
        equal("what fits", b.out6(flow.udp4(bytes(1280 - 28), df=1)).total, 1300)
    finally:
        b.on("ip", "-6", "route", "del", "2001:db8:6:8000::7/128")


@case("X46-30", "a destination with a more specific route of its own goes there untranslated")
def native_route(b):
    native = embed(P, "198.51.100.99")
    b.on("ip", "-6", "route", "add", f"{native}/128", "via", C6)
    try:
        packet = udp6("2001:db8:6::77", native, b.port(), 53, b"native")
        out6, out4 = b.exchange([packet])
        b.nothing(out4, "a destination with a route of its own")
        equal("the packet", [(p.src, p.dst, p.data) for p in out6], [("2001:db8:6::77", native, b"native")])
    finally:
        b.on("ip", "-6", "route", "del", f"{native}/128")
    equal("the destination without that route", b.out4(packet).dst, "198.51.100.99")


@case("X46-12", "an uplink with IPv6 of its own and a narrower client link: 3/4 comes all the same", lan=1280)
def dual_stack_uplink(b):
    b.sysctl("net.ipv6.conf.wan0.disable_ipv6=0", "net.ipv6.conf.wan0.accept_dad=0")
    b.on("ip", "addr", "add", "2001:db8:1::5/64", "dev", "wan0", "nodad")
    time.sleep(0.2)
    try:
        flow = b.udp_flow()
        out6, out4 = b.exchange([], [flow.udp4(bytes(1400), df=1)])
        b.nothing(out6, "1448 octets for a link of 1280")
        out = b.one(out4, "the error")
        equal("type, code, MTU, destination", (out.type, out.code, out.word, out.dst), (3, 4, 1260, S4))
        out6, _ = b.exchange([], [flow.udp4(bytes(1400))])
        whole = reassemble(out6)
        require(whole is not None and whole[8:] == bytes(1400), "without DF it does not arrive in fragments")
    finally:
        b.on("ip", "addr", "del", "2001:db8:1::5/64", "dev", "wan0")
        b.sysctl("net.ipv6.conf.wan0.disable_ipv6=1")
        time.sleep(0.2)
