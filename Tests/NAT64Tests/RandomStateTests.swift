import IPAddressing
import PacketWire
import Policy
import Synchronization
import Testing
import Timing

@testable import NAT64

/// One random life of small tables: settings, traffic, time and changes at runtime, all from a seed.
struct StateRun {
    struct Key: Hashable {
        var transport: TransportProtocol
        var client: TransportAddress6
    }
    struct Talk: Hashable {
        var transport: TransportProtocol
        var external: TransportAddress4
        var peer: TransportAddress4
    }

    enum Kind { case send, receive, time, other }

    var dice: Dice
    let world: TablesFixture
    var text: [String] = []
    var flaws: [String] = []
    var bindings: [Key: BindingRecord] = [:]
    var sessions: [Talk: SessionRecord] = [:]
    var statics: [StaticBinding] = []
    var generation: UInt64 = 1
    /// Ports freed by lifetimes, who had them and until when they rest.
    var resting: [PoolPort: (client: TransportAddress6, until: Moment)] = [:]
    /// Whose a block of ports is, by what the log says.
    var logged: [IPv4Address: [ClosedRange<Port>: IPv6Prefix]] = [:]
    var entries: [PoolEntry] = []
    var withheld: Set<PoolPort> = []
    var isComputed = false
    /// The last operation, for the checks after it.
    var kind = Kind.other

    var settings: NAT64Settings { world.tables.settings }

    init(seed: UInt64) {
        var dice = Dice(state: seed)
        func pick<T>(_ choices: [T]) -> T { choices[Int(dice.next() % UInt64(choices.count))] }
        let usesBlocks = pick([false, false, true])
        let computed = pick([false, false, false, true])
        var mapping: DeterministicMapping?
        if computed, let prefix = IPv6Prefix("2001:db8::/63") {
            let first = IPv4Address(198, 51, 100, 101)
            mapping = DeterministicMapping(
                clients: prefix,
                addresses: first...first,
                ports: Port(5000)...Port(5000 + pick([30, 47, 63])),
                clientsPerAddress: 2,
                overflowParts: pick([0, 1, 2]),
                mostPorts: nil,
                blockSize: pick([2, 4, 8])
            )
            if mapping?.complaint != nil { mapping = nil }
        }
        let entry = Self.entry(1, pick([1, 1, 2, 3]), usesBlocks, &dice)
        entries = [entry]
        if let mapping {
            entries.append(PoolEntry(addresses: mapping.addresses, ports: mapping.ports, isComputed: true))
        }
        let rules = Filtering.Rule.allCases
        let entries = entries
        world = TablesFixture { settings in
            settings.pool = entries
            if let mapping { settings.deterministic = [mapping] }
            settings.filtering.udp = pick(rules)
            settings.filtering.tcp = pick(rules)
            settings.filtering.icmp = pick(rules)
            settings.filtering.admitsConnectionsFromOutside = pick([true, true, false])
            settings.portHoldDown = .seconds(pick([0, 5, 120]))
            settings.mostHeldPorts = pick([0, 0, 64])
            if usesBlocks { settings.portBlockSize = 64 } else { settings.overloadsPorts = pick([false, true]) }
            settings.limits.sessionsPerClient = pick([0, 0, 3, 20])
            settings.limits.sessionsPerBinding = pick([0, 0, 1, 3])
            settings.limits.portsPerClient = pick([0, 0, 4, 12])
            settings.limits.portBlocksPerClient = pick([1, 2, 8])
            settings.limits.newBindingsPerSecond = pick([0, 0, 0, 2])
            settings.limits.portsForNewClients = pick([0, 0, 10, 50])
            settings.limits.spillsToOtherAddresses = pick([true, true, false])
            settings.limits.clientLength = computed ? 64 : pick([64, 64, 128, 62])
            settings.maximumBindings = pick([4096, 4096, 30])
            settings.maximumFurtherSessions = pick([1024, 1024, 5])
            settings.translation.heldSYNs = pick([0, 2, 64])
        }
        isComputed = mapping != nil
        self.dice = dice
        text.append("settings: pool \(entries) \(Self.short(world.tables.settings))")
    }

    static func short(_ s: NAT64Settings) -> String {
        "filter \(s.filtering) limits \(s.limits) hold \(s.portHoldDown) held \(s.mostHeldPorts) overload \(s.overloadsPorts) blocks \(s.portBlockSize) max \(s.maximumBindings)/\(s.maximumFurtherSessions) syns \(s.translation.heldSYNs) det \(s.deterministic)"
    }

    static func entry(_ first: UInt8, _ count: Int, _ usesBlocks: Bool, _ dice: inout Dice) -> PoolEntry {
        func pick<T>(_ choices: [T]) -> T { choices[Int(dice.next() % UInt64(choices.count))] }
        let low = IPv4Address(198, 51, 100, first)
        let start = pick([5000, 5001, 5056, 5080])
        let ports = usesBlocks ? pick([100, 200, 300]) : pick([1, 8, 9, 16, 33, 64])
        return PoolEntry(
            addresses: low...IPv4Address(bits: low.bits + UInt32(count) - 1),
            ports: Port(UInt16(start))...Port(UInt16(start + ports - 1)),
            sharedWithHost: pick([false, false, true])
        )
    }

    mutating func pick<T>(_ choices: [T]) -> T { choices[Int(dice.next() % UInt64(choices.count))] }
    mutating func chance(_ percent: UInt64) -> Bool { dice.next() % 100 < percent }
    mutating func flaw(_ what: String) { flaws.append("step \(text.count - 1): \(what)") }

    mutating func go(_ steps: Int) {
        for step in 0..<steps {
            let before = (bindings, sessions)
            act()
            look()
            compare(before.0, before.1)
            if step % 16 == 15 || !flaws.isEmpty { invariants() }
            if !flaws.isEmpty { return }
        }
        invariants()
        if flaws.isEmpty { end() }
    }

    mutating func invariants() {
        for broken in world.tables.brokenInvariants() { flaw(broken) }
    }

    mutating func act() {
        kind = .other
        let roll = dice.next() % 100
        switch roll {
        case 0..<50: send()
        case 50..<74: receive()
        case 74..<86: time()
        case 86..<89: changePool()
        case 89..<92: adoptStatic()
        case 92..<94: withhold()
        case 94: drop()
        case 95: endDraining()
        case 96: renew()
        case 97: policy()
        default: collect()
        }
        if chance(30) { collect() }
    }
}

@Suite("Random lives of the tables")
struct RandomStateTests {
    @Test("whatever happens in whatever order, ports have one owner, limits hold, nothing is lost and all comes back")
    func lives() {
        let first = UInt64(environment("NAT64_STATE_SEED") ?? 1)
        let count = UInt64(environment("NAT64_STATE_RUNS") ?? 6)
        let steps = environment("NAT64_STATE_STEPS") ?? 120
        for seed in first..<first + count {
            var run = StateRun(seed: seed)
            run.go(steps)
            guard !run.flaws.isEmpty else { continue }
            Issue.record("seed \(seed): \(run.flaws.prefix(4))")
            if environment("NAT64_STATE_TEXT") != nil {
                print(run.text.enumerated().map { "\($0): \($1)" }.joined(separator: "\n"))
            }
        }
    }
}
