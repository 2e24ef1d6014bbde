"""NAT-31 to NAT-34, ERR-06: packets between clients, with all that packets may have."""

import random
import struct

from bench import C6, D6, T1, T2, case, equal, require
from configurations import LENGTHS
from pairs import Pair, arrive, extension, same
from wire import *


class Hairpin:
    """C6 talks under one prefix to the pool address that D6 has got under another."""

    def __init__(self, b, transport, length=96, other=96):
        self.receiver = Pair(b, transport, other, client=D6)
        self.protocol = UDP if transport == "udp" else TCP
        self.target = embed(LENGTHS[length], self.receiver.external, length)
        self.sport = b.port()
        out6, out4 = b.exchange([self.sent(b"", flags=SYN)])
        b.nothing(out4, "a hairpin, on the IPv4 side")
        out = b.one(out6, f"a hairpin of {transport} under /{length}")
        self.seen, self.seen_port = out.src, out.sport
        self.name = f"a hairpin of {transport} under /{length}"

    def transport(self, source, destination, sport, dport, data, flags, **keys):
        if self.protocol == UDP:
            return udp(source, destination, sport, dport, data, **keys)
        return tcp(source, destination, sport, dport, flags, data, **keys)

    def sent_payload(self, data=b"", flags=ACK, **keys):
        return self.transport(C6, self.target, self.sport, self.receiver.eport, data, flags, **keys)

    def came_payload(self, data=b"", flags=ACK):
        return self.transport(self.seen, D6, self.seen_port, self.receiver.sport, data, flags)

    def sent(self, data=b"", flags=ACK, **keys):
        """As C6 sends it."""
        return ip6(C6, self.target, self.protocol, self.sent_payload(data, flags), **keys)

    def came(self, data=b"", flags=ACK, **keys):
        """As D6 sees it."""
        return ip6(self.seen, D6, self.protocol, self.came_payload(data, flags), **keys)

    def error(self, kind, code, word=0, quoted=b"", source=D6):
        """An ICMPv6 error about what D6 sees."""
        message = icmp6(source, self.seen, kind, code, struct.pack("!I", word), quoted)
        return ip6(source, self.seen, ICMP6, message)

    def told(self, kind, code, word=0, quoted=b""):
        """The same as C6 sees it."""
        message = icmp6(self.target, C6, kind, code, struct.pack("!I", word), quoted)
        return ip6(self.target, C6, ICMP6, message, hops=61)


def hairpins(b):
    for length in LENGTHS:
        for transport in ("udp", "tcp"):
            yield Hairpin(b, transport, length, 64 if length == 96 else 96)


@case("NAT-31", "packets between clients keep their octets, under every length of prefix (NAT-32)", "lengths")
def packets(b):
    rand = random.Random(5)
    for hairpin in hairpins(b):
        addresses = [embed(prefix, pool, length) for length, prefix in LENGTHS.items() for pool in (T1, T2)]
        require(hairpin.seen in addresses, f"{hairpin.name} comes from {hairpin.seen}")
        sent, wanted = [], []
        for size in (0, 1, 500, 1213, 1233, 1400):
            data = rand.randbytes(size)
            sent.append(hairpin.sent(data, tc=0xAB, flow=77))
            wanted.append(hairpin.came(data, tc=0xAB, hops=61))
        behind = hairpin.sent_payload(b"behind")
        for header, octets in (
            (60, options_header(hairpin.protocol)),
            (0, options_header(hairpin.protocol)),
            (43, routing_header(hairpin.protocol, 0)),
            (44, fragment_header(hairpin.protocol, 0, False, 0x12345678)),
        ):
            sent.append(ip6(C6, hairpin.target, header, octets + behind))
            wanted.append(hairpin.came(b"behind", hops=61))
        arrive(b, hairpin.name, sent, wanted)


@case("NAT-31", "fragments between clients arrive whole, under every length of prefix (NAT-24)", "lengths")
def fragments(b):
    rand = random.Random(6)
    number = 0x70000
    for hairpin in hairpins(b):
        for cuts in ((24,), (1208,), (24, 1208)):
            for step in (1, -1):
                number += 1
                data = rand.randbytes(1400 if len(cuts) == 1 and cuts[0] == 24 else 2000)
                payload = hairpin.sent_payload(data)
                bounds = [0, *cuts, len(payload)]
                sent = [
                    ip6(
                        C6,
                        hairpin.target,
                        44,
                        fragment_header(hairpin.protocol, start, end < len(payload), number) + payload[start:end],
                    )
                    for start, end in zip(bounds, bounds[1:])
                ]
                out6, out4 = b.exchange(sent[::step])
                b.nothing(out4, hairpin.name)
                whole = reassemble(out6)
                require(whole is not None, f"{hairpin.name}: fragments {cuts} do not arrive whole")
                same(f"{hairpin.name}: fragments {cuts}", whole, hairpin.came_payload(data))
                equal("the ends", {(p.src, p.dst) for p in out6}, {(hairpin.seen, D6)})


