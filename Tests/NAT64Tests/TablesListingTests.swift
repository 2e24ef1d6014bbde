import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Listings and totals of the tables")
struct TablesListingTests {
    @Test("a listing by slices shows every session and binding once")
    func slices() {
        let world = TablesFixture()
        for host in 0..<500 as Range<UInt64> {
            for number in 0..<3 as Range<UInt32> { world.send(.udp, world.client(host, 5000), world.peer(number)) }
        }
        for limit in [1, 7, 100_000] {
            var records: [SessionRecord] = []
            var cursor: TableCursor? = .start
            while let place = cursor {
                let slice = world.tables.sessions(from: place, limit: limit, at: world.now)
                #expect(slice.records.count <= limit)
                records += slice.records
                cursor = slice.next.flatMap { TableCursor(rawValue: $0.rawValue) }
            }
            #expect(records.count == 1500)
            #expect(Set(records).count == 1500)
        }
        #expect(world.bindings().count == 500)
        #expect(world.bindings().allSatisfy { $0.sessions == 3 })
    }

    @Test(
        "any number is a place to go on from",
        arguments: [1 << 32, 1 << 39, .max, 0xFFFF_FFFF, 63 << 33] as [UInt64]
    )
    func anyCursor(number: UInt64) {
        let world = TablesFixture()
        world.send(.udp, world.client(1, 5000), world.peer(1))
        let slice = world.tables.sessions(from: TableCursor(rawValue: number), limit: 10, at: world.now)
        #expect(slice.records.count <= 1)
        #expect(world.tables.bindings(from: TableCursor(rawValue: number), limit: 0).records.isEmpty)
    }

    @Test("a session is shown with its ends, its state in the words of the RFC, and the time it has left")
    func record() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn, prefix: 1).value
        world.pass(.seconds(40))
        let shown = world.sessions().first
        #expect(shown?.transport == .tcp)
        #expect(shown?.client == client)
        #expect(shown?.prefix == 1)
        #expect(shown?.peer == world.peer(1))
        #expect(shown?.external == external)
        #expect(shown?.state.map { "\($0.name)" } == "V6 INIT")
        #expect(shown?.remaining.seconds == 200)
        #expect(TCPState.v4FinV6FinReceived.name.description == "V4 FIN + V6 FIN RCV")
    }

    @Test("totals count what was made, what ended and what is left")
    func totals() {
        let world = TablesFixture()
        for host in 0..<100 as Range<UInt64> {
            world.send(.udp, world.client(host, 5000), world.peer(1))
            world.send(.icmpQuery, world.client(host, 5000), world.peer(1, 0))
            world.send(.tcp, world.client(host, 5000), world.peer(1), .syn)
            world.send(.tcp, world.client(host, 5000), world.peer(2), .syn)
        }
        world.pass(.seconds(1))
        world.sweep()
        world.pass(.seconds(241))
        world.sweep()
        let totals = world.tables.totals()
        #expect(totals.bindings == TableTotals.ByTransport(udp: 100, tcp: 0, icmp: 0))
        #expect(totals.sessions == TableTotals.ByTransport(udp: 100, tcp: 0, icmp: 0))
        #expect(totals.sessionsMade == 400)
        #expect(totals.sessionsEnded == 300)
        #expect(totals.bindingsMade == 300)
        #expect(totals.heldPorts == 100)
        #expect(totals.portsInUse == 200)
    }
}
