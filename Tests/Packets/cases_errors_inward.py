"""I46, ERR: ICMPv4 to ICMPv6, and where translated errors come from (RFC 7915 sections 4.2 and 4.3, RFC 5508)."""

import os
import struct
import time

from bench import C6, P, R4, S4, S5, T1, T2, case, embed, equal, require
from wire import *

TARGET = embed(P, S4)


def error4(flow, kind, code, word=0, quoted=None, source=R4, **keys):
    quoted = flow.sent4() if quoted is None else quoted
    return ip4(source, flow.external, ICMP, icmp4(kind, code, struct.pack("!I", word), quoted), **keys)


@case("I46-01", "an echo request to a bound identifier becomes 128")
def echo_request(b):
    ping = b.ping_flow()
    out = b.out6(ping4(S5, ping.external, 8, ping.eport, 77, b"hello"))
    equal(
        "type, code, identifier, sequence, data",
        (out.type, out.code, out.id, out.sequence, out.data),
        (128, 0, ping.sport, 77, b"hello"),
    )
    equal("the ends", (out.src, out.dst), (embed(P, S5), C6))


@case("I46-02", "an echo reply becomes 129 with the client's identifier")
def echo_reply(b):
    ping = b.ping_flow()
    out = b.out6(ping4(S4, ping.external, 0, ping.eport, 78, b"hello"))
    equal(
        "type, code, identifier, sequence, data",
        (out.type, out.code, out.id, out.sequence, out.data),
        (129, 0, ping.sport, 78, b"hello"),
    )


@case("I46-03", "other queries, router discovery and obsolete or unknown types are dropped in silence (I46-04, I46-05)")
def queries(b):
    ping = b.ping_flow()
    for kind in [1, 2, 4, 5, 6, 7] + [9, 10] + list(range(13, 20)) + list(range(30, 44)) + [253, 255]:
        packet = ip4(
            S4, ping.external, ICMP, icmp4(kind, 0, echo(ping.eport, 1), ping4(ping.external, S4, 8, ping.eport, 1))
        )
        out6, out4 = b.exchange([], [packet], wait=0.004)
        b.nothing(out6 + out4, f"type {kind}")


@case("I46-06", "ICMPv4 errors map by the table of RFC 7915 (I46-07, 08, 10, 12)")
def error_codes(b):
    flow = b.udp_flow()
    table = {(3, code): (1, 0, 0) for code in (0, 1, 5, 6, 7, 8, 11, 12)}
    table.update({(3, code): (1, 1, 0) for code in (9, 10, 13, 15)})
    table.update({(3, 2): (4, 1, 6), (3, 3): (1, 4, 0), (11, 0): (3, 0, 0), (11, 1): (3, 1, 0)})
    for (kind, code), wanted in table.items():
        out = b.out6(error4(flow, kind, code), f"{kind}/{code}")
        equal(f"{kind}/{code}", (out.type, out.code, out.word), wanted)
        equal("the ends", (out.src, out.dst), (embed(P, R4), C6))
        quote = out.quote
        equal("the quoted flow", (quote.src, quote.sport, quote.dst, quote.dport), (C6, flow.sport, TARGET, 53))


@case("I46-11", "3/14, 3/16 and above, 12/1, 12/3 are dropped in silence (I46-14)")
def unknown_codes(b):
    flow = b.udp_flow()
    for kind, code in ((3, 14), (3, 16), (3, 17), (3, 255), (12, 1), (12, 3), (12, 255)):
        b.silent4(error4(flow, kind, code), f"{kind}/{code}")


@case("I46-13", "parameter problems map their pointers; the others are dropped (I46-15)")
def pointers(b):
    flow = b.udp_flow()
    table = {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6}
    table.update({pointer: 8 for pointer in range(12, 16)})
    table.update({pointer: 24 for pointer in range(16, 20)})
    for code in (0, 2):
        for pointer in list(range(0, 26)) + [40, 100, 255]:
            out6, _ = b.exchange([], [error4(flow, 12, code, pointer << 24)], wait=0.004)
            wanted = [(4, 0, table[pointer])] if pointer in table else []
            equal(f"the message for pointer {pointer}", [(p.type, p.code, p.word) for p in out6], wanted)


