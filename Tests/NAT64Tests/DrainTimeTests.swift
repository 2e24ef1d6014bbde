import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Addresses taken out of the pool that may drain for a while only")
struct DrainTimeTests {
    private static let removed = IPv4Address(192, 0, 2, 2)
    private static let staying = IPv4Address(192, 0, 2, 1)

    private static func entry(_ first: UInt8, _ last: UInt8) -> PoolEntry {
        PoolEntry(addresses: IPv4Address(192, 0, 2, first)...IPv4Address(192, 0, 2, last))
    }

    /// Bindings of both addresses, each with three sessions of UDP and a connection; then the second is taken out.
    private func drainingWorld(_ changes: (inout NAT64Settings) -> Void = { _ in }) -> TablesFixture {
        let world = TablesFixture {
            $0.pool = [Self.entry(1, 2)]
            changes(&$0)
        }
        for network in 0..<50 as Range<UInt64> {
            let client = world.client(1, 5000, network: network)
            for peer in 1...3 as ClosedRange<UInt32> { world.send(.udp, client, world.peer(peer)) }
            world.send(.tcp, client, world.peer(1), .syn)
        }
        #expect(world.tables.change(pool: [Self.entry(1, 1)], at: world.now))
        return world
    }

    @Test("CGN-11 what has no room beside the addresses that would drain is told before anything is changed")
    func room() {
        func entry(_ first: UInt32, _ count: UInt32) -> PoolEntry {
            PoolEntry(addresses: IPv4Address(bits: first)...IPv4Address(bits: first + count - 1))
        }
        let (first, other) = (IPv4Address(44, 0, 0, 0).bits, IPv4Address(44, 1, 0, 0).bits)
        let world = TablesFixture { $0.pool = [entry(first, 40_000)] }
        let pool = { world.tables.pool.hasRoom(for: $0) }
        #expect(pool([entry(other, 25_535)]) && !pool([entry(other, 25_536)]))
        // What stays needs no further room, and what drains has its own until it is dropped.
        #expect(pool([entry(first, 40_000), entry(other, 25_535)]))
        #expect(pool([entry(first + 1_000, 64_535)]) && !pool([entry(first + 1_000, 64_536)]))
        #expect(world.send(.udp, world.client(1, 5000), world.peer(1)).value != nil)
        #expect(world.tables.change(pool: [entry(first, 10)]))
        #expect(!pool([entry(other, 25_536)]))
        #expect(!world.tables.change(pool: [entry(other, 25_536)]))
        #expect(world.bindings().count == 1)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("old bindings go on until the time is over, and then everything on the address ends and it goes")
    func end() {
        let world = drainingWorld()
        let before = world.bindings()
        let going = before.filter { $0.external.address == Self.removed }
        let others = before.filter { $0.external.address == Self.staying }
        #expect(!going.isEmpty && !others.isEmpty)
        #expect(world.tables.poolUse().map(\.drainingSince) == [nil, world.now])
        world.pass(.seconds(29))
        #expect(world.tables.endDraining(after: .seconds(30), at: world.now).sessions == 0)
        for binding in going {
            let answer = world.send(binding.transport, binding.client, world.peer(1), .ack).value
            #expect(answer == binding.external)
        }
        #expect(Set(world.bindings()) == Set(before))
        #expect(!world.dropDrained())

        world.pass(.seconds(1))
        let ended = world.tables.endDraining(after: .seconds(30), at: world.now)
        #expect(ended.addresses == [Self.removed])
        #expect(ended.sessions == going.reduce(0) { $0 + $1.sessions })
        #expect(Set(world.bindings()) == Set(others))
        #expect(world.tables.totals().heldPorts == 0, "no port rests: nobody is given it")
        #expect(world.tables.brokenInvariants() == [])
        #expect(world.dropDrained())
        #expect(world.tables.standing(of: Self.removed) == .outside)
        // Its clients go on with a new binding, as after any loss.
        for binding in going where binding.transport == .udp {
            #expect(world.send(.udp, binding.client, world.peer(1)).value?.address == Self.staying)
        }
        #expect(world.tables.endDraining(after: .seconds(30), at: world.now).addresses == [])
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a port that rests on such an address ends with the time as well")
    func resting() {
        let world = drainingWorld()
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.tables.totals().heldPorts > 0)
        #expect(!world.dropDrained())
        let ended = world.tables.endDraining(after: .seconds(300), at: world.now)
        #expect(ended.addresses == [Self.removed] && ended.sessions == 0)
        #expect(world.dropDrained())
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("an address that comes back before its time drains no longer, and has the whole time when it goes again")
    func comingBack() {
        let world = drainingWorld()
        let before = world.bindings()
        world.pass(.seconds(20))
        #expect(world.tables.change(pool: [Self.entry(1, 2)], at: world.now))
        world.pass(.seconds(20))
        #expect(world.tables.endDraining(after: .seconds(30), at: world.now).addresses == [])
        #expect(Set(world.bindings()) == Set(before))
        #expect(world.tables.change(pool: [Self.entry(1, 1)], at: world.now))
        world.pass(.seconds(29))
        #expect(world.tables.endDraining(after: .seconds(30), at: world.now).addresses == [])
        world.pass(.seconds(1))
        #expect(world.tables.endDraining(after: .seconds(30), at: world.now).addresses == [Self.removed])
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("each address has its own time, which another change of the pool does not begin anew")
    func ownTimes() {
        let world = TablesFixture { $0.pool = [Self.entry(1, 4)] }
        for network in 0..<200 as Range<UInt64> {
            world.send(.udp, world.client(1, 5000, network: network), world.peer(1))
        }
        let start = world.now
        #expect(world.tables.change(pool: [Self.entry(1, 3)], at: world.now))
        world.pass(.seconds(10))
        let later = world.now
        #expect(world.tables.change(pool: [Self.entry(1, 2)], at: world.now))
        #expect(world.tables.poolUse().map(\.drainingSince) == [nil, later, start])
        world.pass(.seconds(20))
        let first = world.tables.endDraining(after: .seconds(30), at: world.now)
        #expect(first.addresses == [IPv4Address(192, 0, 2, 4)] && first.sessions > 0)
        #expect(world.dropDrained())
        world.pass(.seconds(10))
        let second = world.tables.endDraining(after: .seconds(30), at: world.now)
        #expect(second.addresses == [IPv4Address(192, 0, 2, 3)] && second.sessions > 0)
        #expect(world.dropDrained())
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("with blocks of ports everything ends in time, and the address goes when its blocks have rested")
    func blocks() {
        let world = drainingWorld {
            $0.portBlockSize = 64
            $0.portHoldDown = .seconds(20)
        }
        let events = { world.tables.collectPortBlockEvents(at: world.now) }
        _ = events()
        world.pass(.seconds(30))
        #expect(world.tables.endDraining(after: .seconds(30), at: world.now).sessions > 0)
        #expect(!world.bindings().contains { $0.external.address == Self.removed })
        _ = events()
        #expect(!world.dropDrained(), "its blocks rest")
        #expect(world.tables.endDraining(after: .seconds(30), at: world.now).addresses == [], "nothing is left to end")
        world.pass(.seconds(21))
        _ = events()
        #expect(world.dropDrained())
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("ports that several clients share on such an address end too")
    func shared() {
        let world = TablesFixture {
            $0.pool = [PoolEntry(addresses: Self.removed...Self.removed, ports: Port(2000)...Port(2063))]
            $0.overloadsPorts = true
        }
        for number in 0..<200 as Range<UInt64> {
            world.send(.udp, world.client(1, 5000, network: number), world.peer(UInt32(number)))
        }
        #expect(world.tables.totals().sharingBindings > 0)
        let sessions = world.tables.totals().sessions.all
        #expect(world.tables.change(pool: [Self.entry(1, 1)], at: world.now))
        world.pass(.seconds(5))
        #expect(world.tables.endDraining(after: .seconds(5), at: world.now).sessions == sessions)
        #expect(world.tables.totals().bindings.all == 0)
        #expect(world.dropDrained())
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a static binding at an address that drains is refused from the next time on, and is not there any more")
    func staticBinding() throws {
        let world = TablesFixture(addresses: 2)
        let first = TablesFixture.firstExternal
        let client = world.client(5, 443)
        let binding = try #require(
            StaticBinding(
                transport: .udp,
                external: IPv4Address(bits: first.bits + 1),
                externalPorts: Port(443)...Port(443),
                client: client.address,
                clientPorts: Port(443)...Port(443)
            )
        )
        #expect(world.tables.adopt([binding], at: world.now).isEmpty)
        #expect(world.tables.change(pool: [PoolEntry(addresses: first...first)]))
        #expect(world.tables.adopt([binding], at: world.now).map(\.refusal) == [.outsidePool])
        #expect(world.tables.totals().staticBindings == 0 && world.tables.brokenInvariants() == [])
    }
}
