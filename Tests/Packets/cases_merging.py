"""Segments that the box finds waiting together: it may put them into one super-packet, which its kernel cuts again."""

import os
import random
import signal
import struct
import time

from bench import case, equal, require
from wire import *

FIN, RST, PSH, URG, ECE, CWR = 1, 4, 8, 32, 64, 128
SIZE = 1400


def stamps(value, echo=7):
    return b"\1\1" + struct.pack("!BBII", 8, 10, value, echo)


def states(process):
    """What the threads of a process do: "T" stands for stopped."""
    folder = f"/proc/{process}/task"
    found = set()
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/stat") as file:
            found.add(file.read().rpartition(")")[2].split()[0])
    return found


def burst(b, side, packets):
    """Sends packets while the daemon stands still, so that one burst of reads finds them all.

    Returns how many segments it has merged meanwhile, and what comes out on the other side.
    """
    b.flush()
    before = b.status()["dataplane"]["mergedSegments"]
    b.process.send_signal(signal.SIGSTOP)
    try:
        # One of the threads hears of it first, and the others go on until that has run.
        b.until(lambda: states(b.process.pid) == {"T"}, "the daemon does not stand still")
        for packet in packets:
            side.send(packet)
        time.sleep(0.05)
    finally:
        b.process.send_signal(signal.SIGCONT)
    out6, out4 = b.settle(0.02)
    b.nothing(out4 if side is b.wan else out6, "back to the sender")
    return b.status()["dataplane"]["mergedSegments"] - before, out6 if side is b.wan else out4


def stream(connection, count, way, flags=ACK, first=1000, size=SIZE, **keys):
    """Segments that follow each other, made on the IPv6 side (6) or on the IPv4 side (4)."""
    make = connection.tcp6 if way == 6 else connection.tcp4
    keys.setdefault("options", stamps(1))
    return [make(flags, os.urandom(size), seq=first + index * size, ack=1, **keys) for index in range(count)]


def told(packet):
    return packet.seq, packet.ack, packet.flags, packet.options, packet.data


def same(sent, out):
    """Whether exactly these segments came, in this order."""
    equal("the number of segments", len(out), len(sent))
    for number, (came, went) in enumerate(zip(map(Packet, sent), out)):
        require(told(came) == told(went), f"segment {number} is {went}, not {came}")


def merges(b, side, sent, wanted):
    """Whether so many of these segments are merged and all arrive as they were sent.

    A busy machine may bring the last of them after the daemon has begun to read; then fewer wait together, and they are
    sent once more.
    """
    for _ in range(8):
        merged, out = burst(b, side, sent)
        same(sent, out)
        require(merged <= wanted, f"{merged} segments were merged, of {wanted} that may be")
        if merged == wanted:
            return
    equal("merged segments", merged, wanted)


@case("GRO", "segments of one connection that wait together arrive as they were sent, and were merged")
def in_order(b):
    connection = b.tcp_flow()
    for side, way in ((b.lan, 6), (b.wan, 4)):
        sent = stream(connection, 40, way) + stream(connection, 1, way, ACK | PSH, 1000 + 40 * SIZE, size=700)
        # Towards IPv4 the last one is small enough to leave with DF clear, which the others do not.
        merges(b, side, sent, 40 if way == 6 else 41)


@case("GRO", "segments that wait together from several connections keep the order of each")
def interleaved(b):
    connections = [b.tcp_flow() for _ in range(4)]
    for side, way in ((b.lan, 6), (b.wan, 4)):
        streams = [stream(connection, 10, way) for connection in connections]
        sent = [packet for turn in zip(*streams) for packet in turn]
        merged, out = burst(b, side, sent)
        for connection, one in zip(connections, streams):
            port = connection.eport if side is b.lan else connection.sport
            same(one, [p for p in out if port in (p.sport, p.dport)])
        require(merged >= 30, f"{merged} of 40 were merged")


