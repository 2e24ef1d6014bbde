public import DNSWire
import IPAddressing
import PacketMemory

/// Everything the operator wrote about single names and addresses, made ready to be looked up: forwarding rules, local
/// records, filters, domains without synthesis. Immutable; one for all workers.
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
        /// Whether nothing is synthesized for it.
        var isExcluded = false
        /// Whether that is so for the clients of some view, or for all.
        var isExcludedSomewhere = false
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
    /// Where each rule leads: those for everybody, then those of the views.
    let directions: [Direction]
    /// Which of the rules lead to upstreams.
    private let asksUpstreams: [Bool]
    /// The domain of each rule.
    let domains: [Name]
    let locals: [LocalName]
    let filters: [FilterAction]
    let addressActions: [FilterAction]
    let addresses: AddressTable
    private let table: NameTable
    private let entries: [Entry]
    private let views: ViewTable

    /// Whether no name is named, so that looking one up is idle.
    let isIdle: Bool

    /// Makes the settings' rules ready.
    ///
    /// - Parameter previous: Those in force before. A view with the same rules goes on with its part of the cache.
    public init(_ settings: DNS64Settings, after previous: NameRules? = nil) {
        let views = ViewTable(settings.views, after: previous?.views)
        var groups = [settings.upstreams]
        var groupByAddresses: [[UpstreamAddress]: Int] = [:]
        let rules = settings.rules + views.rules
        directions = rules.map { rule in
            switch rule.action {
            case .ask(let upstreams):
                if let group = groupByAddresses[upstreams] { return .group(group) }
                groupByAddresses[upstreams] = groups.count
                groups.append(upstreams)
                return .group(groups.count - 1)
            case .askDefault: return .group(0)
            case .local: return .local
            case .block: return .block
            }
        }
        var names = NameEntries()
        for (index, rule) in settings.rules.enumerated() { names.change(rule.domain) { $0.rule = Int32(index) } }
        var locals: [LocalName] = []
        for record in settings.localRecords {
            names.change(record.name) { entry in
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
                names.change(above) { $0.exists = true }
                name = above
            }
        }
        for (index, filter) in settings.nameFilters.enumerated() {
            names.change(filter.name) { $0.filter = Int32(index) }
        }
        for domain in settings.excludedDomains { names.change(domain) { $0.isExcluded = true } }
        for domain in settings.allExcludedDomains { names.change(domain) { $0.isExcludedSomewhere = true } }
        self.groups = groups
        var first = 0
        firstUpstreams = groups.map { group in
            defer { first += group.count }
            return first
        }
        asksUpstreams = directions.map { if case .group = $0 { true } else { false } }
        domains = rules.map(\.domain)
        self.locals = locals
        filters = settings.nameFilters.map(\.action)
        addressActions = settings.addressFilters.map(\.action)
        addresses = AddressTable(settings.addressFilters.map(\.prefix))
        table = NameTable(names.names)
        entries = names.inherited
        isIdle = names.names.isEmpty && views.isEmpty
        self.views = views
    }

    /// Every upstream, as ``UpstreamID`` counts them.
    public var upstreams: [UpstreamAddress] { groups.flatMap(\.self) }

    /// Which view a client is in, as far as names are concerned; 0 for all clients that nothing particular holds for.
    @inline(__always)
    func view(of client: IPAddress) -> Int { views.isEmpty ? 0 : views.view(of: client) }

    /// What parts the cached answers of a view with rules of its own from those of others: it is laid over the hash of
    /// every name. The hashes of one name under two such words differ in their lower half, by which the cache finds.
    @inline(__always)
    func salt(_ view: Int) -> UInt64 { view == 0 ? 0 : views.salt(view) }

    /// What holds for a name in a view.
    func entry(for name: borrowing Name, in view: Int) -> Entry {
        let match = table.longest(name)
        var entry = match.place >= 0 ? entries[match.place] : Entry()
        if match.offset > 0 {
            entry.local = -1
            entry.exists = false
        }
        guard view > 0 else { return entry }
        if let rule = views.rule(for: name, in: view) { entry.rule = Int32(domains.count - views.rules.count + rule) }
        if let isExcluded = views.isExcluded(name, in: view) { entry.isExcluded = isExcluded }
        return entry
    }

    /// Whether a question about a name that lies in a message is answered out of the cache as if no name was named: there
    /// are no local records and no filter for it, and if a forwarding rule holds for it, it asks upstreams; and AAAA
    /// records are made for it for everybody.
    @inline(never)
    func saysNothing(_ message: borrowing RawSpan, _ name: PlacedName, _ type: RecordType, in view: Int) -> Bool {
        let match = table.longest(message, name)
        var rule: Int32 = -1
        if match.place >= 0 {
            let entry = entries[match.place]
            guard entry.filter < 0, match.offset > 0 || entry.local < 0, type != .aaaa || !entry.isExcludedSomewhere
            else { return false }
            rule = entry.rule
        }
        if view > 0, let own = views.rule(for: message, name, in: view) {
            rule = Int32(domains.count &- views.rules.count &+ own)
        }
        return rule < 0 || asksUpstreams[Int(rule)]
    }

    /// The group of upstreams that are asked about a name; nothing if nobody is.
    func group(for name: borrowing Name, in view: Int) -> Int? {
        guard !isIdle else { return 0 }
        let entry = entry(for: name, in: view)
        guard entry.local < 0 else { return nil }
        guard entry.rule >= 0 else { return 0 }
        guard case .group(let group) = directions[Int(entry.rule)] else { return nil }
        return group
    }

    /// Whether what upstreams of a group say about a name at the end of an alias is not believed: there are local records
    /// of it, or a rule of its own asks others or nobody. A rule for the root is for what nobody else knows.
    func leadsAway(from group: Int, _ name: borrowing Name, in view: Int) -> Bool {
        guard !isIdle else { return false }
        let entry = entry(for: name, in: view)
        if entry.local >= 0 { return true }
        return entry.rule >= 0 && !domains[Int(entry.rule)].isRoot && directions[Int(entry.rule)] != .group(group)
    }

    /// Whether an answer has to be looked at because an alias in it leads to a name: there is a filter for it, or nothing
    /// is synthesized for it, or it is blocked.
    func minds(aliasTo name: borrowing Name, in view: Int) -> Bool {
        guard !isIdle else { return false }
        let entry = entry(for: name, in: view)
        return entry.filter >= 0 || entry.isExcludedSomewhere || blocks(entry)
    }

    /// The filter for a name.
    func filter(of name: borrowing Name) -> FilterAction? {
        let match = table.longest(name)
        guard match.place >= 0, entries[match.place].filter >= 0 else { return nil }
        return filters[Int(entries[match.place].filter)]
    }

    /// Whether the rule of a name says that it does not exist.
    func blocks(_ entry: Entry) -> Bool { entry.rule >= 0 && directions[Int(entry.rule)] == .block }

    /// The names about which answers may be other ones than under other settings; what is cached about them and about
    /// the names below, or led there by an alias, is to be forgotten. Rules of views are not among them: other rules make
    /// another part of the cache.
    public static func changed(from old: DNS64Settings, to new: DNS64Settings) -> [Name] {
        let rules = Set(old.rules).symmetricDifference(new.rules).map(\.domain)
        let records = Set(old.localRecords).symmetricDifference(new.localRecords).map(\.name)
        // Answers do not change by these, but what an alias leads to is noted with them.
        let filters = Set(old.nameFilters).symmetricDifference(new.nameFilters).map(\.name)
        let excluded = old.allExcludedDomains.symmetricDifference(new.allExcludedDomains)
        return Array(Set(rules + records + filters).union(excluded))
    }
}

