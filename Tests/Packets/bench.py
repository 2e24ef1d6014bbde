"""The bench: a box in a namespace of its own between two cables whose far ends are this program.

    client side, IPv6  <-- lan0 --  box  -- wan0 -->  IPv4 side

Nobody but this program stands at the far ends, so that everything the box sends is seen, and nothing else answers.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from wire import Packet, embed, udp4, udp6

C6, D6 = "2001:db8:6::c0", "2001:db8:6::d0"
U6 = "fd00:6::c0"  # a client outside of 2001:db8::/32
P, P2, W = "2001:db8:64::", "2001:db8:65::", "64:ff9b::"
T1, T2 = "203.0.113.1", "203.0.113.2"
S4, S5, R4, G4 = "198.51.100.10", "198.51.100.20", "198.51.100.1", "5.6.7.8"
BOX4, BOX6 = "100.64.0.2", "2001:db8:6::1"
# The kernel takes a hop on the way to the translator, the translator one, the kernel one on the way out.
HOPS = 3
ETH_P_ALL, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, SOL_PACKET = 3, 15, 23, 263
CLONE_NEWNET = 0x40000000
SENTINEL_PORTS = range(19984, 20000)
libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """What the product did wrong, as a sentence."""


def require(condition, sentence):
    if not condition:
        raise Failure(sentence)


def equal(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what} is {got!r}, not {wanted!r}")


def run(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def packet_socket(namespace, interface, protocol):
    """A socket for whole frames at an interface of another namespace."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(there, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    try:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        made.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        made.bind((interface, protocol))
        return made
    finally:
        libc.setns(here, CLONE_NEWNET)
        os.close(here)
        os.close(there)


class Side:
    """The far end of a cable."""

    def __init__(self, namespace, interface, own, box, ethertype):
        self.place = (namespace, interface)
        self.socket = packet_socket(namespace, interface, ETH_P_ALL)
        self.socket.setblocking(False)
        self.offloaded = None
        self.header = box + own + struct.pack("!H", ethertype)
        self.ethertype = ethertype

    def send(self, packet):
        while True:
            try:
                self.socket.send(self.header + packet)
                return
            except BlockingIOError:
                select.select([], [self.socket], [], 0.1)

    def open_offloaded(self):
        """A second socket, for packets with a virtio header in front."""
        if self.offloaded is None:
            self.offloaded = packet_socket(*self.place, 0)
            self.offloaded.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            namespace, interface = self.place
            words = "tx on sg on tso on gso on tx-udp-segmentation on".split()
            run("ip", "netns", "exec", namespace, "ethtool", "-K", interface, *words, check=False)

    def receive(self):
        """Everything that has come, as packets of this side's family."""
        found = []
        while True:
            try:
                frame = self.socket.recv(70000)
            except BlockingIOError:
                return found
            if struct.unpack("!H", frame[12:14])[0] == self.ethertype:
                found.append(frame[14:])


