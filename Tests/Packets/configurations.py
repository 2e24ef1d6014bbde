"""The configurations that cases name."""

from bench import D6, G4, P, S5, T1, T2, U6, W

OPEN = """
[nat64]
prefixes = ["2001:db8:64::/96", "2001:db8:65::/96"]
pool = ["203.0.113.1-203.0.113.2"]
filtering = "endpoint-independent"
icmp-errors-per-second = 0
workers = 2
"""

CLIENTS = """
[clients]
allow = ["2001:db8:6::/48", "fd00:6::/48"]
"""


def text(changes="", clients=CLIENTS, **keys):
    """The first configuration with other lines; keys replace a line of [nat64]."""
    lines = OPEN.strip().splitlines()
    for key, value in keys.items():
        key = key.replace("_", "-")
        lines = [line for line in lines if not line.startswith(key + " ")]
        if value is not None:
            lines.append(f"{key} = {value}")
    return "\n".join(lines) + "\n" + changes + clients


STATIC = f"""
[[nat64.static]]
protocol = ["tcp", "udp"]
ipv4 = "{T1}"
ipv4-port = 443
ipv6 = "{D6}"
ipv6-port = 8443

[[nat64.static]]
protocol = "icmp"
ipv4 = "{T2}"
ipv4-id = 77
ipv6 = "{D6}"
ipv6-id = 78

[[nat64.static]]
protocol = "udp"
ipv4 = "{T2}"
ipv4-port = "8000-8010"
ipv6 = "{D6}"
ipv6-port = "9000-9010"
"""

MAPS = f"""
[[nat64.map]]
ipv4 = "{S5}/32"
prefix = "2001:db8:65::/96"

[[nat64.map]]
ipv4 = "10.0.0.0/8"
prefix = "64:ff9b:1::/48"
"""

COMPUTED = """
[[nat64.deterministic]]
ipv6 = "2001:db8:6:8000::/60"
ipv4 = "203.0.113.8/31"
clients-per-address = 15
most-ports-per-client = 4160
"""

WELL_KNOWN = {"prefix": W, "peer": G4}

# A prefix of every length that RFC 6052 knows.
LENGTHS = {
    96: P,
    64: "2001:dbe:122:344::",
    56: "2001:dbd:122:300::",
    48: "2001:dbc:122::",
    40: "2001:dbb:100::",
    32: "2001:dba::",
}
PREFIXES = ", ".join(f'"{prefix}/{length}"' for length, prefix in LENGTHS.items())

CONFIGURATIONS = {
    None: {},
    "nsp": {"text": text()},
    "lengths": {"text": text(prefixes=f"[{PREFIXES}]")},
    "adf": {"text": text(filtering='"address-dependent"')},
    "apdf": {"text": text(filtering='"address-and-port-dependent"')},
    "closed": {"text": text(connections_from_outside="false")},
    "fixedtos": {"text": text(traffic_class="16")},
    "device1280": {"text": text(mtu="1280")},
    "lowest1500": {"text": text(lowest_ipv6_mtu="1500")},
    "awake": {"text": text(workers=1, poll_before_sleep=100000, keep_cpus_awake="true")},
    "asleep": {"text": text(workers=1, poll_before_sleep=100000, keep_cpus_awake="false")},
    "noecho": {"text": text(icmp_echo="false")},
    "noerrors": {"text": text(icmp_errors="false")},
    "report": {"text": text(report_refused="true", filtering='"address-dependent"')},
    "dropzero": {"text": text(udp_zero_checksum='"drop"')},
    "allports": {"text": text(ports='"1-65535"', pool='["203.0.113.1"]')},
    "repooled": {"text": text(pool='["203.0.113.1"]')},
    "wkp": {"text": text(prefixes='["64:ff9b::/96", "2001:db8:64::/96"]'), "sentinel": WELL_KNOWN},
    "allow10": {
        "text": text('[destinations]\nallow = ["10.0.0.0/8"]\n', prefixes='["64:ff9b::/96"]'),
        "sentinel": WELL_KNOWN,
    },
    "local": {"text": text(prefixes='["64:ff9b:1::/96"]'), "sentinel": {"prefix": "64:ff9b:1::"}},
    "six": {
        "text": text(prefixes='["2001:db8:122:344::/96"]', clients='[clients]\nallow = ["fd00:6::/48"]\n'),
        "sentinel": {"client": U6, "prefix": "2001:db8:122:344::", "peer": "192.0.2.33"},
    },
    "refuse": {"text": text('[destinations]\nrefuse = ["198.51.100.20/32"]\n')},
    "share": {"text": text(pool='["share:wan0"]', filtering='"address-dependent"')},
    "shareopen": {"text": text(pool='["share:wan0"]')},
    "static": {"text": text(STATIC, filtering='"address-and-port-dependent"')},
    "maps": {"text": text(MAPS, prefixes='["2001:db8:64::/96", "2001:db8:65::/96", "64:ff9b:1::/48"]')},
    "literal": {"text": text(icmp_error_source='"destination"')},
    "restart": {"text": text()},
    "limits": {"text": text(icmp_errors_per_second="10", filtering='"address-dependent"')},
    "fewports": {"text": text("[nat64.limits]\nspill-to-other-addresses = false\n", ports='"2000-2063"')},
    "spill": {"text": text("[nat64.limits]\nspill-to-other-addresses = true\n", ports='"2000-2063"')},
    "perclient": {"text": text("[nat64.limits]\nports-per-client = 100\n")},
    "computed": {"text": text(COMPUTED)},
    "blocks": {"text": text("[nat64.limits]\nport-blocks-per-client = 2\n", port_block_size="64")},
    "fewblocks": {"text": text(ports='"2048-2175"', port_block_size="64")},
    "sessions": {"text": text("[nat64.limits]\nsessions-per-client = 50\n")},
    "binding": {"text": text("[nat64.limits]\nsessions-per-binding = 10\n")},
    "rate": {"text": text("[nat64.limits]\nnew-bindings-per-second = 20\n")},
    "small": {"text": text("[nat64.limits]\nbindings = 4096\nfurther-sessions = 4096\n")},
    "short": {
        "text": text(
            "[nat64.lifetimes]\nunsafe-short = true\nudp = 2\nicmp = 2\ntcp-established = 3\ntcp-transitory = 2\n"
            "tcp-incoming-syn = 1\nfragment = 1\n",
            port_hold_down="1",
        ),
    },
    "resting": {
        "text": text(
            "[nat64.lifetimes]\nunsafe-short = true\nudp = 2\n",
            pool='["203.0.113.1"]',
            ports='"2000-2063"',
            port_hold_down="60",
        ),
    },
    "shortfew": {
        "text": text(
            "[nat64.lifetimes]\nunsafe-short = true\ntcp-established = 30\ntcp-transitory = 30\n",
            ports='"2000-2063"',
            filtering='"address-dependent"',
        ),
    },
    "shortadf": {
        "text": text(
            "[nat64.lifetimes]\nunsafe-short = true\nudp = 2\nicmp = 2\ntcp-established = 3\ntcp-transitory = 2\n"
            "tcp-incoming-syn = 1\nfragment = 1\n",
            filtering='"address-dependent"',
        ),
    },
}
