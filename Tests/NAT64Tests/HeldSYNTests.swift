import IPAddressing
import PacketMemory
import PacketWire
import Testing
import Timing

@testable import NAT64

/// What becomes of a SYN from outside that waits, by what its client does meanwhile.
@Suite("SYNs that wait, RFC 6146 section 3.5.2.2, CLOSED and V4 INIT")
struct HeldSYNTests {
    private let ports = Port(2048)...Port(2079)

    /// Tables where a SYN of `peer` waits at every port there is.
    private func waiting(for peer: TransportAddress4, _ rule: Filtering.Rule = .addressDependent) -> TablesFixture {
        let world = TablesFixture(ports: ports) { $0.filtering = Filtering(rule) }
        for number in ports.lowerBound.number...ports.upperBound.number {
            let external = TransportAddress4(TablesFixture.firstExternal, Port(number))
            #expect(world.receive(.tcp, external, peer, .syn).value == .hold)
        }
        return world
    }

    private func refused(_ world: TablesFixture) -> [TransportAddress4] {
        world.pass(.seconds(7))
        world.sweep()
        return world.events.compactMap { event in
            guard case .heldSyn(let external, _) = event else { return nil }
            return external
        }
    }

    @Test("TCP-09 the client's SYN completes the connection at whatever port it is given, and nothing is refused there")
    func anyPort() throws {
        let peer = TransportAddress4(IPv4Address(203, 0, 0, 1), Port(443))
        let world = waiting(for: peer)
        var given: [TransportAddress4] = []
        for host in 0..<20 as Range<UInt64> {
            given.append(try #require(world.send(.tcp, world.client(host, 5000, network: host), peer, .syn).value))
        }
        #expect(world.sessions().filter { $0.state == .established }.count == 20)
        #expect(world.tables.totals().heldSyns == 12)
        #expect(world.tables.brokenInvariants() == [])
        let refused = refused(world)
        #expect(refused.count == 12)
        #expect(Set(refused).isDisjoint(with: given))
    }

    @Test("TCP-09 so it does when the port has a binding by then")
    func boundMeanwhile() throws {
        let peer = TransportAddress4(IPv4Address(203, 0, 0, 1), Port(443))
        let world = waiting(for: peer)
        let client = world.client(1, 5000)
        let external = try #require(world.send(.tcp, client, world.peer(7), .syn).value)
        #expect(world.send(.tcp, client, peer, .syn).value == external)
        #expect(world.sessions().first { $0.peer == world.peer(7) }?.state == .v6Init)
        let completed = world.sessions().first { $0.peer == peer }
        #expect(completed?.state == .established)
        #expect(completed?.remaining.seconds == 7200)
        #expect(world.tables.brokenInvariants() == [])
        let refused = refused(world)
        #expect(refused.count == 31)
        #expect(!refused.contains(external))
    }

    @Test("TCP-04 a client that talks to another peer from the port does not save the SYN")
    func otherPeer() throws {
        let peer = TransportAddress4(IPv4Address(203, 0, 0, 1), Port(443))
        let world = waiting(for: peer)
        let external = try #require(world.send(.tcp, world.client(1, 5000), world.peer(1, 80), .syn).value)
        #expect(world.state == .v6Init)
        #expect(refused(world).contains(external))
    }

    @Test("TCP-06 a SYN that comes again when everybody may send to its port is not refused for the first time it came")
    func forwardedMeanwhile() throws {
        let peer = TransportAddress4(IPv4Address(203, 0, 0, 1), Port(443))
        let world = waiting(for: peer, .endpointIndependent)
        let client = world.client(1, 5000)
        let external = try #require(world.send(.tcp, client, world.peer(7), .syn).value)
        #expect(world.receive(.tcp, external, peer, .syn).value == .client(client, prefix: 0))
        let refused = refused(world)
        #expect(refused.count == 31)
        #expect(!refused.contains(external))
        #expect(world.sessions().first { $0.peer == peer }?.state == .v4Init)
    }

    @Test("TCP-05 NAT-14 a SYN that waits at a binding passes when it comes again and the client has sent to its host")
    func admittedMeanwhile() throws {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = try #require(world.send(.tcp, client, world.peer(1), .syn).value)
        #expect(world.receive(.tcp, external, world.peer(2), .syn).value == .hold)
        world.send(.tcp, client, world.peer(2, 80), .syn, prefix: 1)
        #expect(world.receive(.tcp, external, world.peer(2), .ack).value == .client(client, prefix: 1))
        #expect(world.tables.totals().heldSyns == 1, "only a SYN opens")
        #expect(world.receive(.tcp, external, world.peer(2), .syn).value == .client(client, prefix: 1))
        #expect(world.tables.totals().heldSyns == 0)
        let opened = world.sessions().first { $0.peer == world.peer(2) }
        #expect(opened?.prefix == 1)
        #expect(opened?.state == .v4Init)
        #expect(opened?.remaining.seconds == 240)
        #expect(world.tables.brokenInvariants() == [])
        #expect(refused(world) == [])
        world.send(.tcp, client, world.peer(2), [.syn, .ack], prefix: 1)
        #expect(world.sessions().first { $0.peer == world.peer(2) }?.state == .established)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("NAT-14 where the port counts too, only the client's SYN to that port lets it pass")
    func portCounts() throws {
        let world = TablesFixture { $0.filtering = Filtering(.addressAndPortDependent) }
        let client = world.client(1, 5000)
        let external = try #require(world.send(.tcp, client, world.peer(1), .syn).value)
        #expect(world.receive(.tcp, external, world.peer(2), .syn).value == .hold)
        world.send(.tcp, client, world.peer(2, 80), .syn)
        #expect(world.receive(.tcp, external, world.peer(2), .syn).value == .hold)
        #expect(world.receive(.tcp, external, world.peer(2), .ack).failure == .filtered)
        #expect(refused(world) == [external])
    }

    /// Tables that share their address with the host, a client's port of it, and a stranger.
    private func sharing() throws -> (TablesFixture, TransportAddress6, TransportAddress4, TransportAddress4) {
        let world = TablesFixture(ports: PoolEntry.sharedPorts) { settings in
            settings.filtering = Filtering(.addressDependent)
            settings.pool[0].sharedWithHost = true
        }
        let client = world.client(1, 5000)
        let external = try #require(world.send(.tcp, client, world.peer(7), .syn).value)
        return (world, client, external, world.peer(9))
    }

    @Test("TCP-05 at an address that is shared with the host a SYN to a client's port waits, and meets the client's")
    func shared() throws {
        let (world, client, external, stranger) = try sharing()
        #expect(world.receive(.tcp, external, stranger, .syn).value == .hold)
        #expect(world.tables.totals().heldSyns == 1)
        #expect(world.send(.tcp, client, stranger, .syn).value == external)
        #expect(world.sessions().first { $0.peer == stranger }?.state == .established)
        #expect(world.tables.brokenInvariants() == [])
        #expect(refused(world) == [])
    }

    @Test("TCP-05 whatever else filtering refuses there is the host's, and so is a SYN to a port that it has meanwhile")
    func sharedOtherwise() throws {
        let (world, client, external, stranger) = try sharing()
        for flags in [[.syn, .ack], .ack, .rst, .fin] as [TCPFlags] {
            #expect(world.receive(.tcp, external, stranger, flags).failure == .filtered)
        }
        let free = TransportAddress4(external.address, Port(external.port.number ^ 1))
        #expect(world.receive(.tcp, free, stranger, .syn).failure == .noSession)
        let port = PoolPort(transport: .tcp, external: external)
        #expect(world.tables.withhold([port]).awaited == [port])
        #expect(world.receive(.tcp, external, stranger, .syn).failure == .filtered)
        #expect(world.sessions().count == 1 && world.tables.totals().heldSyns == 0)
        #expect(world.send(.tcp, client, stranger, .syn).value == external)
        #expect(world.sessions().first { $0.peer == stranger }?.state == .v6Init)
        #expect(world.tables.withhold([]).awaited == [])
        #expect(world.receive(.tcp, external, world.peer(11), .syn).value == .hold)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("TCP-05 a SYN at a client's port of a shared address that finds no room to wait is not for the host")
    func noRoomAtSharedPort() throws {
        var bench = try TranslateBench(pool: [("203.0.113.1", true)]) { $0.translation.heldSYNs = 1 }
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags S
            =  tcp $t > 198.51.100.10:443
            in tcp 198.51.100.20:443 > $t flags S
            kept
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.20]:443 flags S
            =  tcp $t > 198.51.100.20:443
            in tcp 198.51.100.30:443 > $t flags S
            ! held-syn-limit
            """
        )
    }

    @Test("TCP-03 copies of SYNs: none goes for another before its time, and a stale one gives way to a new one")
    func copies() {
        let held = HeldSYNs(capacity: 1, secret: KeyedHash(key0: 1, key1: 2))
        func flow(_ number: UInt8) -> InwardFlow {
            InwardFlow(
                transport: .tcp,
                external: TransportAddress4(IPv4Address(203, 0, 113, 1), Port(2000)),
                peer: TransportAddress4(IPv4Address(198, 51, 100, number), Port(443)),
                tcp: .syn
            )
        }
        func keep(_ number: UInt8, _ octet: UInt8, _ seconds: UInt64) -> Bool {
            [octet].withUnsafeBytes {
                held.keep(flow(number), RawSpan(_unsafeBytes: $0), from: 0, to: 1, at: .start + .seconds(seconds))
            }
        }
        func taken(_ number: UInt8) -> UInt8? {
            var memory = OctetBuffer(count: 256)
            var octets = memory.mutableOctets
            let flow = flow(number)
            guard held.take(external: flow.external, peer: flow.peer, into: &octets, at: 0) == 1 else { return nil }
            return octets.octet(at: 0)
        }
        #expect(keep(1, 10, 1))
        #expect(!keep(2, 20, 5), "the first may still be asked for")
        #expect(keep(1, 11, 9), "it has come again")
        #expect(taken(1) == 10 && taken(1) == nil && taken(2) == nil)
        // Its client has answered, so that nobody has asked for the copy.
        #expect(keep(1, 12, 20))
        #expect(keep(1, 13, 31))
        #expect(taken(1) == 13)
        #expect(keep(1, 14, 40))
        #expect(keep(2, 24, 51))
        #expect(taken(1) == nil && taken(2) == 24)
    }
}
