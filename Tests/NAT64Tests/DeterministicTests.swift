import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Deterministic mapping")
struct DeterministicTests {
    /// Sixteen parts of each address, as in RFC 7422 section 2.3.
    private func mapping(
        _ clients: String = "2001:db8::/60",
        length: Int = 64,
        addresses: UInt32 = 2,
        clientsPerAddress: Int = 15,
        overflowParts: Int = 1,
        most: Int? = nil
    ) throws -> DeterministicMapping {
        let first = TablesFixture.firstExternal
        return DeterministicMapping(
            clients: try #require(IPv6Prefix(clients)),
            clientLength: length,
            addresses: first...IPv4Address(bits: first.bits + addresses - 1),
            clientsPerAddress: clientsPerAddress,
            overflowParts: overflowParts,
            mostPorts: most
        )
    }

    private func fixture(_ mapping: DeterministicMapping) -> TablesFixture {
        TablesFixture { settings in
            settings.deterministic = [mapping]
            settings.portHoldDown = .zero
            settings.pool = [
                PoolEntry(addresses: mapping.addresses, ports: mapping.ports, isComputed: true),
                PoolEntry(addresses: IPv4Address(198, 51, 100, 200)...IPv4Address(198, 51, 100, 200)),
            ]
        }
    }

    @Test("CGN-16 the example of RFC 7422: 4032 ports each, 1024-5055 and 5056-9087, and port 2001 leads back")
    func example() throws {
        let mapping = try mapping()
        #expect(mapping.complaint == nil)
        #expect(mapping.portsPerClient == 4032 && mapping.mostPorts == 5040)
        #expect(mapping.part(of: 0).ports == Port(1024)...Port(5055))
        #expect(mapping.part(of: 1).ports == Port(5056)...Port(9087))
        let first = try #require(IPv6Prefix("2001:db8::/64"))
        let use = mapping.use(of: TablesFixture.firstExternal, Port(2001))
        #expect(use == .client(first, ports: Port(1024)...Port(5055)))
        #expect(mapping.use(of: TablesFixture.firstExternal, Port(1023)) == .nobody)
        #expect(mapping.use(of: TablesFixture.firstExternal, Port(65_535)) == .block(Port(65_472)...Port(65_535)))
        #expect(mapping.use(of: IPv4Address(192, 0, 2, 1), Port(2001)) == nil)
    }

    @Test(
        "CGN-16 every client network's part leads back to it, and no two have a port in common",
        arguments: [
            ("2001:db8::/56", 64, 18, 1), ("2001:db8:6::/48", 56, 7, 0), ("2001:db8::/120", 128, 100, 3),
            ("2001:db8::/57", 63, 1, 2), ("2001:db8::/64", 64, 5, 1), ("2001:db8::/62", 66, 13, 4),
        ]
    )
    func bothWays(_ clients: String, _ length: Int, _ each: Int, _ overflow: Int) throws {
        let mapping = try mapping(
            clients,
            length: length,
            addresses: 300,
            clientsPerAddress: each,
            overflowParts: overflow
        )
        #expect(mapping.complaint == nil)
        var last: UInt64 = 0
        for number in 0..<mapping.clientCount {
            let network = mapping.network(number)
            #expect(mapping.number(of: network.address) == number)
            let (address, ports) = mapping.part(of: number)
            let place = UInt64(address.bits) << 16
            #expect(place | UInt64(ports.lowerBound.number) > last, "overlaps the part before")
            last = place | UInt64(ports.upperBound.number)
            let middle = Port(UInt16((Int(ports.lowerBound.number) + Int(ports.upperBound.number)) / 2))
            for port in [ports.lowerBound, middle, ports.upperBound] {
                #expect(mapping.use(of: address, port) == .client(network, ports: ports))
            }
            #expect(ports.lowerBound.number >= 1024 && mapping.addresses.contains(address))
        }
        #expect(mapping.number(of: IPv6Address(high: 0x2001_0DB9_0000_0000, low: 0)) == nil)
    }

