"""Packets octet by octet: builders for what is sent, and a reader for what comes out."""

import socket
import struct

TCP, UDP, ICMP, ICMP6, FRAGMENT = 6, 17, 1, 58, 44
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def a4(text):
    return socket.inet_pton(socket.AF_INET, text)


def a6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def t4(octets):
    return socket.inet_ntop(socket.AF_INET, octets)


def t6(octets):
    return socket.inet_ntop(socket.AF_INET6, octets)


def embed(prefix, address, length=96):
    """The address under a prefix: RFC 6052 section 2.2, whose octet 8 is zero in all but a /96."""
    whole = a6(prefix)[: length // 8] + a4(address)
    if length < 96:
        whole = whole[:8] + b"\0" + whole[8:]
    return t6((whole + bytes(16))[:16])


def sum16(data):
    """The one's complement sum of RFC 1071, not complemented."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum(data):
    return ~sum16(data) & 0xFFFF


def pseudo(source, destination, protocol, length):
    if ":" in source:
        return a6(source) + a6(destination) + struct.pack("!IxxxB", length, protocol)
    return a4(source) + a4(destination) + struct.pack("!xBH", protocol, length)


def ip6(source, destination, next_header, payload=b"", tc=0, flow=0, hops=64, length=None, version=6):
    length = len(payload) if length is None else length
    word = version << 28 | tc << 20 | flow
    return struct.pack("!IHBB", word, length, next_header, hops) + a6(source) + a6(destination) + payload


def fragment_header(next_header, offset, more, identification):
    """`offset` in octets."""
    return struct.pack("!BBHI", next_header, 0, offset | int(more), identification)


def options_header(next_header, octets=8):
    """Hop-by-hop or destination options with nothing but padding."""
    return bytes([next_header, octets // 8 - 1, 1, octets - 4]) + bytes(octets - 4)


def routing_header(next_header, left, kind=0):
    return bytes([next_header, 2, kind, left]) + bytes(4) + a6("2001:db8:aaaa::1")


def ip4(
    source,
    destination,
    protocol,
    payload=b"",
    tos=0,
    identification=0,
    df=0,
    mf=0,
    offset=0,
    ttl=64,
    options=b"",
    total=None,
    check=None,
    words=None,
    version=4,
):
    """`offset` in octets."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if words is None else words
    total = 20 + len(options) + len(payload) if total is None else total
    flags = df << 14 | mf << 13 | offset // 8
    head = (
        struct.pack(
            "!BBHHHBBH4s4s",
            version << 4 | words,
            tos,
            total,
            identification,
            flags,
            ttl,
            protocol,
            0,
            a4(source),
            a4(destination),
        )
        + options
    )
    check = checksum(head) if check is None else check
    return head[:10] + struct.pack("!H", check) + head[12:] + payload


def udp(source, destination, sport, dport, data=b"", check=None, length=None):
    head = struct.pack("!HHHH", sport, dport, 8 + len(data) if length is None else length, 0)
    if check is None:
        check = checksum(pseudo(source, destination, UDP, len(head + data)) + head + data) or 0xFFFF
    return head[:6] + struct.pack("!H", check) + data


def tcp(source, destination, sport, dport, flags, data=b"", seq=1, ack=0, options=b"", check=None, window=8192):
    options += bytes(-len(options) % 4)
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (5 + len(options) // 4) << 4, flags, window, 0, 0)
    head += options
    if check is None:
        check = checksum(pseudo(source, destination, TCP, len(head + data)) + head + data)
    return head[:16] + struct.pack("!H", check) + head[18:] + data


def icmp4(kind, code, rest=b"\0\0\0\0", data=b"", check=None):
    body = bytes([kind, code, 0, 0]) + rest + data
    check = checksum(body) if check is None else check
    return body[:2] + struct.pack("!H", check) + body[4:]


def icmp6(source, destination, kind, code, rest=b"\0\0\0\0", data=b"", check=None):
    body = bytes([kind, code, 0, 0]) + rest + data
    if check is None:
        check = checksum(pseudo(source, destination, ICMP6, len(body)) + body)
    return body[:2] + struct.pack("!H", check) + body[4:]


def echo(identifier, sequence):
    return struct.pack("!HH", identifier, sequence)


def udp6(source, destination, sport, dport, data=b"", **keys):
    return ip6(source, destination, UDP, udp(source, destination, sport, dport, data), **keys)


def udp4(source, destination, sport, dport, data=b"", **keys):
    return ip4(source, destination, UDP, udp(source, destination, sport, dport, data), **keys)


def tcp6(source, destination, sport, dport, flags, data=b"", **keys):
    hops = keys.pop("hops", 64)
    return ip6(source, destination, TCP, tcp(source, destination, sport, dport, flags, data, **keys), hops=hops)


def tcp4(source, destination, sport, dport, flags, data=b"", **keys):
    df = keys.pop("df", 1)
    return ip4(source, destination, TCP, tcp(source, destination, sport, dport, flags, data, **keys), df=df)


def ping6(source, destination, kind, identifier, sequence, data=b"", **keys):
    return ip6(
        source, destination, ICMP6, icmp6(source, destination, kind, 0, echo(identifier, sequence), data), **keys
    )


def ping4(source, destination, kind, identifier, sequence, data=b"", **keys):
    return ip4(source, destination, ICMP, icmp4(kind, 0, echo(identifier, sequence), data), **keys)


class Packet:
    """A packet as it was seen on a link, or as an ICMP error quotes it."""

    def __init__(self, raw, quoted=False):
        self.raw = raw
        self.quoted = quoted
        self.chain = []
        self.is_fragment = self.mf = False
        self.offset = self.identification = 0
        self.version = raw[0] >> 4
        if self.version == 6:
            self.read6(raw)
        else:
            self.read4(raw)
        self.payload = self.body
        body = self.body
        self.sport = self.dport = self.flags = self.type = self.code = None
        if self.offset == 0:
            if self.protocol in (TCP, UDP) and len(body) >= 4:
                self.sport, self.dport = struct.unpack("!HH", body[:4])
                if self.protocol == UDP:
                    self.data = body[8:]
                elif len(body) >= 20:
                    self.seq, self.ack = struct.unpack("!II", body[4:12])
                    self.flags = body[13]
                    self.options = body[20 : body[12] >> 2 & ~3]
                    self.data = body[(body[12] >> 4) * 4 :]
            if self.protocol in (ICMP, ICMP6) and len(body) >= 8:
                self.type, self.code = body[0], body[1]
                self.rest = body[4:8]
                self.word = struct.unpack("!I", body[4:8])[0]
                self.id, self.sequence = struct.unpack("!HH", body[4:8])
                self.data = body[8:]

    def read6(self, raw):
        word, self.length, next_header, self.hops = struct.unpack("!IHBB", raw[:8])
        self.tc, self.flow = word >> 20 & 0xFF, word & 0xFFFFF
        self.src, self.dst = t6(raw[8:24]), t6(raw[24:40])
        self.total = 40 + self.length
        at = 40
        while next_header in (0, 43, 44, 60) and at + 8 <= len(raw):
            self.chain.append(next_header)
            if next_header == 44:
                self.is_fragment = True
                next_header, _, field, self.identification = struct.unpack("!BBHI", raw[at : at + 8])
                self.offset, self.mf = field & 0xFFF8, bool(field & 1)
                at += 8
                if self.offset:
                    break
            else:
                next_header, at = raw[at], at + 8 + 8 * raw[at + 1]
        self.protocol = next_header
        self.body = raw[at:] if self.quoted else raw[at : self.total]

    def read4(self, raw):
        self.words, self.tos = raw[0] & 15, raw[1]
        self.total, self.identification, field, self.hops, self.protocol = struct.unpack("!HHHBB", raw[2:10])
        self.df, self.mf, self.offset = field >> 14 & 1, bool(field >> 13 & 1), (field & 0x1FFF) * 8
        self.is_fragment = self.mf or self.offset > 0
        self.src, self.dst = t4(raw[12:16]), t4(raw[16:20])
        end = len(raw) if self.quoted else self.total
        self.body = raw[self.words * 4 : end]

    @property
    def quote(self):
        return Packet(self.data, quoted=True)

    @property
    def is_error(self):
        return (self.protocol == ICMP6 and self.type is not None and self.type < 128) or (
            self.protocol == ICMP and self.type in (3, 4, 5, 11, 12)
        )

    def transport_is_right(self, body=None):
        """Whether the transport checksum fits."""
        body = self.body if body is None else body
        if self.protocol == ICMP:
            return sum16(body) == 0xFFFF
        if self.protocol == UDP and body[6:8] == b"\0\0":
            return self.version == 4
        return sum16(pseudo(self.src, self.dst, self.protocol, len(body)) + body) == 0xFFFF

    def faults(self):
        """What no packet of a translator may show; empty if nothing is wrong."""
        found = []
        if self.version == 4:
            if self.raw[0] != 0x45:
                found.append("its first octet is not 0x45")
            if sum16(self.raw[: self.words * 4]) != 0xFFFF:
                found.append("its header checksum is wrong")
        else:
            if self.flow:
                found.append("its flow label is not zero")
            if self.is_fragment and not self.offset and not self.mf:
                found.append("it is an atomic fragment")
            if [header for header in self.chain if header != 44]:
                found.append("it has extension headers")
        if self.total != len(self.raw):
            found.append(f"its length says {self.total}, but {len(self.raw)} octets came")
        if not self.is_fragment and self.protocol in (TCP, UDP, ICMP, ICMP6) and not self.transport_is_right():
            found.append("its transport checksum is wrong")
        return found

    def __str__(self):
        what = {TCP: "TCP", UDP: "UDP", ICMP: "ICMP", ICMP6: "ICMPv6"}.get(self.protocol, f"protocol {self.protocol}")
        text = f"{what} {self.src}"
        if self.sport is not None:
            text += f" port {self.sport}"
        text += f" > {self.dst}"
        if self.dport is not None:
            text += f" port {self.dport}"
        if self.type is not None:
            text += f" type {self.type}/{self.code} word {self.word:#x}"
        if self.flags is not None:
            text += f" flags {self.flags:#x}"
        if self.is_fragment:
            text += f" fragment {self.offset}{'+' if self.mf else ''} of {self.identification:#x}"
        return text + f", {self.total} octets, hops {self.hops}"


def reassemble(packets):
    """The payload of a datagram from its fragments, or nothing if they leave holes or overlap."""
    data = b""
    for packet in sorted(packets, key=lambda packet: packet.offset):
        if packet.offset != len(data):
            return None
        data += packet.body
    last = max(packets, key=lambda packet: packet.offset) if packets else None
    return data if last is not None and not last.mf else None
