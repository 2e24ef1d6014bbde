"""Who had a port: computed ports (RFC 7422) and blocks of ports, on the wire, in the journal and by the look-up."""

import ipaddress
import json
import re
import subprocess

from bench import P, S4, case, embed, equal, require
from cases_limits import opened
from wire import *

TARGET = embed(P, S4)
BLOCK = re.compile(r"port block (taken|given back) time=(\d+) client=(\S+) address=(\S+) ports=(\d+)-(\d+)")


def network(client):
    return str(ipaddress.IPv6Network((client, 64), strict=False))


def journal(b):
    with open(f"{b.folder}/log") as file:
        return file.read()


def blocks(b, client):
    """The blocks of a client's network, as the journal has them."""
    return [line for line in BLOCK.findall(journal(b)) if line[2] == network(client)]


def lookup(b, question, *words, text=""):
    done = subprocess.run(
        [b.appliance, "lookup", "--config", f"{b.folder}/appliance.toml", *words, question],
        capture_output=True,
        text=True,
        input=text,
    )
    return done.returncode, done.stdout + done.stderr


@case("CGN-16", "what comes out on the wire is where the look-up without a daemon says (CGN-17)", config="computed")
def computed(b):
    for index in (0, 1, 14, 15):
        client = f"2001:db8:6:800{index:x}::{index + 1}"
        out4, _ = opened(b, client, range(10000, 10040))
        equal("the packets", len(out4), 40)
        code, text = lookup(b, client)
        found = re.fullmatch(r"(\S+) has (\S+) ports (\d+)-(\d+)\n", text)
        require(code == 0 and found, f"the look-up says {text!r}")
        equal("the network", found[1], network(client))
        for packet in out4:
            equal("the address", packet.src, found[2])
            require(int(found[3]) <= packet.sport <= int(found[4]), f"{packet.sport} is not of {text!r}")
            equal("the way back", lookup(b, f"{packet.src}:{packet.sport}"), (0, text))
            break
        answer = json.loads(b.ctl("blocks", "holder", f"{out4[0].src}:{out4[0].sport}", "--json"))
        equal("the holder", (answer["client"], answer["source"]), (network(client), "computed"))
        require(all(int(found[3]) <= packet.sport <= int(found[4]) for packet in out4), "a port is another's")
        ports = [packet.sport for packet in out4]
        require(ports != sorted(ports), "the ports are in order")
        out = b.out6(udp4(S4, out4[0].src, 53, out4[0].sport, b"back"))
        equal("the answer", (out.dst, out.data), (client, b"back"))
        equal("blocks in the journal", blocks(b, client), [])


@case("CGN-18", "beyond its part a network takes blocks that the journal names, up to the most", config="computed")
def beyond(b):
    client = "2001:db8:6:8007::1"
    _, text = lookup(b, client)
    first, last = map(int, re.search(r"ports (\d+)-(\d+)", text).groups())
    count = last - first + 1
    out4, out6 = opened(b, client, range(10000, 10000 + count + 200))
    equal("the mappings", len(out4), count + 128)
    equal("the errors", {(p.type, p.code, p.dst) for p in out6}, {(1, 3, client)})
    beyond = [p for p in out4 if not first <= p.sport <= last]
    equal("ports beyond the part", len(beyond), 128)
    b.until(lambda: len(blocks(b, client)) == 2, "the journal does not name two blocks")
    for packet in beyond:
        require(
            any(line[3] == packet.src and int(line[4]) <= packet.sport <= int(line[5]) for line in blocks(b, client)),
            f"no block in the journal has port {packet.sport}",
        )
    external = f"{beyond[0].src}:{beyond[0].sport}"
    code, text = lookup(b, external, "--journal", text=journal(b))
    require(code == 0 and text.startswith(f"{network(client)} has {external} since "), text)


@case("CGN-19", "the parameters of the mapping are on record", config="computed")
def parameters(b):
    found = re.findall(r"deterministic mapping at time=\d+: (.*)", journal(b))
    equal("the records", len(found), 1)
    for field in ("I=2001:db8:6:8000::/60", "O=203.0.113.8-203.0.113.9", "C=15", "D=1", "M=", "A=sequential", "R=0-1023"):
        require(field in found[0], f"{field} is missing in {found[0]}")


@case("LOG-08", "a line for each block leads from every port on the wire to its client (LOG-11)", config="blocks")
def in_blocks(b):
    seen = {}
    for index in range(8):
        client = f"2001:db8:6:800{index:x}::1"
        out4, _ = opened(b, client, range(10000, 10100))
        equal("the packets", len(out4), 100)
        equal("the addresses", len({p.src for p in out4}), 1)
        for packet in out4:
            seen[packet.src, packet.sport] = client
        b.until(lambda client=client: len(blocks(b, client)) == 2, "the journal does not name two blocks")
    text = journal(b)
    for (address, port), client in list(seen.items())[::37]:
        code, answer = lookup(b, f"{address}:{port}", "--journal", text=text)
        require(code == 0 and answer.startswith(f"{network(client)} has {address}:{port} since "), answer)
    for (address, port), client in seen.items():
        owners = [line[2] for line in BLOCK.findall(text) if line[3] == address and int(line[4]) <= port <= int(line[5])]
        equal("the owners", owners, [network(client)])
    listed = json.loads(b.ctl("blocks", "--json"))["blocks"]
    for (address, port), client in list(seen.items())[::37]:
        answer = json.loads(b.ctl("blocks", "holder", f"{address}:{port}", "--json"))
        equal("the holder", (answer["client"], answer["source"]), (network(client), "block"))
        ranges = [line["ports"] for line in listed if line["client"] == network(client) and line["address"] == address]
        require(answer["ports"] in ranges, f"the list has no block {answer['ports']} of {client}")
    dataplane = b.status()["dataplane"]
    equal("the blocks that are listed", len(listed), dataplane["portBlocks"])
    require(dataplane["portBlocks"] >= 16 and dataplane["portBlocksTotal"] == 2016, f"{dataplane['portBlocks']} blocks")


@case("CGN-11", "a network with all the blocks it may have is told, and others go on (CGN-04)", config="blocks")
def most_blocks(b):
    client = "2001:db8:6:9000::1"
    out4, out6 = opened(b, client, range(10000, 10200))
    equal("the mappings", len(out4), 128)
    equal("the errors", {(p.type, p.code, p.dst) for p in out6}, {(1, 3, client)})
    require(b.drops().get("client-limit", 0) >= 72, "nothing is counted")
    other, _ = opened(b, "2001:db8:6:9001::1", range(10000, 10010))
    equal("another network's", len(other), 10)


@case("CGN-11", "when no block is free a network is told, by name, and old flows go on", config="fewblocks")
def no_block(b):
    first, _ = opened(b, "2001:db8:6:9000::1", range(10000, 10010))
    equal("the mappings", len(first), 10)
    refused = []
    for index in range(4):
        refused += opened(b, f"2001:db8:6:910{index}::1", range(10000, 10010))[1]
    equal("the errors", {(p.type, p.code) for p in refused}, {(1, 3)})
    require(b.drops().get("blocks-exhausted", 0) == len(refused), "they are counted otherwise")
    out = b.out6(udp4(S4, first[0].src, 53, first[0].sport, b"old"))
    equal("the first flow", (out.dst, out.data), ("2001:db8:6:9000::1", b"old"))
