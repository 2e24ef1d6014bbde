"""The answers of two resolvers to the same questions, side by side; both ask the same authority.

    compare.py ADDRESS[#PORT] ADDRESS[#PORT] <names     lines "NAME TYPE": one question each; a type may be followed by DO

Every difference must be one that DIFFERENCES explains. One that it does not explain is printed, and so is an explanation that
explains nothing, for it is out of date; the exit code is 1 then.
"""
import collections
import ipaddress
import random
import socket
import struct
import sys

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "HTTPS": 65, "ANY": 255}
NAMES = {number: name for name, number in TYPES.items()}
PRIVATE = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
WELL_KNOWN = ipaddress.ip_network("64:ff9b::/96")


def question(number, name, kind, wants):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label)
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000 if wants else 0, 0)
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 1) + labels + b"\0" + struct.pack("!HH", TYPES[kind], 1) + opt


def name_at(message, offset):
    labels, end = [], None
    while message[offset]:
        if message[offset] >= 0xC0:
            end = end or offset + 2
            offset = struct.unpack_from("!H", message, offset)[0] & 0x3FFF
            continue
        labels.append(message[offset + 1 : offset + 1 + message[offset]].decode("latin-1"))
        offset += 1 + message[offset]
    return ".".join(labels).lower() + ".", end or offset + 1


class Answer:
    """The code, the records of the answer section without their TTLs, and the types in the authority section."""

    def __init__(self, message):
        _, flags, questions, *counts = struct.unpack_from("!6H", message)
        self.code, self.truncated = flags & 15, bool(flags & 0x200)
        offset = 12
        for _ in range(questions):
            offset = name_at(message, offset)[1] + 4
        self.records, self.authority = [], []
        for section, count in enumerate(counts):
            for _ in range(count):
                owner, offset = name_at(message, offset)
                kind, _, _, length = struct.unpack_from("!HHIH", message, offset)
                offset += 10
                data = message[offset : offset + length]
                if kind in (2, 5, 12):
                    data = name_at(message, offset)[0]
                elif kind in (1, 28):
                    data = str(ipaddress.ip_address(data))
                elif kind == 15:
                    data = name_at(message, offset + 2)[0]
                elif kind == 6:
                    data = name_at(message, offset)[0]
                else:
                    data = data.hex()
                offset += length
                if section == 0:
                    self.records.append((owner, NAMES.get(kind, kind), data))
                elif section == 1:
                    self.authority.append(NAMES.get(kind, kind))

    def __str__(self):
        return f"code {self.code}{' TC' if self.truncated else ''} {self.records} authority {self.authority}"

    def addresses(self, kind):
        return {data for _, other, data in self.records if other == kind}


class Resolver:
    def __init__(self, text):
        address, _, port = text.partition("#")
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(30)
        self.socket.connect((address, int(port or 53)))

    def ask(self, name, kind, wants):
        number = random.randrange(65536)
        self.socket.send(question(number, name, kind, wants))
        while True:
            message = self.socket.recv(4096)
            if struct.unpack_from("!H", message)[0] == number:
                return Answer(message)


def private(address):
    address = ipaddress.ip_address(address)
    if address.version == 6:
        if address not in WELL_KNOWN:
            return False
        address = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return any(address in network for network in PRIVATE)


def under_prefix(name):
    return name.lower().endswith(".b.9.f.f.4.6.0.0.ip6.arpa.")


# What may differ, and why: (explanation, whether it explains this pair of answers). Ours is the first of the pair.
DIFFERENCES = [
    (
        "private addresses are not put under the well-known prefix (RFC 6052 section 3.1); Unbound puts them there",
        lambda name, kind, ours, theirs: kind == "AAAA"
        and theirs.code == ours.code
        and any(private(address) for address in theirs.addresses("AAAA"))
        and theirs.addresses("AAAA") - ours.addresses("AAAA") == {a for a in theirs.addresses("AAAA") if private(a)},
    ),
    (
        "IPv4-mapped AAAA records are no answer (RFC 6147 section 5.1.4); Unbound hands them out",
        lambda name, kind, ours, theirs: kind == "AAAA"
        and any(ipaddress.ip_address(a).ipv4_mapped for a in theirs.addresses("AAAA"))
        and not any(ipaddress.ip_address(a).ipv4_mapped for a in ours.addresses("AAAA")),
    ),
    (
        "the PTR of a synthetic address is an alias to the name below in-addr.arpa (RFC 6147 section 5.3.1 2.); Unbound hides it",
        lambda name, kind, ours, theirs: kind == "PTR" and under_prefix(name)
        and ours.code == theirs.code and ours.addresses("PTR") == theirs.addresses("PTR"),
    ),
    (
        "names above an existing name exist (RFC 8020), and so do those above synthetic addresses; Unbound asks its upstream",
        lambda name, kind, ours, theirs: under_prefix(name) and ours.code == 0 and not ours.addresses("PTR") and theirs.code in (2, 3),
    ),
    (
        "the discovery name is answered here (RFC 8880 section 7.1); Unbound asks its upstream",
        lambda name, kind, ours, theirs: name.lower().endswith("ipv4only.arpa."),
    ),
    (
        "ANY is answered small (RFC 8482)",
        lambda name, kind, ours, theirs: kind == "ANY",
    ),
]


def main():
    ours, theirs = (Resolver(text) for text in sys.argv[1:3])
    asked, used, bad = 0, collections.Counter(), 0
    for line in sys.stdin:
        name, kind, *wants = line.split()
        mine, other = ours.ask(name, kind, bool(wants)), theirs.ask(name, kind, bool(wants))
        asked += 1
        # The chain in its order, then the set in any order.
        if (mine.code, mine.truncated, sorted(mine.records)) == (other.code, other.truncated, sorted(other.records)):
            continue
        reason = next((reason for reason, explains in DIFFERENCES if explains(name, kind, mine, other)), None)
        if reason:
            used[reason] += 1
        else:
            bad += 1
            print(f"{line.strip()}\n  ours   {mine}\n  theirs {other}")
    print(f"{asked} questions, {asked - sum(used.values()) - bad} answers are the same; these differ as they should:")
    for reason, count in used.most_common():
        print(f"  {count:5} {reason}")
    idle = [reason for reason, _ in DIFFERENCES if not used[reason]]
    print("\n".join(f"explains nothing: {reason}" for reason in idle))
    sys.exit(1 if bad or idle or not asked else 0)


main()
