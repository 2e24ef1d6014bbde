extension BadFile {
    static let all: [BadFile] = syntax + keys + translator + pool + access + resolver + system + mapsAndBindings

    static let syntax = [
        BadFile(
            "a list that is not closed",
            "[nat64]\nprefixes = [\"64:ff9b::/96\"\npool = 1",
            "a.toml:3:1: \"p\" stands where \",\" or \"]\" belongs; elements of a list are parted by \",\""
        ),
        BadFile(
            "the same key twice",
            "[log]\nlevel = \"info\"\nlevel = \"debug\"",
            "a.toml:3:9: is not TOML: Error while parsing key-value pair: cannot redefine existing string 'level'"
        ),
        BadFile(
            "the same table twice",
            "[log]\n[log]\n",
            "a.toml:2:1: is not TOML: Error while parsing table header: cannot redefine existing table 'log'"
        ),
        BadFile(
            "a text that does not end in its line",
            "[log]\nlevel = \"info\n",
            "a.toml:2:9: the text that begins here does not end in its line; close its quotation marks"
        ),
        BadFile(
            "a text that does not end",
            "[log]\nlevel = 'info",
            "a.toml:2:9: the text that begins here does not end; close its quotation marks"
        ),
        BadFile(
            "a long text that does not end",
            "[log]\nlevel = \"\"\"info\"\"\n",
            "a.toml:2:9: the text that begins here does not end; close its three quotation marks"
        ),
        BadFile(
            "a text without quotation marks",
            "[log]\nlevel = info",
            "a.toml:2:9: \"info\" is no number, true or false; write texts in quotation marks"
        ),
        BadFile(
            "a word before a key",
            "[log]\nset level = \"info\"",
            "a.toml:2:5: \"l\" stands where = belongs; write key = value"
        ),
        BadFile(
            "a prefix without quotation marks",
            "[nat64]\nprefixes = [64:ff9b::/96]",
            "a.toml:2:13: \"64:ff9b::/96\" is no number, true or false; write texts in quotation marks"
        ),
        BadFile(
            "a date",
            "[log]\nlevel = 1979-05-27 07:32:00",
            "a.toml:2:9: \"1979-05-27\" is no number, true or false; write texts in quotation marks"
        ),
        BadFile(
            "a key without a value",
            "[log]\nlevel =\n",
            "a.toml:2:8: the line ends where a value belongs; texts stand in quotation marks, lists in [ ]"
        ),
        BadFile(
            "a header without a name",
            "[]",
            "a.toml:1:2: \"]\" stands where a key belongs; keys are letters, digits, \"-\" and \"_\", or texts in quotation marks"
        ),
        BadFile(
            "a header that is not closed",
            "[log\nlevel = 1",
            "a.toml:1:5: the line ends where ] belongs; write [name]"
        ),
        BadFile(
            "a header closed once",
            "[[dns64.view]\n",
            "a.toml:1:14: the line ends where ] belongs; write [[name]]"
        ),
        BadFile(
            "two keys on a line",
            "[log] level = \"info\"",
            "a.toml:1:7: \"l\" stands where the line should end; write each key and each table on a line of its own"
        ),
        BadFile(
            "a comma at the end of a table",
            "nat64 = { mtu = 1400, }",
            "a.toml:1:23: a table in { } may not end in \",\"; take the comma out"
        ),
        BadFile(
            "a key in three quotation marks",
            "\"\"\"nat64\"\"\" = {}",
            "a.toml:1:1: a key is not written with three quotation marks; write one"
        ),
        BadFile(
            "a character that does not exist",
            "[log]\nlevel = \"\\uD800\"",
            "a.toml:2:10: \\u needs the four, \\U the eight hexadecimal digits of a character after it"
        ),
        BadFile(
            "escaped NUL",
            "[state]\ndirectory = \"/a\\u0000b\"",
            "a.toml:2:16: \\u0000 stands for NUL, which no value may contain"
        ),
    ]

    static let keys = [
        BadFile(
            "tables that do not exist",
            "nat46.x = 1\n[dns]\n[resolver]\n",
            "a.toml:1:1: nat46: no such table; did you mean \"nat64\"?",
            "a.toml:2:2: dns: no such table; did you mean \"dns64\"?",
            "a.toml:3:2: resolver: no such table; the tables are "
                + "[nat64], [clients], [destinations], [dns64], [control], [state], [log]"
        ),
        BadFile(
            "keys in the wrong table",
            "prefixes = 1\n[nat64]\nupstreams = 1\n[clients]\nview = 1\n[state]\nlifetimes.udp = 1",
            "a.toml:1:1: prefixes: no such key at the top of the file; [nat64] has one of this name",
            "a.toml:3:1: nat64.upstreams: no such key in [nat64]; [dns64] has one of this name",
            "a.toml:5:1: clients.view: no such key in [clients]; [dns64] has one of this name",
            "a.toml:7:1: state.lifetimes: no such table in [state]; [nat64] has one of this name"
        ),
        BadFile(
            "keys that do not exist",
            "[nat64.filtering]\ntpc = \"address-dependent\"\n[destinations]\npermit = []",
            "a.toml:2:1: nat64.filtering.tpc: no such key; did you mean \"tcp\"?",
            "a.toml:4:1: destinations.permit: no such key; [destinations] knows allow, refuse"
        ),
        BadFile(
            "other things where tables belong",
            "nat64 = 5\nclients = []\n[[log]]\n[dns64.view]\nclients = \"::/0\"",
            "a.toml:1:9: nat64: 5 is not a table; write [nat64] on a line of its own and its keys below",
            "a.toml:2:11: clients: this list is not a table; write [clients] on a line of its own and its keys below",
            "a.toml:3:3: log: this list is not a table; write [log] on a line of its own and its keys below",
            "a.toml:4:8: dns64.view: this table is not a list of tables; write [[dns64.view]] with two brackets for each"
        ),
    ]

    static let translator = [
        BadFile(
            "prefixes that are none",
            "[nat64]\nprefixes = [\n\"hello/96\",\n\"10.0.0.0/8\",\n\"ff02::/96\",\n\"2001:db8::1/96\",\n\"64:ff9b::/129\",\n64,\n\"64:ff9b::\"\n]",
            "a.toml:3:1: nat64.prefixes: \"hello/96\" is not a prefix; write ADDRESS/LENGTH such as \"64:ff9b::/96\"",
            "a.toml:4:1: nat64.prefixes: \"10.0.0.0/8\" is IPv4; a translation prefix is IPv6 (RFC 6052 section 2)",
            "a.toml:5:1: nat64.prefixes: \"ff02::/96\" is not a unicast prefix that can be routed to a translator; "
                + "use \"64:ff9b::/96\" or one of your own",
            "a.toml:6:1: nat64.prefixes: \"2001:db8::1/96\" has bits set past its length; write \"2001:db8::/96\"",
            "a.toml:7:1: nat64.prefixes: \"64:ff9b::/129\" has a length beyond the bits of the address",
            "a.toml:8:1: nat64.prefixes: 64 is not a text in quotation marks; write for example [\"64:ff9b::/96\"]",
            "a.toml:9:1: nat64.prefixes: \"64:ff9b::\" has length 128; "
                + "RFC 6052 section 2.2 allows /32, /40, /48, /56, /64 and /96"
        ),
        BadFile(
            "prefixes over one another and twice",
            "[nat64]\nprefixes = [\"2001:db8::/32\", \"2001:db8:1::/96\",\n\"64:ff9b::/96\", \"64:ff9b::/96\", \"2001:db8::/32\"]",
            "a.toml:2:30: nat64.prefixes: \"2001:db8:1::/96\" overlaps \"2001:db8::/32\" at column 13; "
                + "an address must lie under one prefix only",
            "a.toml:3:17: nat64.prefixes: \"64:ff9b::/96\" stands here twice, first at column 1; take one out",
            "a.toml:3:33: nat64.prefixes: \"2001:db8::/32\" stands here twice, first in line 2; take one out",
            "a.toml:3:33: nat64.prefixes: \"2001:db8::/32\" overlaps \"2001:db8:1::/96\" in line 2; "
                + "an address must lie under one prefix only"
        ),
        BadFile(
            "ADR-15 no prefix",
            "[nat64]\nprefixes = []",
            "a.toml:2:12: nat64.prefixes: the list is empty: a NAT64 without a prefix translates nothing "
                + "(RFC 6146 section 3); the default is [\"64:ff9b::/96\"]"
        ),
        BadFile(
            "the device",
            "[nat64]\ndevice = \"a-very-long-name\"\nworkers = 0\nmtu = 1279\nlowest-ipv6-mtu = \"1280\"",
            "a.toml:2:10: nat64.device: \"a-very-long-name\" cannot name the device: the name has 16 octets, and Linux allows 15",
            "a.toml:3:11: nat64.workers: 0 is not from 1 to 256, the number of queues a TUN can have",
            "a.toml:4:7: nat64.mtu: 1279 is not from 1280 to 65535, and IPv6 needs 1280 (RFC 8200 section 5)",
            "a.toml:5:19: nat64.lowest-ipv6-mtu: \"1280\" is not a whole number (without quotation marks); "
                + "write one from 1280 to 65535"
        ),
        BadFile(
            "names that no interface has",
            "[nat64]\ndevice = \"a/b\"\npool = [\"share:all\", \"share:\"]",
            "a.toml:2:10: nat64.device: \"a/b\" cannot name the device: "
                + "a name has no blanks, no \"/\", \":\" or \"%\", and ASCII letters only",
            "a.toml:3:9: nat64.pool: \"share:all\" names no interface: this name means all interfaces in sysctl settings",
            "a.toml:3:22: nat64.pool: \"share:\" names no interface: the name is empty"
        ),
        BadFile(
            "MTUs against one another",
            "[nat64]\nmtu = 1400\nlowest-ipv6-mtu = 1500",
            "a.toml:3:19: nat64.lowest-ipv6-mtu: 1500 is more than nat64.mtu, which is 1400; lower it or raise mtu"
        ),
        BadFile(
            "words",
            "[nat64]\nudp-zero-checksum = \"comput\"\nfiltering = \"adress-dependent\"\ntraffic-class = 256\n"
                + "clamp-segment-size = \"no\"\nicmp-errors-per-second = -1",
            "a.toml:2:21: nat64.udp-zero-checksum: \"comput\" is not one of \"compute\", \"drop\"; did you mean \"compute\"?",
            "a.toml:3:13: nat64.filtering: \"adress-dependent\" is not one of \"address-dependent\", "
                + "\"endpoint-independent\", \"address-and-port-dependent\"; did you mean \"address-dependent\"?",
            "a.toml:4:17: nat64.traffic-class: 256 is neither \"copy\" nor a number from 0 to 255",
            "a.toml:5:22: nat64.clamp-segment-size: \"no\" is neither true nor false (without quotation marks)",
            "a.toml:6:26: nat64.icmp-errors-per-second: -1 is not from 0 to 1000000"
        ),
        BadFile(
            "polling time",
            "[nat64]\npoll-before-sleep = 1000001\n[dns64]\npoll-before-sleep = \"never\"",
            "a.toml:2:21: nat64.poll-before-sleep: 1000001 is neither \"auto\" nor microseconds from 0 to 1000000",
            "a.toml:4:21: dns64.poll-before-sleep: \"never\" is neither \"auto\" nor microseconds from 0 to 1000000"
        ),
        BadFile(
            "sleep of CPUs",
            "[nat64]\nkeep-cpus-awake = 4",
            "a.toml:2:19: nat64.keep-cpus-awake: 4 is neither \"auto\" nor true nor false"
        ),
        BadFile(
            "durations",
            "[nat64.lifetimes]\nudp = \"300\"\nicmp = \"2minutes\"\ntcp-established = \"8d\"\ntcp-transitory = -1\n"
                + "tcp-incoming-syn = 0\nfragment = 2.5\nunsafe-short = 1",
            "a.toml:2:7: nat64.lifetimes.udp: \"300\" has no unit; write 300 or \"300s\"",
            "a.toml:3:8: nat64.lifetimes.icmp: \"2minutes\" is not a duration; "
                + "write whole seconds, or a text such as \"90s\", \"5m\", \"2h4m\"",
            "a.toml:4:19: nat64.lifetimes.tcp-established: \"8d\" is longer than a week; write 604800 seconds or less",
            "a.toml:5:18: nat64.lifetimes.tcp-transitory: -1 is negative; "
                + "write whole seconds, or a text such as \"90s\", \"5m\", \"2h4m\"",
            "a.toml:6:20: nat64.lifetimes.tcp-incoming-syn: 0 is no time at all; write 6 seconds or more",
            "a.toml:7:12: nat64.lifetimes.fragment: 2.5 is not a duration; "
                + "write whole seconds, or a text such as \"90s\", \"5m\", \"2h4m\"",
            "a.toml:8:16: nat64.lifetimes.unsafe-short: 1 is neither true nor false (without quotation marks)"
        ),
        BadFile(
            "limits",
            "[nat64.limits]\nclient-length = 129\nsessions-per-client = 1_000_001\nbindings = 0\nheld-syns = 15"
                + "\nfragment-memory = 1000\nfragmented-datagrams = 63\nheld-ports = 63\nsessions-per-binding = -1",
            "a.toml:2:17: nat64.limits.client-length: 129 is not from 1 to 128",
            "a.toml:3:23: nat64.limits.sessions-per-client: 1000001 is not from 0 to 1000000",
            "a.toml:4:12: nat64.limits.bindings: 0 is not from 4096 to 67108864",
            "a.toml:5:13: nat64.limits.held-syns: 15 is not from 16 to 65536",
            "a.toml:6:19: nat64.limits.fragment-memory: 1000 is not from \"1MiB\" to \"1GiB\"",
            "a.toml:7:24: nat64.limits.fragmented-datagrams: 63 is not from 64 to 1000000",
            "a.toml:8:14: nat64.limits.held-ports: 63 is neither 0, for no limit, nor 64 or more",
            "a.toml:9:24: nat64.limits.sessions-per-binding: -1 is not from 0 to 1000000"
        ),
        BadFile(
            "a time to drain that is a word",
            "[nat64]\ndrain-time = \"none\"",
            "a.toml:2:14: nat64.drain-time: \"none\" is not a duration; "
                + "write whole seconds, or a text such as \"90s\", \"5m\", \"2h4m\""
        ),
        BadFile(
            "a time to drain of more than a week",
            "[nat64]\ndrain-time = \"8d\"",
            "a.toml:2:14: nat64.drain-time: \"8d\" is not from 0 to 604800 seconds"
        ),
    ]

    static let pool = [
        BadFile(
            "addresses that no pool can have",
            "[nat64]\npool = [\n\"224.0.0.1\",\n\"2001:db8::1\",\n\"192.0.2.9-192.0.2.1\",\n\"shared:eth0\",\n\"192.0.0.0/24\",\n"
                + "5,\n\"10.0.0.0/8\",\n\"192.0.2.1/24\",\n\"192.0.2.300\"\n]",
            "a.toml:3:1: nat64.pool: \"224.0.0.1\" has addresses in 224.0.0.0/4, which no network delivers to us",
            "a.toml:4:1: nat64.pool: \"2001:db8::1\" is IPv6; the pool is made of IPv4 addresses (RFC 6146 section 3)",
            "a.toml:5:1: nat64.pool: \"192.0.2.9-192.0.2.1\" ends before it begins; write \"192.0.2.1-192.0.2.9\"",
            "a.toml:6:1: nat64.pool: \"shared:eth0\" is no address, prefix or range of IPv4; did you mean \"share:INTERFACE\"?",
            "a.toml:7:1: nat64.pool: \"192.0.0.0/24\" contains 192.0.0.8, which the TUN device itself bears",
            "a.toml:8:1: nat64.pool: 5 is not a text in quotation marks; write for example [\"192.0.2.64/28\"]",
            "a.toml:9:1: nat64.pool: \"10.0.0.0/8\" has more than 65535 addresses; take fewer",
            "a.toml:10:1: nat64.pool: \"192.0.2.1/24\" has bits set past its length; write \"192.0.2.0/24\"",
            "a.toml:11:1: nat64.pool: \"192.0.2.300\" is no address, prefix or range of IPv4; "
                + "write \"192.0.2.64/28\", \"192.0.2.1-192.0.2.9\", \"192.0.2.1\" or \"share:eth0\""
        ),
        BadFile(
            "addresses twice",
            "[nat64]\npool = [\"192.0.2.0/28\", \"192.0.2.8-192.0.2.20\",\n\"192.0.2.0-192.0.2.15\", \"share:e0\", \"share:e0\"]",
            "a.toml:2:25: nat64.pool: \"192.0.2.8-192.0.2.20\" overlaps \"192.0.2.0/28\" at column 9: both have 192.0.2.8",
            "a.toml:3:1: nat64.pool: \"192.0.2.0-192.0.2.15\" stands here twice, first in line 2; take one out",
            "a.toml:3:1: nat64.pool: \"192.0.2.0-192.0.2.15\" overlaps \"192.0.2.8-192.0.2.20\" in line 2: both have 192.0.2.8",
            "a.toml:3:37: nat64.pool: \"share:e0\" stands here twice, first at column 25; take one out"
        ),
        BadFile(
            "ADR-15 no address",
            "[nat64]\npool = []",
            "a.toml:2:8: nat64.pool: the list is empty: no address is left for translation (RFC 6146 section 3); "
                + "leave the key out to share the uplink's address"
        ),
        BadFile(
            "too many addresses",
            "[nat64]\npool = [\"10.0.0.0/17\", \"10.0.128.0/17\"]",
            "a.toml:2:24: nat64.pool: \"10.0.128.0/17\" makes 65536 addresses in all; the most is 65535"
        ),
        BadFile(
            "ports that wrap",
            "[nat64]\npool = [\"192.0.2.1\"]\nports = \"5000-4000\"",
            "a.toml:3:9: nat64.ports: \"5000-4000\" is not a range of ports; write FIRST-LAST such as \"1024-65535\""
        ),
        BadFile(
            "port 0",
            "[nat64]\npool = [\"192.0.2.1\"]\nports = \"0-65535\"",
            "a.toml:3:9: nat64.ports: \"0-65535\" begins at 0, which is no port; begin at 1024, or at 1 at the least"
        ),
        BadFile(
            "ports of the host",
            "[nat64]\nports = \"1-65535\"",
            "a.toml:2:9: nat64.ports: \"1-65535\" takes ports below 1024 from a host that shares its address; "
                + "begin at 1024 or above"
        ),
        BadFile(
            "the device shared",
            "[nat64]\ndevice = \"e0\"\npool = [\"share:e0\"]",
            "a.toml:3:8: nat64.pool: \"share:e0\" names the translator's own device"
        ),
    ]

    static let access = [
        BadFile(
            "clients",
            "[clients]\nallow = [\n\"link\",\n\"::ffff:10.0.0.0/104\",\n\"64:ff9b::/100\",\n\"224.0.0.0/4\",\n\"links\", \"links\"\n]",
            "a.toml:3:1: clients.allow: \"link\" is not a prefix; did you mean \"links\"?",
            "a.toml:4:1: clients.allow: \"::ffff:10.0.0.0/104\" is IPv4-mapped; write \"10.0.0.0/8\"",
            "a.toml:5:1: clients.allow: \"64:ff9b::/100\" lies under the translation prefix 64:ff9b::/96, "
                + "from which no client may send (RFC 6146 section 3.5)",
            "a.toml:6:1: clients.allow: \"224.0.0.0/4\" is multicast; clients are single hosts",
            "a.toml:7:10: clients.allow: \"links\" stands here twice, first at column 1; take one out"
        ),
        BadFile(
            "no clients",
            "[clients]\nallow = []",
            "a.toml:2:9: clients.allow: the list is empty: nobody would be served; "
                + "write networks, or \"links\" for the networks on this machine's links"
        ),
        BadFile(
            "destinations",
            "[destinations]\nallow = [\n\"8.8.8.0/24\",\n\"127.0.0.1\",\n\"10.0.0.0/8\",\n\"fd00::/8\",\n\"0.0.0.0/0\"\n]\n"
                + "refuse = [\"10.0.0.0/7\"]",
            "a.toml:3:1: destinations.allow: \"8.8.8.0/24\" is reachable anyway: allow opens special-purpose ranges "
                + "such as \"10.0.0.0/8\", and refuse closes any range",
            "a.toml:4:1: destinations.allow: \"127.0.0.1\" has addresses in 127.0.0.0/8, which no network delivers",
            "a.toml:5:1: destinations.allow: \"10.0.0.0/8\" is closed again by refuse \"10.0.0.0/7\" in line 9; take one of them out",
            "a.toml:6:1: destinations.allow: \"fd00::/8\" is IPv6; destinations behind the translator are IPv4",
            "a.toml:7:1: destinations.allow: \"0.0.0.0/0\" has addresses in 0.0.0.0/8, which no network delivers"
        ),
        BadFile(
            "everything refused",
            "[destinations]\nrefuse = [\"0.0.0.0/0\"]",
            "a.toml:2:11: destinations.refuse: \"0.0.0.0/0\" closes the whole of IPv4; nothing would be left to translate"
        ),
    ]

    static let resolver = [
        BadFile(
            "listeners",
            "[nat64]\npool = [\"192.0.2.0/28\"]\n[dns64]\nlisten = [\n\"auto\",\n\"192.0.2.1:53\",\n\"127.0.0.1:0\",\n\"fe80::1\",\n"
                + "\"127.0.0.1:5353\",\n\"127.0.0.1:5353\",\n\"dns.example\",\n\"64:ff9b::1\",\n\"aut\"\n]",
            "a.toml:6:1: dns64.listen: \"192.0.2.1:53\" belongs to the pool, whose addresses no socket can have; "
                + "listen on another address",
            "a.toml:7:1: dns64.listen: \"127.0.0.1:0\" has port 0, which nobody can reach; "
                + "write ADDRESS or ADDRESS:PORT such as \"192.0.2.53\", \"[2001:db8::53]:53\"",
            "a.toml:8:1: dns64.listen: \"fe80::1\" is a link-local address, which means nothing without its link; "
                + "use another address of that machine",
            "a.toml:10:1: dns64.listen: \"127.0.0.1:5353\" stands here twice, first in line 9; take one out",
            "a.toml:11:1: dns64.listen: \"dns.example\" is not an address; "
                + "write ADDRESS or ADDRESS:PORT such as \"192.0.2.53\", \"[2001:db8::53]:53\"",
            "a.toml:12:1: dns64.listen: \"64:ff9b::1\" lies under the translation prefix 64:ff9b::/96, "
                + "where no host of ours is; listen on another address",
            "a.toml:13:1: dns64.listen: \"aut\" is not an address; did you mean \"auto\"?"
        ),
        BadFile(
            "upstreams",
            "[nat64]\npool = [\"192.0.2.0/28\"]\n[dns64]\nlisten = [\"127.0.0.1:5353\"]\nupstreams = [\n\"system\",\n"
                + "\"tls://192.0.2.53\",\n\"recursive\",\n\"127.0.0.1:5353\",\n\"sytem\",\n\"0.0.0.0\",\n\"192.0.2.1\"\n]",
            "a.toml:6:1: dns64.upstreams: \"system\" stands beside addresses; write either [\"system\"] or addresses",
            "a.toml:7:1: dns64.upstreams: \"tls://192.0.2.53\" does not say which name its certificate is for; "
                + "write it as \"tls://192.0.2.53#dns.example\"",
            "a.toml:8:1: dns64.upstreams: \"recursive\" stands beside others; write either [\"recursive\"] or addresses",
            "a.toml:9:1: dns64.upstreams: \"127.0.0.1:5353\" is where the resolver listens itself, in line 4; it would ask itself",
            "a.toml:10:1: dns64.upstreams: \"sytem\" is not an address; did you mean \"system\"?",
            "a.toml:11:1: dns64.upstreams: \"0.0.0.0\" is not the address of a host; write that of a resolver",
            "a.toml:12:1: dns64.upstreams: \"192.0.2.1\" belongs to the pool, whose addresses no host can have; "
                + "write that of a resolver"
        ),
        BadFile(
            "recursion",
            "[nat64]\npool = [\"192.0.2.0/28\"]\n[dns64]\nupstreams = [\"192.0.2.53\"]\ndnssec = \"validate\"\n"
                + "trust-anchor-file = \"/nowhere/root.key\"\nroot-hints-file = \"/dev/null\"\n"
                + "[[dns64.rule]]\ndomain = \"a.example\"\nupstreams = [\"recursive\"]",
            "a.toml:6:21: dns64.trust-anchor-file: /nowhere/root.key cannot be read: No such file or directory",
            "a.toml:7:19: dns64.root-hints-file: /dev/null is empty",
            "a.toml:10:14: dns64.rule.upstreams: \"recursive\" asks for recursion, while what is validated goes to "
                + "the upstreams of [dns64]; write upstreams = [\"recursive\"] there, or an address"
        ),
        BadFile(
            "views",
            "[[dns64.view]]\nclients = [\"2001:db8::/64\"]\n[[dns64.view]]\nclients = [\"2001:db8::/64\", \"10.0.0.0/8\", \"10.0.0.0/8\"]\n"
                + "synthesize = false\n[[dns64.view]]\nclients = []\nsynthesise = true\n[[dns64.view]]",
            "a.toml:1:9: dns64.view: synthesize is missing; write synthesize = true or false",
            "a.toml:4:12: dns64.view.clients: \"2001:db8::/64\" has a view already, in line 2; a network has one view",
            "a.toml:4:43: dns64.view.clients: \"10.0.0.0/8\" stands here twice, first at column 29; take one out",
            "a.toml:6:9: dns64.view: synthesize is missing; write synthesize = true or false",
            "a.toml:7:11: dns64.view.clients: the list is empty: the view is for nobody; write networks, or take the view out",
            "a.toml:8:1: dns64.view.synthesise: no such key; did you mean \"synthesize\"?",
            "a.toml:9:9: dns64.view: synthesize is missing; write synthesize = true or false",
            "a.toml:9:9: dns64.view: clients is missing; write the networks this view is for"
        ),
        BadFile(
            "cache and exclusions",
            "[dns64]\ncache-size = \"64MB\"\nexclude-aaaa = [\"10.0.0.0/8\"]\nsynthesize = \"yes\"\nworkers = 300",
            "a.toml:2:14: dns64.cache-size: \"64MB\" is not a size; write octets, or a text such as \"64MiB\"",
            "a.toml:3:17: dns64.exclude-aaaa: \"10.0.0.0/8\" is IPv4; AAAA records hold IPv6 addresses",
            "a.toml:4:14: dns64.synthesize: \"yes\" is neither true nor false (without quotation marks)",
            "a.toml:5:11: dns64.workers: 300 is not from 1 to 256"
        ),
        BadFile(
            "a cache that is too small",
            "[dns64]\ncache-size = \"1023KiB\"",
            "a.toml:2:14: dns64.cache-size: \"1023KiB\" is not from \"1MiB\" to \"1024GiB\""
        ),
    ]

    static let system = [
        BadFile(
            "paths and names",
            "[control]\nsocket = \"control.sock\"\ngroup = \"a b\"\n[state]\ndirectory = \"/\"\n[log]\nlevel = \"warn\"",
            "a.toml:2:10: control.socket: \"control.sock\" is not an absolute path; begin it with \"/\"",
            "a.toml:3:9: control.group: \"a b\" is not the name of a group; write one that `getent group` shows",
            "a.toml:5:13: state.directory: \"/\" is the root of the file system; name a place of the appliance's own",
            "a.toml:7:9: log.level: \"warn\" is not one of \"error\", \"warning\", \"notice\", \"info\", \"debug\"; "
                + "did you mean \"warning\"?"
        ),
        BadFile(
            "a group that this machine does not have",
            "[control]\ngroup = \"nobody-has-this-group\"",
            "a.toml:2:9: control.group: \"nobody-has-this-group\" is no group of this machine; make it with "
                + "`groupadd --system nobody-has-this-group`, or write another"
        ),
        BadFile(
            "names as other programs write them",
            "[dns64]\nexclude-domains = [\"*.\"]\n[[dns64.filter]]\nname = \"http://ads.example/\"\n"
                + "action = \"nodata\"\n[[dns64.local]]\nname = \"*.b.example\"\ntype = \"A\"\ndata = \"192.0.2.9\"",
            "a.toml:2:20: dns64.exclude-domains: \"*.\" is not a domain name; write one such as \"corp.example\"",
            "a.toml:4:8: dns64.filter.name: \"http://ads.example/\" is not a domain name; write one such as "
                + "\"corp.example\"",
            "a.toml:7:8: dns64.local.name: \"*.b.example\" has an asterisk, which stands for nothing here: each name has "
                + "records of its own"
        ),
        BadFile(
            "an IPv6 address whose end may be a port",
            "[dns64]\nlisten = [\"::1:53\", \"2001:db8::5:53\"]\nupstreams = [\"2001:db8::53\", \"[2001:db8::7:53]\"]",
            "a.toml:2:11: dns64.listen: \"::1:53\" does not say whether 53 is a port; write \"[::1]:53\" if that is its "
                + "port, or \"[::1:53]\"",
            "a.toml:2:21: dns64.listen: \"2001:db8::5:53\" does not say whether 53 is a port; write "
                + "\"[2001:db8::5]:53\" if that is its port, or \"[2001:db8::5:53]\""
        ),
        BadFile(
            "a query log that is no place",
            "[dns64.query-log]\nto = \"syslog\"",
            "a.toml:2:6: dns64.query-log.to: \"syslog\" is not an absolute path; write one, \"stdout\" for the journal, or "
                + "\"none\""
        ),
        BadFile(
            "a path that no socket can have",
            "[control]\nsocket = \"/\(String(repeating: "x", count: 107))\"",
            "a.toml:2:10: control.socket: \"/\(String(repeating: "x", count: 79))…\" has 108 octets, "
                + "and a socket's path may have 107; use a shorter one"
        ),
    ]
}
