"""I64: ICMPv6 to ICMPv4 (RFC 7915 sections 5.2 and 5.3)."""

import struct

from bench import P, embed, C6, S4, T1, T2, case, equal, require
from wire import *

TARGET = embed(P, S4)


@case("I64-01", "echo requests and replies become those of ICMPv4; identifier by binding, the rest unchanged")
def echoes(b):
    for kind, expected in ((128, 8), (129, 0)):
        out = b.out4(ping6(C6, TARGET, kind, b.port(), 0xBEEF, b"payload"))
        equal(
            "type, code, sequence, data",
            (out.type, out.code, out.sequence, out.data),
            (expected, 0, 0xBEEF, b"payload"),
        )
        require(out.src in (T1, T2), f"the source is {out.src}")


@case("I64-02", "all other informational ICMPv6 messages are dropped in silence")
def informational(b):
    packets = [
        ip6(C6, TARGET, ICMP6, icmp6(C6, TARGET, kind, 0, echo(b.port(), 1), bytes(24)), hops=255)
        for kind in list(range(130, 162)) + [200, 255]
    ]
    out6, out4 = b.exchange(packets)
    b.nothing(out4, "informational messages")
    b.nothing(out6, "informational messages")


def error6(flow, kind, code, word=0, quoted=None, source=C6):
    """An ICMPv6 error of the client side about what the peer sent."""
    quoted = flow.sent6() if quoted is None else quoted
    return ip6(source, flow.target, ICMP6, icmp6(source, flow.target, kind, code, struct.pack("!I", word), quoted))


@case("I64-03", "unreachable, time exceeded and parameter problem map by the table of RFC 7915 (I64-04, 05, 10, 12)")
def error_codes(b):
    flow = b.udp_flow()
    table = {
        (1, 0): (3, 1),
        (1, 1): (3, 10),
        (1, 2): (3, 1),
        (1, 3): (3, 1),
        (1, 4): (3, 3),
        (3, 0): (11, 0),
        (3, 1): (11, 1),
        (4, 1): (3, 2),
    }
    for (kind, code), wanted in table.items():
        out = b.out4(error6(flow, kind, code), f"{kind}/{code}")
        equal(f"{kind}/{code}", (out.type, out.code), wanted)
        equal("the addresses", (out.src, out.dst), (flow.external, S4))
        quote = out.quote
        equal("the quoted flow", (quote.src, quote.sport, quote.dst, quote.dport), (S4, 53, flow.external, flow.eport))


@case("I64-06", "1/5 and above, 4/2, 4/3 and unknown errors are dropped in silence (I64-13, I64-15)")
def unknown_errors(b):
    flow = b.udp_flow()
    for kind, code in ((1, 5), (1, 6), (1, 7), (1, 255), (4, 2), (4, 3), (5, 0), (100, 0), (101, 0), (127, 0), (0, 0)):
        b.silent6(error6(flow, kind, code), f"{kind}/{code}")


@case("I64-07", "PTB becomes 3/4 with the MTU of both links taken into account")
def packet_too_big(b):
    flow = b.udp_flow()
    for mtu, wanted in ((1500, 1480), (1280, 1260), (9000, 1480), (1400, 1380)):
        out = b.out4(error6(flow, 2, 0, mtu))
        equal(f"type, code and MTU for {mtu}", (out.type, out.code, out.word), (3, 4, wanted))


@case("I64-07", "PTB with an IPv6 link of 9000 is held down by the IPv4 link", lan=9000)
def packet_too_big_jumbo(b):
    flow = b.udp_flow()
    for mtu, wanted in ((9000, 1500), (1500, 1480), (1520, 1500)):
        out = b.out4(error6(flow, 2, 0, mtu))
        equal(f"MTU for {mtu}", out.word, wanted)


@case("I64-08", "a quoted fragment header counts: 28 octets less")
def quoted_fragment_header(b):
    flow = b.udp_flow()
    message = udp(TARGET, C6, 53, flow.sport, bytes(1400))
    quoted = ip6(TARGET, C6, 44, fragment_header(UDP, 0, True, 0x4242) + message[:1232])
    out = b.out4(error6(flow, 2, 0, 1280, quoted=quoted[:1200]), "PTB about a fragment")
    require(out.word in (1252, 1260), f"the MTU is {out.word}")
    quote = out.quote
    equal("the quoted fragment", (quote.identification, quote.mf, quote.offset), (0x4242, True, 0))


@case("I64-09", "PTB below 1280 leads to no fragment headers afterwards")
def small_packet_too_big(b):
    flow = b.udp_flow()
    out = b.out4(error6(flow, 2, 0, 1000))
    require(out.word in (980, 1260), f"the MTU is {out.word}")
    back = b.out6(flow.udp4(bytes(900), df=1))
    require(not back.is_fragment, "a fragment header came")


