"""X46-12, X64-19, X64-20: sizes around every limit, with links of different MTUs."""

import random
import struct

from bench import C6, S4, case, equal, require
from pairs import HEADER, TRANSPORTS, Pair, arrive, same
from wire import *


def around(b, lan, wan):
    rand = random.Random(lan * wan)
    for transport in TRANSPORTS:
        pair = Pair(b, transport)
        # What passes whole goes at once; the rest one by one.
        sent, wanted = [], []
        for size in sorted({limit + more for limit in (1260, 1280, 1480, wan, lan - 20) for more in (-1, 0, 1)}):
            data = rand.randbytes(size - 20 - HEADER[transport])
            if size + 20 <= lan and size <= wan:
                sent.append(pair.sent6(data))
                wanted.append(pair.sent4(data, ttl=61, df=int(size > 1260)))
                sent.append(pair.came4(data, df=1))
                wanted.append(pair.came6(data, hops=61))
            elif size + 20 <= lan:
                out6, out4 = b.exchange([pair.sent6(data)])
                if size <= 1260:
                    b.nothing(out6, f"{size} octets of {transport}")
                    require(all(p.total <= wan and not p.df for p in out4), "a piece is too large, or has DF")
                    whole = reassemble(out4)
                    require(whole is not None, f"{size} octets of {transport} do not arrive whole")
                    same(f"{size} octets of {transport}", whole, pair.sent_payload4(data))
                else:
                    b.nothing(out4, f"{size} octets of {transport}")
                    out = b.one(out6, f"{size} octets of {transport}")
                    equal("type and MTU", (out.type, out.word), (2, max(1280, wan + 20)))
            elif size <= wan:
                out6, out4 = b.exchange([], [pair.came4(data, df=1)])
                b.nothing(out6, f"{size} octets of {transport} with DF")
                out = b.one(out4, f"{size} octets of {transport} with DF")
                equal("type, code, MTU", (out.type, out.code, out.word), (3, 4, lan - 20))
            if size <= wan:
                out6, out4 = b.exchange([], [pair.came4(data, identification=rand.randrange(65536))])
                b.nothing(out4, f"{size} octets of {transport} without DF")
                require(all(p.total <= 1280 for p in out6), "a piece is too large")
                whole = reassemble(out6)
                require(whole is not None, f"{size} octets of {transport} without DF do not arrive whole")
                same(f"{size} octets of {transport}", whole, pair.came_payload6(data))
        arrive(b, transport, sent, wanted)
    pair = Pair(b, "tcp")
    opening = ip6(C6, pair.target, TCP, pair.sent_payload6(flags=SYN, options=b"\2\4\xff\xff"))
    equal("the segment size", b.out4(opening).options, b"\2\4" + struct.pack("!H", min(lan - 60, wan - 40)))
    for mtu in (0, 68, 1000, 1280, 1400, 1500, 1520, 9000, 65535):
        out = b.out4(pair.error6(2, 0, mtu, pair.came6(b"x")))
        equal(f"the MTU to IPv4 for {mtu}", out.word, min(max(mtu, 1280) - 20, wan, lan - 20))
        if mtu:
            out = b.out6(pair.error4(3, 4, mtu, pair.sent4(b"x")))
            equal(f"the MTU to IPv6 for {mtu}", out.word, max(1280, min(mtu + 20, lan, wan + 20)))


@case("X64-20", "every size with an IPv6 link of 1280 and an IPv4 link of 1500", "lengths", lan=1280)
def least_lan(b):
    around(b, 1280, 1500)


@case("X64-19", "every size with an IPv6 link of 1500 and an IPv4 link of 576", "lengths", wan=576)
def small_wan(b):
    around(b, 1500, 576)


@case("X64-20", "every size with an IPv6 link of 9000 and an IPv4 link of 1499", "lengths", lan=9000, wan=1499)
def odd_wan(b):
    around(b, 9000, 1499)


@case("X46-12", "what counts for DF is the IPv6 packet, without the options; 3/4 tells what fits", "lengths", lan=1400)
def options(b):
    number = 100
    for transport in TRANSPORTS:
        pair = Pair(b, transport)
        for some in (b"", b"\1" * 4, b"\1" * 40):
            data = b"o" * (1360 - HEADER[transport])
            arrive(b, transport, [pair.came4(data, df=1, options=some)], [pair.came6(data, hops=61)])
            out6, out4 = b.exchange([], [pair.came4(data + b"o", df=1, options=some)])
            b.nothing(out6, "1401 octets")
            out = b.one(out4, "1401 octets")
            equal("type, code, MTU", (out.type, out.code, out.word), (3, 4, 1380))
            if transport == "ping":
                continue
            # A fragment grows by 28 octets; who was refused gets no later one through.
            payload = pair.came_payload4(bytes(2000))
            for part, passes in ((1352, True), (1360, False)):
                number += 1
                keys = {"identification": number, "df": 1, "options": some}
                first = ip4(S4, pair.external, pair.in4, payload[:part], mf=1, **keys)
                last = ip4(S4, pair.external, pair.in4, payload[part:], offset=part, **keys)
                out6, out4 = b.exchange([], [first, last])
                wanted = [48 + len(payload) - part, 1400] if passes else []
                equal("the fragments that pass", sorted(p.total for p in out6), wanted)
                if not passes:
                    equal("type, code, MTU", [(p.type, p.code, p.word) for p in out4], [(3, 4, 1372)])