@case("GRO", "what is no plain continuation is not merged: gaps, repetitions, time stamps, flags, sizes, windows")
def apart(b):
    connection = b.tcp_flow()
    for side, way in ((b.lan, 6), (b.wan, 4)):
        one, two, three = stream(connection, 3, way)
        other = {
            "a gap": [one, three],
            "out of order": [two, one],
            "a repetition": [one, one],
            "another time stamp": [one] + stream(connection, 1, way, first=1000 + SIZE, options=stamps(2)),
            "no time stamp": [one] + stream(connection, 1, way, first=1000 + SIZE, options=b""),
            "a larger segment": [one] + stream(connection, 1, way, first=1000 + SIZE, size=SIZE + 1),
            "another window": [one] + stream(connection, 1, way, first=1000 + SIZE, window=100),
            "URG": [one] + stream(connection, 1, way, ACK | URG, 1000 + SIZE),
            "CWR": [one] + stream(connection, 1, way, ACK | CWR, 1000 + SIZE),
            "ECE": [one] + stream(connection, 1, way, ACK | ECE, 1000 + SIZE),
            "behind PSH": stream(connection, 1, way, ACK | PSH) + [two],
            "behind CWR": stream(connection, 2, way, ACK | CWR),
            "no data": [one] + stream(connection, 1, way, first=1000 + SIZE, size=0),
        }
        for name, sent in other.items():
            merged, out = burst(b, side, sent)
            same(sent, out)
            require(merged == 0, f"{name}: {merged} were merged")


@case("GRO", "PSH ends a super-packet and arrives with its own segment")
def pushed(b):
    connection = b.tcp_flow()
    for side, way in ((b.lan, 6), (b.wan, 4)):
        sent = (
            stream(connection, 3, way)
            + stream(connection, 1, way, ACK | PSH, 1000 + 3 * SIZE)
            + stream(connection, 3, way, first=1000 + 4 * SIZE)
        )
        merges(b, side, sent, 7)


@case("GRO", "FIN leaves with the last data and ends the connection")
def finished(b):
    connection = b.tcp_flow()
    sent = stream(connection, 3, 6) + stream(connection, 1, 6, ACK | FIN, 1000 + 3 * SIZE)
    merges(b, b.lan, sent, 4)


@case("GRO", "a segment with a wrong checksum stays wrong and is not merged")
def broken(b):
    connection = b.tcp_flow()
    for side, way in ((b.lan, 6), (b.wan, 4)):
        one, two, three = stream(connection, 3, way)
        bad = two[:-1] + bytes([two[-1] ^ 1])
        merged, out = burst(b, side, [one, bad, three])
        b.take_faults()
        same([one, bad, three], out)
        equal("merged segments", merged, 0)
        require(not out[1].transport_is_right(), "the wrong checksum was made right")


@case("GRO", "random bursts of several connections arrive octet by octet as they were sent")
def random_bursts(b):
    numbers = random.Random(64)
    connections = [b.tcp_flow() for _ in range(3)]
    sequence = {id(connection): 5000 for connection in connections}
    for round in range(12):
        side, way = ((b.lan, 6), (b.wan, 4))[round & 1]
        sent = {id(connection): [] for connection in connections}
        order = []
        for _ in range(50):
            connection = numbers.choice(connections)
            size = numbers.choice((SIZE, SIZE, SIZE, SIZE, 900, 0))
            flags = numbers.choice((ACK, ACK, ACK, ACK, ACK, ACK | PSH))
            at = sequence[id(connection)] + numbers.choice((0,) * 9 + (SIZE,))
            packet = stream(connection, 1, way, flags, at, size, options=stamps(numbers.choice((3, 3, 3, 4))))[0]
            sequence[id(connection)] = at + size
            sent[id(connection)].append(packet)
            order.append(packet)
        _, out = burst(b, side, order)
        for connection in connections:
            port = connection.eport if side is b.lan else connection.sport
            same(sent[id(connection)], [p for p in out if port in (p.sport, p.dport)])