class Bench:
    def __init__(self, appliance, verbose=False):
        self.name = f"packets{os.getpid()}"
        self.box = f"{self.name}-box"
        self.appliance = os.path.abspath(appliance)
        self.verbose = verbose
        self.folder = tempfile.mkdtemp(prefix="packets-")
        self.process = None
        self.next_port = 20000
        self.next_unused = 0
        self.faults = []
        self.sentinel_number = 0
        self.config = None
        # Packets sent from one CPU pass the kernel in their order; those from two overtake each other on a busy machine.
        self.cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {self.cpus[os.getpid() % len(self.cpus)]})

    # The network.

    def up(self):
        lan, wan, box = f"{self.name}-lan", f"{self.name}-wan", self.box
        for namespace in (lan, wan, box):
            run("ip", "netns", "add", namespace)
        self.on("ip", "link", "set", "lo", "up")
        mac = {
            "lan0": "02:00:00:00:06:01",
            "c0": "02:00:00:00:06:02",
            "wan0": "02:00:00:00:04:01",
            "s0": "02:00:00:00:04:02",
        }
        for inner, outer, namespace in (("lan0", "c0", lan), ("wan0", "s0", wan)):
            run(
                "ip",
                "-n",
                box,
                "link",
                "add",
                inner,
                "address",
                mac[inner],
                "type",
                "veth",
                "peer",
                "name",
                outer,
                "address",
                mac[outer],
                "netns",
                namespace,
            )
            run("ip", "netns", "exec", namespace, "sysctl", "-qw", f"net.ipv6.conf.{outer}.disable_ipv6=1")
            # No frame leaves with a checksum for the other end to fill in, and none larger than the link.
            for where, device in ((box, inner), (namespace, outer)):
                run(
                    "ip",
                    "netns",
                    "exec",
                    where,
                    "ethtool",
                    "-K",
                    device,
                    "tx",
                    "off",
                    "tso",
                    "off",
                    "gso",
                    "off",
                    check=False,
                )
        self.sysctl("net.ipv6.conf.wan0.disable_ipv6=1", "net.ipv6.conf.lan0.accept_dad=0", "net.ipv4.ip_forward=1")
        self.sysctl(
            "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"
        )
        self.sysctl("net.ipv4.conf.wan0.rp_filter=0", "net.ipv4.conf.wan0.send_redirects=0")
        self.sysctl("net.ipv4.conf.all.send_redirects=0", "net.ipv6.icmp.ratelimit=0", "net.ipv4.icmp_ratelimit=0")
        self.sysctl("net.ipv4.conf.all.accept_source_route=1", "net.ipv4.conf.wan0.accept_source_route=1")
        self.sysctl("net.ipv4.icmp_msgs_per_sec=100000", "net.ipv4.icmp_msgs_burst=100000")
        self.set_mtu(9000, 9000)
        for namespace, device in ((lan, "c0"), (wan, "s0"), (box, "lan0"), (box, "wan0")):
            run("ip", "-n", namespace, "link", "set", device, "up")
        self.on("ip", "addr", "add", f"{BOX6}/64", "dev", "lan0", "nodad")
        self.on("ip", "addr", "add", "fd00:6::1/64", "dev", "lan0", "nodad")
        self.on("ip", "addr", "add", f"{BOX4}/24", "dev", "wan0")
        for client in (C6, D6, U6):
            self.on("ip", "neigh", "replace", client, "lladdr", mac["c0"], "dev", "lan0", "nud", "permanent")
        self.on("ip", "neigh", "replace", "100.64.0.1", "lladdr", mac["s0"], "dev", "wan0", "nud", "permanent")
        self.on("ip", "-4", "route", "add", "default", "via", "100.64.0.1")
        # More clients than anyone writes neighbours for.
        self.on("ip", "-6", "route", "add", "2001:db8:6:8000::/49", "via", C6)
        octets = {name: bytes.fromhex(text.replace(":", "")) for name, text in mac.items()}
        self.lan = Side(lan, "c0", octets["c0"], octets["lan0"], 0x86DD)
        self.wan = Side(wan, "s0", octets["s0"], octets["wan0"], 0x0800)
        self.set_mtu(1500, 1500)

    def down(self):
        self.stop()
        for end in ("lan", "wan", "box"):
            run("ip", "netns", "del", f"{self.name}-{end}", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def on(self, *words, check=True):
        return run("ip", "netns", "exec", self.box, *words, check=check)

    def background(self, program):
        """A Python program on the box, which prints a line when it is ready."""
        words = ["ip", "netns", "exec", self.box, "python3", "-u", "-c", program]
        started = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        equal("the first line of the program", started.stdout.readline(), "ready\n")
        return started

    def sysctl(self, *settings):
        self.on("sysctl", "-qw", *settings)

    def lost(self):
        """How many packets the kernel had no room for: in the queues of the CPUs, or for errors of its own."""
        with open("/proc/net/softnet_stat") as file:
            count = sum(int(line.split()[1], 16) for line in file)
        for line in self.on("cat", "/proc/net/snmp6").stdout.splitlines():
            name, value = line.split()
            count += int(value) if name == "Icmp6OutErrors" else 0
        return count

    def set_mtu(self, lan, wan):
        self.mtus = (lan, wan)
        for inner, outer, side, mtu in (("lan0", "c0", "lan", lan), ("wan0", "s0", "wan", wan)):
            self.on("ip", "link", "set", inner, "mtu", str(mtu))
            run("ip", "-n", f"{self.name}-{side}", "link", "set", outer, "mtu", "65000")
        if self.process is not None:
            # The daemon hears of changes in their order: when it knows the last it knows all.
            for mtu in (wan + 8, wan):
                self.on("ip", "link", "set", "wan0", "mtu", str(mtu))
                self.until(lambda: self.status()["network"]["uplink"]["mtu"] == mtu, "the daemon misses a new MTU")
            time.sleep(0.05)

    # The daemon.

    def write(self, text, name="appliance.toml"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text + f"""
[dns64]
listen = ["127.0.0.1:5353"]
upstreams = ["100.64.0.1"]

[control]
socket = "{self.folder}/control.sock"

[state]
directory = "{self.folder}/state"
""")
        return path

    def start(self, text, peer=S4, prefix=P, client=C6):
        self.stop()
        os.makedirs(f"{self.folder}/state", exist_ok=True)
        link = f"{self.folder}/appliance-ctl"
        if not os.path.exists(link):
            os.symlink(self.appliance, link)
        path = self.write(text)
        self.log = open(f"{self.folder}/log", "w")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.box, self.appliance, "--config", path],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cpus),
        )
        for _ in range(1000):
            if self.process.poll() is not None:
                break
            try:
                if self.status()["dataplane"]["state"] == "running":
                    break
            except (Failure, KeyError, ValueError):
                pass
            time.sleep(0.02)
        else:
            raise Failure(f"the daemon does not come up: {self.tail()}")
        if self.process.poll() is not None:
            raise Failure(f"the daemon ended at once: {self.tail()}")
        self.sentinel = (client, embed(prefix, peer), peer)
        time.sleep(0.05)
        self.flush()
        self.learn_sentinel()

    def tail(self):
        with open(f"{self.folder}/log") as file:
            return " | ".join(file.read().splitlines()[-5:])

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def ctl(self, *words, check=True):
        done = subprocess.run(
            [f"{self.folder}/appliance-ctl", "--socket", f"{self.folder}/control.sock", *words],
            capture_output=True,
            text=True,
        )
        if check and done.returncode:
            raise Failure(f"appliance-ctl {' '.join(words)} says: {done.stderr.strip()}")
        return done.stdout

    def status(self):
        return json.loads(self.ctl("status", "--json"))

    def drops(self):
        return {entry["name"]: entry["count"] for entry in self.status()["dataplane"]["drops"]}

    def until(self, condition, sentence, limit=30):
        """Waits for what must come true within a time that no machine needs."""
        end = time.monotonic() + limit
        while not condition():
            require(time.monotonic() < end, sentence)
            time.sleep(0.02)

    def sessions(self, *filters):
        return json.loads(self.ctl("sessions", "--json", *filters))["sessions"]

    def bindings(self, *filters):
        return json.loads(self.ctl("bindings", "--json", *filters))["bindings"]

    def unused_external(self, transport, address):
        """A port or identifier of a pool address that stands for nobody, where earlier cases have left bindings."""
        taken = {entry["external"] for entry in self.bindings("--protocol", transport)}
        self.next_unused = self.next_unused % 60000 + 1
        for port in [*range(self.next_unused + 1024, 65536), *range(1024, 65536)]:
            if f"{address}:{port}" not in taken:
                self.next_unused = port - 1024
                return port
        raise Failure(f"every {transport} port of {address} has a binding")

    def no_new_bindings(self, before):
        """Whether all bindings were there before; of those some may have ended since."""
        known = {(entry["transport"], entry["external"]) for entry in before}
        new = [entry for entry in self.bindings() if (entry["transport"], entry["external"]) not in known]
        require(not new, f"bindings were made: {new[:3]}")

    def session(self, transport, client, port, peer=None):
        """The one session of a client's port, with that peer if one is named; nothing without."""
        found = [
            entry
            for entry in self.sessions("--client", client, "--protocol", transport)
            if entry["client"].rpartition(":")[2] == str(port) and (peer is None or entry["peer"].startswith(peer))
        ]
        require(len(found) < 2, f"{len(found)} sessions stand for {client} port {port}")
        return found[0] if found else None

    # Packets.

    def port(self):
        self.next_port += 1
        return self.next_port

    def flush(self):
        self.lan.receive()
        self.wan.receive()

    def learn_sentinel(self):
        """Opens the flows whose packets tell when the box is done; several, so that each of its threads has one."""
        client, target, peer = self.sentinel
        self.mapped = {}
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for port in SENTINEL_PORTS:
                if port not in self.mapped:
                    self.lan.send(udp6(client, target, port, port, b"sentinel"))
            select.select([self.wan.socket], [], [], 0.1)
            for packet in map(Packet, self.wan.receive()):
                if packet.protocol == 17 and packet.dport in SENTINEL_PORTS:
                    self.mapped[packet.dport] = (packet.src, packet.sport)
            if len(self.mapped) == len(SENTINEL_PORTS):
                return
        raise Failure("not even a plain UDP packet is translated")

    def collect(self, done, limit):
        """What comes until `done` says so, or the time is over."""
        out6, out4 = [], []
        end = time.monotonic() + limit
        while not done(out6, out4):
            left = end - time.monotonic()
            if left <= 0:
                break
            select.select([self.lan.socket, self.wan.socket], [], [], min(left, 0.05))
            out6 += filter(is_not_neighbour_discovery, map(Packet, self.lan.receive()))
            out4 += map(Packet, self.wan.receive())
        return out6, out4

    def exchange(self, in6=(), in4=(), wait=0.004, gap=0):
        """Sends packets, and returns what comes out on both sides: (IPv6 side, IPv4 side).

        A packet behind them in each direction tells when the box is done with them.
        """
        self.flush()
        for packet in in6:
            self.lan.send(packet)
            if gap:
                time.sleep(gap)
        for packet in in4:
            self.wan.send(packet)
            if gap:
                time.sleep(gap)
        return self.settle(wait)

    def settle(self, wait=0.004):
        # What the kernel itself answers waits at this CPU, behind the first marks and before the second.
        out6, out4 = self.pass_marks()
        more6, more4 = self.pass_marks()
        last6, last4 = self.collect(lambda out6, out4: False, wait)
        out6 = [packet for packet in out6 + more6 + last6 if not is_mark(packet) and not is_probe(packet)]
        out4 = [packet for packet in out4 + more4 + last4 if not is_mark(packet) and not is_probe(packet)]
        self.inspect(out6 + out4)
        return out6, out4

    def pass_marks(self):
        """Sends marks through the box in both directions, and returns all that comes until they are through."""
        self.sentinel_number += 1
        mark = b"sentinel %d." % self.sentinel_number
        client, target, peer = self.sentinel
        # A burst may have filled a queue of the kernel; the marks are sent again until they come through.
        left6, left4 = set(SENTINEL_PORTS), set(SENTINEL_PORTS)

        def done(out6, out4):
            left6.difference_update(packet.sport for packet in out6 if is_mark(packet, mark))
            left4.difference_update(packet.dport for packet in out4 if is_mark(packet, mark))
            return not left6 and not left4

        out6, out4 = [], []
        for _ in range(100):
            for port in left4:
                self.lan.send(udp6(client, target, port, port, mark))
            for port in left6:
                address, mapped = self.mapped[port]
                self.wan.send(udp4(peer, address, port, mapped, mark))
            more6, more4 = self.collect(done, 0.1)
            out6, out4 = out6 + more6, out4 + more4
            if not left6 and not left4:
                break
        require(not left6 and not left4, "the box no longer translates plain packets")
        return out6, out4

    def late(self, side):
        """What comes late on a side where something must; machines may be busy."""
        packets = side(*self.collect(lambda out6, out4: bool(side(out6, out4)), 2))
        self.inspect(packets)
        return packets

    def inspect(self, packets):
        for packet in packets:
            if self.verbose:
                print("      ", packet)
            # The kernel's own errors carry flow labels.
            for fault in [] if packet.src == BOX6 else packet.faults():
                self.faults.append(f"{packet}: {fault}")

    def take_faults(self):
        faults, self.faults = self.faults, []
        return faults

    def one(self, packets, what):
        require(len(packets) == 1, f"{what}: {len(packets)} packets came instead of one{listed(packets)}")
        return packets[0]

    def nothing(self, packets, what):
        require(not packets, f"{what}: something came{listed(packets)}")

    def out4(self, packet, what="to the IPv4 side"):
        """Sends a packet on the IPv6 side and returns the one that comes out on the IPv4 side."""
        back, out = self.exchange([packet])
        out = out or self.late(lambda out6, out4: out4)
        self.nothing(back, f"{what}, back to the IPv6 side")
        return self.one(out, what)

    def out6(self, packet, what="to the IPv6 side"):
        out, back = self.exchange([], [packet])
        out = out or self.late(lambda out6, out4: out6)
        self.nothing(back, f"{what}, back to the IPv4 side")
        return self.one(out, what)

    def silent6(self, packet, what):
        out6, out4 = self.exchange([packet])
        self.nothing(out6, f"{what}, on the IPv6 side")
        self.nothing(out4, f"{what}, on the IPv4 side")

    def silent4(self, packet, what):
        out6, out4 = self.exchange([], [packet])
        self.nothing(out6, f"{what}, on the IPv6 side")
        self.nothing(out4, f"{what}, on the IPv4 side")

    # Flows.

    def udp_flow(self, client=C6, peer=S4, prefix=P, sport=None, dport=53):
        """Opens a UDP session."""
        flow = Flow(client, sport or self.port(), embed(prefix, peer), peer, dport)
        out = self.out4(udp6(client, flow.target, flow.sport, dport, b"open"))
        flow.external, flow.eport = out.src, out.sport
        return flow

    def tcp_flow(self, client=C6, peer=S4, prefix=P, sport=None, dport=80, open=True):
        """Opens a TCP connection."""
        from wire import ACK, SYN, tcp4, tcp6

        flow = Flow(client, sport or self.port(), embed(prefix, peer), peer, dport)
        out = self.out4(tcp6(client, flow.target, flow.sport, dport, SYN))
        flow.external, flow.eport = out.src, out.sport
        if open:
            self.out6(tcp4(peer, flow.external, dport, flow.eport, SYN | ACK))
            self.out4(tcp6(client, flow.target, flow.sport, dport, ACK))
        return flow

    def ping_flow(self, client=C6, peer=S4, prefix=P, identifier=None):
        from wire import ping6

        flow = Flow(client, identifier or self.port(), embed(prefix, peer), peer, 0)
        out = self.out4(ping6(client, flow.target, 128, flow.sport, 1, b"open"))
        flow.external, flow.eport = out.src, out.id
        return flow


