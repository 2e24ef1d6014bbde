import NAT64
import Testing

@testable import Dataplane

@Suite("Random bursts")
struct MergeRandomTests {
    /// SplitMix64, so that a seed tells the whole run.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }

    /// Some flows whose segments mostly follow each other and now and then differ in something.
    private static func burst(_ numbers: inout Numbers) -> [Segment] {
        var flows = (0..<Int.random(in: 1...4, using: &numbers)).map { number in
            var flow = Segment()
            flow.isIPv6 = Bool.random(using: &numbers)
            flow.sourcePort += UInt16(number)
            flow.dontFragment = Bool.random(using: &numbers)
            flow.sequence = UInt32.random(in: 0...(.max), using: &numbers)
            flow.payload = [UInt8](repeating: 0, count: Int.random(in: 1...40, using: &numbers))
            return flow
        }
        return (0..<Int.random(in: 1...64, using: &numbers)).map { _ in
            let place = flows.indices.randomElement(using: &numbers) ?? 0
            var one = flows[place]
            switch Int.random(in: 0..<24, using: &numbers) {
            case 0: one.flags |= 1 << UInt8.random(in: 0...7, using: &numbers)
            case 1: one.payload.removeLast(Int.random(in: 1...one.payload.count, using: &numbers))
            case 2: one.payload.append(1)
            case 3: one.options = Segment.timestamps(9, 9)
            case 4: one.typeOfService ^= 1
            case 5: one.window += 1
            case 6: one.sequence &+= 1
            case 7: one.acknowledgment += 1
            case 8: flows[place].flags ^= 8
            default: break
            }
            one.payload = one.payload.map { _ in UInt8.random(in: 0...255, using: &numbers) }
            let payload = flows[place].payload
            flows[place].payload = one.payload
            flows[place] = flows[place].following()
            flows[place].payload = payload
            return one
        }
    }

    @Test(
        "cutting what is written gives exactly the packets that came, each flow in its order",
        arguments: UInt64(1)...8
    )
    func sameAgain(seed: UInt64) {
        var numbers = Numbers(state: seed)
        var merged = 0
        for _ in 0..<150 {
            let burst = Self.burst(&numbers)
            let packets = burst.map { segment in
                switch Int.random(in: 0..<3, using: &numbers) {
                case 0: segment.partial
                case 1: segment.complete
                default: Outgoing(octets: segment.octets, offload: Offload(dataValid: true))
                }
            }
            let written = writes(packets)
            merged += packets.count - written.count
            let after = written.flatMap(\.segments)
            for flow in Set(burst.map(\.sourcePort)) {
                let came = burst.filter { $0.sourcePort == flow }.map(\.octets)
                let went = after.filter { number($0, $0[0] >> 4 == 6 ? 40 : 20, 2) == Int(flow) }
                guard came.map(Self.withoutIdleNumbers) == went.map(Self.withoutIdleNumbers) else {
                    Issue.record("seed \(seed): flow \(flow) differs")
                    return
                }
            }
        }
        #expect(merged > 1_000)
    }

    /// The packet without the identification of one that must not be fragmented, which says nothing.
    private static func withoutIdleNumbers(_ octets: [UInt8]) -> [UInt8] {
        guard octets[0] >> 4 == 4, octets[6] & 0x40 != 0 else { return octets }
        var octets = octets
        octets.replaceSubrange(4..<6, with: [0, 0])
        octets.replaceSubrange(10..<12, with: [0, 0])
        return octets
    }
}
