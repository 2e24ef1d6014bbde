import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Ports that several clients have at once, RFC 7857 section 3")
struct OverloadTests {
    @Test("CGN-15 overloading is off by default, and then a full pool refuses")
    func offByDefault() {
        #expect(!NAT64Settings().overloadsPorts)
        let world = TablesFixture(ports: Port(2000)...Port(2063))
        let results = (0..<65 as Range<UInt64>).map {
            world.send(.udp, world.client($0, 5000), world.peer(UInt32($0)))
        }
        #expect(results.compactMap(\.value).count == 64)
        #expect(results.last?.failure == .poolExhausted)
    }

    @Test("CGN-15 one address carries more flows than it has ports, and every reply reaches the client that asked")
    func manyFlows() {
        let world = TablesFixture { $0.overloadsPorts = true }
        var flows: [(client: TransportAddress6, external: TransportAddress4, peer: TransportAddress4)] = []
        for number in 0..<70_000 as Range<UInt64> {
            let client = world.client(number, 5000)
            let peer = world.peer(UInt32(number % 5000) + 1)
            guard let external = world.send(.udp, client, peer).value else { continue }
            flows.append((client, external, peer))
        }
        #expect(flows.count == 70_000)
        struct Ends: Hashable {
            let external: TransportAddress4
            let peer: TransportAddress4
        }
        #expect(Set(flows.map { Ends(external: $0.external, peer: $0.peer) }).count == flows.count)
        #expect(Set(flows.map(\.external)).count < 64_513)
        for flow in flows where flow.client.address.low % 7 == 0 || flow.client.address.low > 60_000 {
            #expect(world.receive(.udp, flow.external, flow.peer).value == .client(flow.client, prefix: 0))
        }
        let totals = world.tables.totals()
        #expect(totals.sharingBindings == 70_000 - (64_512 - 4032))
        #expect(totals.portsInUse == 64_512 - 4032)
        #expect(world.tables.sharedPorts.count == totals.sharingBindings)
        #expect(world.tables.brokenInvariants() == [])
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.tables.sharedPorts.count == 0)
        #expect(world.tables.totals().sharingBindings == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    /// Tables whose one address has 30 ports that clients have for themselves, all taken, and two that they share.
    private func fullWorld(_ transport: TransportProtocol = .udp, _ rule: Filtering.Rule = .endpointIndependent)
        -> TablesFixture
    {
        let world = TablesFixture(ports: Port(2000)...Port(2031)) {
            $0.overloadsPorts = true
            $0.filtering = Filtering(rule)
        }
        for host in 0..<30 as Range<UInt64> {
            world.send(transport, world.client(host, 4000), world.peer(900), .syn)
        }
        return world
    }

    @Test("CGN-15 through an overloaded port only a peer that was sent to may answer, whatever the filtering")
    func filtering() {
        let world = fullWorld()
        let external = world.send(.udp, world.client(50, 5000), world.peer(1)).value
        #expect(external?.port == Port(2030), "parity is kept")
        #expect(world.receive(.udp, external, world.peer(1)).value == .client(world.client(50, 5000), prefix: 0))
        #expect(world.receive(.udp, external, world.peer(1, 80)).failure == .noSession)
        #expect(world.receive(.udp, external, world.peer(2)).failure == .noSession)
        let own = world.send(.udp, world.client(3, 4000), world.peer(900)).value
        #expect(world.receive(.udp, own, world.peer(2)).value == .client(world.client(3, 4000), prefix: 0))
    }