@case("NAT-34", "what is refused on the way out is refused between clients, and told to the sender", "lengths")
def refused(b):
    for hairpin in hairpins(b):
        for packet, wanted in (
            (hairpin.sent(b"hops", hops=2), (3, 0, 0)),
            # Here the kernel takes the last hop, on the way out.
            (hairpin.sent(b"hops", hops=3), (3, 0, 0)),
            (ip6(C6, hairpin.target, 43, routing_header(hairpin.protocol, 1) + hairpin.sent_payload(b"x")), (4, 0, 43)),
            (
                ip6(
                    C6,
                    hairpin.target,
                    44,
                    fragment_header(hairpin.protocol, 0, True, 0xA1) + hairpin.sent_payload(bytes(93))[:101],
                ),
                (4, 0, 4),
            ),
        ):
            out6, out4 = b.exchange([packet])
            b.nothing(out4, hairpin.name)
            out = b.one(out6, f"{hairpin.name}: an error")
            equal("type, code, word, destination", (out.type, out.code, out.word, out.dst), (*wanted, C6))
            same(f"{hairpin.name}: the quote", out.data[:7] + out.data[8:], packet[:7] + packet[8:])
    without = ip6(C6, hairpin.target, UDP, udp(C6, hairpin.target, hairpin.sport, 53, b"x", check=0))
    arrive(b, "a hairpin without a checksum", [without], [])


@case("ERR-06", "errors about hairpins of every kind come in the sender's words, quotes octet by octet", "lengths")
def errors(b):
    for transport, length, other in (("udp", 96, 96), ("tcp", 64, 96), ("udp", 96, 48), ("tcp", 32, 40)):
        hairpin = Hairpin(b, transport, length, other)
        quoted, was = hairpin.came(b"H" * 60, hops=9), hairpin.sent(b"H" * 60, hops=9)
        sent, wanted = [], []
        for kind, code, word in ((1, 0, 0), (1, 1, 0), (1, 3, 0), (1, 4, 0), (2, 0, 1400), (3, 0, 0), (3, 1, 0)):
            for source in (D6, "2001:db8:ffff::1"):
                sent.append(hairpin.error(kind, code, word, quoted, source))
                wanted.append(hairpin.told(kind, code, word, was))
        # No link carries less than 1280, so nobody is told of less (I46-16).
        sent.append(hairpin.error(2, 0, 1000, quoted))
        wanted.append(hairpin.told(2, 0, 1280, was))
        long, long_was = hairpin.came(b"L" * 300, hops=9), hairpin.sent(b"L" * 300, hops=9)
        for units in (16, 17, 30):
            sent.append(hairpin.error(3, 0, units << 24, long[: units * 8] + extension(2, 12)))
            wanted.append(hairpin.told(3, 0, units << 24, long_was[: units * 8] + extension(2, 12)))
        for cut in range(0, len(quoted), 4):
            sent.append(hairpin.error(1, 4, 0, quoted[:cut]))
            if cut >= 48:
                wanted.append(hairpin.told(1, 4, 0, was[:cut]))
        first = fragment_header(hairpin.protocol, 0, True, 0x4242)
        part = ip6(hairpin.seen, D6, 44, first + hairpin.came_payload(b"H" * 60)[:64])
        sent.append(hairpin.error(3, 1, 0, part))
        part = ip6(C6, hairpin.target, 44, first + hairpin.sent_payload(b"H" * 60)[:64])
        wanted.append(hairpin.told(3, 1, 0, part))
        sent.append(hairpin.error(5, 0, 0, quoted))
        sent.append(hairpin.error(1, 4, 0, ip6(hairpin.seen, D6, ICMP6, icmp6(hairpin.seen, D6, 1, 4, data=quoted))))
        arrive(b, hairpin.name, sent, wanted)


@case("ERR-06", "what the kernel says about a hairpin that is too large for its route reaches the sender", "lengths")
def kernel_errors(b):
    hairpins = [Hairpin(b, "udp"), Hairpin(b, "tcp", 64, 40)]
    route = (f"{D6}/128", "dev", "lan0", "mtu", "1300")
    b.on("ip", "-6", "route", "add", *route)
    try:
        for hairpin in hairpins:
            packet = hairpin.sent(bytes(range(250)) * 5 + bytes(100))
            out6, out4 = b.exchange([packet])
            b.nothing(out4, hairpin.name)
            out = b.one(out6, f"{hairpin.name}: the error")
            equal("type, MTU, destination", (out.type, out.word, out.dst), (2, 1300, C6))
            same("the quote", out.data[:7] + out.data[8:], (packet[:7] + packet[8:])[: len(out.data) - 1])
    finally:
        b.on("ip", "-6", "route", "del", *route)
