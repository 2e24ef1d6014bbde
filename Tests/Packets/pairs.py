"""One packet in both families: what a translator must make of a packet, octet by octet."""

import struct

from bench import C6, Failure, R4, S4, listed
from configurations import LENGTHS
from wire import *

TRANSPORTS = ("udp", "tcp", "ping")
CHECKSUM_AT = {"udp": 6, "tcp": 16, "ping": 2}
HEADER = {"udp": 8, "tcp": 20, "ping": 8}


class Pair:
    """A session, and the packets of it as either side has them: a packet of a side ends in the number of its family."""

    def __init__(self, b, transport, length=96, client=C6):
        self.transport, self.client, self.peer = transport, client, S4
        self.target = embed(LENGTHS[length], S4, length)
        self.in6, self.in4 = {"udp": (UDP, UDP), "tcp": (TCP, TCP), "ping": (ICMP6, ICMP)}[transport]
        self.sport, self.dport = b.port(), {"udp": 53, "tcp": 80, "ping": 0}[transport]
        out = b.out4(self.sent6(b"open", flags=SYN), f"the first packet of {transport} under /{length}")
        self.external, self.eport = out.src, out.id if transport == "ping" else out.sport
        if transport == "tcp":
            b.out6(self.came4(flags=SYN | ACK))
            b.out4(self.sent6())
        self.name = f"{transport} under /{length}"

    def payload(self, source, destination, sport, dport, data, flags, kinds, **keys):
        if self.transport == "udp":
            return udp(source, destination, sport, dport, data, **keys)
        if self.transport == "tcp":
            return tcp(source, destination, sport, dport, flags, data, **keys)
        if ":" in source:
            return icmp6(source, destination, kinds[0], 0, echo(sport or dport, 7), data, **keys)
        return icmp4(kinds[1], 0, echo(sport or dport, 7), data, **keys)

    def sent_payload6(self, data=b"", flags=ACK, **keys):
        return self.payload(self.client, self.target, self.sport, self.dport, data, flags, (128, 8), **keys)

    def sent_payload4(self, data=b"", flags=ACK, **keys):
        return self.payload(self.external, self.peer, self.eport, self.dport, data, flags, (128, 8), **keys)

    def came_payload4(self, data=b"", flags=ACK, **keys):
        return self.payload(self.peer, self.external, self.dport, self.eport, data, flags, (129, 0), **keys)

    def came_payload6(self, data=b"", flags=ACK, **keys):
        return self.payload(self.target, self.client, self.dport, self.sport, data, flags, (129, 0), **keys)

    def sent6(self, data=b"", flags=ACK, **keys):
        """From the client, as the client sends it."""
        return ip6(self.client, self.target, self.in6, self.sent_payload6(data, flags), **keys)

    def sent4(self, data=b"", flags=ACK, **keys):
        """From the client, as the IPv4 side sees it."""
        return ip4(self.external, self.peer, self.in4, self.sent_payload4(data, flags), **keys)

    def came4(self, data=b"", flags=ACK, payload_keys={}, **keys):
        """From the peer, as the peer sends it."""
        payload = self.came_payload4(data, flags, **payload_keys)
        return ip4(self.peer, self.external, self.in4, payload, **keys)

    def came6(self, data=b"", flags=ACK, **keys):
        """From the peer, as the client sees it."""
        return ip6(self.target, self.client, self.in6, self.came_payload6(data, flags), **keys)

    def error4(self, kind, code, word=0, quoted=b"", source=R4, **keys):
        """An ICMPv4 error for the pool address."""
        return ip4(source, self.external, ICMP, icmp4(kind, code, struct.pack("!I", word), quoted), **keys)

    def error6(self, kind, code, word=0, quoted=b"", source=None, **keys):
        """An ICMPv6 error for the peer."""
        message = icmp6(source or self.client, self.target, kind, code, struct.pack("!I", word), quoted)
        return ip6(source or self.client, self.target, ICMP6, message, **keys)


def extension(objects=1, size=8):
    """An extension structure of RFC 4884 section 7."""
    found = struct.pack("!BBH", 0x20, 0, 0)
    for number in range(objects):
        found += struct.pack("!HBB", size, 1 + number % 3, 1) + bytes([number + 1] * (size - 4))
    return found[:2] + struct.pack("!H", checksum(found)) + found[4:]


def without_identification(packet):
    """A packet without what a translator may choose: the identification of one that is no fragment, in quotes DF."""
    packet = bytearray(packet)
    if packet[0] >> 4 == 6:
        return bytes(packet)
    if not struct.unpack("!H", packet[6:8])[0] & 0x3FFF:
        packet[4:6] = packet[10:12] = b"\0\0"
    if packet[9] == ICMP and packet[20] in (3, 11, 12) and len(packet) >= 48 and packet[28] >> 4 == 4:
        packet[22:24] = b"\0\0"
        if not struct.unpack("!H", packet[34:36])[0] & 0x3FFF:
            packet[32:34] = packet[34:36] = packet[38:40] = b"\0\0"
    return bytes(packet)


def same(what, got, wanted):
    """Whether octets are the same."""
    if got != wanted:
        at = next((at for at, two in enumerate(zip(got, wanted)) if two[0] != two[1]), min(len(got), len(wanted)))
        raise Failure(
            f"{what} differs from octet {at} on, {len(got)} octets instead of {len(wanted)}:\n"
            f"        {got.hex(' ', 4)[:600]}\n        and not\n        {wanted.hex(' ', 4)[:600]}"
        )


def arrive(b, what, sent, wanted):
    """Sends packets of either family at once, and compares what comes out with what is wanted: in any order, for two
    flows have none, but octet by octet."""
    out6, out4 = b.exchange(
        [packet for packet in sent if packet[0] >> 4 == 6], [packet for packet in sent if packet[0] >> 4 == 4]
    )
    got = sorted(without_identification(packet.raw) for packet in out6 + out4)
    wanted = sorted(map(without_identification, wanted))
    missing, more = list(wanted), []
    for packet in got:
        if packet in missing:
            missing.remove(packet)
        else:
            more.append(packet)
    if missing and more:
        # Those that are nearest to each other are one packet.
        one = missing[0]
        other = max(more, key=lambda packet: sum(a == b for a, b in zip(packet, one)) - abs(len(packet) - len(one)))
        same(f"{what}: one of {len(more)} packets", other, one)
    if missing:
        raise Failure(f"{what}: {len(missing)} packets are missing{listed([Packet(packet) for packet in missing])}")
    if more:
        raise Failure(f"{what}: {len(more)} packets came too many{listed([Packet(packet) for packet in more])}")


def batches(items, size=60):
    """No queue of the kernel takes any number of packets at once."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
