"""TCP: the state machine of RFC 6146 section 3.5.2 and the segment size."""

import struct
import time

from bench import C6, P, R4, S4, S5, T1, case, embed, equal, is_probe, require
from wire import *

TARGET = embed(P, S4)
TARGET5 = embed(P, S5)


def state(b, flow):
    entry = b.session("tcp", flow.client, flow.sport)
    return (entry["state"], entry["secondsLeft"]) if entry else None


def is_state(b, flow, name, lifetime):
    entry = state(b, flow)
    require(entry is not None, f"no session; it should be in {name}")
    equal("the state", entry[0], name)
    require(lifetime - 60 <= entry[1] <= lifetime, f"it lives {entry[1]} seconds in {name}, not {lifetime}")


@case("TCP-01", "a client's SYN makes V6 INIT of 240 seconds; the answer ESTABLISHED of 7200 (TCP-11, TCP-12)")
def opening(b):
    connection = b.tcp_flow(open=False)
    is_state(b, connection, "V6 INIT", 240)
    equal("a second SYN's port", b.out4(connection.tcp6(SYN)).sport, connection.eport)
    is_state(b, connection, "V6 INIT", 240)
    b.out6(connection.tcp4(SYN | ACK))
    is_state(b, connection, "ESTABLISHED", 7200)


@case("TCP-02", "a SYN from outside is dropped in silence when connections from outside are refused", config="closed")
def refused_from_outside(b):
    connection = b.tcp_flow(open=False)
    b.silent4(tcp4(S5, connection.external, 80, connection.eport, SYN), "a SYN from outside")
    connection.peer = S4
    b.out6(connection.tcp4(SYN | ACK))


@case("TCP-03", "a SYN to no binding is kept and refused with 3/3 after its time (TCP-04)", config="short")
def held_syn(b):
    before = b.bindings()
    port = b.unused_external("tcp", T1)
    syn = tcp4(S4, T1, 4000, port, SYN)
    start = time.monotonic()
    b.silent4(syn, "a SYN to no binding")
    b.no_new_bindings(before)
    out6, out4 = b.collect(lambda out6, out4: bool(out4), 30)
    passed = time.monotonic() - start
    b.nothing(out6, "a SYN to no binding")
    out = b.one(out4, "the error after the time")
    require(passed >= 1, f"it comes after {passed:.2f} seconds already")
    equal("type, code, ends", (out.type, out.code, out.src, out.dst), (3, 3, T1, S4))
    equal("the quote", (out.quote.sport, out.quote.dport), (4000, port))
    b.inspect(out4)


@case("TCP-04", "the 3/3 for a SYN that was kept comes after six seconds")
def held_synsix(b):
    start = time.monotonic()
    b.silent4(tcp4(S4, T1, 4000, b.unused_external("tcp", T1), SYN), "a SYN to no binding")
    _, out4 = b.collect(lambda out6, out4: bool(out4), 30)
    passed = time.monotonic() - start
    equal("type and code", [(p.type, p.code) for p in out4], [(3, 3)])
    require(6 <= passed < 30, f"it comes after {passed:.2f} seconds")


@case("TCP-05", "a SYN to a binding that filtering refuses is kept, and refused after its time", config="shortadf")
def filtered_syn(b):
    connection = b.tcp_flow(open=False)
    b.silent4(tcp4(S5, connection.external, 4001, connection.eport, SYN), "a SYN from S5")
    _, out4 = b.collect(lambda out6, out4: bool(out4), 30)
    equal("type, code, destination", [(p.type, p.code, p.dst) for p in out4], [(3, 3, S5)])


@case("TCP-06", "endpoint-independent filtering lets a SYN to a binding in: V4 INIT")
def from_outside(b):
    connection = b.tcp_flow(open=False)
    out = b.out6(tcp4(S5, connection.external, 4002, connection.eport, SYN))
    equal(
        "the SYN", (out.src, out.sport, out.flags, out.dst, out.dport), (embed(P, S5), 4002, SYN, C6, connection.sport)
    )
    entry = b.session("tcp", C6, connection.sport, S5)
    require(
        entry is not None and entry["state"] == "V4 INIT" and 235 <= entry["secondsLeft"] <= 240,
        f"the session is {entry}",
    )
    b.out4(tcp6(C6, TARGET5, connection.sport, 4002, RST | ACK))
    equal("the state after the client's RST (TCP-10)", b.session("tcp", C6, connection.sport, S5)["state"], "V4 INIT")
    b.out4(tcp6(C6, TARGET5, connection.sport, 4002, SYN | ACK))
    equal(
        "the state after the client's SYN (TCP-09)", b.session("tcp", C6, connection.sport, S5)["state"], "ESTABLISHED"
    )


