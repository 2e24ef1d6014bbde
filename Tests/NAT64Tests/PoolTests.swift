import IPAddressing
import PacketMemory
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("The pool: which external address a client gets, RFC 6146 sections 3.5.1.1 and 3.5.2.3")
struct PoolTests {
    @Test(
        "a network that has outgrown its address is seen from eight more, each of its hosts from one, and then from any"
    )
    func outgrown() {
        let world = TablesFixture(addresses: 256, ports: Port(2000)...Port(2099))
        func addresses(_ hosts: Range<UInt64>, _ port: UInt16) -> [IPv4Address] {
            hosts.compactMap { world.send(.tcp, world.client($0, port), world.peer(1), .syn).value?.address }
        }
        let first = addresses(0..<100, 5000)
        #expect(Set(first).count == 1)
        let second = addresses(0..<250, 5001)
        #expect(second.count == 250)
        #expect((4...8).contains(Set(second).count))
        #expect(!second.contains(first[0]))
        #expect(addresses(0..<250, 5002) == second, "a host keeps to its own")
        // Eight hundred ports are not enough for what follows.
        let rest = (5003..<5012 as Range<UInt16>).flatMap { addresses(0..<250, $0) }
        #expect(rest.count == 9 * 250)
        #expect(Set(rest).count > 64)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test(
        "CGN-13 NAT-09 every port of the pool is used, and only then is a client refused; a freed port serves the next"
    )
    func theLastPort() {
        let world = TablesFixture(ports: Port(1)...Port(20_000))
        var externals: Set<TransportAddress4> = []
        for host in 0..<20_000 as Range<UInt64> {
            if let external = world.send(.tcp, world.client(host, 40_000), world.peer(1), .syn).value {
                externals.insert(external)
            }
        }
        #expect(externals.count == 20_000)
        #expect(world.send(.tcp, world.client(99_999, 40_000), world.peer(1), .syn).failure == .poolExhausted)
        #expect(world.send(.udp, world.client(99_999, 40_000), world.peer(1)).value != nil, "UDP has ports of its own")
        #expect(world.tables.brokenInvariants() == [])
        world.pass(.seconds(200))
        for host in 1..<20_000 as Range<UInt64> { world.send(.tcp, world.client(host, 40_000), world.peer(1), .syn) }
        world.pass(.seconds(41))
        world.sweep()
        #expect(world.tables.totals().bindings.tcp == 19_999)
        #expect(world.send(.tcp, world.client(99_999, 40_000), world.peer(1), .syn).value != nil)
        #expect(world.send(.tcp, world.client(0, 40_000), world.peer(1), .syn).failure == .poolExhausted)
    }

    @Test(
        "every port of a range is used, wherever it begins and ends",
        arguments: [(1, 1), (2000, 2063), (61_440, 65_535), (1023, 1024), (65_535, 65_535), (100, 5000)]
            as [(UInt16, UInt16)]
    )
    func oddRanges(first: UInt16, last: UInt16) {
        let world = TablesFixture(ports: Port(first)...Port(last))
        var ports: Set<Port> = []
        for host in 0..<UInt64(last - first) + 3 {
            if let external = world.send(.udp, world.client(host, UInt16(host & 0xFFF)), world.peer(1)).value {
                ports.insert(external.port)
            }
        }
        #expect(ports.count == Int(last - first) + 1)
        #expect(ports.min() == Port(first))
        #expect(ports.max() == Port(last))
        #expect(world.tables.pool.layout.portCount == UInt64(last - first + 1))
    }

    @Test("port 0 is never used, even where the range has it")
    func portZero() {
        let world = TablesFixture(ports: Port(0)...Port(63))
        let ports = (0..<70 as Range<UInt64>).compactMap {
            world.send(.icmpQuery, world.client($0, 7), world.peer(1, 0)).value?.port
        }
        #expect(Set(ports).count == 63)
        #expect(!ports.contains(Port(0)))
    }

