"""Packets in tunnels over UDP, of which a kernel leaves the innermost checksum to be filled in."""

import os
import struct

from bench import case, equal
from cases_offloads import NEEDS_CHECKSUM, received
from wire import *

VXLAN = b"\x08\0\0\0\0\0\x07\0" + bytes.fromhex("020000009902020000009901") + b"\x08\0"


def left_inside(side, packet, inner, protocol):
    """Sends a packet whose checksum is whole as soon as that of the packet that lies last in it is; it is left."""
    at = len(packet) - len(inner) + 20
    field = at + (16 if protocol == TCP else 6)
    value = sum16(pseudo(t4(inner[12:16]), t4(inner[16:20]), protocol, len(inner) - 20))
    packet = packet[:field] + struct.pack("!H", value) + packet[field + 2 :]
    head = struct.pack("<BBHHHH", NEEDS_CHECKSUM, 0, 0, 0, 14 + at, field - at)
    side.offloaded.send(head + side.header + packet)


@case("X64-21", "a tunnel over UDP keeps its packets, whose checksums the kernel leaves, in both directions (X46-20)")
def tunnels(b):
    b.lan.open_offloaded(), b.wan.open_offloaded()
    flow = b.udp_flow(dport=4789)
    inside = ("10.99.0.1", "10.99.0.2", 4000, 80)
    for side, make in ((b.lan, flow.udp6), (b.wan, flow.udp4)):
        for protocol, inner in (
            (TCP, tcp4(*inside, SYN, options=b"\x02\x04\x05\x78")),
            (TCP, tcp4(*inside, ACK, os.urandom(1000))),
            (UDP, udp4(*inside, os.urandom(333))),
        ):
            b.flush()
            left_inside(side, make(VXLAN + inner), inner, protocol)
            out = b.one(received(b, side), "a packet in a tunnel")
            equal("what is in the tunnel", out.data, VXLAN + inner)