@case("I46-16", "the MTU of 3/4 becomes that of PTB (I46-09)")
def mtus(b):
    flow = b.udp_flow()
    for mtu, wanted in (
        (1400, 1420),
        (1500, 1500),
        (9000, 1500),
        (576, 1280),
        (68, 1280),
        (1260, 1280),
        (1261, 1281),
        (1480, 1500),
    ):
        out = b.out6(error4(flow, 3, 4, mtu))
        equal(f"type, code and MTU for {mtu}", (out.type, out.code, out.word), (2, 0, wanted))


@case("I46-16", "an IPv6 link of 9000 with an IPv4 link of 1500: 1500 becomes 1520", lan=9000)
def mtus_jumbo(b):
    flow = b.udp_flow()
    for mtu, wanted in ((1500, 1520), (1400, 1420), (9000, 1520)):
        equal(f"the MTU for {mtu}", b.out6(error4(flow, 3, 4, mtu)).word, wanted)


@case("I46-17", "3/4 without an MTU: the plateau below the quoted length")
def plateau(b):
    flow = b.udp_flow()
    for total, wanted in ((9000, 1500), (1492, 1280), (1500, 1500), (2000, 1500), (576, 1280)):
        quoted = udp4(flow.external, S4, flow.eport, 53, b"x" * 8, total=total)
        equal(f"the MTU for a quote of {total}", b.out6(error4(flow, 3, 4, 0, quoted)).word, wanted)


@case("I46-18", "the quote is translated as its packet was, its TTL as it is")
def quote(b):
    flow = b.udp_flow()
    out = b.out6(error4(flow, 11, 0, quoted=flow.sent4(b"Q" * 100, ttl=1, tos=0x12)))
    quote = out.quote
    equal("the quote", (quote.src, quote.sport, quote.dst, quote.dport), (C6, flow.sport, TARGET, 53))
    equal("its hop limit, class and length", (quote.hops, quote.tc, quote.length), (1, 0x12, 108))
    equal("the quote's data", quote.data, b"Q" * 100)
    require(quote.transport_is_right(), "the quoted UDP checksum is wrong")
    connection = b.tcp_flow()
    quoted = tcp4(connection.external, S4, connection.eport, 80, ACK, b"Z" * 50)
    for count in (28, 40, len(quoted)):
        out = b.out6(error4(connection, 3, 1, quoted=quoted[:count]), f"a quote of {count} octets")
        equal(
            "the quoted ends",
            (out.quote.src, out.quote.sport, out.quote.dst, out.quote.dport),
            (C6, connection.sport, TARGET, 80),
        )
        equal("the quoted sequence number", out.data[44:48], struct.pack("!I", 1))
    require(out.quote.transport_is_right(), "the quoted TCP checksum is wrong")


@case("I46-19", "a quoted echo is translated by its own type")
def quoted_echo(b):
    ping = b.ping_flow()
    out = b.out6(error4(ping, 3, 1, quoted=ping4(ping.external, S4, 8, ping.eport, 9, b"echo")))
    quote = out.quote
    equal("the outer type", (out.type, out.code), (1, 0))
    equal(
        "the quoted echo",
        (quote.type, quote.code, quote.id, quote.sequence, quote.data),
        (128, 0, ping.sport, 9, b"echo"),
    )
    equal("the quoted protocol", quote.protocol, 58)
    require(quote.transport_is_right(), "the quoted ICMPv6 checksum is wrong")


@case("I46-20", "an error about an error is dropped")
def nested(b):
    flow = b.udp_flow()
    inner = ip4(flow.external, S4, ICMP, icmp4(3, 3, data=flow.udp4(b"x")))
    b.silent4(error4(flow, 3, 1, quoted=inner), "an error about an error")


@case("I46-21", "an error is no larger than 1280 octets")
def large_error(b):
    flow = b.udp_flow()
    out = b.out6(error4(flow, 3, 1, quoted=flow.sent4(os.urandom(1400))))
    require(out.total <= 1280, f"it has {out.total} octets")
    require(out.total >= 1200, f"it has only {out.total} octets")


def extension():
    objects = struct.pack("!BBH", 0x20, 0, 0) + struct.pack("!HBBI", 8, 1, 1, 0xCAFEF00D)
    return objects[:2] + struct.pack("!H", checksum(objects)) + objects[4:]


