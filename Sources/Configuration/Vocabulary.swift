/// Every table and key of a configuration file. What is not here is refused.
enum Vocabulary {
    /// The keys of each table, tables below it included; `""` is the top of the file.
    static let keys: [String: [String]] = [
        "": ["nat64", "clients", "destinations", "dns64", "control", "state", "log"],
        "nat64": [
            "device", "prefixes", "pool", "ports", "workers", "filtering", "connections-from-outside",
            "lowest-ipv6-mtu",
            "mtu", "clamp-segment-size", "traffic-class", "udp-zero-checksum", "icmp-echo", "icmp-errors",
            "icmp-errors-per-second", "report-refused",
            "port-hold-down",
            "lifetimes", "limits",
        ],
        "nat64.filtering": ["tcp", "udp", "icmp"],
        "nat64.lifetimes": [
            "udp", "icmp", "tcp-established", "tcp-transitory", "tcp-incoming-syn", "fragment", "unsafe-short",
        ],
        "nat64.limits": [
            "client-length", "sessions-per-client", "ports-per-client", "new-bindings-per-second",
            "spill-to-other-addresses",
            "bindings", "further-sessions",
        ],
        "clients": ["allow"],
        "destinations": ["allow", "refuse"],
        "dns64": [
            "listen", "upstreams", "synthesize", "synthesize-over-ipv4", "exclude-aaaa", "cache-size", "workers",
            "view",
        ],
        "dns64.view": ["clients", "synthesize"],
        "control": ["socket", "group"],
        "state": ["directory"],
        "log": ["level"],
    ]

    /// The tables that may be written many times, as `[[name]]`.
    static let listsOfTables: Set<String> = ["dns64.view"]

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
        if let home = elsewhere.first {
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
