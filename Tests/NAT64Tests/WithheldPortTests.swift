import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Ports that sockets of the host have")
struct WithheldPortTests {
    private static let address = TablesFixture.firstExternal
    private static let ports = Port(61440)...Port(61447)

    /// Tables that share one address with the host, with eight ports.
    private func sharing(holdDown: Moment.Span = .zero) -> TablesFixture {
        TablesFixture { settings in
            settings.pool = [
                PoolEntry(addresses: Self.address...Self.address, ports: Self.ports, sharedWithHost: true)
            ]
            settings.portHoldDown = holdDown
        }
    }

    private func port(_ number: UInt16, _ transport: TransportProtocol = .udp) -> PoolPort {
        PoolPort(transport: transport, external: TransportAddress4(Self.address, Port(number)))
    }

    /// The ports that so many clients get.
    private func given(_ fixture: TablesFixture, _ clients: Range<UInt64>, _ transport: TransportProtocol) -> [UInt16] {
        clients.compactMap { host in
            switch fixture.send(transport, fixture.client(host, 5000), fixture.peer(1), transport == .tcp ? .syn : []) {
            case .success(let external): external.port.number
            case .failure: nil
            }
        }
    }

    @Test("no client gets a withheld port, all others are used, and it can be given once it is free")
    func withheld() {
        let fixture = sharing()
        let result = fixture.tables.withhold([port(61441), port(61446), port(61442, .tcp)])
        #expect(result.kept == 3 && result.awaited.isEmpty)
        #expect(given(fixture, 0..<20, .udp).sorted() == [61440, 61442, 61443, 61444, 61445, 61447])
        #expect(given(fixture, 0..<20, .tcp).sorted() == [61440, 61441, 61443, 61444, 61445, 61446, 61447])
        #expect(fixture.tables.brokenInvariants() == [])
        #expect(fixture.tables.withhold([port(61446)]).kept == 1)
        #expect(given(fixture, 20..<30, .udp) == [61441])
        #expect(given(fixture, 20..<30, .tcp) == [61442])
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("what comes to a withheld port belongs to no binding, so that it goes to the host")
    func inward() {
        let fixture = sharing()
        fixture.tables.withhold([port(61441), port(61442, .tcp)])
        let udp = fixture.receive(.udp, port(61441).external, fixture.peer(1))
        #expect(udp == .failure(.noSession))
        #expect(fixture.sessions().isEmpty)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("a port that a client has is its own until it is done, and the host's from then on")
    func awaited() {
        let fixture = sharing()
        let all = Set(given(fixture, 0..<8, .udp))
        #expect(all.count == 8)
        let before = fixture.tables.withhold([port(61443)])
        #expect(before.kept == 0 && before.awaited == [port(61443)])
        #expect(given(fixture, 0..<8, .udp).count == 8, "all go on")
        #expect(fixture.tables.brokenInvariants() == [])
        fixture.pass(.seconds(400))
        fixture.sweep()
        #expect(fixture.sessions().isEmpty)
        // No further look was taken, and nobody gets it all the same.
        #expect(!given(fixture, 100..<120, .udp).contains(61443))
        #expect(fixture.tables.brokenInvariants() == [])
        #expect(fixture.tables.withhold([port(61443)]).kept == 1)
        #expect(fixture.tables.withhold([]).kept == 0)
        #expect(given(fixture, 120..<140, .udp) == [61443])
    }

    @Test("a port on hold from its last client goes to the host, and not back to that client's others")
    func heldDown() {
        let fixture = sharing(holdDown: .seconds(120))
        #expect(given(fixture, 0..<8, .udp).count == 8)
        fixture.pass(.seconds(301))
        fixture.sweep()
        #expect(fixture.tables.withhold([port(61440)]).awaited == [port(61440)])
        fixture.pass(.seconds(300))
        fixture.sweep()
        #expect(fixture.tables.withhold([port(61440)]).kept == 1)
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("a client that comes back does not get the port on hold for it that a socket of the host has by then")
    func revived() {
        let fixture = sharing(holdDown: .seconds(120))
        #expect(given(fixture, 0..<8, .udp).count == 8)
        fixture.pass(.seconds(301))
        fixture.sweep()
        #expect(fixture.tables.withhold([port(61443)]).awaited == [port(61443)])
        #expect(!given(fixture, 0..<8, .udp).contains(61443))
        #expect(fixture.tables.withhold([port(61443)]).kept == 1, "the host has it now")
        #expect(fixture.receive(.udp, port(61443).external, fixture.peer(1)) == .failure(.noSession))
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("ports outside of the share, of unknown addresses and of addresses of ours alone are passed over")
    func passedOver() {
        let fixture = sharing()
        let elsewhere = PoolPort(
            transport: .udp,
            external: TransportAddress4(IPv4Address(192, 0, 2, 1), Port(61440))
        )
        let result = fixture.tables.withhold([port(61439), port(61448), elsewhere])
        #expect(result.kept == 0 && result.awaited.isEmpty)
        let alone = TablesFixture()
        #expect(alone.tables.withhold([port(2000)]).kept == 0)
        #expect(alone.tables.brokenInvariants() == [])
    }

    @Test("an address that leaves the pool drains although its ports were withheld")
    func drains() {
        let fixture = sharing()
        fixture.tables.withhold([port(61440), port(61441, .tcp)])
        let other = IPv4Address(192, 0, 2, 9)
        let entry = PoolEntry(addresses: other...other, ports: Self.ports, sharedWithHost: true)
        #expect(fixture.tables.change(pool: [entry]))
        #expect(!fixture.dropDrained())
        #expect(fixture.tables.withhold([port(61440)]).kept == 0)
        #expect(fixture.dropDrained())
        #expect(fixture.tables.brokenInvariants() == [])
    }

    @Test("NAT-03 a static binding is not put on a port that a socket of the host has, and says so")
    func staticBinding() throws {
        let fixture = sharing()
        fixture.tables.withhold([port(61442, .tcp)])
        let client = fixture.client(5, 443)
        let binding = try #require(
            StaticBinding(
                transport: .tcp,
                external: Self.address,
                externalPorts: Port(61442)...Port(61442),
                client: client.address,
                clientPorts: Port(443)...Port(443)
            )
        )
        let refusal = StaticBindingRefusal.externalOfHost(port(61442).external)
        #expect(fixture.tables.obstacle(to: binding) == refusal)
        #expect(fixture.tables.adopt([binding], at: fixture.now).map(\.refusal) == [refusal])
        fixture.tables.withhold([])
        #expect(fixture.tables.adopt([binding], at: fixture.now).isEmpty)
        #expect(fixture.tables.withhold([port(61442, .tcp)]).awaited == [port(61442, .tcp)])
        #expect(fixture.tables.brokenInvariants() == [])
    }
}