@case("I46-22", "the length of an extended message is converted, its objects stay")
def extensions(b):
    flow = b.udp_flow()
    for kind, code, wanted in ((11, 0, (3, 0)), (3, 1, (1, 0)), (3, 3, (1, 4))):
        body = flow.sent4(b"E" * 100)
        require(len(body) == 128, "the case is wrong")
        out = b.out6(error4(flow, kind, code, 32 << 16, quoted=body + extension()), "an error with an extension")
        equal("type and code", (out.type, out.code), wanted)
        length = out.rest[0] * 8
        require(length >= 128, f"the length attribute is {out.rest[0]}")
        equal("the objects", out.data[length:], extension())
        quote = Packet(out.data[:length], quoted=True)
        equal("the quoted flow", (quote.src, quote.sport, quote.dport), (C6, flow.sport, 53))
        equal("the rest of the message", out.rest[1:], b"\0\0\0")


@case("I46-23", "messages without a length attribute carry no extension")
def no_extensions(b):
    flow = b.udp_flow()
    body = flow.sent4(b"E" * 100)
    for kind, code, word in ((3, 4, 32 << 16 | 1400), (12, 0, 8 << 24 | 32 << 16), (3, 2, 32 << 16)):
        out = b.out6(error4(flow, kind, code, word, quoted=body + extension()), f"{kind}/{code} with an extension")
        require(extension() not in out.data, f"{kind}/{code} carries the extension")
        require(out.type in (2, 4), f"the type is {out.type}")
        if out.type == 4:
            equal("the pointer", out.word, 6 if kind == 3 else 7)
        if kind == 3 and code == 4:
            equal("the MTU", out.word, 1420)


@case("I46-24", "an error with a wrong checksum, or a quote with a wrong header checksum, is dropped in silence")
def bad_errors(b):
    flow = b.udp_flow()
    b.silent4(ip4(R4, flow.external, ICMP, icmp4(3, 1, data=flow.sent4(), check=0x1234)), "a wrong checksum")
    b.silent4(error4(flow, 3, 1, quoted=flow.sent4(check=0x1234)), "a wrong checksum in the quoted header")


@case("I46-25", "options of the quoted header are skipped, its UDP checksum is not looked at")
def quoted_options(b):
    flow = b.udp_flow()
    out = b.out6(error4(flow, 3, 3, quoted=flow.sent4(options=bytes([7, 7, 4]) + bytes(5))))
    equal(
        "type, code and ends",
        (out.type, out.code, out.dst, out.quote.sport, out.quote.dport),
        (1, 4, C6, flow.sport, 53),
    )
    equal("the quoted length", out.quote.length, 8 + len(b"quoted"))
    quoted = ip4(flow.external, S4, UDP, udp(flow.external, S4, flow.eport, 53, b"x", check=0x4321))
    equal("the type", b.out6(error4(flow, 3, 3, quoted=quoted)).type, 1)


@case("I46-26", "an error about no session, or for another address than it quotes, is dropped in silence")
def unknown_quote(b):
    flow = b.udp_flow()
    unused = b.unused_external("udp", flow.external)
    b.silent4(error4(flow, 3, 3, quoted=udp4(flow.external, S4, unused, 53, b"x")), "a port without a session")
    other = T2 if flow.external == T1 else T1
    packet = ip4(R4, other, ICMP, icmp4(3, 3, data=flow.sent4()))
    b.silent4(packet, "for another address of the pool")


@case("I46-27", "a quote too short to tell its flow is dropped in silence")
def short_quote(b):
    flow = b.udp_flow()
    for count in (0, 8, 19, 20, 22, 23):
        b.silent4(error4(flow, 3, 1, quoted=flow.sent4()[:count]), f"a quote of {count} octets")
    equal("the type for 28 octets", b.out6(error4(flow, 3, 1, quoted=flow.sent4()[:28])).type, 1)


@case("ERR-01", "an ICMPv4 error comes from the embedded address of the router, for its quoted source (ERR-03)")
def error_source(b):
    flow = b.udp_flow()
    out = b.out6(error4(flow, 11, 0, source=R4))
    equal("the ends", (out.src, out.dst), (embed(P, R4), C6))