    @Test("NAT-06 ports below 1024 become ports below 1024, and others do not, while there are any")
    func range() {
        for transport in [TransportProtocol.udp, .tcp] {
            let world = TablesFixture(ports: Port(1)...Port(65_535))
            for host in 0..<500 as Range<UInt64> {
                let low = world.send(transport, world.client(host, 123), world.peer(1), .syn).value
                #expect(low.map { $0.port.number < 1024 } ?? false)
                let high = world.send(transport, world.client(host, 40_001), world.peer(1), .syn).value
                #expect(high.map { $0.port.number >= 1024 } ?? false)
            }
            for host in 500..<1023 as Range<UInt64> {
                world.send(transport, world.client(host, 123), world.peer(1), .syn)
            }
            let beyond = world.send(transport, world.client(5000, 123), world.peer(1), .syn).value
            #expect(beyond != nil, "all below 1024 may be used up")
            #expect(world.tables.brokenInvariants() == [])
        }
    }

    @Test("NAT-07 NAT-35 an even UDP port becomes an even one and an odd one odd, to the last of its kind")
    func parity() {
        let world = TablesFixture(ports: Port(4096)...Port(8191))
        for host in 0..<2048 as Range<UInt64> {
            let even = world.send(.udp, world.client(host, 5000), world.peer(1)).value
            #expect(even.map { $0.port.number & 1 == 0 } ?? false)
            let odd = world.send(.udp, world.client(host, 5001), world.peer(1)).value
            #expect(odd.map { $0.port.number & 1 == 1 } ?? false)
        }
    }

    @Test("NAT-07 the parity of a UDP port is kept on the other side of 1024 too")
    func parityAcrossRanges() {
        let high = TablesFixture(ports: Port(1024)...Port(65_535))
        let low = TablesFixture(ports: Port(1)...Port(1023))
        for host in 0..<200 as Range<UInt64> {
            for port in [122, 123] as [UInt16] {
                let external = high.send(.udp, high.client(host, port), high.peer(1)).value
                #expect(external.map { $0.port.number & 1 == port & 1 } ?? false)
            }
            for port in [5000, 5001] as [UInt16] {
                let external = low.send(.udp, low.client(host, port), low.peer(1)).value
                #expect(external.map { $0.port.number & 1 == port & 1 } ?? false)
            }
        }
    }

    @Test("an odd UDP port becomes an even one before a client is refused")
    func parityGivesWay() {
        let world = TablesFixture(ports: Port(4096)...Port(4223))
        let externals = (0..<128 as Range<UInt64>).compactMap {
            world.send(.udp, world.client($0, 5001), world.peer(1)).value
        }
        #expect(Set(externals).count == 128)
        #expect(externals.prefix(64).allSatisfy { $0.port.number & 1 == 1 })
    }

    @Test("NAT-10 the ports of new bindings spread over the range and do not follow one another")
    func unpredictable() {
        let world = TablesFixture()
        var sixteenths = [Int](repeating: 0, count: 16)
        var ports: [Int] = []
        for port in 5000..<6600 as Range<UInt16> {
            guard let external = world.send(.tcp, world.client(1, port), world.peer(1), .syn).value else { continue }
            ports.append(Int(external.port.number))
            sixteenths[(Int(external.port.number) - 1024) / 4032] += 1
        }
        // A hundred each are expected; the standard deviation is ten.
        #expect(sixteenths.allSatisfy { (50...150).contains($0) })
        let neighbours = zip(ports, ports.dropFirst()).filter { abs($0 - $1) <= 2 }
        #expect(neighbours.count < 10)
    }

    @Test("another secret gives other ports")
    func secrets() {
        let one = TablesFixture()
        let two = TablesFixture(secret: KeyedHash(key0: 1, key1: 2))
        let equal = (0..<200 as Range<UInt64>).filter { host in
            one.send(.udp, one.client(host, 5000), one.peer(1)).value
                == two.send(.udp, two.client(host, 5000), two.peer(1)).value
        }
        #expect(equal.count < 10)
    }

