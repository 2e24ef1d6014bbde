"""CPUs that are kept awake while packets follow each other."""

import struct
import time

from bench import case, equal, require

DEVICE = "/dev/cpu_dma_latency"


def longest_wake_up():
    """The longest time in microseconds that waking a CPU may take, by the wish of whoever wishes the least."""
    with open(DEVICE, "rb") as file:
        return struct.unpack("=i", file.read(4))[0]


def stream(b, seconds):
    """Packets one by one until CPUs may not sleep, or until the time is over; whether that came."""
    packet = b.udp_flow().udp6(b"x")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(200):
            b.lan.send(packet)
        if longest_wake_up() == 0:
            return True
    return False


def awake_milliseconds(b):
    return b.status()["dataplane"]["awakeMilliseconds"]


@case("WAKE", "packets that follow each other keep CPUs from sleeping, and their end lets them sleep", config="awake")
def awake(b):
    require(stream(b, 30), "CPUs may sleep")
    b.until(lambda: longest_wake_up() != 0, "CPUs may not sleep without traffic")
    require(awake_milliseconds(b) > 0, "the time is not counted")
    b.flush()


@case("WAKE", "with keep-cpus-awake off the same packets let CPUs sleep", config="asleep")
def asleep(b):
    require(not stream(b, 2), "CPUs may not sleep")
    equal("the time", awake_milliseconds(b), 0)
    b.flush()
