#!/usr/bin/env python3
"""Writes Corpus anew: for each fuzz target a few inputs from which the fuzzer goes on. An input that broke something is put there by hand
and stays; its name says what it was."""
import pathlib
import socket
import struct

FOLDER = pathlib.Path(__file__).parent / "Corpus"


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def v4(text):
    return socket.inet_pton(socket.AF_INET, text)


def v6(text):
    return socket.inet_pton(socket.AF_INET6, text)


CLIENT, SERVER6 = v6("2001:db8:6::c0"), v6("64:ff9b::8.8.8.8")
POOL, SERVER4, SHARED = v4("192.0.2.64"), v4("8.8.8.8"), v4("198.51.100.1")


def ipv6(proto, payload, source=CLIENT, destination=SERVER6, hops=64):
    return struct.pack("!IHBB", 0x60000000, len(payload), proto, hops) + source + destination + payload


def ipv4(proto, payload, source=SERVER4, destination=POOL, flags=0x4000, ttl=60, options=b""):
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 7, flags, ttl, proto, 0)
    header += source + destination + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def summed(pseudo, segment, at):
    return segment[:at] + struct.pack("!H", checksum(pseudo + segment) or 0xFFFF) + segment[at + 2 :]


def pseudo6(proto, length, source=CLIENT, destination=SERVER6):
    return source + destination + struct.pack("!IHBB", length, 0, 0, proto)


def pseudo4(proto, length, source=SERVER4, destination=POOL):
    return source + destination + struct.pack("!BBH", 0, proto, length)


def udp(pseudo, source, destination, data):
    return summed(pseudo(17, 8 + len(data)), struct.pack("!HHHH", source, destination, 8 + len(data), 0) + data, 6)