@case("TCP-07", "with a binding a segment of a new peer passes, and establishes nothing")
def stray_with_binding(b):
    connection = b.tcp_flow()
    b.out6(tcp4(S5, connection.external, 80, connection.eport, ACK, b"x"))
    entry = b.session("tcp", C6, connection.sport, S5)
    require(entry is None or entry["state"] != "ESTABLISHED", f"the session is {entry}")


@case("TCP-08", "segments without a binding are dropped in silence")
def stray(b):
    unused = b.unused_external("tcp", T1)
    for flags in (ACK, FIN | ACK, RST, 0):
        b.silent6(tcp6(C6, TARGET, b.port(), 80, flags, b"x"), f"flags {flags:#x} from a client")
        b.silent4(tcp4(S4, T1, 80, unused, flags), f"flags {flags:#x} from IPv4")


@case("TCP-09", "simultaneous open: the kept SYN is dropped, the connection established")
def simultaneous(b):
    connection = b.tcp_flow(open=False)
    # A SYN from another peer's port under endpoint-independent filtering passes; the client's own follows.
    b.out6(tcp4(S5, connection.external, 4003, connection.eport, SYN))
    out = b.out4(tcp6(C6, TARGET5, connection.sport, 4003, SYN))
    equal("the client's SYN", (out.dst, out.dport, out.sport), (S5, 4003, connection.eport))
    equal("the state", b.session("tcp", C6, connection.sport, S5)["state"], "ESTABLISHED")
    b.out6(connection.tcp4(SYN))
    equal("the state of the first", b.session("tcp", C6, connection.sport, S4)["state"], "ESTABLISHED")


@case("TCP-09", "a kept SYN is dropped when the client's own comes", config="shortadf")
def simultaneous_kept(b):
    connection = b.tcp_flow(open=False)
    b.silent4(tcp4(S5, connection.external, 4004, connection.eport, SYN), "a SYN from S5")
    out6, out4 = b.exchange([tcp6(C6, TARGET5, connection.sport, 4004, SYN)])
    equal("the client's SYN", [(p.dst, p.dport, p.sport) for p in out4], [(S5, 4004, connection.eport)])
    equal("the state", b.session("tcp", C6, connection.sport, S5)["state"], "ESTABLISHED")
    out6, out4 = b.collect(lambda out6, out4: False, 2)
    # Probes of the short-lived connection are no answers to the SYN.
    require(not [p for p in out4 if p.protocol == ICMP], "the 3/3 comes all the same")
    require(not [p for p in out6 if p.flags == SYN], "the kept SYN comes late")


@case("TCP-13", "a RST in V6 INIT passes and changes nothing")
def reset_in_init(b):
    connection = b.tcp_flow(open=False)
    out = b.out6(connection.tcp4(RST | ACK))
    equal("flags", out.flags, RST | ACK)
    is_state(b, connection, "V6 INIT", 240)


@case("TCP-14", "V6 INIT ends after its time, and nothing is sent", config="short")
def init_expires(b):
    begun = time.monotonic()
    connection = b.tcp_flow(open=False)
    entry = state(b, connection)
    # A busy machine may look only after the end.
    require(entry is not None or time.monotonic() > begun + 2, "there is no session at once")
    require(entry is None or entry[1] <= 2, f"the session is {entry}")
    b.until(lambda: state(b, connection) is None, "the session outlives its two seconds")
    out6, out4 = b.collect(lambda out6, out4: False, 0.3)
    b.nothing([p for p in out6 + out4 if not is_probe(p)], "the end of V6 INIT")


