#!/usr/bin/env python3
"""Tables of the samples that bench.sh left: tables.py RESULTS [--page FILE]

A cell is the median of the samples, with the least and the greatest when there are several. A sample during which other
processes used more than a quarter of a CPU counts only where there is no other, and the cell has a star then.
"""
import argparse
import collections
import json
import os
import re
import statistics

RESOLVERS = ["unbound", "bind9", "kresd", "pdnsrec"]

# Which of us stands beside which null translator and which TAYGA.
ONE = ("appliance:q=1", "null:o=all", "tayga092")
TWO = ("appliance:q=2", "null:o=all,q=2", None)
MANY = ("appliance:q=1", "null:o=all", "tayga092:masq")
HELD = ("appliance:q=1", "null:tab=1000000", "tayga092:masq")
MERGED = ("appliance:q=1", "null:o=all,coal", "tayga092")

# what, wire, metric, field, candidates; bound on our ratio to null, to our own 64-octet rate, or on our figure itself
TRANSLATION = [
    ("TCP, one stream up, Gbit/s", "gso", "tcp1_up", "gbps", ONE, ("null", ">=", 0.9)),
    ("TCP, one stream down", "gso", "tcp1_down", "gbps", ONE, ("null", ">=", 0.9)),
    ("TCP, eight streams up", "gso", "tcp8_up", "gbps", ONE, ("null", ">=", 0.9)),
    ("TCP, eight streams down", "gso", "tcp8_down", "gbps", ONE, ("null", ">=", 0.9)),
    ("two queues: TCP, eight streams up", "gso", "tcp8_up", "gbps", TWO, ("null", ">=", 0.9)),
    ("two queues: TCP, eight streams down", "gso", "tcp8_down", "gbps", TWO, ("null", ">=", 0.9)),
    ("64-octet packets up, thousands a second", "gso", "pps_up", "rx_kpps", ONE, ("null", ">=", 0.95)),
    ("CPU for each of them, microseconds", "gso", "pps_up", "trans_us_pkt", ONE, None),
    ("two queues: 64-octet packets up", "gso", "pps_up", "rx_kpps", TWO, None),
    ("there and back at no more than 1 % loss", "gso", "ndr_rt", "ndr_kpps", ONE, ("null", ">=", 0.95)),
    ("new flows, thousands a second", "gso", "newflow", "rx_kpps", MANY, ("steady", ">=", 0.8)),
    ("UDP there and back, worker on another CPU, median, µs", "gso", "lat_udp", "p50_us", ONE, ("figure", "<=", 45)),
    ("the same, all on one CPU", "gso", "lat_same", "p50_us", ONE, None),
    ("octets for each of 1,000,000 sessions", "gso", "mem", "bytes_per_session_1000k", HELD, ("figure", "<=", 160)),
] + [
    (f"{wire}: TCP, {count} {way}, Gbit/s", wire, f"tcp{number}_{way}", "gbps", MERGED, ("null", ">=", 0.9))
    for wire in ("mtu", "gro")
    for number, count in ((1, "one stream"), (8, "eight streams"))
    for way in ("up", "down")
]

# what, metric, field, scale, is less better, bound on our ratio to the best resolver, bound on our ratio to echo
NAMES = [
    ("cached synthetic answers, thousands a second", "cached", "qps", 1e-3, False, (">=", 1.25), (">=", 0.85)),
    ("CPU for each, microseconds", "cached", "cpu_us_query", 1, True, ("<=", 1), None),
    ("cached, synthetic, native and by CNAME, thousands a second", "mix", "qps", 1e-3, False, (">=", 1), None),
    ("over TCP, thousands a second", "tcp", "qps", 1e-3, False, (">=", 1), None),
    ("CPU for each over TCP, microseconds", "tcp", "cpu_us_query", 1, True, None, None),
    ("latency at half of the own rate, median, microseconds", "half", "p50_us", 1, True, ("<=", 1), None),
    ("misses, thousands a second", "miss", "qps", 1e-3, False, (">=", 2.5), None),
    ("CPU for each miss, microseconds", "miss", "cpu_us_query", 1, True, None, None),
    ("octets for each cached name", "miss", "bytes_per_name", 1, True, ("figure", "<=", 400), None),
]