def tcp(pseudo, source, destination, flags, data=b"", options=b""):
    segment = struct.pack("!HHIIBBHHH", source, destination, 1, 2, (5 + len(options) // 4) << 4, flags, 65535, 0, 0) + options + data
    return summed(pseudo(6, len(segment)), segment, 16)


def icmp6(kind, code, rest):
    body = struct.pack("!BBH", kind, code, 0) + rest
    return summed(pseudo6(58, len(body)), body, 2)


def icmp4(kind, code, rest):
    body = struct.pack("!BBH", kind, code, 0) + rest
    return summed(b"", body, 2)


ECHO = struct.pack("!HH", 0x1234, 1) + b"abcdefgh"
PACKETS = {
    "udp6": ipv6(17, udp(pseudo6, 40000, 53, b"who?")),
    "syn6": ipv6(6, tcp(pseudo6, 40001, 80, 2, options=b"\x02\x04\x05\xa0")),
    "ack6": ipv6(6, tcp(pseudo6, 40001, 80, 16, b"GET / HTTP/1.0\r\n\r\n")),
    "fin6": ipv6(6, tcp(pseudo6, 40001, 80, 17)),
    "echo6": ipv6(58, icmp6(128, 0, ECHO)),
    "too-big6": ipv6(58, icmp6(2, 0, struct.pack("!I", 1280) + ipv6(17, udp(pseudo6, 53, 40000, b"x" * 40), SERVER6, CLIENT))),
    "first6": ipv6(44, struct.pack("!BBHI", 17, 0, 1, 99) + struct.pack("!HHHH", 40000, 53, 72, 1) + b"a" * 32),
    "last6": ipv6(44, struct.pack("!BBHI", 17, 0, 40, 99) + b"b" * 32),
    "options6": ipv6(0, bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(pseudo6, 40000, 53, b"opt")),
    "udp4": ipv4(17, udp(pseudo4, 53, 2000, b"me")),
    "udp4-unsummed": ipv4(17, struct.pack("!HHHH", 53, 2000, 10, 0) + b"me"),
    "syn4": ipv4(6, tcp(pseudo4, 80, 2001, 18)),
    "rst4": ipv4(6, tcp(pseudo4, 80, 2001, 4)),
    "echo-reply4": ipv4(1, icmp4(0, 0, ECHO)),
    "unreachable4": ipv4(1, icmp4(3, 4, struct.pack("!HH", 0, 1400) + ipv4(17, struct.pack("!HHHH", 2000, 53, 40, 1), POOL, SERVER4))),
    "exceeded4": ipv4(1, icmp4(11, 0, bytes(4) + ipv4(6, struct.pack("!HHI", 2001, 80, 1), POOL, SERVER4))),
    "first4": ipv4(17, struct.pack("!HHHH", 53, 2000, 72, 1) + b"a" * 32, flags=0x2000),
    "last4": ipv4(17, b"b" * 32, flags=5),
    "options4": ipv4(17, udp(pseudo4, 53, 2000, b"me"), options=b"\x83\x07\x04\x0a\x00\x00\x01\x00"),
    "shared4": ipv4(17, struct.pack("!HHHH", 53, 61500, 10, 0) + b"me", destination=SHARED),
    "large6": ipv6(17, udp(pseudo6, 40000, 53, b"z" * 1440)),
    "large4": ipv4(17, udp(pseudo4, 53, 1060, b"y" * 1400)),
    "udp4-large": ipv4(17, udp(pseudo4, 53, 1060, b"y" * 1900), flags=0),
    "super6": ipv6(6, tcp(pseudo6, 40001, 80, 24, b"s" * 700)),
    "super4": ipv4(6, tcp(pseudo4, 80, 1060, 24, b"s" * 700), flags=0),
    "hairpin6": ipv6(17, udp(pseudo6, 40001, 1060, b"round"), destination=v6("64:ff9b::192.0.2.64")),
    "hairpin-error6": ipv6(
        58,
        icmp6(1, 4, bytes(4) + ipv6(17, udp(pseudo6, 1060, 40001, b"x"), v6("64:ff9b::192.0.2.64"), CLIENT)),
        destination=v6("64:ff9b::192.0.2.64"),
    ),
    "redirect6": ipv6(58, icmp6(137, 0, bytes(36))),
    "unknown6": ipv6(50, b"spi-and-more" * 2),
    "unknown4": ipv4(47, b"gre-" * 6),
    "source-route4": ipv4(17, udp(pseudo4, 53, 1060, b"me"), options=b"\x83\x07\x10\x0a\x00\x00\x01\x00"),
    "extensions4884": ipv4(
        1,
        icmp4(11, 0, b"\0\x20\0\0" + (ipv4(17, struct.pack("!HHHH", 1060, 53, 40, 1), POOL, SERVER4) + bytes(128))[:128] + b"\x20\0\0\0\0\x08\1\1abcd"),
    ),
}


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def message(flags, question, answers=(), authorities=(), additionals=()):
    counts = struct.pack("!HHHHH", flags, 1, len(answers), len(authorities), len(additionals))
    return b"\x12\x34" + counts + question + b"".join((*answers, *authorities, *additionals))


def record(owner, kind, data, ttl=300):
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


QUESTION = name("v4.example.net") + struct.pack("!HH", 28, 1)
OWNER = b"\xc0\x0c"
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
SOA = record(name("example.net"), 6, name("ns.example.net") + name("hostmaster.example.net") + struct.pack("!5I", 1, 2, 3, 4, 60))
QUERIES = {
    "aaaa": message(0x0100, QUESTION, additionals=(OPT,)),
    "a": message(0x0100, name("v4.example.net") + struct.pack("!HH", 1, 1)),
    "discovery": message(0x0100, name("ipv4only.arpa") + struct.pack("!HH", 28, 1)),
    "ptr": message(0x0100, name("2.0.b.0.b.0.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa") + struct.pack("!HH", 12, 1)),
    "cookie": message(0x0100, QUESTION, additionals=(b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000, 12) + struct.pack("!HH", 10, 8) + b"cookies!",)),
    "any": message(0x0100, name("v4.example.net") + struct.pack("!HH", 255, 1)),
    "two-questions": b"\x12\x34\x01\x00\x00\x02" + bytes(6) + QUESTION + QUESTION,
    "over-tcp": b"\x12\x35" + message(0x0100, QUESTION)[2:],
    "localhost": message(0x0100, name("a.localhost") + struct.pack("!HH", 28, 1)),
    "longest-name": message(0x0100, name(".".join(["x"] * 127)) + struct.pack("!HH", 28, 1)),
    "private-reverse": message(0x0100, name("1.0.0.10.in-addr.arpa") + struct.pack("!HH", 12, 1)),
    "notify": message(0x2400, QUESTION, additionals=(OPT,)),
    "chaos": message(0x0100, name("version.bind") + struct.pack("!HH", 16, 3)),
}
REPLIES = {
    "nodata": message(0x8180, QUESTION, authorities=(SOA,)),
    "native": message(0x8180, QUESTION, (record(OWNER, 28, v6("2001:db8:b::2")),)),
    "mapped": message(0x8180, QUESTION, (record(OWNER, 28, v6("::ffff:1.2.3.4")),)),
    "chain": message(0x8180, QUESTION, (record(OWNER, 5, name("www.example.net")), record(name("www.example.net"), 28, v6("2001:db8:b::2")))),
    "a": message(0x8180, name("v4.example.net") + struct.pack("!HH", 1, 1), (record(OWNER, 1, v4("8.8.8.8")), record(OWNER, 1, v4("10.0.0.1")))),
    "nxdomain": message(0x8183, QUESTION, authorities=(SOA,)),
    "truncated": message(0x8380, QUESTION),
    "servfail": message(0x8182, QUESTION, additionals=(OPT,)),
    "dname": message(0x8180, QUESTION, (record(name("example.net"), 39, name("example.org")), record(OWNER, 5, name("v4.example.org")))),
    "bare-alias": message(0x8180, QUESTION, (record(OWNER, 5, name("elsewhere.example.net")),)),
    "alias-loop": message(0x8180, QUESTION, (record(OWNER, 5, b"\xc0\x0c"),)),
    "signed": message(
        0x8180,
        QUESTION,
        (record(OWNER, 28, v6("2001:db8:b::2")), record(OWNER, 46, struct.pack("!HBBIIIH", 28, 8, 3, 300, 2, 1, 7) + name("example.net") + b"sig")),
        additionals=(OPT,),
    ),
    "mail": message(0x8180, QUESTION, (record(OWNER, 15, b"\0\x0a" + name("mx.example.net")),), additionals=(record(name("mx.example.net"), 1, v4("8.8.4.4")),)),
    "additional-cut": message(0x8180, QUESTION, (record(OWNER, 28, v6("2001:db8:b::2")),), additionals=(record(OWNER, 15, b"\0"),)),
    "formerr": b"\x12\x34\x81\x81" + bytes(8) + QUESTION,
}
FILES = {
    "pool": '[nat64]\nprefixes = ["64:ff9b::/96", "2001:db8:64::/96"]\npool = ["192.0.2.64/28", "198.51.100.1-198.51.100.9", "share:eth0"]\nports = "1024-65535"\n',
    "views": '[clients]\nallow = ["links"]\n[[dns64.view]]\nclients = ["2001:db8:7::/64"]\nsynthesize = false\n[destinations]\nallow = ["10.0.0.0/8"]\n',
    "resolver": '[dns64]\nlisten = ["auto"]\nupstreams = ["system", "192.0.2.1", "[2001:db8::1]:5353"]\ncache-size = "64MiB"\nexclude-aaaa = ["::ffff:0:0/96"]\n',
    "lifetimes": '[nat64.lifetimes]\nudp = "5m"\ntcp-established = "2h4m"\nicmp = 60\n[nat64.limits]\nsessions-per-client = 1000\n',
    "typing": 'nat64 = { prefixes = [1, 2.5, true, 1979-05-27T07:32:00Z, {a = "b"}], pool = """\nmany\nlines""" }\n# a remark\n',
}


def write(target, files):
    folder = FOLDER / target
    folder.mkdir(parents=True, exist_ok=True)
    for title, octets in files.items():
        (folder / title).write_bytes(octets)


def virtio(packet, segment=0):
    """The header of a packet whose checksum is partial, and of a super-packet if a segment size is given."""
    is6 = packet[0] >> 4 == 6
    proto = packet[6] if is6 else packet[9]
    start, field = (40, 16 if proto == 6 else 6) if is6 else (20, 16 if proto == 6 else 6)
    kind = 0 if not segment else 5 if proto == 17 else 4 if is6 else 1
    headers = start + (20 if proto == 6 else 8)
    return struct.pack("<BBHHHH", 1, kind, headers, segment, start, field)


def conversation(names, manner=1, partial=False, segment=0):
    """Packets behind their virtio headers; the manner says how much time passes before each, in tenths of a second."""
    parts = []
    for n in names:
        header = virtio(PACKETS[n], segment) if partial or segment else bytes(10)
        parts.append(struct.pack("!HB", len(PACKETS[n]), manner) + header + PACKETS[n])
    return b"".join(parts)


def replies(what, names, manner=0):
    return bytes([what]) + b"".join(
        struct.pack("!HB", len(REPLIES[n]) - len(QUESTION), manner) + REPLIES[n][2:12] + REPLIES[n][12 + len(QUESTION) :] for n in names
    )


TEXTS = {
    "two-servers": "# made by hand\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions edns0\n",
    "link-local": "nameserver fe80::1%eth0\nsearch example.net\n",
    "stub": "nameserver 127.0.0.53\nnameserver 127.0.0.53\n\tnameserver\t::1\n",
}
VIEWS = {
    "two": '# views\n\n[[view]]\nnetwork = "2001:db8:6:2::/64"\nsynthesize = false\n\n[[view]]\nnetwork = "10.0.0.0/8"\nsynthesize = true\n',
    "twice": '[[view]]\nnetwork = "::/0"\nsynthesize = true\n[[view]]\nnetwork = "::/0"\nsynthesize = false\nextra = 1\n',
    "wrong": 'view = [{ network = "2001:db8::/129", synthesize = 1 }]\n',
}
CONTROL = {
    "target-status": b"\0/v1/status",
    "target-sessions": b"\0/v1/sessions?client=2001%3adb8::1&limit=10&cursor=42+x",
    "target-network": b"\0/v1/views/2001:db8::%2f64",
    "body-change": b'\1{"network":"2001:db8:6:2::/64","synthesize":true}',
    "reply-counted": b"\2\x80HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "reply-chunked": b"\2\x40HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n",
    "reply-after-100": b"\2\x20HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\r\n\r\nuntil it is closed",
}

write("FuzzPacketLayout", PACKETS)
write("FuzzTranslator", {title: conversation([title]) for title in PACKETS})
write(
    "FuzzTranslator",
    {
        "talk-udp": conversation(["udp6", "udp4", "udp6", "unreachable4", "too-big6"]),
        "talk-tcp": conversation(["syn6", "syn4", "ack6", "fin6", "rst4", "exceeded4"]),
        "talk-ping": conversation(["echo6", "echo-reply4"]),
        "talk-fragments": conversation(["first6", "last6", "udp6", "last4", "first4"]),
        "talk-hairpin": conversation(["udp6", "hairpin6", "hairpin6", "hairpin-error6"]),
        "small-links": conversation(["udp6", "large6", "large4", "udp4-large"], manner=0x41),
        "partial-checksums": conversation(["syn6", "syn4", "udp6", "udp4"], partial=True),
        "super-tcp": conversation(["syn6", "syn4", "super6", "super4"], segment=100),
        "super-udp": conversation(["udp6", "large6", "large4"], segment=500),
        "super-udp-small-links": conversation(["udp6", "large6", "udp4-large"], segment=900, manner=0x41),
    },
)
write("FuzzDNSMessage", {**QUERIES, **REPLIES})
write("FuzzDNSQuery", QUERIES)
write(
    "FuzzDNSReply",
    {f"{first}-{second}": replies(0, [first, second]) for first in REPLIES for second in ("a", "servfail") if first != "a"},
)
write("FuzzDNSReply", {f"to-{title}": replies(what, ["chain", "dname"]) for what, title in enumerate(["aaaa", "a", "ptr", "mx", "aaaa-do"])})
write("FuzzDNSReply", {"late": replies(0, ["truncated", "a", "nodata"], manner=0x80), "failed": replies(0, ["a", "nodata"], manner=0x70)})
write("FuzzConfiguration", {title: text.encode() for title, text in FILES.items()})
write("FuzzRuntimeViews", {title: text.encode() for title, text in VIEWS.items()})
write("FuzzResolvConf", {title: text.encode() for title, text in TEXTS.items()})
write("FuzzControl", CONTROL)