    @Test(
        "CGN-15 NAT-07 every overloaded port is used towards a peer, those of the client's parity first",
        arguments: [(32, 2), (48, 3), (64, 4), (16, 1)]
    )
    func everyShared(ports: Int, shared: Int) {
        let world = TablesFixture(ports: Port(2000)...Port(UInt16(1999 + ports))) { $0.overloadsPorts = true }
        for host in 0..<UInt64(ports - shared) { world.send(.udp, world.client(host, 4000), world.peer(900)) }
        for parity in [0, 1] as [UInt16] {
            let peer = world.peer(UInt32(parity) + 1)
            let results = (0..<UInt64(shared) + 1).map { host in
                world.send(.udp, world.client(1000 + host, 5000 + parity), peer)
            }
            let given = results.compactMap { $0.value?.port.number }
            #expect(Set(given).count == shared && results.last?.failure == .poolExhausted)
            let like = given.prefix { $0 & 1 == parity }.count
            #expect(shared == 1 || like == given.count { $0 & 1 == parity }, "its parity first")
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-15 CGN-11 a client that gets none of the ports kept for new ones gets an overloaded one")
    func besideReserve() {
        let world = TablesFixture(ports: Port(2000)...Port(2159)) {
            $0.overloadsPorts = true
            $0.limits.portsForNewClients = 10
        }
        let given = (0..<200 as Range<UInt32>).compactMap { number in
            world.send(.udp, world.client(1, UInt16(5000 + number)), world.peer(number)).value?.port.number
        }
        #expect(given.count == 200)
        // 150 ports are for one client each, and 15 of these for new ones.
        #expect(given.count { $0 < 2150 } == 135)
        for network in 2...16 as ClosedRange<UInt64> {
            let own = world.send(.udp, world.client(1, 5000, network: network), world.peer(1)).value
            #expect((own?.port.number ?? .max) < 2150)
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-15 two clients have one port towards different peers, and the second is refused towards the same")
    func oneSharedPort() {
        let world = fullWorld()
        let first = world.send(.udp, world.client(50, 5000), world.peer(1)).value
        let second = world.send(.udp, world.client(51, 5000), world.peer(2)).value
        #expect(first == second)
        #expect(world.receive(.udp, first, world.peer(1)).value == .client(world.client(50, 5000), prefix: 0))
        #expect(world.receive(.udp, first, world.peer(2)).value == .client(world.client(51, 5000), prefix: 0))
        #expect(world.send(.udp, world.client(51, 5000), world.peer(1)).failure == .poolExhausted, "its port is fixed")
        #expect(world.send(.udp, world.client(51, 5000), world.peer(3)).value == second, "and stays the same")
        let third = world.send(.udp, world.client(51, 5001), world.peer(1)).value
        #expect(third?.port == Port(2031), "an odd port, an odd port")
        #expect(world.send(.udp, world.client(52, 5000), world.peer(1)).failure == .poolExhausted)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test(
        "CGN-15 NAT-10 clients are spread over all ports that are set aside, and one peer is reached through each of them"
    )
    func spread() {
        let world = TablesFixture(ports: Port(2048)...Port(10_239)) { $0.overloadsPorts = true }
        for host in 0..<7680 as Range<UInt64> { world.send(.tcp, world.client(host, 4000), world.peer(900), .syn) }
        var ports: Set<UInt16> = []
        for host in 10_000..<10_300 as Range<UInt64> {
            guard let external = world.send(.tcp, world.client(host, 4000), world.peer(7), .syn).value else { continue }
            ports.insert(external.port.number)
        }
        #expect(ports.count == 300 && (ports.min() ?? 0) >= 9728)
        let others = (0..<100 as Range<UInt64>).compactMap {
            world.send(.tcp, world.client(20_000 + $0, 4000), world.peer(1000 + UInt32($0)), .syn).value
        }
        #expect(Set(others.map(\.port)).count > 60)
    }

    @Test("CGN-15 TCP-31 no segment of a client goes out into the connection that another has through the same port")
    func nothingForOthers() {
        let world = fullWorld(.tcp)
        let first = world.send(.tcp, world.client(50, 5000), world.peer(1), .syn).value
        let second = (51..<80 as Range<UInt64>).lazy.map { (world.client($0, 5000), world.peer(UInt32($0))) }.first {
            world.send(.tcp, $0.0, $0.1, .syn).value == first
        }
        guard let (client, peer) = second else { return #expect(second != nil) }
        for flags in [.rst, .ack, [.fin, .ack], [.rst, .ack]] as [TCPFlags] {
            #expect(world.send(.tcp, client, world.peer(1), flags).failure == .noSession)
            #expect(world.send(.tcp, client, peer, flags).value == first)
        }
        #expect(
            world.send(.tcp, world.client(3, 4000), world.peer(1), .rst).value != nil,
            "a port of its own is its own"
        )
    }

    @Test("CGN-15 a peer is free for others when the session with it ends, and the binding goes with its last session")
    func ending() {
        let world = fullWorld()
        let external = world.send(.udp, world.client(50, 5000), world.peer(1)).value
        world.pass(.seconds(200))
        for host in 0..<30 as Range<UInt64> { world.send(.udp, world.client(host, 4000), world.peer(900)) }
        world.send(.udp, world.client(50, 5000), world.peer(2))
        world.pass(.seconds(150))
        world.sweep()
        #expect(world.send(.udp, world.client(51, 5000), world.peer(1)).value == external)
        #expect(world.receive(.udp, external, world.peer(1)).value == .client(world.client(51, 5000), prefix: 0))
        #expect(world.receive(.udp, external, world.peer(2)).value == .client(world.client(50, 5000), prefix: 0))
        #expect(world.tables.totals().sharingBindings == 2)
        world.pass(.seconds(302))
        world.sweep()
        #expect(world.tables.totals().sharingBindings == 0)
        #expect(world.tables.totals().heldPorts == 30, "an overloaded port does not rest")
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("CGN-15 a client that has an overloaded port gets one of its own when there is one again")
    func backToNormal() {
        let world = fullWorld(.tcp)
        #expect((world.send(.tcp, world.client(50, 5000), world.peer(1), .syn).value?.port.number ?? 0) >= 2030)
        world.pass(.seconds(300))
        world.sweep()
        let external = world.send(.tcp, world.client(50, 5000), world.peer(1), .syn).value
        #expect((external?.port.number ?? .max) < 2030)
        #expect(world.receive(.tcp, external, world.peer(1), [.syn, .ack]).value != nil)
    }

    @Test("CGN-15 ICMP queries, quoted packets and hairpins find the client behind an overloaded port")
    func others() {
        let world = fullWorld(.icmpQuery)
        let one = world.send(.icmpQuery, world.client(50, 7), world.peer(1, 0)).value
        let two = world.send(.icmpQuery, world.client(51, 7), world.peer(2, 0)).value
        #expect(world.receive(.icmpQuery, one, world.peer(1, 0)).value == .client(world.client(50, 7), prefix: 0))
        #expect(world.receive(.icmpQuery, two, world.peer(2, 0)).value == .client(world.client(51, 7), prefix: 0))
        guard let one else { return }
        let quoted = InwardFlow(transport: .icmpQuery, external: one, peer: world.peer(1, 0))
        #expect(world.tables.findInward(quoted)?.client == world.client(50, 7))
        let unknown = InwardFlow(transport: .icmpQuery, external: one, peer: world.peer(9, 0))
        #expect(world.tables.findInward(unknown) == nil)
    }

    @Test("CGN-15 a static binding's port among those set aside is not overloaded")
    func staticPort() {
        let world = fullWorld()
        #expect(world.reserve(Port(2030), .udp))
        #expect(world.send(.udp, world.client(50, 5000), world.peer(1)).value?.port == Port(2031))
        #expect(world.send(.udp, world.client(51, 5000), world.peer(1)).failure == .poolExhausted)
    }

    @Test("CGN-15 a static binding ends what others have on its port, and no reply to them reaches its client")
    func staticPortLater() throws {
        let world = fullWorld()
        let shared = try #require(world.send(.udp, world.client(50, 5000), world.peer(1)).value)
        #expect(world.send(.udp, world.client(51, 5000), world.peer(2)).value == shared)
        #expect(world.send(.udp, world.client(51, 5000), world.peer(3)).value == shared)
        let other = try #require(world.send(.udp, world.client(50, 5001), world.peer(1)).value)
        let client = world.client(90, 53)
        let binding = try #require(
            StaticBinding(
                transport: .udp,
                external: shared.address,
                externalPorts: shared.port...shared.port,
                client: client.address,
                clientPorts: client.port...client.port
            )
        )
        #expect(world.tables.obstacle(to: binding) == .externalBusy(shared))
        #expect(world.tables.adopt([binding], at: world.now).isEmpty)
        #expect(world.tables.brokenInvariants() == [])
        #expect(world.sessions().allSatisfy { $0.external != shared }, "sessions on the port have ended")
        #expect(world.receive(.udp, shared, world.peer(4)).value == .client(client, prefix: 0))
        #expect(world.receive(.udp, other, world.peer(1)).value == .client(world.client(50, 5001), prefix: 0))
        #expect(world.send(.udp, world.client(50, 5000), world.peer(1)).failure == .poolExhausted)
        #expect(world.tables.obstacle(to: binding) == nil)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test(
        "F10-T4 CGN-15 an address leaves the pool with the last client of its overloaded ports, or when its time is over"
    )
    func draining() throws {
        let other = PoolEntry(addresses: IPv4Address(192, 0, 2, 1)...IPv4Address(192, 0, 2, 1))
        for endsByTime in [false, true] {
            let world = fullWorld(.tcp)
            let (client, peer) = (world.client(50, 5000), world.peer(1))
            let external = try #require(world.send(.tcp, client, peer, .syn).value)
            #expect(world.receive(.tcp, external, peer, [.syn, .ack]).value != nil)
            #expect(world.tables.change(pool: [other], at: world.now))
            world.pass(.seconds(300))
            world.sweep()
            #expect(world.tables.totals().portsInUse == 0 && world.tables.totals().sharingBindings == 1)
            #expect(!world.dropDrained(), "an established connection goes on")
            #expect(world.receive(.tcp, external, peer, .ack).value == .client(client, prefix: 0))
            if endsByTime {
                #expect(world.tables.endDraining(after: .seconds(300), at: world.now).sessions == 1)
            } else {
                for seconds in [7201, 241] as [UInt64] {
                    world.pass(.seconds(seconds))
                    world.sweep()
                }
            }
            #expect(world.tables.totals().sharingBindings == 0)
            #expect(world.dropDrained())
            #expect(world.tables.brokenInvariants() == [])
        }
    }

    private func entry(_ ports: ClosedRange<Port>) -> PoolEntry {
        PoolEntry(addresses: TablesFixture.firstExternal...TablesFixture.firstExternal, ports: ports)
    }

    @Test("CGN-15 NAT-08 a port that clients share is given to nobody as its own while they have it")
    func widened() throws {
        let world = fullWorld(.tcp)
        let sharing = (50..<70 as Range<UInt64>).map { world.client($0, 5000) }
        for client in sharing {
            let external = try #require(world.send(.tcp, client, world.peer(UInt32(client.address.low)), .syn).value)
            #expect(external.port.number >= 2030)
        }
        #expect(world.tables.change(pool: [entry(Port(2000)...Port(2127))], at: world.now))
        #expect(world.tables.totals().sharingBindings == 0)
        #expect(world.tables.brokenInvariants() == [])
        let owners = (100..<190 as Range<UInt64>).map { world.client($0, 5000) }
        let owned = owners.compactMap { world.send(.tcp, $0, world.peer(900), .syn).value }
        #expect(Set(owned).count == 90 && owned.contains { $0.port.number == 2030 })
        for client in sharing {
            let external = world.send(.tcp, client, world.peer(UInt32(client.address.low)), .syn).value
            #expect(external.map { !owned.contains($0) } != false)
        }
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a change of the pool that leaves the ports set aside where they are ends nobody's sharing")
    func unmoved() throws {
        let world = fullWorld(.tcp)
        let (client, peer) = (world.client(50, 5000), world.peer(1))
        let external = try #require(world.send(.tcp, client, peer, .syn).value)
        let other = PoolEntry(addresses: IPv4Address(192, 0, 2, 1)...IPv4Address(192, 0, 2, 1))
        #expect(world.tables.change(pool: [entry(Port(2000)...Port(2031)), other], at: world.now))
        #expect(world.receive(.tcp, external, peer, [.syn, .ack]).value == .client(client, prefix: 0))
    }

    @Test("CGN-15 CGN-06 a session that an overloaded port refuses, or that finds no room, is not counted")
    func nothingLeftBehind() {
        let world = TablesFixture(ports: Port(2000)...Port(2031)) {
            $0.overloadsPorts = true
            $0.limits.sessionsPerClient = 1000
            $0.maximumFurtherSessions = 0
        }
        for host in 0..<30 as Range<UInt64> { world.send(.udp, world.client(host, 5000), world.peer(1)) }
        let first = world.send(.udp, world.client(50, 5000), world.peer(1)).value
        #expect(world.send(.udp, world.client(51, 5000), world.peer(2)).value == first)
        let network = world.tables.networkHash(world.client(1, 5000).address)
        #expect(world.tables.networks.taken(network).sessions == 32 && world.tables.sharedPorts.count == 2)
        #expect(world.send(.udp, world.client(51, 5000), world.peer(1)).failure == .poolExhausted)
        #expect(world.send(.udp, world.client(51, 5000), world.peer(3)).failure == .sessionLimit)
        #expect(world.tables.networks.taken(network).sessions == 32 && world.tables.sharedPorts.count == 2)
    }

    @Test("CGN-15 at an address that is shared with the host too, overloaded ports are not the host's")
    func notOfTheHost() {
        let world = TablesFixture(ports: Port(2000)...Port(2031)) {
            $0.overloadsPorts = true
            $0.pool[0].sharedWithHost = true
        }
        for host in 0..<30 as Range<UInt64> { world.send(.udp, world.client(host, 5000), world.peer(1)) }
        let shared = world.send(.udp, world.client(50, 5000), world.peer(1)).value
        #expect(shared?.port == Port(2030) && world.tables.totals().sharingBindings == 1)
        world.tables.endBindings(of: [])
        #expect(world.receive(.udp, shared, world.peer(1)).value == .client(world.client(50, 5000), prefix: 0))
    }
}