@case("TCP-15", "FIN from each side: the states of RFC 6146, 240 seconds after both (TCP-20, 21, 22, 23)")
def closing(b):
    for first, second, one in (("tcp4", "tcp6", "V4 FIN RCV"), ("tcp6", "tcp4", "V6 FIN RCV")):
        connection = b.tcp_flow()
        send = {"tcp4": lambda *a: b.out6(connection.tcp4(*a)), "tcp6": lambda *a: b.out4(connection.tcp6(*a))}
        send[first](FIN | ACK)
        is_state(b, connection, one, 7200)
        send[second](ACK, b"half closed")
        send[first](ACK)
        is_state(b, connection, one, 7200)
        send[second](FIN | ACK)
        is_state(b, connection, "V4 FIN + V6 FIN RCV", 240)
        send[first](ACK)
        is_state(b, connection, "V4 FIN + V6 FIN RCV", 240)


@case("TCP-16", "RST: TRANS of 240 seconds; anything else then: ESTABLISHED again (TCP-26, TCP-27)")
def reset(b):
    for way in ("tcp4", "tcp6"):
        connection = b.tcp_flow()
        send = (lambda *a: b.out6(connection.tcp4(*a))) if way == "tcp4" else (lambda *a: b.out4(connection.tcp6(*a)))
        equal("flags", send(RST).flags, RST)
        is_state(b, connection, "TRANS", 240)
        send(RST)
        is_state(b, connection, "TRANS", 240)
        send(ACK, b"data")
        is_state(b, connection, "ESTABLISHED", 7200)


@case("TCP-17", "data resets an established connection to its full lifetime", config="short")
def data_refreshes(b):
    connection = b.tcp_flow()
    for _ in range(8):
        time.sleep(0.5)
        b.out4(connection.tcp6(ACK, b"x"))
    equal("the state", state(b, connection)[0], "ESTABLISHED")


@case("TCP-18", "an idle established connection is probed, goes to TRANS, and ends after that (TCP-19)", config="short")
def probe(b):
    connection = b.tcp_flow()

    def of_mine(out6, out4):
        return [p for p in out6 if p.dport == connection.sport] + [p for p in out4 if p.sport == connection.eport]

    out6, out4 = b.collect(lambda out6, out4: bool(of_mine(out6, out4)), 30)
    segments = of_mine(out6, out4)
    require(segments, "no probe comes")
    for segment in segments:
        require(not segment.faults(), f"{segment}: {segment.faults()}")
        equal(
            "flags, sequence, acknowledgment, data",
            (segment.flags, segment.seq, segment.ack, segment.data),
            (ACK, 0, 0, b""),
        )
        ends = (segment.src, segment.sport, segment.dst, segment.dport)
        require(
            ends in ((TARGET, 80, C6, connection.sport), (connection.external, connection.eport, S4, 80)),
            f"the probe's ends are {ends}",
        )
    equal("the state", state(b, connection)[0], "TRANS")
    b.out4(connection.tcp6(ACK))
    equal("the state after an answer", state(b, connection)[0], "ESTABLISHED")
    b.until(lambda: state(b, connection) is None, "the session is there after half a minute of silence")
    b.flush()


@case("TCP-24", "after both FINs packets pass, but the session ends on time", config="short")
def closing_expires(b):
    connection = b.tcp_flow()
    b.out4(connection.tcp6(FIN | ACK))
    b.out6(connection.tcp4(FIN | ACK))

    # A packet after the end makes no new session: it is no SYN, and so it is dropped.
    def ended():
        b.exchange([connection.tcp6(ACK)])
        time.sleep(0.3)
        return state(b, connection) is None

    b.until(ended, "packets keep the session beyond its two seconds")


@case("TCP-25", "a new SYN on a closing connection starts it anew")
def reopening(b):
    connection = b.tcp_flow()
    b.out4(connection.tcp6(FIN | ACK))
    b.out6(connection.tcp4(FIN | ACK))
    b.out4(connection.tcp6(ACK))
    b.out4(connection.tcp6(SYN, seq=99999))
    b.out6(connection.tcp4(SYN | ACK))
    b.out4(connection.tcp6(ACK))
    is_state(b, connection, "ESTABLISHED", 7200)
    connection = b.tcp_flow()
    b.out6(connection.tcp4(RST))
    b.out4(connection.tcp6(SYN, seq=99999))
    b.out6(connection.tcp4(SYN | ACK))
    is_state(b, connection, "ESTABLISHED", 7200)