@case("ERR-02", "an ICMPv6 error leaves from the pool address of its session, for the quoted source")
def error_source4(b):
    flow = b.udp_flow()
    for source in (C6, "2001:db8:6:ff::1"):
        packet = ip6(source, TARGET, ICMP6, icmp6(source, TARGET, 3, 0, data=flow.sent6()))
        out = b.out4(packet, f"from {source}")
        equal("type, code, ends", (out.type, out.code, out.src, out.dst), (11, 0, flow.external, S4))


@case("ERR-02", "an ICMPv6 error of a router outside of the served networks passes too")
def foreign_router(b):
    flow = b.udp_flow()
    source = "2001:db8:9::1"
    packet = ip6(source, TARGET, ICMP6, icmp6(source, TARGET, 3, 0, data=flow.sent6()))
    out = b.out4(packet, f"from {source}")
    equal("type, code, ends", (out.type, out.code, out.src, out.dst), (11, 0, flow.external, S4))


@case("ERR-04", "ICMP errors neither end nor refresh a session", config="short")
def errors_refresh_nothing(b):
    begun = time.monotonic()
    flow = b.udp_flow()

    def ended():
        b.exchange([], [error4(flow, kind, code) for kind, code in ((3, 1), (3, 3), (11, 0))])
        packet = ip6(C6, TARGET, ICMP6, icmp6(C6, TARGET, 1, 4, data=flow.sent6()))
        b.exchange([packet])
        time.sleep(0.2)
        return b.session("udp", C6, flow.sport) is None

    # A busy machine may look only after the two seconds.
    require(not ended() or time.monotonic() > begun + 2, "the session has ended at the first error")
    b.until(ended, "errors keep the session beyond its two seconds")


@case("ERR-04", "ICMP errors end no session")
def errors_end_nothing(b):
    flow, connection = b.udp_flow(), b.tcp_flow()
    for code in range(16):
        quoted = tcp4(connection.external, S4, connection.eport, 80, ACK, b"x")
        b.exchange([], [error4(flow, 3, code), error4(connection, 3, code, quoted=quoted)], wait=0.003)
    require(b.session("udp", C6, flow.sport) is not None, "the UDP session is gone")
    equal("the TCP state", (b.session("tcp", C6, connection.sport) or {}).get("state"), "ESTABLISHED")


@case("ERR-05", "ICMP errors of any router pass, with address-dependent filtering too", config="adf")
def any_router(b):
    flow = b.udp_flow()
    for router in (R4, S5, "203.0.113.77", "10.9.8.7"):
        equal("the source", b.out6(error4(flow, 11, 0, source=router)).src, embed(P, router))


@case("I46-18", "a quoted fragment, or one cut in front of its ports, is told or dropped")
def quoted_fragments(b):
    flow = b.udp_flow()
    message = udp(flow.external, S4, flow.eport, 53, os.urandom(1400))
    first = ip4(flow.external, S4, UDP, message[:1200], identification=0x4321, mf=1)
    out = b.out6(ip4(R4, flow.external, ICMP, icmp4(11, 1, data=first[:300])), "a quoted first fragment")
    quote = out.quote
    equal(
        "the quoted fragment",
        (quote.chain, quote.identification, quote.offset, quote.mf, quote.sport),
        ([44], 0x4321, 0, True, flow.sport),
    )
    equal("the quoted length", quote.length, 1208)
    later = ip4(flow.external, S4, UDP, message[1200:], identification=0x4321, offset=1200)
    b.silent4(ip4(R4, flow.external, ICMP, icmp4(11, 1, data=later)), "a quoted later fragment")


@case("I46-01", "fragmented ICMP errors are put together or dropped, never wrong")
def fragmented_errors(b):
    flow = b.udp_flow()
    message = icmp4(3, 1, data=flow.sent4(os.urandom(1000)))
    pieces = [
        ip4(R4, flow.external, ICMP, message[:600], identification=0x77, mf=1),
        ip4(R4, flow.external, ICMP, message[600:], identification=0x77, offset=600),
    ]
    out6, out4 = b.exchange([], pieces)
    b.nothing(out4, "a fragmented error")
    whole = reassemble(out6)
    require(
        not out6 or (whole is not None and whole[0] == 1 and out6[0].transport_is_right(whole)), "it comes out wrong"
    )