@case("I64-11", "parameter problems map their pointers; the others are dropped (I64-14)")
def pointers(b):
    flow = b.udp_flow()
    table = {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8}
    table.update({pointer: 12 for pointer in range(8, 24)})
    table.update({pointer: 16 for pointer in range(24, 40)})
    for pointer in list(range(0, 48)) + [100, 255, 256, 0x07000000, 0xFFFFFFFF]:
        _, out4 = b.exchange([error6(flow, 4, 0, pointer)], wait=0.004)
        got = [(p.type, p.code, p.rest) for p in out4]
        wanted = [(12, 0, bytes([table[pointer], 0, 0, 0]))] if pointer in table else []
        equal(f"the message for pointer {pointer}", got, wanted)


@case("I64-16", "the quote is translated as its packet was, its hop limit as it is")
def quote(b):
    flow = b.udp_flow()
    out = b.out4(error6(flow, 1, 4, quoted=flow.sent6(b"Q" * 100, hops=1, tc=0x12)))
    quote = out.quote
    equal("the quote", (quote.src, quote.sport, quote.dst, quote.dport), (S4, 53, flow.external, flow.eport))
    equal("its TTL, TOS and length", (quote.hops, quote.tos, quote.total), (1, 0x12, 128))
    equal("the quote's header sum", sum16(quote.raw[:20]), 0xFFFF)
    equal("the quote's data", quote.data, b"Q" * 100)
    require(quote.transport_is_right(quote.body[:108]), "the quoted UDP checksum is wrong")
    connection = b.tcp_flow()
    quoted = tcp6(connection.target, C6, 80, connection.sport, ACK, b"Z" * 50)
    out = b.out4(error6(connection, 1, 1, quoted=quoted))
    quote = out.quote
    equal("the quoted connection", (quote.src, quote.sport, quote.dport), (S4, 80, connection.eport))
    require(quote.transport_is_right(), "the quoted TCP checksum is wrong")
    ping = b.ping_flow()
    quoted = ping6(ping.target, C6, 129, ping.sport, 9, b"echo")
    out = b.out4(error6(ping, 1, 3, quoted=quoted))
    quote = out.quote
    equal("the quoted reply", (quote.type, quote.id, quote.sequence), (0, ping.eport, 9))
    require(quote.transport_is_right(), "the quoted ICMP checksum is wrong")


@case("I64-16", "quotes cut at any length are translated or dropped, never wrong")
def cut_quotes(b):
    flow = b.udp_flow()
    quoted = flow.sent6(b"R" * 30)
    # Between ports and the whole of eight octets a translator may do either.
    for count in (0, 8, 39, 40, 42, 43):
        _, out4 = b.exchange([error6(flow, 1, 4, quoted=quoted[:count])])
        b.nothing(out4, f"a quote of {count} octets")
    for count in (48, 49, 55, 78):
        out = b.out4(error6(flow, 1, 4, quoted=quoted[:count]), f"a quote of {count} octets")
        equal("the quoted ports", struct.unpack("!HH", out.data[20:24]), (53, flow.eport))


@case("I64-17", "an error about an error is dropped")
def nested(b):
    flow = b.udp_flow()
    inner = ip6(TARGET, C6, ICMP6, icmp6(TARGET, C6, 1, 4, data=flow.udp6(b"x")))
    b.silent6(error6(flow, 1, 4, quoted=inner), "an error about an error")


@case("I64-18", "the length of an extended message is converted, its objects stay")
def extensions(b):
    flow = b.udp_flow()
    body = flow.sent6(b"E" * 200)[:128]
    objects = struct.pack("!BBH", 0x20, 0, 0) + struct.pack("!HBBI", 8, 1, 1, 0x12345678)
    objects = objects[:2] + struct.pack("!H", checksum(objects)) + objects[4:]
    error = error6(flow, 3, 0, 16 << 24, quoted=body + objects)
    out = b.out4(error, "3/0 with an extension")
    equal("type and code", (out.type, out.code), (11, 0))
    length = out.rest[1] * 4
    require(length >= 128 and length % 4 == 0, f"the length attribute is {out.rest[1]}")
    equal("the objects", out.data[length:], objects)
    equal("the quoted flow", struct.unpack("!HH", out.data[20:24]), (53, flow.eport))


@case("I64-19", "an error about a packet of no session is dropped in silence")
def unknown_quote(b):
    flow = b.udp_flow()
    b.silent6(error6(flow, 1, 4, quoted=udp6(TARGET, C6, 53, 1, b"x")), "a port without a session")
    b.silent6(error6(flow, 1, 4, quoted=udp6(TARGET, "2001:db8:6::abcd", 53, flow.sport, b"x")), "another client")


@case("I64-20", "an error that quotes another transport is dropped")
def quoted_transports(b):
    flow = b.udp_flow()
    for protocol in (50, 51, 132, 47):
        b.silent6(error6(flow, 1, 4, quoted=ip6(TARGET, C6, protocol, bytes(24))), f"a quote of protocol {protocol}")
