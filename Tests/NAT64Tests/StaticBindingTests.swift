import IPAddressing
import PacketMemory
import PacketWire
import Policy
import Testing
import Timing

@testable import NAT64

@Suite("Static bindings, RFC 6146 section 3.1")
struct StaticBindingTests {
    private let external = TablesFixture.firstExternal

    private func ports(_ first: UInt16, _ last: UInt16? = nil) -> ClosedRange<Port> {
        Port(first)...Port(last ?? first)
    }

    private func binding(
        _ transport: TransportProtocol,
        _ outside: ClosedRange<Port>,
        for client: TransportAddress6,
        at external: IPv4Address? = nil
    ) throws -> StaticBinding {
        let last = Port(client.port.number + UInt16(outside.length - 1))
        return try #require(
            StaticBinding(
                transport: transport,
                external: external ?? self.external,
                externalPorts: outside,
                client: client.address,
                clientPorts: client.port...last
            )
        )
    }

    @discardableResult
    private func adopt(_ fixture: TablesFixture, _ bindings: [StaticBinding]) -> [StaticBindingRefusal] {
        fixture.tables.adopt(bindings, at: fixture.now).map(\.refusal)
    }

    @Test("CGN-13 NAT-09 however many blocks side by side are static bindings' alone, every other block is found")
    func staticRows() throws {
        let world = TablesFixture(ports: Port(1024)...Port(9215)) { $0.portBlockSize = 64 }
        let flow = { (network: UInt64, transport: TransportProtocol) in
            world.send(transport, world.client(1, 5000, network: network), world.peer(1), .syn)
        }
        let run = try #require(
            StaticBinding(
                transport: .udp,
                external: TablesFixture.firstExternal,
                externalPorts: Port(1024)...Port(9151),
                client: world.client(9, 1).address,
                clientPorts: Port(1024)...Port(9151)
            )
        )
        #expect(world.tables.adopt([run], at: world.now).isEmpty)
        // One block of 128 has ports for UDP, and all have for TCP.
        #expect(flow(7, .udp).value?.port.number ?? 0 >= 9152)
        #expect(flow(8, .udp).failure == .blocksExhausted)
        for network in 10..<137 as Range<UInt64> {
            #expect(flow(network, .tcp).value != nil)
        }
        #expect(flow(200, .tcp).failure == .blocksExhausted)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("NAT-03 anybody reaches a static binding, under every rule of filtering, in all three tables")
    func admitsEveryone() throws {
        for rule in Filtering.Rule.allCases {
            let fixture = TablesFixture { settings in
                settings.filtering = Filtering(rule)
                settings.filtering.admitsConnectionsFromOutside = false
            }
            let client = fixture.client(5, 443)
            let bindings = try TransportProtocol.allCases.map { try binding($0, ports(443), for: client) }
            #expect(adopt(fixture, bindings) == [])
            let to = TransportAddress4(external, Port(443))
            for (transport, flags) in [(TransportProtocol.tcp, TCPFlags.syn), (.udp, []), (.icmpQuery, [])] {
                let peer = fixture.peer(9, transport == .icmpQuery ? 0 : 999)
                #expect(fixture.receive(transport, to, peer, flags) == .success(.client(client, prefix: 0)), "\(rule)")
            }
            #expect(fixture.sessions().count == 3)
            #expect(fixture.sessions().first { $0.transport == .tcp }?.state == .v4Init)
            #expect(fixture.tables.brokenInvariants() == [])
        }
    }

    @Test("NAT-03 it outlives its sessions, lists as static, and what its client sends leaves from it")
    func staysAndStands() throws {
        let fixture = TablesFixture()
        let client = fixture.client(5, 8000)
        adopt(fixture, [try binding(.udp, ports(9000, 9010), for: client)])
        #expect(fixture.bindings().count == 11 && fixture.bindings().allSatisfy { $0.isStatic && $0.sessions == 0 })
        #expect(fixture.tables.totals().staticBindings == 11)
        let third = fixture.client(5, 8003)
        #expect(fixture.send(.udp, third, fixture.peer(1)) == .success(TransportAddress4(external, Port(9003))))
        #expect(fixture.send(.udp, third, fixture.peer(2)) == .success(TransportAddress4(external, Port(9003))))
        #expect(fixture.sessions().count == 2)
        fixture.pass(.seconds(100_000))
        fixture.sweep()
        #expect(fixture.sessions().isEmpty)
        #expect(fixture.bindings().count == 11)
        #expect(fixture.tables.totals().heldPorts == 0)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("NAT-03 a port outside of the pool's range serves, and no port of it is lost to traffic")
    func lowPort() throws {
        let fixture = TablesFixture(ports: ports(2000, 2063))
        let client = fixture.client(5, 443)
        #expect(adopt(fixture, [try binding(.tcp, ports(443), for: client)]) == [])
        let answer = fixture.receive(.tcp, TransportAddress4(external, Port(443)), fixture.peer(1), .syn)
        #expect(answer == .success(.client(client, prefix: 0)))
        for host in 0..<64 {
            #expect(fixture.send(.tcp, fixture.client(100 + UInt64(host), 1), fixture.peer(1), .syn).value != nil)
        }
        #expect(fixture.send(.tcp, fixture.client(999, 1), fixture.peer(1), .syn).failure == .poolExhausted)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("NAT-03 no traffic gets the port of a static binding, until the last port of the pool")
    func reserved() throws {
        let fixture = TablesFixture(ports: ports(2000, 2063))
        adopt(fixture, [try binding(.udp, ports(2010, 2019), for: fixture.client(5, 2010))])
        var given: Set<Port> = []
        for host in 0..<54 {
            guard let got = fixture.send(.udp, fixture.client(100 + UInt64(host), 2010), fixture.peer(1)).value else {
                continue
            }
            given.insert(got.port)
        }
        #expect(given.count == 54 && given.allSatisfy { !(2010...2019).contains($0.number) })
        #expect(fixture.send(.udp, fixture.client(999, 1), fixture.peer(1)).failure == .poolExhausted)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("what traffic has made is a reason to refuse, with the client's name")
    func obstacles() throws {
        let fixture = TablesFixture()
        let other = fixture.client(7, 5000)
        let got = try #require(fixture.send(.udp, other, fixture.peer(1)).value)
        let client = fixture.client(5, 443)
        let wanted = try binding(.udp, ports(got.port.number), for: client)
        #expect(fixture.tables.obstacle(to: wanted) == .externalTaken(got, by: other, isStatic: false))
        let own = try binding(.udp, ports(443), for: other)
        #expect(fixture.tables.obstacle(to: own) == .clientTaken(other, as: got, isStatic: false))
        #expect(fixture.tables.obstacle(to: try binding(.tcp, ports(got.port.number), for: client)) == nil)
        let outside = try binding(.udp, ports(1), for: client, at: IPv4Address(9, 9, 9, 9))
        #expect(fixture.tables.obstacle(to: outside) == .outsidePool)
        // The same pair as traffic has it may become static.
        #expect(fixture.tables.obstacle(to: try binding(.udp, ports(got.port.number), for: other)) == nil)
    }

    @Test("what is in the way of the file's bindings ends, with every session, and is not held back")
    func replaces() throws {
        let fixture = TablesFixture { $0.limits.portsPerClient = 10 }
        let other = fixture.client(7, 5000, network: 7)
        let got = try #require(fixture.send(.udp, other, fixture.peer(1)).value)
        for number in 2..<200 { fixture.send(.udp, other, fixture.peer(UInt32(number))) }
        let client = fixture.client(5, 443)
        let elsewhere = try #require(fixture.send(.udp, client, fixture.peer(1)).value)
        fixture.send(.udp, client, fixture.peer(2))
        #expect(adopt(fixture, [try binding(.udp, ports(got.port.number), for: client)]) == [])
        #expect(fixture.sessions().isEmpty)
        #expect(fixture.bindings().map(\.client) == [client])
        #expect(fixture.receive(.udp, got, fixture.peer(50)) == .success(.client(client, prefix: 0)))
        #expect(fixture.receive(.udp, elsewhere, fixture.peer(1)).failure == .noSession)
        // The client that lost its port goes on with another, and no port of its network is lost on the account.
        for port in 0..<10 {
            #expect(
                fixture.send(.udp, fixture.client(7, 5000 + UInt16(port), network: 7), fixture.peer(1)).value != nil
            )
        }
        #expect(fixture.send(.udp, fixture.client(7, 6000, network: 7), fixture.peer(1)).failure == .clientLimit)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("a port that is only kept from others is taken at once")
    func heldPort() throws {
        let fixture = TablesFixture()
        let got = try #require(fixture.send(.udp, fixture.client(7, 5000), fixture.peer(1)).value)
        fixture.pass(.seconds(301))
        fixture.sweep()
        #expect(fixture.tables.totals().heldPorts == 1)
        let wanted = try binding(.udp, ports(got.port.number), for: fixture.client(5, 443))
        #expect(fixture.tables.obstacle(to: wanted) == nil && adopt(fixture, [wanted]) == [])
        #expect(fixture.tables.totals().heldPorts == 0)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("a binding that is taken out ends with its sessions, the others and theirs go on")
    func removal() throws {
        let fixture = TablesFixture()
        let (first, second) = (fixture.client(5, 1000), fixture.client(5, 2000))
        let stays = try binding(.udp, ports(3000, 3009), for: first)
        let goes = try binding(.udp, ports(4000, 4009), for: second)
        adopt(fixture, [stays, goes])
        for client in [first, second] {
            for number in 0..<100 { fixture.send(.udp, client, fixture.peer(UInt32(number))) }
        }
        #expect(fixture.sessions().count == 200)
        #expect(adopt(fixture, [stays]) == [])
        #expect(fixture.sessions().count == 100 && fixture.sessions().allSatisfy { $0.client == first })
        #expect(fixture.bindings().count == 10 && fixture.tables.totals().staticBindings == 10)
        #expect(fixture.receive(.udp, TransportAddress4(external, Port(4000)), fixture.peer(1)).failure == .noSession)
        let again = fixture.send(.udp, second, fixture.peer(1)).value
        #expect(again != nil && again != TransportAddress4(external, Port(4000)))
        adopt(fixture, [])
        #expect(fixture.tables.totals().staticBindings == 0)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("of an address shared with the host only its share serves")
    func sharedAddress() throws {
        let fixture = TablesFixture {
            $0.pool[0] = PoolEntry(
                addresses: $0.pool[0].addresses,
                ports: Port(61440)...Port(65535),
                sharedWithHost: true
            )
        }
        let client = fixture.client(5, 443)
        let host = try binding(.tcp, ports(443), for: client)
        #expect(adopt(fixture, [host]) == [.portOfHost(ours: Port(61440)...Port(65535))])
        #expect(fixture.tables.obstacle(to: host) == .portOfHost(ours: Port(61440)...Port(65535)))
        #expect(adopt(fixture, [try binding(.tcp, ports(61440), for: client)]) == [])
        let answer = fixture.receive(.tcp, TransportAddress4(external, Port(61440)), fixture.peer(1), .syn)
        #expect(answer == .success(.client(client, prefix: 0)))
    }

    @Test("it does not count against the ports of its client, its sessions count")
    func accounts() throws {
        let fixture = TablesFixture {
            $0.limits.portsPerClient = 1
            $0.limits.sessionsPerClient = 4
        }
        let client = fixture.client(5, 1000)
        adopt(fixture, [try binding(.udp, ports(3000, 3009), for: client)])
        #expect(fixture.send(.udp, fixture.client(6, 1), fixture.peer(1)).value != nil)
        #expect(fixture.receive(.udp, TransportAddress4(external, Port(3000)), fixture.peer(1)).value != nil)
        #expect(fixture.receive(.udp, TransportAddress4(external, Port(3001)), fixture.peer(2)).value != nil)
        #expect(fixture.receive(.udp, TransportAddress4(external, Port(3002)), fixture.peer(3)).failure == .clientLimit)
        adopt(fixture, [])
        #expect(fixture.send(.udp, fixture.client(6, 1), fixture.peer(2)).value != nil)
        #expect(fixture.send(.udp, fixture.client(6, 2), fixture.peer(1)).failure == .clientLimit)
    }

    @Test("CGN-06 the limit of sessions for each binding does not hold for it, that for its client does")
    func sessionsOfBinding() throws {
        let fixture = TablesFixture {
            $0.limits.sessionsPerBinding = 2
            $0.limits.sessionsPerClient = 40
        }
        adopt(fixture, [try binding(.udp, ports(3000), for: fixture.client(5, 1000))])
        let results = (1...40 as ClosedRange<UInt32>).map {
            fixture.receive(.udp, TransportAddress4(external, Port(3000)), fixture.peer($0))
        }
        #expect(results.compactMap(\.value).count == 30)
        #expect(results.last?.failure == .clientLimit)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("clients that are not served and peers that may not be reached are refused as ever")
    func rules() throws {
        let fixture = TablesFixture()
        let client = fixture.client(5, 443)
        adopt(fixture, [try binding(.udp, ports(443), for: client)])
        let to = TransportAddress4(external, Port(443))
        fixture.policy = TablesFixture.policy(refuse: ["203.0.0.9/32"])
        fixture.tables.adopt(policy: fixture.policy)
        #expect(fixture.receive(.udp, to, fixture.peer(9)).failure == .destinationRefused)
        #expect(fixture.receive(.udp, to, fixture.peer(8)).value != nil)
        fixture.policy = TablesFixture.policy(clients: ["2001:db8:ffff::/48"])
        fixture.tables.adopt(policy: fixture.policy)
        #expect(fixture.sessions().isEmpty && fixture.bindings().count == 1)
        #expect(fixture.receive(.udp, to, fixture.peer(8)).failure == .clientRefused)
    }

    /// The fixture's policy, and 203.0.9.0/24 under the second prefix.
    private func mapping(_ policy: Policy) -> Policy {
        Policy(
            generation: 2,
            prefixes: policy.prefixes,
            clients: policy.clients,
            destinations: DestinationRules(),
            views: policy.views,
            maps: PrefixMaps([PrefixMap(ipv4: IPv4Prefix(IPv4Address(203, 0, 9, 0), length: 24), prefix: 1)])
        )
    }

    @Test("ADR-16 a peer whose packet is under way while a prefix is mapped for it is seen under that prefix")
    func mappedMeanwhile() throws {
        let fixture = TablesFixture { $0.filtering = Filtering(.endpointIndependent) }
        let client = fixture.client(5, 443)
        adopt(fixture, [try binding(.udp, ports(443), for: client)])
        // The worker of this packet has not seen it yet.
        fixture.tables.adopt(policy: mapping(fixture.policy))
        let to = TransportAddress4(external, Port(443))
        #expect(fixture.receive(.udp, to, fixture.peer(0x900)) == .success(.client(client, prefix: 1)))
    }

    @Test("ADR-16 a peer that speaks first is seen under the prefix mapped for it, another under the one last used")
    func mappedPeer() throws {
        let fixture = TablesFixture { $0.filtering = Filtering(.endpointIndependent) }
        fixture.policy = mapping(fixture.policy)
        fixture.tables.adopt(policy: fixture.policy)
        let client = fixture.client(5, 443)
        adopt(fixture, [try binding(.udp, ports(443), for: client)])
        let to = TransportAddress4(external, Port(443))
        #expect(fixture.receive(.udp, to, fixture.peer(0x900)) == .success(.client(client, prefix: 1)))
        #expect(fixture.receive(.udp, to, fixture.peer(0x800)) == .success(.client(client, prefix: 0)))
        let other = fixture.client(6, 443)
        let got = fixture.send(.udp, other, fixture.peer(0x801)).value
        #expect(fixture.receive(.udp, got, fixture.peer(0x901)) == .success(.client(other, prefix: 1)))
        #expect(fixture.receive(.udp, got, fixture.peer(0x802)) == .success(.client(other, prefix: 0)))
        // What is mapped is reached under its prefix alone.
        #expect(fixture.send(.udp, other, fixture.peer(0x902), prefix: 0).failure == .destinationRefused)
        #expect(fixture.send(.udp, other, fixture.peer(0x902), prefix: 1).value == got)
    }

    @Test("two clients of ours reach each other by static bindings outside of the pool's ports (NAT-31)")
    func hairpin() throws {
        let fixture = TablesFixture()
        let server = fixture.client(5, 443)
        adopt(fixture, [try binding(.tcp, ports(443), for: server)])
        fixture.policy = TablesFixture.policy(refuse: ["198.51.100.0/24"])
        fixture.tables.adopt(policy: fixture.policy)
        let to = TransportAddress4(external, Port(443))
        let from = try #require(fixture.send(.tcp, fixture.client(6, 999), to, .syn).value)
        #expect(fixture.receive(.tcp, to, from, .syn) == .success(.client(server, prefix: 0)))
    }

    @Test("a run of all ports that traffic may have is put in force and taken away again")
    func everyPort() throws {
        let fixture = TablesFixture(ports: ports(1024, 5119))
        let whole = try binding(.tcp, ports(1024, 5119), for: fixture.client(5, 1024))
        #expect(adopt(fixture, [whole]) == [])
        #expect(fixture.tables.totals().staticBindings == 4096)
        #expect(fixture.send(.tcp, fixture.client(6, 1), fixture.peer(1), .syn).failure == .poolExhausted)
        #expect(adopt(fixture, []) == [])
        #expect(fixture.tables.totals().bindings.all == 0)
        #expect(fixture.send(.tcp, fixture.client(6, 1), fixture.peer(1), .syn).value != nil)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("a table that is full refuses, and says so")
    func tableFull() throws {
        let fixture = TablesFixture { $0.maximumBindings = 4096 }
        #expect(adopt(fixture, [try binding(.tcp, ports(1, 5000), for: fixture.client(5, 1))]) == [.tableFull])
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("TCP-28 after FIN and RST a session lives for the transitory lifetime if that is wanted, else for two hours")
    func shortAfterReset() throws {
        for isShort in [false, true] {
            let fixture = TablesFixture { $0.lifetimes.shortAfterReset = isShort }
            let client = fixture.client(5, 443)
            let got = fixture.send(.tcp, client, fixture.peer(1), .syn).value
            fixture.receive(.tcp, got, fixture.peer(1), [.syn, .ack])
            fixture.send(.tcp, client, fixture.peer(1), [.fin, .ack])
            fixture.send(.tcp, client, fixture.peer(1), .rst)
            #expect(fixture.state == .v6FinReceived)
            fixture.pass(.seconds(241))
            fixture.sweep()
            #expect(fixture.sessions().count == (isShort ? 0 : 1))
            fixture.pass(.seconds(7000))
            fixture.sweep()
            #expect(fixture.tables.brokenInvariants() == [])
        }
    }

    @Test("TCP-29 a session that opens lives for a lifetime of its own")
    func opening() throws {
        let fixture = TablesFixture { $0.lifetimes.tcpOpening = .seconds(30) }
        fixture.send(.tcp, fixture.client(5, 443), fixture.peer(1), .syn)
        fixture.pass(.seconds(31))
        fixture.sweep()
        #expect(fixture.sessions().isEmpty)
        let client = fixture.client(6, 443)
        let got = fixture.send(.tcp, client, fixture.peer(1), .syn).value
        fixture.receive(.tcp, got, fixture.peer(1), [.syn, .ack])
        fixture.send(.tcp, client, fixture.peer(1), .rst)
        fixture.pass(.seconds(239))
        fixture.sweep()
        #expect(fixture.sessions().count == 1)
    }

    @Test("sessions of a static binding stay when its address is lost, until somebody takes the binding away")
    func lostAddress() throws {
        let fixture = TablesFixture()
        adopt(fixture, [try binding(.udp, ports(443), for: fixture.client(5, 443))])
        #expect(fixture.receive(.udp, TransportAddress4(external, Port(443)), fixture.peer(1)).value != nil)
        fixture.tables.endBindings(of: [external])
        #expect(fixture.sessions().count == 1 && fixture.tables.brokenInvariants() == [])
    }
}
