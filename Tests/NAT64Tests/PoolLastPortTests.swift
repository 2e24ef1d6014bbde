import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("The last ports of a pool, RFC 6888 requirements 11 and 14")
struct PoolLastPortTests {
    @Test("CGN-13 a pool of 4,096 addresses is filled to the last port, and no port takes more than a few looks")
    func manyAddresses() {
        // Three ports of each address, so that the test is about the addresses.
        let world = TablesFixture(addresses: 4096, ports: Port(2000)...Port(2002))
        var externals: Set<TransportAddress4> = []
        var most: UInt64 = 0
        var looks: UInt64 = 0
        for host in 0..<3 * 4096 as Range<UInt64> {
            guard let external = world.send(.tcp, world.client(host, 5000, network: host), world.peer(1), .syn).value
            else { continue }
            externals.insert(external)
            let now = world.tables.totals().portLooks
            most = max(most, now - looks)
            looks = now
        }
        #expect(externals.count == 3 * 4096)
        // One look at each of three addresses that are closed, four to find an open one, and those at its blocks.
        #expect(most <= 32)
        let refused = world.send(.tcp, world.client(1, 5001, network: 77_777), world.peer(1), .syn)
        #expect(refused.failure == .poolExhausted)
        #expect(world.tables.totals().portLooks - looks <= 9, "a full pool is not searched")
        #expect(world.send(.udp, world.client(1, 5001), world.peer(1)).value != nil)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-13 however full an address is, a port of it is found or not found by a few looks")
    func oneAddress() {
        for transport in [TransportProtocol.udp, .tcp, .icmpQuery] {
            let world = TablesFixture(ports: Port(1)...Port(65_535))
            var most: UInt64 = 0
            var looks: UInt64 = 0
            var given = 0
            for host in 0..<65_535 as Range<UInt64> {
                let port = UInt16(truncatingIfNeeded: host &* 40_503)
                if world.send(transport, world.client(host, port), world.peer(1, 0), .syn).value != nil { given += 1 }
                guard host % 16 == 0 || host > 65_000 else { continue }
                let now = world.tables.totals().portLooks
                most = max(most, host > 65_000 ? now - looks : 0)
                looks = now
            }
            #expect(given == 65_535)
            // Sixteen words of the summary for each of three classes, twice where a search begins at home.
            #expect(most <= 64)
            #expect(world.send(transport, world.client(70_000, 5), world.peer(1, 0), .syn).failure == .poolExhausted)
        }
    }

    @Test("a port given back to a full pool is the next one given out, wherever it was")
    func nextFree() throws {
        let world = TablesFixture(addresses: 64, ports: Port(2000)...Port(2063))
        for host in 0..<64 * 64 as Range<UInt64> { world.send(.tcp, world.client(host, 5000), world.peer(1), .syn) }
        #expect(world.send(.tcp, world.client(9999, 5000), world.peer(1), .syn).failure == .poolExhausted)
        let before = world.bindings()
        #expect(before.count == 4096)
        world.pass(.seconds(200))
        let leaving = try #require(before.randomElement(using: &world.dice))
        for binding in before where binding.client != leaving.client {
            world.send(.tcp, binding.client, world.peer(1), .syn)
        }
        world.pass(.seconds(60))
        world.sweep()
        #expect(world.send(.tcp, world.client(9999, 5000), world.peer(1), .syn).value == leaving.external)
        #expect(world.send(.tcp, world.client(9998, 5000), world.peer(1), .syn).failure == .poolExhausted)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a port kept for a static binding is never given out, inside the range or outside, and counts as used")
    func reserved() {
        let world = TablesFixture(ports: Port(2000)...Port(2063))
        #expect(world.reserve(Port(2001), .udp))
        #expect(world.reserve(Port(443), .udp))
        #expect(!world.reserve(Port(2001), .udp))
        let externals = (0..<70 as Range<UInt64>).compactMap {
            world.send(.udp, world.client($0, 5000), world.peer(1)).value
        }
        #expect(externals.count == 63)
        #expect(!externals.contains { $0.port == Port(2001) })
        #expect(!world.reserve(Port(2002), .udp), "a client has it")
        #expect(world.reserve(Port(2002), .tcp))
        #expect(world.tables.poolUse()[0].portsInUse == 66)
        world.tables.pool.give(back: Port(2001), 0, .udp)
        #expect(world.send(.udp, world.client(99, 5000), world.peer(1)).value?.port == Port(2001))
    }

    @Test("CGN-04 the last ports are kept for networks that have none", arguments: [false, true])
    func reserve(spills: Bool) {
        let world = TablesFixture(addresses: spills ? 4 : 1, ports: Port(2000)...Port(2099)) {
            $0.limits.portsForNewClients = 10
            $0.limits.spillsToOtherAddresses = spills
        }
        let usual: UInt64 = spills ? 360 : 90
        let results = (0..<500 as Range<UInt64>).map { world.send(.udp, world.client($0, 5000), world.peer(1)) }
        #expect(results.compactMap(\.value).count == Int(usual))
        #expect(results.last?.failure == .portsReserved)
        #expect(world.send(.udp, world.client(0, 5000), world.peer(2)).value == results[0].value, "no new port")
        #expect(world.send(.tcp, world.client(0, 5000), world.peer(1), .syn).value != nil, "TCP has ports of its own")
        for network in 2...(spills ? 41 : 11) as ClosedRange<UInt64> {
            #expect(world.send(.udp, world.client(1, 5000, network: network), world.peer(1)).value != nil)
        }
        #expect(world.send(.udp, world.client(1, 5000, network: 99), world.peer(1)).failure == .poolExhausted)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("without a reserve a network may take every port")
    func noReserve() {
        let world = TablesFixture(ports: Port(2000)...Port(2099))
        let results = (0..<100 as Range<UInt64>).map { world.send(.udp, world.client($0, 5000), world.peer(1)) }
        #expect(results.allSatisfy { $0.value != nil })
    }
}

@Suite("Hold-down of freed ports, RFC 6888 requirement 8")
struct HoldDownTests {
    @Test(
        "CGN-09 a freed UDP port or identifier rests for as long as is set, and no shorter",
        arguments: [1, 120, 600]
    )
    func length(seconds: UInt64) throws {
        for transport in [TransportProtocol.udp, .icmpQuery] {
            let world = TablesFixture(ports: Port(2000)...Port(2000)) { $0.portHoldDown = .seconds(seconds) }
            #expect(world.send(transport, world.client(1, 5000), world.peer(1, 0)).value != nil)
            world.pass(.seconds(transport == .udp ? 301 : 61))
            world.sweep()
            #expect(world.tables.totals().heldPorts == 1)
            #expect(world.send(transport, world.client(2, 5000), world.peer(1, 0)).failure == .poolExhausted)
            world.pass(.milliseconds(seconds * 1000 - 900))
            world.sweep()
            #expect(world.send(transport, world.client(2, 5000), world.peer(1, 0)).failure == .poolExhausted)
            world.pass(.seconds(2))
            world.sweep()
            #expect(world.tables.totals().heldPorts == 0)
            #expect(world.send(transport, world.client(2, 5000), world.peer(1, 0)).value != nil)
        }
    }

    @Test("CGN-09 with no hold-down a freed port serves the next client at once, and a TCP port always does")
    func none() {
        for (transport, span) in [(TransportProtocol.udp, 0), (.tcp, 120)] as [(TransportProtocol, UInt64)] {
            let world = TablesFixture(ports: Port(2000)...Port(2000)) { $0.portHoldDown = .seconds(span) }
            #expect(world.send(transport, world.client(1, 5000), world.peer(1), .syn).value != nil)
            world.pass(.seconds(302))
            world.sweep()
            #expect(world.tables.totals().portsInUse == 0)
            #expect(world.send(transport, world.client(2, 5000), world.peer(1), .syn).value != nil)
        }
    }

    @Test("CGN-09 no more ports rest than are to, and those beyond serve the next client at once")
    func count() {
        let world = TablesFixture(ports: Port(2000)...Port(3999)) { $0.mostHeldPorts = 128 }
        for host in 0..<2000 as Range<UInt64> { world.send(.udp, world.client(host, 5000), world.peer(1)) }
        world.pass(.seconds(301))
        world.sweep()
        let held = world.tables.totals().heldPorts
        #expect((100...128).contains(held), "each shard keeps its part")
        let free = (0..<2000 as Range<UInt64>).map { world.send(.udp, world.client($0, 6000), world.peer(1)) }
        #expect(free.compactMap(\.value).count == 2000 - held)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a resting port admits nobody from outside, and takes no port off its client's account")
    func nobodyMayUseIt() {
        let world = TablesFixture(ports: Port(2000)...Port(2001)) { $0.limits.portsPerClient = 1 }
        let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.receive(.udp, external, world.peer(1)).failure == .noSession)
        #expect(world.send(.udp, world.client(2, 5001), world.peer(1)).value != nil)
        #expect(world.tables.totals().heldPorts == 1)
        #expect(world.tables.brokenInvariants() == [])
    }
}
