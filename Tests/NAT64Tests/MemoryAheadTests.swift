import Glibc
import IPAddressing
import PacketMemory
import PacketWire
import Testing

@testable import NAT64

@Suite("Memory that is laid in before packets come to it")
struct MemoryAheadTests {
    /// How many of the pages that some octets lie in are there.
    private func present(_ address: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let page = Int(getpagesize())
        let start = unsafe address - Int(bitPattern: address) % page
        var pages = [UInt8](repeating: 0, count: count / page)
        guard unsafe mincore(start, pages.count * page, &pages) == 0 else { return -1 }
        return pages.count { $0 & 1 == 1 }
    }

    private func fill(_ world: TablesFixture, _ hosts: Range<UInt64>, laysIn: Bool) {
        for host in hosts {
            world.send(.udp, world.client(host, 5000), world.peer(1))
            if world.tables.memory.ahead.take(), laysIn { world.layIn() }
        }
    }

    @Test("what the next bindings will be written into is there before them, and only if somebody lays it in")
    func slots() {
        for laysIn in [true, false] {
            let world = TablesFixture(addresses: 4)
            fill(world, 0..<20_000, laysIn: laysIn)
            let bindings = world.tables.memory.bindings
            let next = unsafe bindings.slots + Int(bindings.end) * MemoryLayout<Binding>.stride
            #expect(unsafe (present(next, 1 << 17) == 32) == laysIn)
        }
    }

    @Test("the index of each shard has its next size laid in before it doubles")
    func indices() {
        for laysIn in [true, false] {
            let world = TablesFixture(addresses: 4)
            // Of 2,048 places a shard may fill 1,280, and little before that it says what it will want.
            fill(world, 0..<64 * 1210, laysIn: laysIn)
            let clients = world.tables.memory.clients
            let there = (0..<64).count {
                unsafe present(UnsafeMutableRawPointer(clients.places(of: $0, size: 12)), 32_768) == 8
            }
            #expect(laysIn ? there > 48 : there < 16)
        }
    }

    @Test("an address that many ports are taken of has the owners of all laid in, and nothing has one with few")
    func owners() {
        let world = TablesFixture()
        for (ports, expected) in [(10, false), (40, true)] as [(UInt64, Bool)] {
            fill(world, 0..<ports, laysIn: true)
            #expect(unsafe (present(world.tables.pool.ownersOfFirst, 1 << 18) > 60) == expected)
        }
    }

    @Test("an idle table lays nothing in")
    func idle() {
        let world = TablesFixture()
        #expect(!world.tables.memory.ahead.take())
        world.send(.tcp, world.client(1, 5000), world.peer(1), .syn)
        #expect(!world.tables.memory.ahead.take())
        #expect(!world.joinPages())
    }

    @Test("bindings and indices hold in huge pages what they held in small ones, and go on growing in them")
    func joining() {
        let world = TablesFixture(addresses: 4)
        fill(world, 0..<110_000, laysIn: true)
        let before = (0..<110_000 as Range<UInt64>).map {
            world.send(.udp, world.client($0, 5000), world.peer(1)).value
        }
        var joined = 0
        while world.joinPages() { joined += 1 }
        // Three of bindings of 64 octets, one of 64 indices with 4,096 places of eight octets.
        #expect(joined == 4)
        let after = (0..<110_000 as Range<UInt64>).map { world.send(.udp, world.client($0, 5000), world.peer(1)).value }
        #expect(before == after)
        fill(world, 110_000..<150_000, laysIn: true)
        #expect(world.tables.totals().sessions.udp == 150_000)
        #expect(world.tables.brokenInvariants() == [])
    }
}

extension TablesFixture {
    /// What ``Translator/layInMemory()`` does.
    fileprivate func layIn() {
        tables.memory.layIn()
        tables.pool.layIn()
    }

    /// What ``Translator/joinPages()`` does.
    fileprivate func joinPages() -> Bool { tables.memory.joinPages() }
}