@case("TCP-31", "3,000 clients to one server have as many transport addresses (NAT-08)")
def no_overloading(b):
    seen = set()
    for batch in range(15):
        packets = [tcp6(f"2001:db8:6:8000::{batch:x}:{n:x}", TARGET, 7777, 443, SYN) for n in range(200)]
        _, out4 = b.exchange(packets)
        for out in out4:
            require((out.src, out.sport) not in seen, f"{out.src} port {out.sport} is given twice")
            seen.add((out.src, out.sport))
    require(len(seen) > 2950, f"only {len(seen)} SYNs came")


@case("TCP-32", "SYNs that are kept are limited in number; the daemon goes on", config="short")
def many_syns(b):
    flow = b.udp_flow()
    b.exchange([], [tcp4("192.0.2.99", T1, 1000 + n, 2000 + n, SYN) for n in range(1000)])
    b.out4(flow.udp6(b"alive"))
    require(b.drops().get("held-syn-limit", 0) > 0, "no limit was reached")
    # One network has no more than half of the room. Which networks share theirs is up to the secret; two hardly ever do.
    others = [f"198.51.{third}.77" for third in (100, 101, 102)]
    limited = b.drops()["held-syn-limit"]
    b.exchange([], [tcp4(other, T1, 999, b.unused_external("tcp", T1), SYN) for other in others])
    refused = b.drops()["held-syn-limit"] - limited
    require(refused <= 1, f"{refused} SYNs of {len(others)} other networks are refused")
    answered = set()

    def all_answered(out6, out4):
        answered.update(packet.dst for packet in out4)
        return len(answered.intersection(others)) == len(others) - refused

    b.collect(all_answered, 30)
    require(len(answered.intersection(others)) == len(others) - refused, f"of {others} only these are answered: {answered}")
    b.settle(0.3)


@case("TCP-33", "the segment size in SYNs is held down to 1440, and never raised")
def segment_size(b):
    def mss(value, before=b"", after=b""):
        return before + b"\x02\x04" + struct.pack("!H", value) + after

    for given, wanted in ((1460, 1440), (1440, 1440), (1300, 1300), (536, 536), (9000, 1440)):
        connection = b.tcp_flow(open=False)
        out = b.out4(connection.tcp6(SYN, options=mss(given)))
        equal("the size to IPv4", out.options, mss(wanted))
        out = b.out6(connection.tcp4(SYN | ACK, options=mss(given, b"\x01\x01", b"\x04\x02")))
        equal("the options to IPv6", out.options, mss(wanted, b"\x01\x01", b"\x04\x02"))
    connection = b.tcp_flow()
    equal("an option that is no SYN's", b.out4(connection.tcp6(ACK, options=mss(1460))).options, mss(1460))
    for options in (b"\x02\x04\x05", b"\x02\x00\x05\xb4", b"\x02\xff\x05\xb4", b"\x08\x01\0\0"):
        b.out4(tcp6(C6, TARGET, b.port(), 80, SYN, options=options))


@case("TCP-33", "with an IPv4 link of 1400 the segment size is 1360", wan=1400)
def segment_size_small(b):
    connection = b.tcp_flow(open=False)
    out = b.out4(connection.tcp6(SYN, options=b"\x02\x04\x05\xb4"))
    equal("the option", out.options, b"\x02\x04" + struct.pack("!H", 1360))


@case("TCP-30", "half closed connections carry data, connections close by RST, and data passes in all states")
def scripted(b):
    connection = b.tcp_flow()
    script = [
        ("6", ACK | PSH, b"GET"),
        ("4", ACK, b""),
        ("6", FIN | ACK, b""),
        ("4", ACK, b"part one"),
        ("6", ACK, b""),
        ("4", ACK | PSH | URG, b"part two"),
        ("4", FIN | ACK, b"last"),
        ("6", ACK, b""),
        ("6", ACK, b"late"),
        ("4", ACK, b"late"),
        ("4", RST, b""),
        ("6", RST | ACK, b""),
        ("6", ACK, b"later"),
        ("4", ACK | 0x40 | 0x80, b"with ECN"),
    ]
    for side, flags, data in script:
        out = b.out4(connection.tcp6(flags, data)) if side == "6" else b.out6(connection.tcp4(flags, data))
        equal("flags and data", (out.flags, out.data), (flags, data))


