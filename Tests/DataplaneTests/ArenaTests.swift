import NAT64
import Testing

@testable import Dataplane

@Suite("Where the packets of a burst lie")
struct ArenaTests {
    /// How many packets of a size make a burst, each in room that no other has.
    private func burst(of octets: Int, sharesCPUs: Bool) -> Int {
        var arena = Arena(sharesCPUs: sharesCPUs)
        var count = 0
        var end = 0
        while let start = arena.next {
            #expect(start - PacketFrame.margin >= end && start + octets + PacketFrame.margin <= Arena.octets)
            end = start + octets + PacketFrame.margin
            arena.take(octets)
            count += 1
        }
        return count
    }

    @Test(
        "a burst holds many segments to be merged, among several workers few packets too small for that, one super-packet",
        arguments: [false, true]
    )
    func capacities(sharesCPUs: Bool) {
        #expect(burst(of: 1_500, sharesCPUs: sharesCPUs) == TransmitQueue.capacity)
        #expect(burst(of: Arena.small + 1, sharesCPUs: sharesCPUs) == TransmitQueue.capacity)
        let most = sharesCPUs ? Arena.smallCapacity : TransmitQueue.capacity
        #expect(burst(of: Arena.small, sharesCPUs: sharesCPUs) == most)
        #expect(burst(of: 28, sharesCPUs: sharesCPUs) == most)
        #expect(burst(of: 65_535, sharesCPUs: sharesCPUs) == 1)
    }

    @Test("small packets among segments take more of a burst than those, and never room that is not there")
    func mixed() {
        var arena = Arena(sharesCPUs: true)
        for _ in 0..<Arena.smallCapacity - 1 {
            #expect(arena.next != nil)
            arena.take(64)
        }
        for _ in 0..<TransmitQueue.capacity / Arena.smallCapacity {
            #expect(arena.next != nil)
            arena.take(1_500)
        }
        #expect(arena.next == nil)
        arena = Arena(sharesCPUs: true)
        for _ in 0..<TransmitQueue.capacity - 1 {
            #expect(arena.next != nil)
            arena.take(1_500)
        }
        #expect(arena.next != nil)
        arena.take(64)
        #expect(arena.next == nil)
    }
}
