import IPAddressing
import PacketWire
import Policy
import Synchronization
import Testing
import Timing

@testable import NAT64

// What must hold after every step.
extension StateRun {
    mutating func look() {
        bindings = [:]
        sessions = [:]
        for binding in world.bindings()
        where bindings.updateValue(binding, forKey: Key(transport: binding.transport, client: binding.client)) != nil {
            flaw("\(binding.client) has two bindings")
        }
        for session in world.sessions() {
            let talk = Talk(transport: session.transport, external: session.external, peer: session.peer)
            if let other = sessions.updateValue(session, forKey: talk) {
                flaw("two sessions \(talk): \(other.client) and \(session.client)")
            }
        }
    }

    mutating func compare(_ oldBindings: [Key: BindingRecord], _ oldSessions: [Talk: SessionRecord]) {
        let tables = world.tables
        var owners: [PoolPort: [BindingRecord]] = [:]
        var ports: [IPv6Prefix: Int] = [:]
        var talks: [IPv6Prefix: Int] = [:]
        var counts: [Key: Int] = [:]
        for binding in bindings.values {
            owners[PoolPort(transport: binding.transport, external: binding.external), default: []].append(binding)
            if !binding.isStatic { ports[network(binding.client.address), default: 0] += 1 }
        }
        for session in sessions.values {
            talks[network(session.client.address), default: 0] += 1
            counts[Key(transport: session.transport, client: session.client), default: 0] += 1
        }
        for (port, all) in owners where all.count > 1 {
            if !settings.overloadsPorts { flaw("\(port) has two owners") }
            if let place = tables.pool.find(port.external.address),
                tables.pool.owner(place.number, port.transport, port.external.port) != 0
            {
                flaw("\(port) is one's own and shared")
            }
        }
        let limits = settings.limits
        for (key, binding) in bindings {
            if binding.sessions != counts[key] ?? 0 {
                flaw("\(key): \(binding.sessions) sessions told, \(counts[key] ?? 0)")
            }
            if limits.sessionsPerBinding > 0, !binding.isStatic, binding.sessions > limits.sessionsPerBinding {
                flaw("too many sessions")
            }
            if !binding.isStatic, binding.sessions == 0 { flaw("no sessions") }
        }
        if tables.networks.isCounting {
            for number in 0..<5 as Range<UInt64> {
                for host in 1...3 as ClosedRange<UInt64> {
                    let address = world.client(host, 1, network: number).address
                    let taken = tables.networks.taken(tables.networkHash(address))
                    let (s, p) = (talks[network(address)] ?? 0, ports[network(address)] ?? 0)
                    if taken.sessions != s || taken.ports != p {
                        flaw("network \(number): \(taken) counted, (\(s), \(p)) are there")
                    }
                    if limits.sessionsPerClient > 0, s > limits.sessionsPerClient { flaw("\(s) sessions of a network") }
                    if limits.portsPerClient > 0, p > limits.portsPerClient { flaw("\(p) ports of a network") }
                }
            }
        }
        if tables.usesBlocks { collect() }
        let totals = tables.totals()
        if totals.bindings.all != bindings.count || totals.sessions.all != sessions.count {
            flaw("totals \(totals.bindings.all), \(bindings.count)")
        }
        if totals.staticBindings != bindings.values.filter(\.isStatic).count { flaw("static bindings counted wrongly") }
        if totals.portBlocks > totals.portBlocksInAll {
            flaw("\(totals.portBlocks) blocks of \(totals.portBlocksInAll)")
        }
        let used = tables.poolUse().reduce(0) { $0 + $1.portsInUse }
        let kept = tables.withheld.withLock(\.kept.count)
        if used != totals.portsInUse + kept { flaw("\(used) ports used, \(totals.portsInUse) and \(kept) told") }
        // Ports that rest.
        for (port, rest) in resting where rest.until <= world.now || owners[port] != nil { resting[port] = nil }
        if kind != .other, settings.portHoldDown > .zero, settings.mostHeldPorts == 0 {
            for (key, old) in oldBindings where bindings[key] == nil && key.transport != .tcp {
                guard let place = tables.pool.find(old.external.address), !place.isDraining, !settings.overloadsPorts
                else { continue }
                let port = PoolPort(transport: key.transport, external: old.external)
                resting[port] = (key.client, world.now + settings.portHoldDown)
                guard owners[port] == nil else { continue }
                if !tables.pool.space(place.number, key.transport).isUsed(old.external.port) {
                    flaw("freed port \(port) does not rest")
                }
            }
        }
        if kind == .other { resting = [:] }
        if tables.usesBlocks {
            // What the log has to say of every port.
            for binding in bindings.values where !binding.isStatic {
                let isComputed = tables.hasComputedPorts(binding.client.address)
                let block = logged[binding.external.address]?.first { $0.key.contains(binding.external.port) }
                if isComputed, let mapping = settings.deterministic.first,
                    case .client(let prefix, _)? = mapping.use(of: binding.external.address, binding.external.port)
                {
                    if !prefix.contains(binding.client.address) { flaw("computed port of another") }
                    continue
                }
                guard settings.portBlockSize > 0 || isComputed else { continue }
                if let block {
                    if !block.value.contains(binding.client.address) { flaw("log says \(block)") }
                } else {
                    flaw("no block is logged of \(binding)")
                }
            }
            let taken = logged.values.reduce(0) { $0 + $1.count }
            if taken != totals.portBlocks { flaw("\(taken) blocks logged, \(totals.portBlocks) there") }
        }
    }

