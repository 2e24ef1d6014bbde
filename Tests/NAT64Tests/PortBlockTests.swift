import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Blocks of ports")
struct PortBlockTests {
    private func fixture(
        addresses: UInt32 = 2,
        size: Int = 64,
        most: Int = 8,
        ports: ClosedRange<Port> = PoolEntry.usualPorts,
        _ change: (inout NAT64Settings) -> Void = { _ in }
    ) -> TablesFixture {
        TablesFixture(addresses: addresses, ports: ports) { settings in
            settings.portBlockSize = size
            settings.limits.portBlocksPerClient = most
            change(&settings)
        }
    }

    /// Sends from so many ports of a network, and returns what stands for them.
    @discardableResult
    private func flows(
        _ fixture: TablesFixture,
        _ count: UInt16,
        network: UInt64 = 1,
        from first: UInt16 = 2000,
        _ transport: TransportProtocol = .udp
    ) -> [Result<TransportAddress4, DropReason>] {
        (first..<first + count).map { port in
            fixture.send(transport, fixture.client(1, port, network: network), fixture.peer(1), .syn)
        }
    }

    private func events(_ fixture: TablesFixture) -> [PortBlockEvent] {
        fixture.tables.collectPortBlockEvents(at: fixture.now)
    }

    /// Every block, in slices of at least so many.
    private func blocks(_ fixture: TablesFixture, inSlicesOf limit: Int = 3) -> [PortBlock] {
        var (all, place) = ([] as [PortBlock], TableCursor.start as TableCursor?)
        while let here = place {
            let (records, next) = fixture.tables.portBlocks(from: here, limit: limit)
            #expect(next == nil || records.count >= limit)
            all += records.map(\.block)
            place = next
        }
        return all
    }

