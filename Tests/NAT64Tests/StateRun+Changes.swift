import IPAddressing
import PacketWire
import Policy
import Synchronization
import Testing
import Timing

@testable import NAT64

// Changes at runtime.
extension StateRun {
    mutating func changePool() {
        var fresh: [PoolEntry] = []
        let usesBlocks = settings.portBlockSize > 0
        if chance(70) { fresh.append(Self.entry(1, Int(1 + dice.next() % 3), usesBlocks, &dice)) }
        if chance(40) || fresh.isEmpty { fresh.append(Self.entry(4, Int(1 + dice.next() % 2), usesBlocks, &dice)) }
        if chance(30) { fresh = entries.filter { !$0.isComputed } }
        entries = fresh + entries.filter(\.isComputed)
        let fits = world.tables.change(pool: entries, at: world.now)
        if !fits { flaw("no room") }
        if chance(60) { reclaim() }
        // What the server does next: statics are adopted again.
        text.append("pool \(entries)")
        readopt()
    }

    mutating func reclaim() {
        generation += 1
        world.tables.pool.stampRetired(generation)
        world.tables.pool.reclaim(seen: generation)
    }

    mutating func adoptStatic() {
        var wanted: [StaticBinding] = chance(30) ? statics : []
        for _ in 0..<Int(dice.next() % 4) {
            let count = UInt16(1 + dice.next() % 3)
            let client = client()
            let transport = pick(TransportProtocol.allCases)
            let bound = chance(40) ? someBinding() : nil
            let port = bound?.external.port ?? Port(4999 + UInt16(dice.next() % 90))
            guard
                let binding = StaticBinding(
                    transport: bound?.transport ?? transport,
                    external: bound?.external.address ?? IPv4Address(198, 51, 100, UInt8(1 + dice.next() % 5)),
                    externalPorts: port...Port(port.number + count - 1),
                    client: client.address,
                    clientPorts: client.port...Port(client.port.number + count - 1)
                )
            else { continue }
            if wanted.contains(where: { $0.overlapsInside(binding) || $0.overlapsOutside(binding) }) { continue }
            wanted.append(binding)
        }
        statics = wanted
        text.append(
            "static \(wanted.map { "\($0.transport) \($0.external) \($0.externalPorts) \($0.client) \($0.clientPorts)" })"
        )
        readopt()
    }

    mutating func readopt() {
        let refused = world.tables.adopt(statics, at: world.now)
        text[text.count - 1] += " refused \(refused.map { $0.refusal })"
        look()
        for binding in statics where !refused.contains(where: { $0.binding == binding }) {
            for index in 0..<binding.count {
                let found = bindings[Key(transport: binding.transport, client: binding.client(index))]
                if found?.isStatic != true || found?.external != binding.external(index) {
                    flaw("static binding is not in force")
                }
            }
        }
        for (_, refusal) in refused {
            switch refusal {
            case .outsidePool, .portOfHost, .externalOfHost, .tableFull: break
            default: flaw("static refused: \(refusal)")
            }
        }
        let all = statics.reduce(0) { $0 + $1.count }
        if bindings.values.filter(\.isStatic).count > all { flaw("static bindings that nobody wants") }
    }

    mutating func withhold() {
        var wanted: Set<PoolPort> = []
        for _ in 0..<Int(dice.next() % 6) {
            let address = IPv4Address(198, 51, 100, UInt8(1 + dice.next() % 5))
            let external = TransportAddress4(address, Port(4999 + UInt16(dice.next() % 80)))
            wanted.insert(PoolPort(transport: pick(TransportProtocol.allCases), external: external))
            // Ports that clients have are the ones that matter.
            if let bound = someBinding(), chance(70) {
                wanted.insert(PoolPort(transport: bound.transport, external: bound.external))
            }
        }
        let (kept, awaited) = world.tables.withhold(wanted)
        withheld = wanted.filter { port in
            entries.contains {
                $0.sharedWithHost && $0.addresses.contains(port.external.address)
                    && $0.ports.contains(port.external.port)
            }
        }
        text.append("withhold \(wanted): \(kept), \(awaited)")
        if kept + awaited.count != withheld.count { flaw("\(withheld.count) ports are the host's") }
    }

    mutating func drop() {
        let dropped = world.dropDrained()
        if chance(70) { reclaim() }
        text.append("drop: \(dropped)")
    }

    mutating func endDraining() {
        let gone = world.tables.endDraining(after: .seconds(10), at: world.now)
        text.append("end draining: \(gone)")
    }

    mutating func renew() { text.append("renew: \(world.tables.renewPairings())") }

    mutating func policy() {
        generation += 1
        world.policy = TablesFixture.policy(
            clients: pick([["::/0"], ["::/0"], ["2001:db8::/63", "2001:db8:0:4::/64"]]),
            refuse: pick([[], [], ["203.0.0.2/32"]]),
            generation: generation
        )
        world.tables.adopt(policy: world.policy)
        text.append("policy \(world.policy.clients)")
        look()
        for session in sessions.values where !world.policy.clients.admits(.v6(session.client.address)) {
            flaw("session of a refused client is left")
        }
    }

    mutating func collect() {
        for event in world.tables.collectPortBlockEvents(at: world.now) {
            let (address, ports, client) = (event.block.address, event.block.ports, event.block.client)
            if event.isTaken {
                if let other = logged[address]?.keys.first(where: { $0.overlaps(ports) }) {
                    flaw("block \(ports) of \(address) overlaps \(other)")
                }
                logged[address, default: [:]][ports] = client
            } else {
                if logged[address]?[ports] != client { flaw("block \(ports) was never taken") }
                logged[address]?[ports] = nil
            }
        }
    }

    /// A binding there is, if there is one.
    mutating func someBinding() -> BindingRecord? {
        let all = bindings.values.sorted {
            ($0.external.address.bits, $0.external.port.number, $0.client.port.number, $0.transport.rawValue)
                < ($1.external.address.bits, $1.external.port.number, $1.client.port.number, $1.transport.rawValue)
        }
        return all.isEmpty ? nil : pick(all)
    }
}
