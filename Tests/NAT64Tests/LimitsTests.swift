import IPAddressing
import PacketWire
import Synchronization
import Testing
import Timing

@testable import NAT64

@Suite("Limits of client networks, RFC 6888 requirements 4 and 5")
struct LimitsTests {
    @Test("CGN-04 a network gets as many ports as it may have, and other networks do not feel it")
    func ports() {
        let world = TablesFixture { $0.limits.portsPerClient = 100 }
        for host in 0..<100 as Range<UInt64> {
            #expect(world.send(.tcp, world.client(host, 5000), world.peer(1), .syn).value != nil)
        }
        #expect(world.send(.tcp, world.client(100, 5000), world.peer(1), .syn).failure == .clientLimit)
        #expect(world.send(.udp, world.client(100, 5000), world.peer(1)).failure == .clientLimit)
        #expect(world.send(.tcp, world.client(5, 5000), world.peer(2), .syn).value != nil, "no new port")
        #expect(world.send(.tcp, world.client(100, 5000, network: 2), world.peer(1), .syn).value != nil)
        world.pass(.seconds(241))
        world.sweep()
        #expect(world.send(.tcp, world.client(100, 5000), world.peer(1), .syn).value != nil)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-04 the length of a client's network can be set", arguments: [(48, 1), (56, 256), (64, 65_536)])
    func clientLength(length: Int, networks: Int) {
        let world = TablesFixture {
            $0.limits.portsPerClient = 1
            $0.limits.clientLength = length
        }
        let step = UInt64(65_536 / networks)
        #expect(world.send(.udp, world.client(1, 5000, network: 0), world.peer(1)).value != nil)
        #expect(world.send(.udp, world.client(1, 5000, network: step), world.peer(1)).value != nil)
        if step > 1 {
            #expect(world.send(.udp, world.client(1, 5000, network: step - 1), world.peer(1)).failure == .clientLimit)
        }
        #expect(world.send(.udp, world.client(9, 5000, network: 0), world.peer(1)).failure == .clientLimit)
    }

    @Test(
        "CGN-11 NAT-09 ports outside of the range, static or left behind, take nothing from what is kept for new clients",
        arguments: [true, false]
    )
    func reserveBesideOthers(spills: Bool) throws {
        let first = TablesFixture.firstExternal
        let world = TablesFixture(ports: Port(2000)...Port(2199)) {
            $0.limits.portsForNewClients = 10
            $0.limits.spillsToOtherAddresses = spills
        }
        let apart = try #require(
            StaticBinding(
                transport: .udp,
                external: first,
                externalPorts: Port(8000)...Port(8199),
                client: world.client(1, 1, network: 9).address,
                clientPorts: Port(8000)...Port(8199)
            )
        )
        #expect(world.tables.adopt([apart], at: world.now).isEmpty)
        let had = (1...100).compactMap { world.send(.udp, world.client(1, $0), world.peer(1)).value }
        #expect(had.count == 100)
        // Half of the ports go; 90 of those that stay may be in use before a client that has one is refused.
        #expect(world.tables.change(pool: [PoolEntry(addresses: first...first, ports: Port(2000)...Port(2099))]))
        let inside = had.count { $0.port.number < 2100 }
        let more = (1...100).map { world.send(.udp, world.client(1, $0, network: 2), world.peer(1)) }
        #expect(more.count { $0.value != nil } == 90 - inside)
        #expect(more.last?.failure == .portsReserved)
        // What was left behind ends, and so does what was not; then all begins anew, beside the static ones.
        world.pass(.seconds(301))
        world.sweep()
        world.pass(.seconds(121))
        world.sweep()
        #expect(!world.dropDrained())
        let last = (1...100).map { world.send(.udp, world.client(1, $0, network: 3), world.peer(1)) }
        #expect(last.count { $0.value != nil } == 90)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-06 NAT-36 a network has as many sessions as it may have, made from either side")
    func sessions() {
        let world = TablesFixture {
            $0.limits.sessionsPerClient = 50
            $0.filtering = Filtering(.endpointIndependent)
        }
        let external = world.send(.udp, world.client(1, 5000), world.peer(0)).value
        for number in 1..<50 as Range<UInt32> {
            if number.isMultiple(of: 2) || number > 37 {
                #expect(world.send(.udp, world.client(1, 5000), world.peer(number)).value != nil)
            } else {
                #expect(world.receive(.udp, external, world.peer(number)).value != nil)
            }
        }
        #expect(world.send(.udp, world.client(1, 5000), world.peer(50)).failure == .clientLimit)
        #expect(world.receive(.udp, external, world.peer(51)).failure == .clientLimit)
        #expect(world.send(.udp, world.client(1, 5000), world.peer(49)).value == external)
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.send(.udp, world.client(1, 5000), world.peer(50)).value != nil)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-06 NAT-36 hosts outside take no more than three quarters of the sessions a network may have, or of all")
    func outsidePart() {
        for changes in [{ $0.limits.sessionsPerClient = 101 }, { $0.maximumFurtherSessions = 100 }]
            as [(inout NAT64Settings) -> Void]
        {
            let world = TablesFixture {
                $0.filtering = Filtering(.endpointIndependent)
                changes(&$0)
            }
            let external = world.send(.udp, world.client(1, 5000), world.peer(0)).value
            let tcp = world.send(.tcp, world.client(1, 5000), world.peer(0), .syn).value
            let before = world.sessions().count
            for number in 1..<200 as Range<UInt32> {
                world.receive(.udp, external, world.peer(number))
                world.receive(.tcp, tcp, world.peer(number), .syn)
            }
            let begun = world.sessions().count - before
            #expect((74...76).contains(begun))
            #expect(world.receive(.udp, external, world.peer(999)).value == nil)
            // What is left is the client's.
            for number in 500..<524 as Range<UInt32> {
                #expect(world.send(.udp, world.client(1, 5000), world.peer(number)).value != nil)
            }
            #expect(world.tables.brokenInvariants() == [])
        }
    }

    @Test("CGN-06 a binding has as many sessions as it may have, and other bindings do not feel it")
    func sessionsOfBinding() {
        let world = TablesFixture { $0.limits.sessionsPerBinding = 10 }
        let client = world.client(1, 5000)
        for transport in [TransportProtocol.udp, .tcp, .icmpQuery] {
            let external = world.send(transport, client, world.peer(1), .syn).value
            for number in 2...10 as ClosedRange<UInt32> {
                #expect(world.send(transport, client, world.peer(number), .syn).value == external)
            }
            #expect(world.send(transport, client, world.peer(11), .syn).failure == .bindingLimit)
            #expect(world.send(transport, client, world.peer(1), .ack).value == external)
            #expect(world.send(transport, client, world.peer(10), .ack).value == external)
            #expect(world.send(transport, world.client(1, 5001), world.peer(11), .syn).value != nil)
        }
        #expect(world.tables.totals().sessions.all == 33, "nothing was counted for what was refused")
        // The first session may end before others: the next peer gets its place.
        world.pass(.seconds(200))
        for number in 2...10 as ClosedRange<UInt32> { world.send(.udp, client, world.peer(number)) }
        world.pass(.seconds(101))
        world.sweep()
        #expect(world.send(.udp, client, world.peer(11)).value != nil)
        #expect(world.send(.udp, client, world.peer(12)).failure == .bindingLimit)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-06 hosts outside do not use up the sessions of a binding", arguments: [(1, 1), (2, 1), (3, 2), (10, 8)])
    func sessionsOfBindingFromOutside(limit: Int, outside: Int) {
        let world = TablesFixture {
            $0.limits.sessionsPerBinding = limit
            $0.filtering = Filtering(.endpointIndependent)
        }
        for transport in [TransportProtocol.udp, .tcp] {
            let client = world.client(1, 5000)
            let external = world.send(transport, client, world.peer(0), .syn).value
            let begun = (1..<20 as Range<UInt32>).map { world.receive(transport, external, world.peer($0), .syn) }
            #expect(begun.compactMap(\.value).count == outside - 1)
            #expect(begun.last?.failure == .bindingLimit)
            // What is left is the client's.
            let own = (100..<120 as Range<UInt32>).map { world.send(transport, client, world.peer($0), .syn) }
            #expect(own.compactMap(\.value).count == limit - outside)
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-06 SYNs that wait for their client take nothing of what it may have")
    func heldSYNsOfBinding() {
        let world = TablesFixture { settings in
            settings.limits.sessionsPerBinding = 4
            settings.limits.sessionsPerClient = 4
        }
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(0), .syn).value
        let strangers = (1...20 as ClosedRange<UInt32>).map { world.receive(.tcp, external, world.peer($0), .syn) }
        #expect(strangers.allSatisfy { $0.value == .hold })
        let own = (1...4 as ClosedRange<UInt32>).map { world.send(.tcp, client, world.peer($0), .syn) }
        #expect(own.compactMap(\.value).count == 3)
        #expect(world.tables.totals().heldSyns == 17, "the client agreed with three")
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-05 a network makes as many bindings in a second as it may make")
    func rate() {
        let world = TablesFixture { $0.limits.newBindingsPerSecond = 20 }
        for second in 0..<5 as Range<UInt64> {
            let results = (0..<200 as Range<UInt64>).map {
                world.send(.tcp, world.client(second * 1000 + $0, 5000), world.peer(1), .syn)
            }
            #expect(results.compactMap(\.value).count == 20)
            #expect(results.last?.failure == .newBindingRate)
            #expect(world.send(.tcp, world.client(1, 5000, network: 9 + second), world.peer(1), .syn).value != nil)
            world.pass(.seconds(1))
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-11 NAT-36 full tables refuse what is new and keep what is there")
    func fullTables() {
        let world = TablesFixture {
            $0.maximumBindings = 640
            $0.maximumFurtherSessions = 64
        }
        var externals: [UInt64: TransportAddress4] = [:]
        var refused: Set<DropReason> = []
        for host in 0..<3000 as Range<UInt64> {
            switch world.send(.udp, world.client(host, 5000), world.peer(1)) {
            case .success(let external): externals[host] = external
            case .failure(let reason): refused.insert(reason)
            }
        }
        #expect(refused == [.tableFull])
        #expect(externals.count == 640)
        for (host, external) in externals {
            #expect(world.send(.udp, world.client(host, 5000), world.peer(1)).value == external)
        }
        guard let host = externals.keys.min() else { return }
        let results = (2..<200 as Range<UInt32>).map { world.send(.udp, world.client(host, 5000), world.peer($0)) }
        #expect(results.last?.failure == .sessionLimit)
        #expect(results.compactMap(\.value).count == 64)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("what a refused packet had been counted for is given back")
    func nothingLeftBehind() {
        let world = TablesFixture(ports: Port(2000)...Port(2009)) { $0.limits.portsPerClient = 1000 }
        for host in 0..<100 as Range<UInt64> { world.send(.tcp, world.client(host, 5000), world.peer(1), .syn) }
        let network = world.tables.networkHash(world.client(1, 5000).address)
        #expect(world.tables.networks.taken(network).ports == 10)
        #expect(world.tables.networks.taken(network).sessions == 10)
        world.pass(.seconds(241))
        world.sweep()
        #expect(world.tables.networks.taken(network).ports == 0)
    }

    @Test("CGN-11 what a full table refuses is not counted")
    func tableFull() {
        let world = TablesFixture {
            $0.maximumBindings = 5
            $0.limits.portsPerClient = 1000
        }
        for host in 0..<5 as Range<UInt64> { world.send(.udp, world.client(host, 5000), world.peer(1)) }
        #expect(world.send(.udp, world.client(5, 5000), world.peer(1)).failure == .tableFull)
        let taken = world.tables.networks.taken(world.tables.networkHash(world.client(1, 5000).address))
        #expect(taken.ports == 5 && taken.sessions == 5)
    }

    @Test("the ports kept for new clients are never fewer than the percentage says")
    func reserveRoundsUp() {
        let world = TablesFixture(ports: Port(2000)...Port(2063)) { $0.limits.portsForNewClients = 10 }
        let results = (0..<64 as Range<UInt64>).map { world.send(.tcp, world.client($0, 5000), world.peer(1), .syn) }
        #expect(results.compactMap(\.value).count == 57)
        #expect(results.last?.failure == .portsReserved)
        #expect(world.send(.tcp, world.client(1, 5000, network: 2), world.peer(1), .syn).value != nil)
    }

    @Test(
        "a network that has nothing any more, or was refused what it had not, leaves its place to others",
        arguments: [0, 1]
    )
    func places(newBindingsPerSecond: Int) {
        var limits = Limits()
        limits.portsPerClient = 10
        limits.newBindingsPerSecond = newBindingsPerSecond
        let networks = ClientNetworks(limits)
        // Their hashes lead all of them to one line, which has eight places.
        for number in 1...40 as ClosedRange<UInt64> {
            let network = (2 * number + 1) << 40 | 5
            do throws(DropReason) {
                try networks.take(network, sessions: 1, ports: 1, second: 1)
                #expect(networks.taken(network) == (1, 1))
                networks.give(back: network, sessions: 1, ports: 1)
            } catch {
                #expect(error == .newBindingRate && newBindingsPerSecond > 0)
            }
            #expect(networks.taken(network) == (0, 0))
        }
        #expect(networks.uncounted.load(ordering: .relaxed) == 0)
    }
}
