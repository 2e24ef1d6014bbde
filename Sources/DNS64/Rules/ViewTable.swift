import DNSWire
import IPAddressing
import PacketMemory

/// What is particular about names to the clients of some networks, made ready to be looked up.
struct ViewTable: Sendable {
    /// What holds for the clients of a network, with what it leaves open taken from wider ones.
    private struct View: Hashable {
        /// The table of its own rules; nothing if the rules for everybody hold.
        var rules: Int?
        /// The table of the domains without synthesis; nothing if it is that for everybody.
        var exclusions: Int?
    }

    /// Rules that belong together.
    private struct RuleSet {
        let table: NameTable
        /// Where its rules begin among ``ViewTable/rules``.
        let first: Int
        let salt: UInt64
    }

    /// The rules of all views.
    let rules: [ForwardingRule]
    private let ruleSets: [RuleSet]
    private let exclusions: [NameTable]
    /// The first is that of clients in no network.
    private let views: [View]
    private let networks: AddressTable
    private let viewOfNetwork: [Int]
    /// Which part of the cache is whose, and how many there were since the start.
    private let parts: [[ForwardingRule]: UInt64]
    private let lastPart: UInt64

    /// Whether there is nothing particular.
    let isEmpty: Bool

    /// - Parameter previous: What was in force before.
    init(_ written: [ViewNames], after previous: ViewTable?) {
        var rules: [ForwardingRule] = []
        var ruleSets: [RuleSet] = []
        var placesOfRules: [[ForwardingRule]: Int] = [:]
        var parts: [[ForwardingRule]: UInt64] = [:]
        var lastPart = previous?.lastPart ?? 0
        var exclusions: [NameTable] = []
        func add(_ set: [ForwardingRule]) -> Int {
            if let place = placesOfRules[set] { return place }
            placesOfRules[set] = ruleSets.count
            var part = previous?.parts[set]
            if part == nil {
                lastPart += 1
                part = lastPart
            }
            parts[set] = part
            // Another lower half for each of them.
            let salt = (part ?? 0) &* 0x9E37_79B9_7F4A_7C15
            ruleSets.append(RuleSet(table: NameTable(set.map(\.domain)), first: rules.count, salt: salt))
            rules += set
            return ruleSets.count - 1
        }
        let own = written.map { view in
            View(
                rules: view.rules.map { $0.isEmpty ? nil : add($0.lastOfEachDomain) } ?? nil,
                exclusions: view.excludedDomains.map { domains in
                    exclusions.append(NameTable(Array(Set(domains))))
                    return exclusions.count - 1
                }
            )
        }
        // The wider network before those inside it.
        let pairs = written.enumerated().flatMap { place, view in view.networks.map { (network: $0, place: place) } }
        var views = [View()]
        var viewOfNetwork: [Int] = []
        for pair in pairs {
            let wider = pairs.filter { $0.network.contains(pair.network) }
                .sorted { $0.network.length > $1.network.length }
            let view = View(
                rules: wider.first { written[$0.place].rules != nil }.flatMap { own[$0.place].rules },
                exclusions: wider.first { written[$0.place].excludedDomains != nil }
                    .flatMap { own[$0.place].exclusions }
            )
            let place = views.firstIndex(of: view) ?? views.count
            if place == views.count { views.append(view) }
            viewOfNetwork.append(place)
        }
        self.rules = rules
        self.ruleSets = ruleSets
        self.exclusions = exclusions
        self.views = views
        self.viewOfNetwork = viewOfNetwork
        self.parts = parts
        self.lastPart = lastPart
        networks = AddressTable(pairs.map(\.network))
        isEmpty = views.count == 1
    }

    /// Which view a client is in; 0 if in none.
    @inline(never)
    func view(of client: IPAddress) -> Int {
        let network = networks.longest(client.mapped)
        return network < 0 ? 0 : viewOfNetwork[network]
    }

    /// What parts the cached answers of a view from those of others.
    func salt(_ view: Int) -> UInt64 { views[view].rules.map { ruleSets[$0].salt } ?? 0 }

    /// A view's own rule for a name, as an index into ``rules``.
    func rule(for name: borrowing Name, in view: Int) -> Int? {
        guard let place = views[view].rules else { return nil }
        let match = ruleSets[place].table.longest(name)
        return match.place < 0 ? nil : ruleSets[place].first &+ match.place
    }

    /// A view's own rule for a name in a message, as an index into ``rules``.
    func rule(for message: borrowing RawSpan, _ name: PlacedName, in view: Int) -> Int? {
        guard let place = views[view].rules else { return nil }
        let match = ruleSets[place].table.longest(message, name)
        return match.place < 0 ? nil : ruleSets[place].first &+ match.place
    }

    /// Whether nothing is synthesized for a name; nothing if the view leaves that open.
    func isExcluded(_ name: borrowing Name, in view: Int) -> Bool? {
        guard let place = views[view].exclusions else { return nil }
        return exclusions[place].longest(name).place >= 0
    }
}

extension [ForwardingRule] {
    /// The rules, of those for the same domain the last.
    fileprivate var lastOfEachDomain: [ForwardingRule] {
        var seen: Set<Name> = []
        return reversed().filter { seen.insert($0.domain).inserted }.reversed()
    }
}
