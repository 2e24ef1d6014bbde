public import DNSWire
import IPAddressing
import PacketMemory

/// Everything the operator wrote about single names and addresses, made ready to be looked up: forwarding rules, local
/// records, filters. Immutable; one for all workers.
public final class NameRules: Sendable {
    /// What holds for a name.
    struct Entry {
        /// The forwarding rule; -1 if none does.
        var rule: Int32 = -1
        /// The filter; -1 if none does.
        var filter: Int32 = -1
        /// The local records of exactly this name; -1 if there are none.
        var local: Int32 = -1
        /// Whether a name below has local records, so that this one exists.
        var exists = false
    }

    /// Where a rule leads.
    enum Direction: Equatable {
        /// To the upstreams of a group.
        case group(Int)
        /// To local records alone.
        case local
        /// Nowhere.
        case block
    }

    /// The upstreams that questions can go to, group by group; the first group is for names that no rule names.
    let groups: [[UpstreamAddress]]
    /// Where the upstreams of each group begin among all.
    let firstUpstreams: [Int]
    let directions: [Direction]
    /// Which of the rules lead to upstreams.
    private let asksUpstreams: [Bool]
    let domains: [Name]
    let locals: [LocalName]
    let filters: [FilterAction]
    let addressActions: [FilterAction]
    let addresses: AddressTable
    private let table: NameTable
    private let entries: [Entry]

    /// Whether no name is named, so that looking one up is idle.
    let isIdle: Bool

    /// Makes the settings' rules ready.
    public init(_ settings: DNS64Settings) {
        var groups = [settings.upstreams]
        var groupByAddresses: [[UpstreamAddress]: Int] = [:]
        var entries: [Entry] = []
        var names: [Name] = []
        var places: [Name: Int] = [:]
        func entry(_ name: Name, _ change: (inout Entry) -> Void) {
            let place = places[name] ?? names.count
            if place == names.count {
                places[name] = place
                names.append(name)
                entries.append(Entry())
            }
            change(&entries[place])
        }
        var directions: [Direction] = []
        for (index, rule) in settings.rules.enumerated() {
            switch rule.action {
            case .ask(let upstreams):
                let group = groupByAddresses[upstreams] ?? groups.count
                if group == groups.count {
                    groupByAddresses[upstreams] = group
                    groups.append(upstreams)
                }
                directions.append(.group(group))
            case .askDefault: directions.append(.group(0))
            case .local: directions.append(.local)
            case .block: directions.append(.block)
            }
            entry(rule.domain) { $0.rule = Int32(index) }
        }
        var locals: [LocalName] = []
        for record in settings.localRecords {
            entry(record.name) { entry in
                if entry.local < 0 {
                    entry.local = Int32(locals.count)
                    locals.append(LocalName(name: record.name))
                }
                locals[Int(entry.local)].add(record)
            }
        }
        for local in locals {
            var name = local.name
            while let above = name.parent, !above.isRoot {
                entry(above) { $0.exists = true }
                name = above
            }
        }
        for (index, filter) in settings.nameFilters.enumerated() {
            entry(filter.name) { $0.filter = Int32(index) }
        }
        let table = NameTable(names)
        // What is left open comes from the next name above that has it.
        for place in names.indices {
            var name = names[place]
            while entries[place].rule < 0 || entries[place].filter < 0, let above = name.parent {
                name = above
                guard let higher = places[name] else { continue }
                if entries[place].rule < 0 { entries[place].rule = entries[higher].rule }
                if entries[place].filter < 0 { entries[place].filter = entries[higher].filter }
            }
        }
        self.groups = groups
        var first = 0
        firstUpstreams = groups.map { group in
            defer { first += group.count }
            return first
        }
        self.directions = directions
        asksUpstreams = directions.map { if case .group = $0 { true } else { false } }
        domains = settings.rules.map(\.domain)
        self.locals = locals
        filters = settings.nameFilters.map(\.action)
        addressActions = settings.addressFilters.map(\.action)
        addresses = AddressTable(settings.addressFilters.map(\.prefix))
        self.table = table
        self.entries = entries
        isIdle = names.isEmpty
    }

    /// Every upstream, as ``UpstreamID`` counts them.
    public var upstreams: [UpstreamAddress] { groups.flatMap(\.self) }

    /// What holds for a name.
    func entry(for name: borrowing Name) -> Entry {
        let match = table.longest(name)
        guard match.place >= 0 else { return Entry() }
        var entry = entries[match.place]
        if match.offset > 0 {
            entry.local = -1
            entry.exists = false
        }
        return entry
    }

    /// Whether a question about a name that lies in a message is answered out of the cache as if no name was named: there
    /// are no local records and no filter for it, and if a forwarding rule holds for it, it asks upstreams.
    @inline(never)
    func saysNothing(_ message: borrowing RawSpan, _ name: PlacedName) -> Bool {
        let match = table.longest(message, name)
        guard match.place >= 0 else { return true }
        let entry = entries[match.place]
        guard entry.filter < 0, match.offset > 0 || entry.local < 0 else { return false }
        return entry.rule < 0 || asksUpstreams[Int(entry.rule)]
    }

    /// Where the questions about a name go.
    func direction(for name: borrowing Name) -> Direction {
        guard !isIdle else { return .group(0) }
        let rule = entry(for: name).rule
        return rule < 0 ? .group(0) : directions[Int(rule)]
    }

    /// The names about which answers may be other ones than under other settings; what is cached about them and about
    /// the names below is to be forgotten.
    public static func changed(from old: DNS64Settings, to new: DNS64Settings) -> [Name] {
        let rules = Set(old.rules).symmetricDifference(new.rules).map(\.domain)
        let records = Set(old.localRecords).symmetricDifference(new.localRecords).map(\.name)
        return Array(Set(rules + records))
    }
}

/// The local records of one name.
struct LocalName: Sendable {
    /// One record; its data lies in ``LocalName/octets``.
    struct Record {
        var type: RecordType
        var ttl: UInt32
        var first: Int
        var count: Int
    }

    let name: Name
    private(set) var records: [Record] = []
    private(set) var octets: [UInt8] = []
    /// Where an alias leads, if the name is one.
    private(set) var alias: (target: Name, ttl: UInt32)?

    init(name: Name) { self.name = name }

    mutating func add(_ record: LocalRecord) {
        records.append(Record(type: record.type, ttl: record.ttl, first: octets.count, count: record.data.count))
        octets += record.data
        guard record.type == .cname, let target = RecordText.name(record.data) else { return }
        alias = (target, record.ttl)
    }

    func has(_ type: RecordType) -> Bool { records.contains { $0.type == type } }
}