@case("TCP-33", "with an IPv6 link of 1280 the segment size is 1220", lan=1280)
def segment_size_least(b):
    connection = b.tcp_flow(open=False)
    b.out4(connection.tcp6(SYN, options=b"\x02\x04\x05\xb4"))
    out = b.out6(connection.tcp4(SYN | ACK, options=b"\x02\x04\x05\xb4"))
    equal("the option", out.options, b"\x02\x04" + struct.pack("!H", 1220))


@case("TCP-33", "with a device of 1280 the segment size is 1220, and Packet Too Big says 1280 (I46-16)", config="device1280")
def segment_size_device(b):
    connection = b.tcp_flow(open=False)
    size = b"\x02\x04" + struct.pack("!H", 1220)
    equal("the size to IPv4", b.out4(connection.tcp6(SYN, options=b"\x02\x04\x05\xb4")).options, size)
    equal("the size to IPv6", b.out6(connection.tcp4(SYN | ACK, options=b"\x02\x04\x05\xb4")).options, size)
    quoted = tcp4(connection.external, S4, connection.eport, 80, ACK, bytes(1000))
    out = b.out6(ip4(R4, connection.external, ICMP, icmp4(3, 4, struct.pack("!HH", 0, 1400), quoted)))
    equal("type and MTU", (out.type, out.word), (2, 1280))


@case("TCP-33", "the segment size is found among any options, also at odd places, and malformed ones stay as they are")
def segment_size_anywhere(b):
    def size(value):
        return b"\x02\x04" + struct.pack("!H", value)

    shapes = (
        lambda value: b"\x01" + size(value),
        lambda value: b"\x01\x01\x01" + size(value),
        lambda value: b"\x04\x02\x08\x0a" + bytes(range(8)) + b"\x03\x03\x07" + size(value) + b"\x01",
        lambda value: b"\xfd\x06abcd" + size(value),
        lambda value: b"\x01" * 35 + size(value) + b"\x01",
        lambda value: b"\x22\x0a" + bytes(range(8)) + size(value),
    )
    for shape in shapes:
        for value in (0, 1439, 1441, 65535):
            given, wanted = shape(value), shape(min(value, 1440))
            given, wanted = given + bytes(-len(given) % 4), wanted + bytes(-len(wanted) % 4)
            connection = b.tcp_flow(open=False)
            out = b.out4(connection.tcp6(SYN, b"early data", options=given))
            equal("the options to IPv4", (out.options, out.data), (wanted, b"early data"))
            equal("the options to IPv6", b.out6(connection.tcp4(SYN | ACK, options=given)).options, wanted)
    for options in (
        b"\x02\x03\xff\x01",
        b"\x02\x05\xff\xff\xff\x01\x01\x00",
        b"\x01\x01\x02\x04",
        b"\x01\x01\x01\x02",
        b"\x13\x00" + size(9000) + b"\x00\x00",
        b"\x00\x01\x01\x01" + size(9000),
        b"\x13\x20" + size(9000) + b"\x00\x00",
    ):
        equal("the options", b.out4(tcp6(C6, TARGET, b.port(), 80, SYN, options=options)).options, options)
    # The first fragment of a SYN has its options; one whose options are in the second is refused (NAT-27).
    message = tcp(C6, TARGET, b.port(), 80, SYN, bytes(200), options=size(9000))
    for cut, number in ((24, 0x888), (16, 0x889)):
        pieces = [
            ip6(C6, TARGET, 44, fragment_header(TCP, start, start == 0, number) + part)
            for start, part in ((0, message[:cut]), (cut, message[cut:]))
        ]
        out6, out4 = b.exchange(pieces)
        if cut < 24:
            b.nothing(out4, "a header in two fragments")
            equal("the error", [(p.type, p.code, p.word) for p in out6], [(4, 3, 0)])
        else:
            whole = reassemble(out4)
            require(whole is not None and out4[0].transport_is_right(whole), "a SYN in fragments does not arrive whole")
            equal("its options", whole[20:24], size(1440))
