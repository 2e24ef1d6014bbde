#!/usr/bin/env python3
"""Real packets through the real daemon: packets.py [--only PATTERN] [-v] APPLIANCE

Makes network namespaces of its own and puts the appliance between two cables. Each case sends packets made octet by
octet on one side and looks at what comes out on both. Needs root, iproute2 and ethtool. Ends with "N passed, N failed".
"""

import argparse
import fnmatch
import os
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import cases_addresses
import cases_clat
import cases_errors_inward
import cases_errors_outward
import cases_fragments
import cases_hairpins
import cases_headers
import cases_held
import cases_inward
import cases_lengths
import cases_limits
import cases_links
import cases_merging
import cases_offloads
import cases_outward
import cases_ports
import cases_quotes
import cases_sessions
import cases_settings
import cases_shared
import cases_sizes
import cases_static
import cases_tcp
import cases_tunnels
import cases_waking
from bench import CASES, Bench, Failure
from configurations import CONFIGURATIONS


# Some cases say how soon something happens, and say nothing if the machine did not run them meanwhile; and packets that a
# queue of the kernel had no room for never came to the appliance. A case that fails while this process was held up so
# long, or packets were lost so, is tried again, a few times.
HELD_UP, TRIES = 0.1, 4


class Watch(threading.Thread):
    """Looks for how long this process was held up."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0
        self.start()

    def run(self):
        while True:
            begun = time.monotonic()
            time.sleep(0.01)
            self.longest = max(self.longest, time.monotonic() - begun - 0.01)

    def take(self):
        longest, self.longest = self.longest, 0
        return longest


def attempt(bench, configuration, mtus, function):
    """Runs a case; returns what is wrong, or nothing, and whether the daemon has ended."""
    wrong, ended = "", False
    try:
        prepare(bench, configuration, mtus)
        function(bench)
        wrong = "; ".join(bench.take_faults()[:3])
    except Failure as failure:
        wrong = str(failure) or "it failed"
    except Exception:
        wrong = f"the case itself broke:\n{traceback.format_exc()}"
    bench.take_faults()
    if bench.process is not None and bench.process.poll() is not None:
        print(f"      the daemon ended: {bench.tail()}")
        bench.config, ended = None, True
    return wrong, ended


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="cases whose id or sentence matches, such as 'X64-*'")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every packet that comes out")
    parser.add_argument("appliance", help="the executable nat64-appliance")
    options = parser.parse_args()
    patterns = options.only or ["*"]
    chosen = [
        entry for entry in CASES if any(fnmatch.fnmatch(entry[0], p) or fnmatch.fnmatch(entry[1], p) for p in patterns)
    ]
    # One start of the daemon for each configuration, one change of the links for each pair of MTUs.
    order = list(CONFIGURATIONS)
    chosen.sort(key=lambda entry: (order.index(entry[2]), entry[3] != (1500, 1500), entry[3]))
    bench = Bench(options.appliance, options.verbose)
    watch = Watch()
    passed, failed, started = 0, [], time.monotonic()
    try:
        bench.up()
        for identifier, sentence, configuration, mtus, function in chosen:
            begun = time.monotonic()
            for _ in range(TRIES):
                watch.take()
                lost = bench.lost()
                wrong, ended = attempt(bench, configuration, mtus, function)
                held_up = watch.take()
                if not wrong or ended:
                    break
                lost = bench.lost() - lost
                if held_up < HELD_UP and lost <= 0:
                    break
                print(f"      {identifier} again, held up for {held_up:.1f} s, {lost} packets lost: {wrong}")
                # Nothing of this attempt is left for the next.
                bench.config = None
            if wrong:
                failed.append(identifier)
            else:
                passed += 1
            taken = time.monotonic() - begun
            print(
                f"{'FAIL' if wrong else 'pass'}  {identifier}: {sentence}" + (f"\n      {wrong}" if wrong else ""),
                f"({taken:.1f} s)" if taken >= 1 else "",
                flush=True,
            )
    finally:
        bench.down()
    print(f"took {time.monotonic() - started:.0f} seconds")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


def prepare(bench, configuration, mtus):
    if bench.config != configuration:
        bench.stop()
        bench.config = None
        if mtus != bench.mtus:
            bench.set_mtu(*mtus)
        if configuration is not None:
            settings = CONFIGURATIONS[configuration]
            bench.start(settings["text"], **settings.get("sentinel", {}))
        bench.config = configuration
    elif mtus != bench.mtus:
        bench.set_mtu(*mtus)


if __name__ == "__main__":
    sys.exit(main())