    @Test("CGN-16 numbers that do not go together are refused with what fits")
    func complaints() throws {
        #expect(
            try mapping("2001:db8::/48").complaint?.contains("has 65536 client networks of /64, and 30 fit") == true
        )
        #expect(try mapping("2001:db8::/64", length: 56).complaint?.contains("smaller than one client network") == true)
        #expect(try mapping("::/0", length: 128).complaint?.contains("more than 2^63") == true)
        #expect(try mapping(most: 4000).complaint?.contains("4032 computed ports") == true)
        #expect(try mapping(overflowParts: 0, most: 9000).complaint?.contains("there is no overflow") == true)
        #expect(try mapping(clientsPerAddress: 65_000).complaint?.contains("cannot be cut") == true)
    }

    @Test("CGN-17 the first 4032 flows stay in the client's part, in no order, and nothing is logged")
    func partFirst() throws {
        let mapping = try mapping()
        let fixture = fixture(mapping)
        var seen: [UInt16] = []
        for port in 0..<UInt16(4032) {
            let external = try fixture.send(.udp, fixture.client(1, 2000 + port, network: 1), fixture.peer(1)).get()
            #expect(external.address == TablesFixture.firstExternal)
            seen.append(external.port.number)
        }
        #expect(Set(seen) == Set(5056...9087))
        let steps = zip(seen, seen.dropFirst()).filter { Int($1) - Int($0) == 1 }
        #expect(steps.count < 400)
        #expect(fixture.tables.collectPortBlockEvents(at: fixture.now).isEmpty)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test(
        "CGN-18 flow 4033 takes a block with one record, the cap of 5040 holds, and blocks go back with their last port"
    )
    func overflow() throws {
        let fixture = fixture(try mapping())
        let network = try #require(IPv6Prefix("2001:db8:0:1::/64"))
        for port in 0..<UInt16(5040) {
            let external = try fixture.send(.udp, fixture.client(1, 2000 + port, network: 1), fixture.peer(1)).get()
            #expect((external.port.number >= 61_504) == (port >= 4032))
            if port == 4032 {
                let events = fixture.tables.collectPortBlockEvents(at: fixture.now)
                #expect(events.count == 1)
                let event = try #require(events.first)
                #expect(event.isTaken && event.block.client == network && event.block.address == external.address)
                #expect(event.block.ports.contains(external.port) && event.moment == fixture.now)
            }
        }
        #expect(fixture.send(.udp, fixture.client(1, 9999, network: 1), fixture.peer(1)).failure == .clientLimit)
        #expect(fixture.tables.totals().portBlocks == 16 && fixture.tables.totals().portBlocksInAll == 126)
        #expect(fixture.tables.collectPortBlockEvents(at: fixture.now).count == 15)
        // Blocks are the network's for every protocol, and another network has its own part.
        #expect(fixture.send(.tcp, fixture.client(1, 9999, network: 1), fixture.peer(1), .syn).value != nil)
        let other = fixture.send(.udp, fixture.client(1, 9999, network: 2), fixture.peer(1)).value
        #expect(other.map { (9088...13_119).contains($0.port.number) } == true)
        #expect(fixture.tables.brokenInvariants() == [])
        fixture.pass(.seconds(100_000))
        fixture.sweep()
        #expect(fixture.tables.collectPortBlockEvents(at: fixture.now).isEmpty, "seen empty only now")
        fixture.pass(.seconds(1))
        let back = fixture.tables.collectPortBlockEvents(at: fixture.now)
        #expect(back.count == 16 && back.allSatisfy { !$0.isTaken && $0.block.client == network })
        #expect(fixture.tables.totals().portBlocks == 0)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("CGN-18 NAT-09 all ports of an address are used, and then no other network gets one, nor a port elsewhere")
    func noBlockLeft() throws {
        let fixture = fixture(try mapping(clientsPerAddress: 63, most: 5000))
        // 1008 ports each, and as many for blocks: 15 whole ones and one of 48.
        var externals: Set<Port> = []
        var refused: DropReason?
        for port in 0..<UInt16(2100) where refused == nil {
            let result = fixture.send(.udp, fixture.client(1, 2000 + port, network: 1), fixture.peer(1))
            if let external = result.value { externals.insert(external.port) }
            refused = result.failure
        }
        #expect(refused == .blocksExhausted && externals.count == 2016, "every port there is")
        #expect(fixture.tables.totals().portBlocks == 16)
        let mapping = try mapping(clientsPerAddress: 63, most: 5000)
        let use = mapping.use(of: TablesFixture.firstExternal, Port(65_535))
        #expect(use == .block(Port(65_488)...Port(65_535)))
        #expect(fixture.tables.brokenInvariants() == [])
        #expect(fixture.send(.udp, fixture.client(1, 2000, network: 2), fixture.peer(1)).value != nil)
    }

    @Test("CGN-16 others never get an address with computed ports")
    func others() throws {
        let fixture = fixture(try mapping())
        for network in 100..<UInt64(400) {
            let external = fixture.send(.udp, fixture.client(1, 2000, network: network), fixture.peer(1)).value
            #expect(external?.address == IPv4Address(198, 51, 100, 200))
        }
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test(
        "CGN-16 a client whose computed address leaves the pool gets no port, neither there nor where others share them",
        arguments: [false, true]
    )
    func leaving(overloadsPorts: Bool) throws {
        let mapping = try mapping()
        let rest = PoolEntry(addresses: IPv4Address(198, 51, 100, 200)...IPv4Address(198, 51, 100, 200))
        let fixture = TablesFixture { settings in
            settings.deterministic = [mapping]
            settings.overloadsPorts = overloadsPorts
            settings.pool = [PoolEntry(addresses: mapping.addresses, ports: mapping.ports, isComputed: true), rest]
        }
        #expect(fixture.send(.udp, fixture.client(1, 5000, network: 0), fixture.peer(1)).value != nil)
        #expect(fixture.tables.change(pool: [rest]))
        #expect(fixture.send(.udp, fixture.client(1, 5001, network: 0), fixture.peer(1)).failure == .poolExhausted)
    }
}