    @Test(
        "bindings are found again by a second box with the same secret, or after a crash, in another order of arrival",
        arguments: [(10, 0.93, 0.88), (50, 0.68, 0.52), (90, 0.38, 0.22)] as [(UInt64, Double, Double)]
    )
    func foundAgain(percent: UInt64, share: Double, shareReversed: Double) {
        // With the part a of the ports in use, (1 - a/2)² at the least are expected to get their first choice in both
        // random orders, and 1 - a + a²/6 if one order is the reverse of the other, which is the worst that can be.
        let count = 8192 * percent / 100
        var dice = Dice(state: percent)
        let inOrder = Array(0..<count)
        let (shuffled, reversed) = (inOrder.shuffled(using: &dice), Array(inOrder.reversed()))
        for (order, expected) in [(shuffled, share), (reversed, shareReversed)] {
            #expect(Self.foundAgain(inOrder, order) > expected)
        }
    }

    /// The part of the bindings that two boxes with one secret have alike when clients come in these orders.
    private static func foundAgain(_ first: [UInt64], _ second: [UInt64]) -> Double {
        let ports = Port(40_960)...Port(49_151)
        let (one, two) = (TablesFixture(ports: ports), TablesFixture(ports: ports))
        for host in first { one.send(.tcp, one.client(host, 5000), one.peer(1), .syn) }
        let equal = second.count { host in
            let flow = OutwardFlow(transport: .tcp, client: one.client(host, 5000), prefix: 0, peer: one.peer(1))
            return two.send(.tcp, two.client(host, 5000), two.peer(1), .syn).value == one.tables.findOutward(flow)
        }
        return Double(equal) / Double(first.count)
    }

    @Test("CGN-03 the pool may have several ranges, also of one address, and all are used")
    func ranges() {
        let world = TablesFixture {
            $0.pool = [
                PoolEntry(addresses: IPv4Address(198, 51, 100, 128)...IPv4Address(198, 51, 100, 143)),
                PoolEntry(addresses: IPv4Address(192, 0, 2, 1)...IPv4Address(192, 0, 2, 1)),
                PoolEntry(addresses: IPv4Address(192, 0, 2, 7)...IPv4Address(192, 0, 2, 7)),
            ]
        }
        var externals: Set<IPv4Address> = []
        for network in 0..<1000 as Range<UInt64> {
            let client = world.client(1, 5000, network: network)
            guard let external = world.send(.udp, client, world.peer(1)).value else { continue }
            externals.insert(external.address)
            #expect(world.receive(.udp, external, world.peer(1)).value == .client(client, prefix: 0))
        }
        #expect(externals.count == 18)
        #expect(world.tables.poolUse().map(\.portsInUse).reduce(0, +) == 1000)
        #expect(world.tables.poolUse().count == 3)
        #expect(world.tables.standing(of: IPv4Address(192, 0, 2, 6)) == .outside)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("an address gets clients in proportion to its ports")
    func proportion() {
        let pool = Pool([
            PoolEntry(
                addresses: IPv4Address(192, 0, 2, 1)...IPv4Address(192, 0, 2, 1),
                ports: Port(1000)...Port(1999)
            ),
            PoolEntry(
                addresses: IPv4Address(192, 0, 2, 2)...IPv4Address(192, 0, 2, 4),
                ports: Port(1000)...Port(3999)
            ),
        ])
        var counts: [UInt32: Int] = [:]
        var dice = Dice(state: 7)
        for _ in 0..<10_000 { counts[pool.layout.place(for: dice.next())?.address.bits ?? 0, default: 0] += 1 }
        #expect((850...1150).contains(counts[0xC000_0201] ?? 0))
        for bits in 0xC000_0202...0xC000_0204 as ClosedRange<UInt32> {
            #expect((2800...3200).contains(counts[bits] ?? 0))
        }
    }

    @Test("where ranges of the pool overlap, no address is in it twice")
    func overlap() {
        let pool = Pool([
            PoolEntry(addresses: IPv4Address(192, 0, 2, 0)...IPv4Address(192, 0, 2, 9)),
            PoolEntry(addresses: IPv4Address(192, 0, 2, 5)...IPv4Address(192, 0, 2, 14)),
            PoolEntry(addresses: IPv4Address(192, 0, 2, 7)...IPv4Address(192, 0, 2, 7)),
        ])
        #expect(pool.layout.addressCount == 15)
        for last in 0..<15 as Range<UInt8> { #expect(pool.find(IPv4Address(192, 0, 2, last))?.number == Int(last)) }
    }

    @Test("ADR-15 without a pool every client is refused, and nothing else happens")
    func emptyPool() {
        let world = TablesFixture { $0.pool = [] }
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).failure == .poolExhausted)
        let external = TransportAddress4(IPv4Address(192, 0, 2, 1), Port(5000))
        #expect(world.receive(.udp, external, world.peer(1)).failure == .destinationOutsidePool)
    }