def samples(path):
    """The samples of a file of JSON lines, and the header lines between them."""
    lines = [json.loads(line) for line in open(path)] if os.path.exists(path) else []
    return [line for line in lines if "metric" in line], [line for line in lines if "metric" not in line]


def digits(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Cell:
    """What one candidate reached in one thing measured; figure is nothing where it was not measured."""

    def __init__(self, rows, field, scale=1):
        alone = [row for row in rows if row["accepted"]]
        values = [row[field] * scale for row in alone or rows if row.get(field) is not None]
        self.figure = statistics.median(values) if values else None
        self.text = "-"
        if values:
            self.text = digits(self.figure) + ("" if alone else "\\*")
            if len(values) > 1:
                self.text += f" ({digits(min(values))}-{digits(max(values))})"

    def to(self, other):
        return self.figure / other.figure if self.figure and other.figure else None


def verdict(value, comparison, bound):
    return value >= bound if comparison == ">=" else value <= bound


def ratio(value):
    return "-" if value is None else f"{value:.2f}"


def table(head, rows):
    return "\n".join(["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head)] + rows])


def closing(wanted):
    """The last two cells of a row: what is wanted, and whether all of it is reached."""
    known = [one for one in wanted if one[1] is not None]
    reached = all(verdict(*one[1:]) for one in known)
    return [", ".join(one[0] for one in known), "" if not known else "yes" if reached else "no"]


SIGNS = {">=": "at least", "<=": "at most"}


def translation(rows):
    def cell(name, wire, metric, field):
        return Cell([row for row in rows if (row["name"], row["wire"], row["metric"]) == (name, wire, metric)], field)

    lines = []
    for words, wire, metric, field, (own, null, tayga), bound in TRANSLATION:
        ours, beside = cell(own, wire, metric, field), cell(null, wire, metric, field)
        if ours.figure is None:
            continue
        theirs, plain = cell(tayga, wire, metric, field), cell("kfwd", wire, metric, field)
        wanted = []
        if bound:
            against, comparison, limit = bound
            value = {"null": ours.to(beside), "figure": ours.figure,
                     "steady": ours.to(cell(own, "gso", "pps_up", "rx_kpps"))}[against]
            of = {"null": " of null", "figure": "", "steady": f" of the own 64-octet rate (is {ratio(value)})"}[against]
            wanted.append((f"{SIGNS[comparison]} {limit}{of}", value, comparison, limit))
            if against == "null" and metric in ("pps_up", "ndr_rt"):
                wanted.append(("ahead of TAYGA", ours.to(theirs), ">=", 1))
        figures = [plain.text, theirs.text, beside.text, ours.text, ratio(ours.to(beside)), ratio(ours.to(theirs))]
        lines.append([words, *figures, *closing(wanted)])
    head = ["What", "kernel forwarding", "TAYGA", "null", "appliance", "to null", "to TAYGA", "wanted", "reached"]
    return table(head, lines) if lines else ""


def names(rows, threads):
    def cell(name, metric, field, scale):
        return Cell([row for row in rows if (row["name"], row["metric"]) == (f"{name} t={threads}", metric)], field, scale)

    lines = []
    for words, metric, field, scale, less, to_best, to_echo in NAMES:
        cells = {name: cell(name, metric, field, scale) for name in ["echo", "nsd", *RESOLVERS, "appliance"]}
        ours = cells["appliance"]
        if ours.figure is None:
            continue
        others = [cells[name] for name in RESOLVERS if cells[name].figure]
        best = (min if less else max)(others, key=lambda one: one.figure) if others else Cell([], field)
        wanted = []
        if to_best and len(to_best) == 3:
            wanted.append((f"{SIGNS[to_best[1]]} {to_best[2]}", ours.figure, *to_best[1:]))
        elif to_best and (threads == 1 or metric not in ("cached", "mix") or less):
            wanted.append((f"{SIGNS[to_best[0]]} {to_best[1]} of the best resolver", ours.to(best), *to_best))
        if to_echo and threads == 1:
            wanted.append((f"{SIGNS[to_echo[0]]} {to_echo[1]} of echo", ours.to(cells["echo"]), *to_echo))
        figures = [*(one.text for one in cells.values()), ratio(ours.to(best)), ratio(ours.to(cells["echo"]))]
        lines.append([words, *figures, *closing(wanted)])
    head = ["What", "echo", "NSD", "Unbound", "BIND", "Knot Resolver", "PowerDNS", "appliance"]
    head += ["to the best resolver", "to echo", "wanted", "reached"]
    return table(head, lines) if lines else ""


def preface(rows, headers, command):
    """Date, machine, versions and how much the machine was disturbed."""
    if not rows:
        return ""
    first, last = headers[0], headers[-1]
    when = first["date"] if first["date"] == last["date"] else f'{first["date"]} to {last["date"].split()[1]}'
    seconds = " or ".join(sorted({f'{one["secs"]:g}' for one in headers}))
    often = collections.Counter((row["name"], row["metric"], row.get("wire")) for row in rows).values()
    count = f"{min(often)}" if min(often) == max(often) else f"{min(often)} to {max(often)}"
    count += " sample" if max(often) == 1 else " samples"
    disturbed = sum(not row["accepted"] for row in rows)
    beside = [row["info"] for row in rows if row["name"].split()[0].split(":")[0] not in ("null", "echo", "appliance")]
    return (
        f'`{command}`, {when} UTC, Linux {first["kernel"]}, {first["cpus"]} CPUs ({first["cpu"]}); {count} of '
        f"{seconds} s in each cell. Other processes disturbed {disturbed} of {len(rows)} (a star where there is no other)."
        f'\n\nBeside it: {", ".join(sorted(set(beside), key=str.lower))}.'
    )


def main():
    arguments = argparse.ArgumentParser(description="tables of what bench.sh measured")
    arguments.add_argument("results", help="the directory with nat64.jsonl and dns64.jsonl")
    arguments.add_argument("--page", help="a page whose marked sections the tables replace")
    given = arguments.parse_args()
    page = open(given.page).read() if given.page else None
    for name, title in (("nat", "NAT64"), ("dns", "DNS64")):
        rows, headers = samples(f"{given.results}/{name}64.jsonl")
        wakes = [row["p50_us"] for row in rows if row["metric"] == "wake"]
        rows = [row for row in rows if row["metric"] != "wake"]
        if not rows:
            continue
        parts = [preface(rows, headers, f"make bench WHAT={name}")]
        if wakes:
            wake = digits(statistics.median(wakes))
            parts[0] += f" To wake a CPU that sleeps takes {wake} µs here, the median (`Tests/Bench/wake.c`)."
        if name == "nat":
            parts.append(translation(rows))
        for threads, words in ((1, "One thread, alone on its CPU"), (2, "Two threads, on the CPUs of the generator")):
            if name == "dns" and (found := names(rows, threads)):
                parts += [f"{words}:", found]
        text = "\n\n".join(parts)
        print(f"## {title}\n\n{text}\n")
        if page is not None:
            marked = re.compile(rf"(<!-- bench {name} -->\n).*?(<!-- end -->)", re.S)
            if not marked.search(page):
                raise SystemExit(f"{given.page} has no <!-- bench {name} --> ... <!-- end -->")
            page = marked.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page)
    if page is not None:
        open(given.page, "w").write(page)


main()