    /// Lets everything end, and takes all there is once more.
    mutating func end() {
        let tables = world.tables
        statics = []
        _ = tables.adopt([], at: world.now)
        _ = tables.withhold([])
        for _ in 0..<40 {
            world.pass(.seconds(400))
            world.sweep()
            collect()
            tables.countOutside()
        }
        for _ in 0..<3 {
            world.pass(.seconds(400))
            collect()
            _ = world.dropDrained()
            reclaim()
            _ = tables.renewPairings()
        }
        text.append("end")
        look()
        invariants()
        let totals = tables.totals()
        if totals.bindings.all + totals.heldPorts + totals.sessions.all + totals.heldSyns + totals.portBlocks != 0 {
            flaw("left: \(totals)")
        }
        if tables.poolUse().contains(where: { $0.portsInUse != 0 || $0.drainingSince != nil }) { flaw("ports left") }
        for transport in TransportProtocol.allCases where tables.pool.inUse(transport) != 0 { flaw("in use") }
        if tables.networks.isCounting {
            for number in 0..<5 as Range<UInt64> {
                for host in 1...3 as ClosedRange<UInt64> {
                    let taken = tables.networks.taken(
                        tables.networkHash(world.client(host, 1, network: number).address)
                    )
                    if taken != (0, 0) { flaw("taken \(taken)") }
                }
            }
        }
        if tables.pool.layout.pairings.count != 0 { flaw("pairings left") }
        if !logged.values.allSatisfy(\.isEmpty) { flaw("blocks logged") }
        // All ports can be had again.
        world.policy = TablesFixture.policy(generation: generation + 1)
        tables.adopt(policy: world.policy)
        guard settings.limits.spillsToOtherAddresses, settings.maximumBindings > 3000 else { return }
        for transport in TransportProtocol.allCases {
            var got: Set<TransportAddress4> = []
            var last: DropReason?
            for number in 0..<(settings.portBlockSize > 0 ? 300 : 4000) as Range<UInt64> {
                world.pass(.milliseconds(1))
                let ports: UInt16 = settings.portBlockSize > 0 ? 80 : 2
                var isFull = false
                for port in 1...ports {
                    switch world.send(
                        transport,
                        world.client(number, port, network: number &* 16 + 64),
                        world.peer(9),
                        transport == .tcp ? .syn : []
                    ) {
                    case .success(let external): got.insert(external)
                    case .failure(let reason):
                        last = reason
                        isFull = true
                    }
                }
                if isFull, last == .poolExhausted || last == .blocksExhausted { break }
            }
            let layout = tables.pool.layout
            var want = Int(layout.portCount)
            if settings.overloadsPorts {
                want += layout.all.filter { !$0.isComputed }.reduce(0) { $0 + $1.count * $1.ports.sharedCount }
            }
            if settings.portBlockSize > 0 {
                let all = tables.totals()
                let ofComputed = tables.computed.blockCount
                if all.portBlocks != all.portBlocksInAll - ofComputed {
                    flaw("\(all.portBlocks) of \(all.portBlocksInAll) blocks to be had, \(String(describing: last))")
                }
                break
            }
            if settings.overloadsPorts ? got.count < Int(layout.portCount) : got.count != want {
                flaw("\(got.count) of \(want) \(transport) ports to be had, \(String(describing: last))")
            }
        }
        invariants()
    }
}
