import IPAddressing
import PacketMemory
import Testing

@testable import NAT64

@Suite("How clients spread over shards and places")
struct TablesHashTests {
    @Test("the shards fill alike and probe sequences stay short for neighbouring addresses and ports")
    func neighbours() {
        let world = TablesFixture(addresses: 4, ports: Port(1)...Port(65_535)) {
            $0.limits.spillsToOtherAddresses = true
        }
        for host in 0..<256 as Range<UInt64> {
            for port in 40_000..<40_128 as Range<UInt16> { world.send(.udp, world.client(host, port), world.peer(1)) }
        }
        #expect(world.tables.totals().bindings.all == 32_768)
        for index in 0..<Tables.shardCount {
            let shard = world.tables.shard(index)
            // 512 are expected; the standard deviation is 23.
            #expect((400...624).contains(shard.counts.bindings[0]))
            let (longest, sum, _) = shard.clientProbeLengths()
            #expect(longest < 48)
            #expect(Double(sum) / Double(shard.counts.bindings[0]) < 1.2)
        }
    }

    @Test("an index five eighths full has hardly an entry that is not in the cache line where the search begins")
    func lines() {
        let memory = IndexSpace.memory(for: 1 << 20)
        var index = KeyedIndex(IndexSpace(memory, for: 1 << 20), shard: 0)
        var dice = Dice(state: 5)
        while index.count < 10_240 { _ = index.insert(UInt32(truncatingIfNeeded: dice.next()), index.count) }
        #expect(index.capacity == 16_384)
        #expect(index.probeLengths().beyondLine < 10_240 / 20)
    }

    @Test("what an index has been given it finds, and nothing else, through growth and removal")
    func index() {
        let memory = IndexSpace.memory(for: 1 << 20)
        var index = KeyedIndex(IndexSpace(memory, for: 1 << 20), shard: 63)
        var dice = Dice(state: 3)
        var stored: [(hash: UInt32, number: UInt32)] = []
        for number in 0..<30_000 as Range<UInt32> {
            // Few hashes, so that many entries collide.
            let hash = UInt32(truncatingIfNeeded: dice.next()) & 0x3FF << 20 | UInt32.random(in: 0..<64, using: &dice)
            if stored.count < 4000 || Bool.random(using: &dice) {
                let isStored = index.insert(hash, number)
                #expect(isStored)
                stored.append((hash, number))
            } else {
                let victim = stored.remove(at: Int.random(in: 0..<stored.count, using: &dice))
                index.remove(victim.hash, victim.number)
                let found = index.find(victim.hash) { $0 == victim.number }
                #expect(found == nil)
            }
            guard number % 1000 == 999 else { continue }
            #expect(Int(index.count) == stored.count)
            let lost = stored.count { entry in index.find(entry.hash) { $0 == entry.number } == nil }
            #expect(lost == 0)
        }
        for (hash, number) in stored { index.remove(hash, number) }
        let (count, sum) = (index.count, index.probeLengths().sum)
        #expect(count == 0)
        #expect(sum == 0)
        withExtendedLifetime(memory) {}
    }
}
