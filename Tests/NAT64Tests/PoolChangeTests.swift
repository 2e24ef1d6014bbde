import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Changing the pool while it is in use")
struct PoolChangeTests {
    private static func entry(_ first: UInt8, _ last: UInt8, ports: ClosedRange<Port> = PoolEntry.usualPorts)
        -> PoolEntry
    {
        PoolEntry(addresses: IPv4Address(192, 0, 2, first)...IPv4Address(192, 0, 2, last), ports: ports)
    }

    @Test("an address that is added is used at once, and nothing changes for the bindings there are")
    func adding() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 1)] }
        let before = world.send(.tcp, world.client(1, 5000), world.peer(1), .syn).value
        #expect(world.tables.change(pool: [Self.entry(1, 8)]))
        var addresses: Set<IPv4Address> = []
        for network in 0..<200 as Range<UInt64> {
            let client = world.client(1, 5000, network: 100 + network)
            guard let external = world.send(.udp, client, world.peer(1)).value else { continue }
            addresses.insert(external.address)
            #expect(world.receive(.udp, external, world.peer(1)).value == .client(client, prefix: 0))
        }
        #expect(addresses.count == 8)
        #expect(world.send(.tcp, world.client(1, 5000), world.peer(1), .ack).value == before)
        #expect(world.tables.poolUse().count == 1)
        #expect(world.tables.brokenInvariants() == [])
    }

    /// The address that each client network gets for a binding it does not have yet.
    private func addresses(
        _ world: TablesFixture,
        _ networks: Range<UInt64>,
        port: UInt16,
        _ transport: TransportProtocol = .udp
    ) -> [UInt8] {
        networks.map { network in
            let client = world.client(2, port, network: network)
            let external = world.send(transport, client, world.peer(1), .syn).value
            return UInt8(truncatingIfNeeded: external?.address.bits ?? 0)
        }
    }

    @Test("NAT-05 CGN-01 a network with bindings keeps its address when others are added, in every protocol")
    func keepingAddress() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 1)] }
        let networks = 0..<64 as Range<UInt64>
        #expect(addresses(world, networks, port: 5000) == Array(repeating: 1, count: 64))
        #expect(world.tables.change(pool: [Self.entry(1, 8)]))
        for transport in TransportProtocol.allCases {
            #expect(addresses(world, networks, port: 6000, transport) == Array(repeating: 1, count: 64))
        }
        #expect(Set(addresses(world, 100..<200, port: 5000)).count == 8, "others go where their hash leads")
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("NAT-05 so it does over several changes, while other addresses drain and when they have gone")
    func keepingAddressOverChanges() {
        let world = TablesFixture {
            $0.pool = [Self.entry(1, 4)]
            $0.portHoldDown = .zero
        }
        let networks = 0..<64 as Range<UInt64>
        let before = addresses(world, networks, port: 5000, .tcp)
        let pools: [[PoolEntry]] = [
            [Self.entry(2, 9)],
            [Self.entry(2, 4), Self.entry(20, 29)],
            [Self.entry(3, 3), Self.entry(2, 2, ports: Port(5000)...Port(9000))],
            [Self.entry(1, 8)],
        ]
        var port: UInt16 = 6000
        var known = before
        for pool in pools {
            #expect(world.tables.change(pool: pool))
            for _ in 0..<2 {
                let after = addresses(world, networks, port: port)
                port += 1
                for (old, new) in zip(known, after) where pool.contains(where: { $0.holds(old) }) {
                    #expect(new == old, "\(pool)")
                }
                #expect(after.allSatisfy { address in pool.contains { $0.holds(address) } })
                known = after
                world.pass(.seconds(10))
                world.sweep()
                _ = world.dropDrained()
            }
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a network that has kept its address goes where its hash leads when its last port there is free")
    func lettingGo() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 1)] }
        let networks = 0..<64 as Range<UInt64>
        _ = addresses(world, networks, port: 5000)
        _ = addresses(world, 0..<1, port: 5000, .tcp)
        #expect(!world.tables.renewPairings())
        #expect(world.tables.change(pool: [Self.entry(1, 8)]))
        world.pass(.seconds(301))
        world.sweep()
        #expect(!world.tables.renewPairings(), "their ports rest, and the clients get them back")
        world.pass(.seconds(121))
        world.sweep()
        #expect(world.tables.renewPairings())
        #expect(!world.tables.renewPairings())
        #expect(Set(addresses(world, networks, port: 7000)).count == 8)
        #expect(world.tables.pool.layout.pairings.count == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("NAT-05 a network takes its further blocks of ports at the address it has after a change too")
    func keepingAddressOfBlocks() {
        let world = TablesFixture {
            $0.pool = [Self.entry(1, 1)]
            $0.portBlockSize = 64
        }
        for network in 0..<16 as Range<UInt64> {
            world.send(.udp, world.client(1, 5000, network: network), world.peer(1))
        }
        #expect(world.tables.change(pool: [Self.entry(1, 8)]))
        for network in 0..<16 as Range<UInt64> {
            for port in 6000..<6100 as Range<UInt16> {
                let external = world.send(.udp, world.client(1, port, network: network), world.peer(1)).value
                #expect(external?.address == IPv4Address(192, 0, 2, 1))
            }
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a network that has kept its address and finds no port there goes on with others, where that is allowed")
    func spilling() {
        for spills in [true, false] {
            let world = TablesFixture {
                $0.pool = [Self.entry(1, 1, ports: Port(2000)...Port(2063))]
                $0.limits.spillsToOtherAddresses = spills
            }
            for host in 0..<64 as Range<UInt64> { world.send(.udp, world.client(host, 5000), world.peer(1)) }
            #expect(world.tables.change(pool: [Self.entry(1, 4, ports: Port(2000)...Port(2063))]))
            let external = world.send(.udp, world.client(100, 5000), world.peer(1))
            #expect(spills ? external.value != nil : external.failure == .poolExhausted)
            let others = (2..<30 as Range<UInt64>).compactMap { network in
                world.send(.udp, world.client(1, 5000, network: network), world.peer(1)).value
            }
            #expect(!others.isEmpty)
        }
    }

    @Test("what networks keep is found among many, and of those only")
    func pairings() {
        var dice = Dice(state: 9)
        var numbers: [UInt64: Int] = [:]
        for _ in 0..<5000 { numbers[dice.next()] = Int.random(in: 0..<NAT64Settings.mostPoolAddresses, using: &dice) }
        let pairings = Pairings(numbers)
        let copy = pairings.copy()
        defer { copy.free() }
        pairings.free()
        #expect(copy.count == 5000)
        #expect(numbers.allSatisfy { copy.number(for: $0.key) == $0.value })
        #expect((0..<5000).allSatisfy { _ in copy.number(for: dice.next()) == nil })
        #expect(Pairings([:]).count == 0 && Pairings().copy().number(for: 7) == nil)
    }

    @Test("of an address shared with the host, only bindings at ports that are the host's again end with a change")
    func portsOfHost() {
        func shared(_ ports: ClosedRange<Port>) -> [PoolEntry] {
            let address = IPv4Address(192, 0, 2, 1)
            return [PoolEntry(addresses: address...address, ports: ports, sharedWithHost: true)]
        }
        let world = TablesFixture { $0.pool = shared(Port(61440)...Port(65535)) }
        for host in 0..<200 as Range<UInt64> {
            world.send(.udp, world.client(host, 5000), world.peer(1))
            world.send(.udp, world.client(host, 5000), world.peer(2))
            world.send(.tcp, world.client(host, 5000), world.peer(1), .syn)
        }
        let before = Set(world.bindings())
        #expect(world.tables.change(pool: shared(Port(50000)...Port(65535))))
        world.tables.endBindings(of: [])
        #expect(Set(world.bindings()) == before)
        #expect(world.tables.change(pool: shared(Port(50000)...Port(63000))))
        world.tables.endBindings(of: [])
        #expect(Set(world.bindings()) == before.filter { $0.external.port.number <= 63000 })
        #expect(world.tables.totals().heldPorts == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("an address that is removed gets no new binding, keeps those it has, and goes with the last of them")
    func draining() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 2)] }
        var bound: [TransportAddress6: TransportAddress4] = [:]
        for network in 0..<50 as Range<UInt64> {
            let client = world.client(1, 5000, network: network)
            bound[client] = world.send(.tcp, client, world.peer(1), .syn).value
        }
        let removed = IPv4Address(192, 0, 2, 2)
        let staying = bound.filter { $0.value.address == removed }
        #expect(!staying.isEmpty && staying.count < 50)
        #expect(world.tables.change(pool: [Self.entry(1, 1)]))
        #expect(world.tables.poolUse().map(\.isDraining) == [false, true])
        #expect(world.tables.poolUse()[1].portsInUse == staying.count)
        for network in 1000..<1100 as Range<UInt64> {
            let external = world.send(.tcp, world.client(1, 5000, network: network), world.peer(1), .syn).value
            #expect(external?.address == IPv4Address(192, 0, 2, 1))
        }
        for (client, external) in staying {
            #expect(world.receive(.tcp, external, world.peer(1), [.syn, .ack]).value == .client(client, prefix: 0))
            #expect(world.send(.tcp, client, world.peer(1), .ack).value == external)
            #expect(world.send(.tcp, client, world.peer(2), .syn).value == external, "mapping stays independent")
        }
        #expect(!world.dropDrained())
        world.pass(.seconds(300))
        world.sweep()
        #expect(!world.dropDrained(), "established sessions go on")
        #expect(world.tables.brokenInvariants() == [])
        world.pass(.seconds(7300))
        world.sweep()
        world.pass(.seconds(300))
        world.sweep()
        #expect(world.tables.totals().sessions.all == 0)
        #expect(world.dropDrained())
        #expect(!world.dropDrained())
        #expect(world.tables.poolUse().count == 1)
        #expect(world.tables.standing(of: removed) == .outside)
    }

    @Test("CGN-09 a port of a removed address that rests is not given back to its client, who gets one that stays")
    func heldWhileDraining() {
        let world = TablesFixture { $0.pool = [Self.entry(2, 2)] }
        let before = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.tables.change(pool: [Self.entry(1, 1)]))
        #expect(!world.dropDrained(), "the port rests")
        let after = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        #expect(before?.address == IPv4Address(192, 0, 2, 2))
        #expect(after?.address == IPv4Address(192, 0, 2, 1))
        #expect(world.dropDrained())
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("an address that comes back while it drains goes on as if nothing had been")
    func comingBack() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 4)] }
        var bound: [TransportAddress6: TransportAddress4] = [:]
        for network in 0..<100 as Range<UInt64> {
            let client = world.client(1, 5000, network: network)
            bound[client] = world.send(.udp, client, world.peer(1)).value
        }
        #expect(world.tables.change(pool: [Self.entry(2, 3)]))
        #expect(world.tables.poolUse().map(\.isDraining) == [true, false, true])
        #expect(world.tables.change(pool: [Self.entry(1, 4)]))
        #expect(world.tables.poolUse().map(\.isDraining) == [false])
        #expect(world.tables.poolUse()[0].portsInUse == 100)
        for (client, external) in bound { #expect(world.send(.udp, client, world.peer(1)).value == external) }
        let addresses = (200..<300 as Range<UInt64>).compactMap {
            world.send(.udp, world.client(1, 5000, network: $0), world.peer(1)).value?.address
        }
        #expect(Set(addresses).count == 4)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("bindings of an address that the machine has lost end at once, resting ports too, and no others")
    func lostAddress() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 2)] }
        for network in 0..<50 as Range<UInt64> {
            let client = world.client(1, 5000, network: network)
            for peer in 1...3 as ClosedRange<UInt32> { world.send(.udp, client, world.peer(peer)) }
            world.send(.tcp, client, world.peer(1), .syn)
        }
        let staying = world.bindings().filter { $0.external.address == IPv4Address(192, 0, 2, 1) }
        #expect(world.tables.change(pool: [Self.entry(1, 1)]))
        world.tables.endBindings(of: [IPv4Address(192, 0, 2, 2)])
        #expect(world.dropDrained())
        #expect(Set(world.bindings()) == Set(staying))
        #expect(world.tables.totals().heldPorts == 0)
        #expect(world.tables.poolUse().count == 1)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a pool that is removed as a whole refuses new bindings and goes on with those it has")
    func nothingLeft() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 4)] }
        let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        #expect(world.tables.change(pool: []))
        #expect(world.send(.udp, world.client(2, 5000), world.peer(1)).failure == .poolExhausted)
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value == external)
        #expect(world.receive(.udp, external, world.peer(1)).value != nil)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("other ports hold for new bindings, and bindings on the old ones live on")
    func otherPorts() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 1, ports: Port(2000)...Port(2063))] }
        let old = (0..<64 as Range<UInt64>).map { world.send(.udp, world.client($0, 5000), world.peer(1)).value }
        #expect(world.send(.udp, world.client(100, 5000), world.peer(1)).failure == .poolExhausted)
        #expect(world.tables.change(pool: [Self.entry(1, 1, ports: Port(2032)...Port(2095))]))
        let new = (100..<200 as Range<UInt64>).compactMap {
            world.send(.udp, world.client($0, 5000), world.peer(1)).value?.port.number
        }
        #expect(Set(new) == Set(2064...2095))
        for host in 0..<64 as Range<UInt64> {
            #expect(world.send(.udp, world.client(host, 5000), world.peer(1)).value == old[Int(host)])
            #expect(world.receive(.udp, old[Int(host)], world.peer(1)).value != nil)
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("numbers of addresses that have gone are used again only when every worker looks at the new pool")
    func numbers() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 10)] }
        let pool = world.tables.pool.layout.find(IPv4Address(192, 0, 2, 7))?.number
        #expect(world.tables.change(pool: [Self.entry(1, 6)]))
        #expect(world.dropDrained())
        #expect(world.tables.change(pool: [Self.entry(1, 6), Self.entry(20, 23)]))
        let taken = world.tables.pool.layout.all.flatMap { Array($0.numbers) }
        #expect(!taken.contains(pool ?? 0))
        world.tables.pool.stampRetired(5)
        world.tables.pool.reclaim(seen: 4)
        #expect(world.retiredPools == 4)
        world.tables.pool.reclaim(seen: 5)
        #expect(world.retiredPools == 0)
        #expect(world.tables.change(pool: [Self.entry(1, 6), Self.entry(20, 23), Self.entry(30, 30)]))
        #expect(world.tables.pool.layout.find(IPv4Address(192, 0, 2, 30))?.number == pool)
        let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        #expect(external != nil)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a pool of too many addresses is not taken over, with those that drain counted in")
    func tooMany() {
        let first = IPv4Address(10, 0, 0, 0)
        let half = PoolEntry(addresses: first...IPv4Address(10, 0, 127, 255))
        let other = PoolEntry(addresses: IPv4Address(10, 1, 0, 0)...IPv4Address(10, 1, 127, 255))
        let world = TablesFixture { $0.pool = [half] }
        #expect(!world.tables.change(pool: [half, other]), "one more than fits")
        #expect(world.tables.pool.layout.addressCount == 32_768)
        #expect(!world.tables.change(pool: [other]), "the others drain at first")
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value != nil)
    }

    @Test("random changes of the pool keep every invariant, and no session finds another client")
    func randomChanges() {
        let world = TablesFixture {
            $0.pool = [Self.entry(1, 4)]
            $0.portHoldDown = .seconds(20)
        }
        var dice = Dice(state: 12)
        var generation: UInt64 = 1
        for round in 0..<60 {
            for _ in 0..<60 {
                let client = world.client(
                    .random(in: 0..<40, using: &dice),
                    5000,
                    network: .random(in: 0..<40, using: &dice)
                )
                let transport: TransportProtocol = Bool.random(using: &dice) ? .udp : .tcp
                guard let external = world.send(transport, client, world.peer(1), .syn).value else { continue }
                #expect(world.receive(transport, external, world.peer(1), .ack).value == .client(client, prefix: 0))
            }
            var entries: [PoolEntry] = []
            for _ in 0..<Int.random(in: 1...4, using: &dice) {
                let first = UInt8.random(in: 1...20, using: &dice)
                let port = UInt16.random(in: 1024...1100, using: &dice)
                entries.append(
                    Self.entry(first, first + .random(in: 0...4, using: &dice), ports: Port(port)...Port(9000))
                )
            }
            #expect(world.tables.change(pool: entries))
            world.pass(.seconds([5, 60, 250].randomElement(using: &dice) ?? 5))
            world.sweep()
            _ = world.dropDrained()
            generation += 1
            world.tables.pool.stampRetired(generation)
            world.tables.pool.reclaim(seen: Bool.random(using: &dice) ? generation : 0)
            #expect(world.tables.brokenInvariants() == [], "round \(round)")
        }
    }
}

extension PoolEntry {
    /// Whether an address of 192.0.2.0/24 is one of these.
    fileprivate func holds(_ last: UInt8) -> Bool { addresses.contains(IPv4Address(192, 0, 2, last)) }
}