    @Test("CGN-01 NAT-05 with blocks a network that had to go elsewhere comes back when its own address has room")
    func blocksAtHome() throws {
        let world = TablesFixture(addresses: 2, ports: Port(2048)...Port(2175)) {
            $0.portBlockSize = 64
            $0.portHoldDown = .zero
        }
        let flows = { (ports: Range<UInt16>) in
            ports.compactMap { world.send(.udp, world.client(1, $0), world.peer(1)).value?.address }
        }
        let home = try #require(flows(5000..<5001).first)
        #expect(flows(5001..<5128).allSatisfy { $0 == home })
        let away = flows(6000..<6010)
        #expect(away.count == 10 && away.allSatisfy { $0 != home })
        // All but one flow of each address end; those blocks are the network's still.
        world.pass(.seconds(200))
        #expect(flows(5000..<5001) == [home] && flows(6000..<6001) == [away[0]])
        world.pass(.seconds(101))
        world.sweep()
        #expect(flows(7000..<7127).allSatisfy { $0 == home })
        // Then that address is full again, and the block elsewhere has room.
        #expect(flows(8000..<8063).allSatisfy { $0 == away[0] })
        #expect(world.tables.totals().portBlocks == 3)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-02 CGN-11 a network whose address has no port left is refused, or goes on at another if that is allowed")
    func softPairing() {
        for spills in [false, true] {
            let world = TablesFixture(addresses: 2, ports: Port(2000)...Port(2063)) {
                $0.limits.spillsToOtherAddresses = spills
            }
            let externals = (0..<130 as Range<UInt64>).map { world.send(.udp, world.client($0, 5000), world.peer(1)) }
            #expect(Set(externals.compactMap(\.value)).count == (spills ? 128 : 64))
            #expect(Set(externals.compactMap(\.value?.address)).count == (spills ? 2 : 1))
            #expect(externals.last?.failure == .poolExhausted)
            #expect(world.send(.udp, world.client(0, 5000), world.peer(1)).value == externals[0].value)
            #expect(world.tables.brokenInvariants() == [])
        }
    }

    @Test("CGN-09 a client does not get back a port that its address has lost meanwhile")
    func lostPort() {
        let world = TablesFixture(ports: Port(2000)...Port(2063))
        let first = TablesFixture.firstExternal
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value != nil)
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.tables.totals().heldPorts == 1)
        #expect(world.tables.change(pool: [PoolEntry(addresses: first...first, ports: Port(3000)...Port(3063))]))
        let port = world.send(.udp, world.client(1, 5000), world.peer(1)).value?.port
        #expect(port.map { (3000...3063).contains($0.number) } == true)
        #expect(world.tables.totals().heldPorts == 0 && world.tables.brokenInvariants() == [])
    }

    @Test("CGN-09 a port whose session a change of the Policy ends rests from when it was last used")
    func restAfterPolicy() {
        let world = TablesFixture()
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value != nil)
        world.pass(.seconds(20))
        world.tables.adopt(policy: TablesFixture.policy(clients: ["2001:db8:ffff::/48"], generation: 2))
        for (seconds, held) in [(0, 1), (95, 1), (10, 0)] as [(UInt64, Int)] {
            world.pass(.seconds(seconds))
            world.sweep()
            #expect(world.tables.totals().heldPorts == held)
        }
    }

    @Test("NAT-06 the ports below 1024 end at 1023", arguments: TransportProtocol.allCases)
    func border(transport: TransportProtocol) {
        guard transport != .icmpQuery else { return }
        let world = TablesFixture(ports: Port(512)...Port(2047))
        for port in [1022, 1023, 1024, 1025] as [UInt16] {
            let external = world.send(transport, world.client(1, port), world.peer(1), .syn).value
            #expect(external.map { ($0.port.number < 1024) == (port < 1024) } == true, "\(port)")
        }
    }
}
