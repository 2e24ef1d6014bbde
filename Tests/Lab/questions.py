"""Asks for AAAA records and pings an address in turns, one at a time, sixty times at least and until a file is there, and
counts what came of it.

questions.py SERVER FILE PINGED NAME=OUTCOME...
    the outcome is an address or NXDOMAIN; a "*" in the name is a new number each time
"""

import ipaddress
import json
import os
import socket
import struct
import sys
import time


def question(number, name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 28, 1)


def outcome(reply):
    """The address of the last record if it is an AAAA record, NXDOMAIN, or the code of the response."""
    code = reply[3] & 15
    if code == 3:
        return "NXDOMAIN"
    if code == 0 and reply[6:8] != b"\0\0" and len(reply) >= 28 + 12:
        return str(ipaddress.IPv6Address(reply[-16:]))
    return f"code {code}"


def talk(line, message, belongs):
    """What comes back for a message, or nothing within ten seconds. A machine that is busy may be late."""
    line.settimeout(10)
    try:
        line.send(message)
        reply = line.recv(4096)
        while not belongs(reply):
            reply = line.recv(4096)
        return reply
    except OSError:
        return None


def connected(family, kind, protocol, address, port):
    line = socket.socket(family, kind, protocol)
    line.connect((address, port))
    return line


def main():
    server, end, pinged = sys.argv[1:4]
    wanted = [word.split("=", 1) for word in sys.argv[4:]]
    counts = {"asked": 0, "lost": 0, "wrong": [], "pinged": 0, "pings lost": 0}
    names = connected(socket.AF_INET6, socket.SOCK_DGRAM, 0, server, 53)
    pings = connected(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6, pinged, 0)
    while counts["asked"] < 60 or not os.path.exists(end):
        number = counts["asked"] % 65536
        name, right = wanted[number % len(wanted)]
        counts["asked"] += 1
        tag = struct.pack(">H", number)
        reply = talk(names, question(number, name.replace("*", str(counts["asked"]))), lambda octets: octets[:2] == tag)
        if reply is None:
            counts["lost"] += 1
        elif outcome(reply) != right:
            counts["wrong"].append(f"{name}: {outcome(reply)}")
        counts["pinged"] += 1
        # An echo request and its reply: RFC 4443 section 4.
        echo = b"\x80\0\0\0dn" + tag
        if talk(pings, echo, lambda octets: octets[0] == 129 and octets[4:8] == echo[4:8]) is None:
            counts["pings lost"] += 1
        time.sleep(0.005)
    print(json.dumps(counts))


main()