class Flow:
    def __init__(self, client, sport, target, peer, dport):
        self.client, self.sport, self.target, self.peer, self.dport = client, sport, target, peer, dport
        self.external = self.eport = None

    def udp6(self, data=b"", **keys):
        return udp6(self.client, self.target, self.sport, self.dport, data, **keys)

    def udp4(self, data=b"", **keys):
        return udp4(self.peer, self.external, self.dport, self.eport, data, **keys)

    def tcp6(self, flags, data=b"", **keys):
        from wire import tcp6

        return tcp6(self.client, self.target, self.sport, self.dport, flags, data, **keys)

    def tcp4(self, flags, data=b"", **keys):
        from wire import tcp4

        return tcp4(self.peer, self.external, self.dport, self.eport, flags, data, **keys)

    def sent4(self, data=b"quoted", **keys):
        """What the client sent, as an IPv4 router quotes it."""
        return udp4(self.external, self.peer, self.eport, self.dport, data, **keys)

    def sent6(self, data=b"quoted", **keys):
        """What the peer sent, as an IPv6 router quotes it."""
        return udp6(self.target, self.client, self.dport, self.sport, data, **keys)


def is_not_neighbour_discovery(packet):
    return not (
        packet.protocol == 58 and packet.type in range(130, 138) or packet.src.startswith("fe80:") or 0 in packet.chain
    )


def is_mark(packet, mark=b"sentinel"):
    """Whether a packet is one of those that tell when the box is done with what came before; `mark` tells which."""
    return packet.protocol == 17 and packet.offset == 0 and packet.body[8:].startswith(mark)


def is_probe(packet):
    """Whether a packet asks an idle connection for a sign of life: RFC 6146 section 3.5.2.2."""
    return packet.protocol == 6 and packet.flags == 16 and packet.seq == packet.ack == 0 and not packet.data


def listed(packets):
    return "".join(f"\n        {packet}" for packet in packets[:6])


CASES = []


def case(identifier, sentence, config="nsp", lan=1500, wan=1500):
    """Registers a case: the function gets the bench, and raises Failure when the product is wrong."""

    def register(function):
        CASES.append((identifier, sentence, config, (lan, wan), function))
        return function

    return register