extension DNS64Settings {
    fileprivate var allExcludedDomains: Set<Name> {
        Set(excludedDomains + views.flatMap { $0.excludedDomains ?? [] })
    }
}

/// Names with what holds for each, while they are gathered.
private struct NameEntries {
    private(set) var names: [Name] = []
    private var entries: [NameRules.Entry] = []
    private var places: [Name: Int] = [:]

    mutating func change(_ name: Name, _ body: (inout NameRules.Entry) -> Void) {
        let place = places[name] ?? names.count
        if place == names.count {
            places[name] = place
            names.append(name)
            entries.append(NameRules.Entry())
        }
        body(&entries[place])
    }

    /// What holds for each name, with what it leaves open taken from the next name above that has it.
    var inherited: [NameRules.Entry] {
        var result = entries
        let labels = names.map(\.labelCount)
        for place in names.indices.sorted(by: { labels[$0] < labels[$1] }) {
            var name = names[place]
            while let above = name.parent {
                name = above
                // It has all from above already.
                guard let higher = places[name].map({ result[$0] }) else { continue }
                if result[place].rule < 0 { result[place].rule = higher.rule }
                if result[place].filter < 0 { result[place].filter = higher.filter }
                if higher.isExcluded { result[place].isExcluded = true }
                if higher.isExcludedSomewhere { result[place].isExcludedSomewhere = true }
                break
            }
        }
        return result
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
}