    @Test(
        "LOG-08 a listing in slices of any size has every block once, with the ports in use",
        arguments: [1, 2, 7, 500]
    )
    func slices(limit: Int) {
        let fixture = fixture(addresses: 4, most: 3)
        for network in 1...40 as ClosedRange<UInt64> { flows(fixture, 130, network: network) }
        let all = blocks(fixture, inSlicesOf: limit)
        #expect(all.count == 120 && Set(all).count == 120)
        let records = fixture.tables.portBlocks(from: .start, limit: 1_000).records
        #expect(records.map(\.inUse).reduce(0, +) == 40 * 130)
        #expect(
            records.filter { $0.block.client == IPv6Prefix("2001:db8:0:1::/64") }.map(\.inUse).sorted() == [2, 64, 64]
        )
        let past = TableCursor(rawValue: .max)
        #expect(fixture.tables.portBlocks(from: past, limit: 1).records.isEmpty)
    }

    @Test("LOG-08 a new block is news once, further ports of it are none")
    func news() {
        let fixture = fixture()
        #expect(!fixture.tables.takePortBlockNews())
        flows(fixture, 1)
        #expect(fixture.tables.takePortBlockNews())
        #expect(!fixture.tables.takePortBlockNews())
        flows(fixture, 40, .tcp)
        #expect(!fixture.tables.takePortBlockNews())
        flows(fixture, 1, network: 2)
        #expect(events(fixture).count == 2)
        #expect(fixture.tables.takePortBlockNews(), "asking for the records is not asking for the news")
    }

    @Test("LOG-08 one record says which network has which ports, for however many bindings of every protocol")
    func oneRecord() throws {
        let fixture = fixture()
        let external = flows(fixture, 64).compactMap(\.value)
        #expect(external.count == 64 && Set(external).count == 64)
        let all = events(fixture)
        let block = try #require(all.first?.block)
        #expect(all.count == 1 && all[0].isTaken && all[0].moment == fixture.now)
        #expect(block.client == IPv6Prefix("2001:db8:0:1::/64"))
        #expect(block.ports.upperBound.number - block.ports.lowerBound.number == 63)
        #expect(external.allSatisfy { $0.address == block.address && block.ports.contains($0.port) })
        let others = flows(fixture, 64, .tcp) + flows(fixture, 64, .icmpQuery)
        #expect(others.allSatisfy { $0.value.map { block.ports.contains($0.port) } == true })
        #expect(events(fixture).isEmpty)
        #expect(blocks(fixture) == [block])
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("LOG-08 a second block comes when the first is full, on the same address, and the most is a limit")
    func limit() throws {
        let fixture = fixture(most: 3)
        let results = flows(fixture, 200)
        #expect(results.count { $0.value != nil } == 192)
        #expect(results.suffix(8).allSatisfy { $0.failure == .clientLimit })
        #expect(Set(results.compactMap { $0.value?.address }).count == 1)
        #expect(events(fixture).count == 3 && fixture.tables.totals().portBlocks == 3)
        #expect(flows(fixture, 1, network: 2)[0].value != nil, "others are not touched")
        #expect(flows(fixture, 1, .tcp)[0].value != nil, "TCP has ports of its own in the blocks")
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("LOG-08 no two networks have a port in common, and the journal leads from every port to its client")
    func disjoint() {
        let fixture = fixture()
        var log: [PortBlock] = []
        for network in 1...UInt64(300) {
            let results = flows(fixture, 100, network: network)
            log += events(fixture).map(\.block)
            let client = IPv6Prefix(IPv6Address(high: 0x2001_0DB8_0000_0000 | network, low: 0), length: 64)
            for external in results.compactMap(\.value) {
                let owners = log.filter { $0.address == external.address && $0.ports.contains(external.port) }
                #expect(owners.map(\.client) == [client])
            }
        }
        #expect(log.count == 600)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("CGN-13 every port of the pool can be had, then a refusal with a name, and old bindings stay")
    func everyPort() {
        // The first and the last block are cut off by the range.
        let fixture = fixture(addresses: 2, size: 128, most: 1000, ports: Port(2000)...Port(3003))
        var given: Set<TransportAddress4> = []
        var refused: Set<DropReason> = []
        for port in 0..<UInt16(2100) {
            switch fixture.send(.udp, fixture.client(1, 2000 + port), fixture.peer(1)) {
            case .success(let external): given.insert(external)
            case .failure(let reason): refused.insert(reason)
            }
        }
        #expect(given.count == 2008 && refused == [.blocksExhausted])
        #expect(fixture.tables.totals().portBlocks == 18 && fixture.tables.totals().portBlocksInAll == 18)
        #expect(fixture.tables.totals().bindings.udp == 2008)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("CGN-02 a network whose address has no free block is refused, where it may not go on elsewhere")
    func pairedOnly() {
        let fixture = fixture(addresses: 2, most: 1000, ports: Port(2048)...Port(2559)) {
            $0.limits.spillsToOtherAddresses = false
        }
        let results = flows(fixture, 600)
        #expect(results.count { $0.value != nil } == 512)
        #expect(results.last?.failure == .blocksExhausted)
    }

    @Test("CGN-09 a block is its network's until hold-down after its last port, then everybody's")
    func givenBack() throws {
        let fixture = fixture(addresses: 1, most: 8, ports: Port(2048)...Port(2111)) {
            $0.portHoldDown = .seconds(120)
        }
        flows(fixture, 10)
        #expect(events(fixture).count == 1)
        #expect(flows(fixture, 1, network: 2)[0].failure == .blocksExhausted)
        // The sessions end after five minutes; their ports rest for two, and then the block.
        for second in 0..<530 {
            fixture.pass(.seconds(1))
            fixture.sweep()
            #expect(events(fixture).isEmpty, "after \(second) seconds")
        }
        #expect(fixture.tables.totals().heldPorts == 0 && fixture.tables.totals().bindings.all == 0)
        #expect(flows(fixture, 1, network: 2)[0].failure == .blocksExhausted)
        fixture.pass(.seconds(20))
        let back = events(fixture)
        #expect(back.count == 1 && back[0].isTaken == false && back[0].moment == fixture.now)
        #expect(back[0].block.client == IPv6Prefix("2001:db8:0:1::/64"))
        #expect(blocks(fixture).isEmpty && fixture.tables.totals().portBlocks == 0)
        #expect(flows(fixture, 1, network: 2)[0].value != nil)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("LOG-08 a network that comes back before that goes on with its block, and nothing is logged")
    func comesBack() {
        let fixture = fixture(most: 1)
        let first = flows(fixture, 1)[0].value
        #expect(events(fixture).count == 1)
        for _ in 0..<20 {
            for _ in 0..<45 {
                fixture.pass(.seconds(10))
                fixture.sweep()
                #expect(events(fixture).isEmpty)
            }
            #expect(flows(fixture, 1)[0].value?.address == first?.address)
        }
        #expect(fixture.tables.totals().portBlocks == 1)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("CGN-11 the last blocks are kept for networks that have none")
    func reserve() {
        let fixture = fixture(addresses: 1, most: 100, ports: Port(2048)...Port(2687)) {
            $0.limits.portsForNewClients = 20
        }
        let results = flows(fixture, 640)
        #expect(results.count { $0.value != nil } == 512)
        #expect(results.last?.failure == .portsReserved)
        #expect(flows(fixture, 1, network: 2)[0].value != nil)
        #expect(flows(fixture, 1, network: 3)[0].value != nil)
        #expect(flows(fixture, 1, network: 4)[0].failure == .blocksExhausted)
    }

    @Test("CGN-11 blocks of addresses that drain take nothing away from what is kept for networks that have none")
    func reserveWhileDraining() {
        let fixture = fixture(most: 100, ports: Port(2048)...Port(2687)) { $0.limits.portsForNewClients = 20 }
        for network in 1...12 as ClosedRange<UInt64> { flows(fixture, 1, network: network) }
        let first = TablesFixture.firstExternal
        let entry = PoolEntry(addresses: first...first, ports: Port(2048)...Port(2687))
        let mine = { blocks(fixture, inSlicesOf: 100).filter { $0.address == first } }
        let network = mine()[0].client.address.high & 0xFFFF
        #expect(fixture.tables.change(pool: [entry]))
        // Of ten blocks two are kept.
        let before = mine().count
        let results = flows(fixture, 640, network: network, from: 3000)
        #expect(results.last?.failure == .portsReserved)
        #expect(mine().count == max(before, 8))
        #expect(results.count { $0.value != nil } == 63 + 64 * max(0, 8 - before))
        let totals = fixture.tables.totals()
        #expect(totals.portBlocks <= totals.portBlocksInAll)
        #expect(totals.portBlocksInAll == 10 + blocks(fixture, inSlicesOf: 100).count { $0.address != first })
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("CGN-04 blocks that lie outside of the ports since these were changed are not counted against the most")
    func leftBehind() {
        let fixture = fixture(addresses: 1, most: 2, ports: Port(2048)...Port(4095))
        flows(fixture, 128)
        #expect(flows(fixture, 1, from: 9000)[0].failure == .clientLimit)
        let first = TablesFixture.firstExternal
        #expect(fixture.tables.change(pool: [PoolEntry(addresses: first...first, ports: Port(5056)...Port(6015))]))
        let results = flows(fixture, 129, from: 9000)
        #expect(results.count { $0.value != nil } == 128 && results.last?.failure == .clientLimit)
        var totals = fixture.tables.totals()
        #expect(totals.portBlocks == 4 && totals.portBlocksInAll == 17)
        // They go back like others, and are not counted then.
        fixture.pass(.seconds(301))
        fixture.sweep()
        fixture.pass(.seconds(121))
        fixture.sweep()
        _ = events(fixture)
        fixture.pass(.seconds(121))
        #expect(events(fixture).count { !$0.isTaken } == 4)
        #expect(!fixture.dropDrained())
        totals = fixture.tables.totals()
        #expect(totals.portBlocks == 0 && totals.portBlocksInAll == 15)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("CGN-09 the blocks of a network are the same after a restart with the same secret")
    func sameAgain() {
        let blocks = (0..<2).map { _ in
            let fixture = fixture()
            flows(fixture, 200)
            return events(fixture).map(\.block)
        }
        #expect(blocks[0] == blocks[1] && blocks[0].count == 4)
    }

    @Test("NAT-12 UDP keeps its parity in a block as long as it can")
    func parity() {
        let fixture = fixture()
        for port in stride(from: UInt16(2000), to: 2064, by: 2) {
            let external = fixture.send(.udp, fixture.client(1, port), fixture.peer(1)).value
            #expect(external.map { $0.port.number & 1 } == 0)
        }
    }

    @Test("NAT-03 static bindings inside a block neither hold it nor end it, and are refused no port for it")
    func staticBindings() throws {
        let fixture = fixture(addresses: 1, ports: Port(2048)...Port(2111)) { $0.portHoldDown = .zero }
        flows(fixture, 10, .tcp)
        let block = try #require(events(fixture).first?.block)
        let used = Set(fixture.bindings().map(\.external.port))
        let free = try #require((2048...2111).map { Port(UInt16($0)) }.first { !used.contains($0) })
        // One of the network that has the block, one in the way of a binding of traffic.
        let wanted = try [(free, UInt16(7)), (try #require(used.first), 8)].map { port, clientPort in
            let client = fixture.client(9, clientPort)
            return try #require(
                StaticBinding(
                    transport: .tcp,
                    external: block.address,
                    externalPorts: port...port,
                    client: client.address,
                    clientPorts: client.port...client.port
                )
            )
        }
        #expect(fixture.tables.adopt(wanted, at: fixture.now).isEmpty)
        #expect(fixture.bindings().count == 11)
        #expect(fixture.tables.brokenInvariants() == [])
        fixture.pass(.seconds(1000))
        fixture.sweep()
        #expect(fixture.bindings().count == 2)
        _ = events(fixture)
        fixture.pass(.seconds(1))
        #expect(events(fixture).map(\.isTaken) == [false])
        // Another network gets the block, without the two ports; they go without a trace.
        let results = flows(fixture, 64, network: 2, .tcp)
        #expect(results.count { $0.value != nil } == 62 && results.last?.failure == .blocksExhausted)
        #expect(fixture.tables.adopt([], at: fixture.now).isEmpty)
        #expect(fixture.bindings().count == 62)
        #expect(fixture.tables.brokenInvariants() == [])
        #expect(flows(fixture, 2, network: 2, from: 9000, .tcp).allSatisfy { $0.value != nil })
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("random traffic and changes of the pool keep every invariant of the blocks, and the record leads to clients")
    func random() {
        let world = fixture(addresses: 3, most: 3, ports: Port(1024)...Port(2000)) { $0.portHoldDown = .seconds(20) }
        var dice = Dice(state: 5)
        var blocks: [TransportAddress4: PortBlock] = [:]
        var generation: UInt64 = 1
        for round in 0..<25 {
            for _ in 0..<40 {
                let network = UInt64.random(in: 0..<30, using: &dice)
                let client = world.client(1, .random(in: 1..<200, using: &dice), network: network)
                let transport = TransportProtocol.allCases.randomElement(using: &dice) ?? .udp
                let port: UInt16 = transport == .icmpQuery ? 0 : 443
                guard let external = world.send(transport, client, world.peer(1, port), .syn).value else { continue }
                for event in events(world) {
                    let name = TransportAddress4(event.block.address, event.block.ports.lowerBound)
                    #expect((blocks[name] == nil) == event.isTaken, "taken and given back in turn")
                    blocks[name] = event.isTaken ? event.block : nil
                }
                let owner = blocks.first {
                    $0.key.address == external.address && $0.value.ports.contains(external.port)
                }
                #expect(owner?.value.client.contains(client.address) == true)
            }
            let first = UInt8.random(in: 1...4, using: &dice)
            let low = UInt16.random(in: 1024...1100, using: &dice)
            let entry = PoolEntry(
                addresses: IPv4Address(198, 51, 100, first)...IPv4Address(198, 51, 100, first + 3),
                ports: Port(low)...Port(2000)
            )
            #expect(world.tables.change(pool: [entry]))
            world.pass(.seconds([5, 60, 250].randomElement(using: &dice) ?? 5))
            world.sweep()
            _ = world.dropDrained()
            generation += 1
            world.tables.pool.stampRetired(generation)
            world.tables.pool.reclaim(seen: Bool.random(using: &dice) ? generation : 0)
            #expect(world.tables.brokenInvariants() == [], "round \(round)")
            for event in events(world) {
                let name = TransportAddress4(event.block.address, event.block.ports.lowerBound)
                blocks[name] = event.isTaken ? event.block : nil
            }
            #expect(Set(self.blocks(world)) == Set(blocks.values))
        }
    }

    @Test("an address that left the pool is not dropped before its last block was given back")
    func draining() {
        let world = fixture(addresses: 1) { $0.portHoldDown = .seconds(20) }
        flows(world, 1, .tcp)
        #expect(events(world).count == 1)
        let other = IPv4Address(192, 0, 2, 1)
        #expect(world.tables.change(pool: [PoolEntry(addresses: other...other)]))
        #expect(flows(world, 1, from: 3000, .tcp)[0].value?.address == other)
        world.pass(.seconds(300))
        world.sweep()
        #expect(world.tables.totals().bindings.all == 0)
        #expect(events(world).count == 1)
        #expect(!world.dropDrained(), "its block rests")
        world.pass(.seconds(21))
        #expect(events(world).count { !$0.isTaken } == 2)
        #expect(world.dropDrained())
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("two networks whose records lie together have blocks of their own")
    func oneBucket() throws {
        let fixture = fixture(addresses: 1)
        var (seen, pair): ([UInt64: UInt64], [UInt64]) = ([:], [])
        for network in 1..<100_000 as Range<UInt64> where pair.isEmpty {
            let hash = fixture.tables.networkHash(fixture.client(1, 1, network: network).address) & 0x3FFFF
            if let other = seen.updateValue(network, forKey: hash) { pair = [other, network] }
        }
        let ports = pair.compactMap { flows(fixture, 1, network: $0)[0].value?.port.number }
        #expect(ports.count == 2 && ports[0] / 64 != ports[1] / 64)
    }
}
