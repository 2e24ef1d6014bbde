/// Every table and key of a configuration file. What is not here is refused.
enum Vocabulary {
    /// The keys of each table, tables below it included; `""` is the top of the file.
    static let keys: [String: [String]] = [
        "": ["nat64", "clients", "destinations", "dns64", "control", "state", "log"],
        "nat64": [
            "device", "prefixes", "pool", "ports", "workers", "poll-before-sleep", "keep-cpus-awake", "filtering",
            "connections-from-outside", "lowest-ipv6-mtu",
            "mtu", "clamp-segment-size", "traffic-class", "udp-zero-checksum", "icmp-echo", "icmp-errors",
            "icmp-errors-per-second", "icmp-error-source", "report-refused",
            "port-hold-down", "port-overloading", "port-block-size", "drain-time",
            "lifetimes", "limits", "map", "static", "deterministic",
        ],
        "nat64.map": ["ipv4", "prefix"],
        "nat64.static": ["protocol", "ipv4", "ipv4-port", "ipv4-id", "ipv6", "ipv6-port", "ipv6-id"],
        "nat64.deterministic": [
            "ipv6", "ipv4", "clients-per-address", "overflow-parts", "ports", "most-ports-per-client", "block-size",
        ],
        "nat64.filtering": ["tcp", "udp", "icmp"],
        "nat64.lifetimes": [
            "udp", "icmp", "tcp-established", "tcp-transitory", "tcp-opening", "tcp-incoming-syn", "short-after-reset",
            "fragment", "unsafe-short",
        ],
        "nat64.limits": [
            "client-length", "sessions-per-client", "sessions-per-binding", "ports-per-client",
            "port-blocks-per-client", "new-bindings-per-second",
            "ports-for-new-clients", "spill-to-other-addresses",
            "bindings", "further-sessions", "fragment-memory", "fragmented-datagrams", "held-syns",
            "held-ports",
        ],
        "clients": ["allow"],
        "destinations": ["allow", "refuse"],
        "dns64": [
            "listen", "listen-tls", "listen-https", "certificate", "key", "name", "discovery", "discovery-ttl",
            "upstreams",
            "upstream-ca", "dnssec", "trust-anchor-file", "root-hints-file", "recursion-memory", "synthesize",
            "synthesize-over-ipv4",
            "exclude-aaaa", "exclude-domains", "break-dnssec", "serve-stale", "prefetch",
            "cookies", "cookie-secrets", "random-case", "cache-size", "workers", "poll-before-sleep", "limits", "view",
            "rule", "local", "filter", "query-log",
        ],
        "dns64.query-log": ["to", "one-in", "ipv4-length", "ipv6-length", "buffer"],
        "dns64.limits": [
            "client-length", "client-share", "questions-per-second", "over-limit", "connections",
            "connections-per-client", "questions-per-connection", "connection-idle", "handshake",
        ],
        "dns64.view": ["clients", "synthesize", "prefixes", "exclude-aaaa", "exclude-domains", "filter", "rule"],
        "dns64.view.rule": ["domain", "upstreams", "source"],
        "dns64.rule": ["domain", "upstreams", "source"],
        "dns64.local": ["name", "type", "data", "ttl"],
        "dns64.filter": ["name", "address", "action", "data"],
        "control": ["socket", "group"],
        "state": ["directory"],
        "log": ["level"],
    ]

    /// The tables that may be written many times, as `[[name]]`.
    static let listsOfTables: Set<String> = [
        "dns64.view", "dns64.view.rule", "dns64.rule", "dns64.local", "dns64.filter", "nat64.map", "nat64.static",
        "nat64.deterministic",
    ]

    /// Finds every key that does not exist, in all tables.
    static func check(_ table: PlacedTable, named name: String = "", _ problems: ProblemList) {
        let known = keys[name] ?? []
        for entry in table.entries {
            let path = name.isEmpty ? entry.key : "\(name).\(entry.key)"
            guard known.contains(entry.key) else {
                problems.add(entry.place, shown(path), advice(on: entry, in: name, known: known))
                continue
            }
            switch entry.value.kind {
            case .table(let below) where keys[path] != nil: check(below, named: path, problems)
            case .list(let elements) where listsOfTables.contains(path):
                for case .table(let below) in elements.map(\.kind) { check(below, named: path, problems) }
            default: break
            }
        }
    }

    /// A path as it may stand in a message: keys can hold any character if they are quoted.
    private static func shown(_ path: String) -> String {
        let isPlain =
            path.utf8.count <= 80 && path.unicodeScalars.allSatisfy { $0.isPrintable && $0 != " " && $0 != "\"" }
        return isPlain ? path : quoted(path)
    }

    private static func advice(on entry: PlacedTable.Entry, in name: String, known: [String]) -> String {
        let isTable = if case .table = entry.value.kind { true } else { entry.value.isListOfTables }
        let what = isTable ? "no such table" : "no such key"
        if let near = Spelling.nearest(to: entry.key, among: known) {
            return "\(what); did you mean \"\(near)\"?"
        }
        let elsewhere = keys.filter { $0.key != name && $0.value.contains(entry.key) }.map(\.key).sorted()
        // A table that is there once is more likely meant than one of many.
        if let home = elsewhere.first(where: { !listsOfTables.contains($0) }) ?? elsewhere.first {
            return home.isEmpty
                ? "\(what) in [\(name)]; [\(entry.key)] is a table of its own"
                : "\(what) \(name.isEmpty ? "at the top of the file" : "in [\(name)]"); "
                    + "\(header(home)) has one of this name"
        }
        if name.isEmpty {
            return "\(what); the tables are \(known.map { "[\($0)]" }.joined(separator: ", "))"
        }
        return "\(what); \(header(name)) knows \(known.joined(separator: ", "))"
    }

    private static func header(_ name: String) -> String { listsOfTables.contains(name) ? "[[\(name)]]" : "[\(name)]" }
}
