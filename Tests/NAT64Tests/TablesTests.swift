import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Bindings and sessions, RFC 6146 sections 3.1 to 3.5")
struct TablesTests {
    @Test("NAT-01 NAT-08 CGN-14 each protocol has a table of its own, and no external address stands twice in one")
    func separateTables() {
        let world = TablesFixture(ports: Port(61440)...Port(61503))
        var seen: [TransportProtocol: Set<TransportAddress4>] = [:]
        for host in 0..<64 as Range<UInt64> {
            for transport in TransportProtocol.allCases {
                let external = world.send(transport, world.client(host, 5000), world.peer(1), .syn).value
                guard let external else {
                    Issue.record("refused")
                    continue
                }
                #expect(seen[transport, default: []].insert(external).inserted)
            }
        }
        #expect(world.tables.totals().bindings == TableTotals.ByTransport(udp: 64, tcp: 64, icmp: 64))
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-14 a binding of one protocol admits nothing of another")
    func noSharedFiltering() {
        let world = TablesFixture { $0.filtering = Filtering(.endpointIndependent) }
        let external = world.send(.tcp, world.client(1, 5000), world.peer(1), .syn).value
        #expect(world.receive(.udp, external, world.peer(1)).failure == .noSession)
        #expect(world.receive(.icmpQuery, external, world.peer(1, 0)).failure == .noSession)
        #expect(world.receive(.tcp, external, world.peer(1), .syn).value != nil)
    }

    @Test("NAT-02 NAT-19 a client keeps its external address towards every peer while the binding lives")
    func endpointIndependentMapping() {
        let world = TablesFixture(addresses: 8)
        for transport in TransportProtocol.allCases {
            let externals = (0..<50 as Range<UInt32>).map {
                world.send(transport, world.client(1, 5000), world.peer($0, transport == .icmpQuery ? 0 : 443), .syn)
                    .value
            }
            #expect(externals[0] != nil)
            #expect(Set(externals).count == 1)
        }
        #expect(world.tables.totals().bindings.all == 3)
        #expect(world.tables.totals().sessions.all == 150)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("NAT-05 CGN-01 the clients of a network have one pool address in every protocol")
    func pairedPooling() {
        let world = TablesFixture(addresses: 8)
        var addresses: Set<IPv4Address> = []
        for host in 0..<200 as Range<UInt64> {
            for transport in TransportProtocol.allCases {
                if let external = world.send(transport, world.client(host, 5000), world.peer(1), .syn).value {
                    addresses.insert(external.address)
                }
            }
        }
        #expect(addresses.count == 1)
        let networks = (0..<400 as Range<UInt64>).compactMap {
            world.send(.udp, world.client(1, 5000, network: $0), world.peer(1)).value?.address
        }
        #expect(Set(networks).count == 8, "other networks use the other addresses")
    }

    @Test("NAT-11 NAT-17 a packet starts the lifetime of its session again, in both directions")
    func refresh() {
        let world = TablesFixture()
        let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        for _ in 0..<5 {
            world.pass(.seconds(299))
            world.sweep()
            #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value == external)
            world.pass(.seconds(299))
            world.sweep()
            #expect(world.receive(.udp, external, world.peer(1)).value != nil)
        }
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.sessions() == [])
        #expect(world.receive(.udp, external, world.peer(1)).failure == .noSession)
    }

    @Test("NAT-12 NAT-21 NAT-37 packets from outside to a free port are refused and make no binding")
    func unknownFromOutside() {
        let world = TablesFixture()
        for port in stride(from: 1024, through: 65535, by: 7) as StrideThrough<Int> {
            let external = TransportAddress4(TablesFixture.firstExternal, Port(UInt16(port)))
            #expect(world.receive(.udp, external, world.peer(1)).failure == .noSession)
            #expect(world.receive(.icmpQuery, external, world.peer(1, 0)).failure == .noSession)
            #expect(world.receive(.tcp, external, world.peer(1), .ack).failure == .noSession)
        }
        let elsewhere = TransportAddress4(IPv4Address(198, 51, 100, 9), Port(5000))
        #expect(world.receive(.udp, elsewhere, world.peer(1)).failure == .destinationOutsidePool)
        #expect(world.tables.totals().bindingsMade == 0)
    }

    @Test("NAT-04 CGN-09 a binding goes with its last session, and its UDP port rests for two minutes, a TCP port not")
    func holdDown() {
        let world = TablesFixture(ports: Port(2000)...Port(2000)) {
            $0.lifetimes.tcpTransitory = .seconds(240)
        }
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value != nil)
        #expect(world.send(.tcp, world.client(1, 5000), world.peer(1), .syn).value != nil)
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.tables.totals().bindings.all == 0)
        #expect(world.tables.totals().heldPorts == 1)
        #expect(world.send(.udp, world.client(2, 6000), world.peer(1)).failure == .poolExhausted)
        #expect(world.send(.tcp, world.client(2, 6000), world.peer(1), .syn).value != nil)
        #expect(world.tables.brokenInvariants() == [])
        world.pass(.seconds(119))
        world.sweep()
        #expect(world.send(.udp, world.client(2, 6000), world.peer(1)).failure == .poolExhausted)
        world.pass(.seconds(2))
        world.sweep()
        #expect(world.send(.udp, world.client(2, 6000), world.peer(1)).value != nil)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a client that comes back while its port rests gets it back")
    func holdDownForItself() {
        let world = TablesFixture()
        let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        world.pass(.seconds(310))
        world.sweep()
        #expect(world.tables.totals().heldPorts == 1)
        #expect(world.receive(.udp, external, world.peer(1)).failure == .noSession)
        #expect(world.send(.udp, world.client(1, 5000), world.peer(2)).value == external)
        #expect(world.tables.totals().heldPorts == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("ADR-16 a reply carries the prefix its session was opened with")
    func prefixes() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.udp, client, world.peer(1), prefix: 0).value
        world.send(.udp, client, world.peer(2), prefix: 1)
        world.send(.udp, client, world.peer(3), prefix: 1)
        #expect(world.receive(.udp, external, world.peer(1)).value == .client(client, prefix: 0))
        #expect(world.receive(.udp, external, world.peer(2)).value == .client(client, prefix: 1))
        #expect(world.receive(.udp, external, world.peer(3)).value == .client(client, prefix: 1))
        #expect(world.receive(.udp, external, world.peer(3, 99)).value == .client(client, prefix: 1))
    }

    @Test("a look-up for a quoted packet finds only what has a session and starts no lifetime")
    func lookUpOnly() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let flow = OutwardFlow(transport: .udp, client: client, prefix: 0, peer: world.peer(1))
        #expect(world.tables.findOutward(flow) == nil)
        guard let external = world.send(.udp, client, world.peer(1)).value else { return }
        world.pass(.seconds(200))
        #expect(world.tables.findOutward(flow) == external)
        let back = InwardFlow(transport: .udp, external: external, peer: world.peer(1))
        #expect(world.tables.findInward(back)?.client == client)
        var other = back
        other.peer = world.peer(2)
        #expect(world.tables.findInward(other) == nil)
        #expect(world.sessions().first?.remaining.seconds == 100)
    }

    @Test("a client or a peer that the Policy refuses gets no session, and CGN-07 holds for a closed destination")
    func policyAtCreation() {
        let world = TablesFixture()
        world.policy = TablesFixture.policy(clients: ["2001:db8::/48"], refuse: ["203.0.5.0/24"])
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value != nil)
        #expect(world.send(.udp, world.client(1, 5000), world.peer(0x501)).failure == .destinationRefused)
        let stranger = TransportAddress6(IPv6Address(high: 0x2001_0DB9_0000_0000, low: 1), Port(5000))
        #expect(world.send(.udp, stranger, world.peer(1)).failure == .clientRefused)
        #expect(world.tables.totals().sessionsMade == 1)
    }

    @Test("a new Policy ends the sessions it refuses and leaves prefixes their numbers")
    func adoption() {
        let world = TablesFixture()
        for host in 0..<100 as Range<UInt64> {
            world.send(.udp, world.client(host, 5000), world.peer(1), prefix: 1)
            world.send(.udp, world.client(host, 5000), world.peer(0x501), prefix: 1)
            world.send(.udp, world.client(host, 5001), world.peer(2), prefix: 0)
        }
        world.policy = TablesFixture.policy(prefixes: ["2001:db8:65::/96"], refuse: ["203.0.5.0/24"])
        world.tables.adopt(policy: world.policy)
        let left = world.sessions()
        #expect(left.count == 100)
        #expect(left.allSatisfy { $0.prefix == 1 && $0.peer == world.peer(1) })
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("NAT-31 NAT-33 a client of ours may be reached by its external address though the Policy closes the range")
    func hairpin() {
        let world = TablesFixture()
        world.policy = TablesFixture.policy(refuse: ["198.51.100.0/24"])
        guard let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value else { return }
        let other = world.send(.udp, world.client(2, 6000), external)
        #expect(other.value != nil)
        #expect(world.receive(.udp, external, other.value ?? external).failure == .filtered)
        #expect(world.send(.udp, world.client(1, 5000), other.value ?? external).value == external)
        #expect(
            world.receive(.udp, external, other.value ?? external).value
                == .client(world.client(1, 5000), prefix: 0)
        )
    }

    @Test("TCP-31 ten thousand clients of one server have ten thousand external addresses")
    func noOverloading() {
        let world = TablesFixture()
        var externals: Set<TransportAddress4> = []
        for host in 0..<10_000 as Range<UInt64> {
            if let external = world.send(.tcp, world.client(host, 40_000), world.peer(1), .syn).value {
                externals.insert(external)
            }
        }
        #expect(externals.count == 10_000)
    }
}
