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

    /// A burst, with what each packet is to the rules of merging.
    private struct Burst {
        var packets: [Outgoing] = []
        /// Of which flow it is; nothing of what is no TCP segment that can be read.
        var flows: [Int?] = []
        /// It may belong to any flow, and nothing may overtake it.
        var isUnclear: [Bool] = []

        mutating func add(_ packet: Outgoing, of flow: Int?, isUnclear: Bool = false) {
            packets.append(packet)
            flows.append(flow)
            self.isUnclear.append(isUnclear)
        }
    }

    /// Flows whose segments mostly follow each other and now and then differ in something, and what comes between them.
    private static func burst(_ numbers: inout Numbers) -> Burst {
        let most = Int.random(in: 0..<8, using: &numbers) == 0 ? 40 : 4
        // At times so large that a super-packet is full.
        let largest = Int.random(in: 0..<12, using: &numbers) == 0 ? 3_000 : 40
        var flows = (0..<Int.random(in: 1...most, using: &numbers)).map { number in
            var flow = Segment()
            flow.isIPv6 = Bool.random(using: &numbers)
            // Some differ in one end alone.
            flow.sourcePort += UInt16(number / 2)
            flow.host += UInt8(number % 2)
            flow.dontFragment = Bool.random(using: &numbers)
            flow.sequence = UInt32.random(in: 0...(.max), using: &numbers)
            flow.identification = UInt16.random(in: 0...(.max), using: &numbers)
            flow.options = [[], Segment.timestamps(1, 2), [1, 1, 1, 0]][Int.random(in: 0..<3, using: &numbers)]
            flow.payload = [UInt8](repeating: 0, count: Int.random(in: 1...largest, using: &numbers))
            return flow
        }
        var burst = Burst()
        for _ in 0..<Int.random(in: 1...64, using: &numbers) {
            if Int.random(in: 0..<20, using: &numbers) == 0 {
                addStranger(to: &burst, &numbers)
                continue
            }
            let place = flows.indices.randomElement(using: &numbers) ?? 0
            var one = flows[place]
            // A super-packet of the kernel: whole segments, or a shorter one at its end.
            var segments = 1
            if Int.random(in: 0..<8, using: &numbers) == 0 {
                segments = Int.random(in: 2...5, using: &numbers)
                let rest = Bool.random(using: &numbers) ? 0 : Int.random(in: 0..<one.payload.count, using: &numbers)
                one.payload = [UInt8](repeating: 0, count: one.payload.count * segments - rest)
            }
            vary(&one, &flows[place], &numbers)
            for index in one.payload.indices { one.payload[index] = UInt8.random(in: 0...255, using: &numbers) }
            let usual = flows[place].payload
            flows[place].payload = one.payload
            flows[place] = flows[place].following()
            flows[place].identification &+= UInt16(segments - 1)
            flows[place].payload = usual
            burst.add(packet(one, segments > 1 ? usual.count : nil, &numbers), of: place)
        }
        return burst
    }

    /// Lets a segment, or all of the flow from here on, differ from what would follow.
    private static func vary(_ one: inout Segment, _ flow: inout Segment, _ numbers: inout Numbers) {
        switch Int.random(in: 0..<32, using: &numbers) {
        case 0: one.flags |= 1 << UInt8.random(in: 0...7, using: &numbers)
        case 1: one.payload.removeLast(Int.random(in: 1...one.payload.count, using: &numbers))
        case 2: one.payload.append(1)
        case 3: one.options = Segment.timestamps(9, 9)
        case 4: one.typeOfService ^= 1
        case 5: one.window += 1
        case 6: one.sequence &+= 1
        case 7: one.acknowledgment += 1
        case 8: flow.flags ^= 8
        case 9: flow.flags ^= 0x40
        case 10: one.hops -= 1
        case 11: one.urgent += 1
        case 12: one.reserved = 1
        case 13: one.identification &+= 1
        case 14: one.dontFragment.toggle()
        case 15: one.flowLabel = 5
        case 16: flow.sequence &+= 1_000
        default: break
        }
    }

    /// A segment in one of the forms in which the kernel hands it over, its checksum wrong at times.
    private static func packet(_ segment: Segment, _ size: Int?, _ numbers: inout Numbers) -> Outgoing {
        if let size {
            var packet = segment.superPacket(UInt16(size))
            packet.offload.ecn = Int.random(in: 0..<10, using: &numbers) == 0
            return packet
        }
        switch Int.random(in: 0..<12, using: &numbers) {
        case 0...3: return segment.partial
        case 4...7: return segment.complete
        case 8:
            var wrong = segment.complete
            wrong.octets[wrong.octets.count - 1] ^= 1
            return wrong
        default: return Outgoing(octets: segment.octets, offload: Offload(dataValid: true))
        }
    }

    /// Something that is no TCP segment, or cannot be read as one.
    private static func addStranger(to burst: inout Burst, _ numbers: inout Numbers) {
        var packet = Segment(payload: (0..<30).map { _ in UInt8.random(in: 0...255, using: &numbers) }).complete
        switch Int.random(in: 0..<6, using: &numbers) {
        case 0: packet.octets[9] = 17
        case 1: packet.octets[9] = 1
        case 2:
            packet.octets[6] = 0x20
            return burst.add(packet, of: nil, isUnclear: true)
        case 3:
            packet.octets[0] = 0x46
            return burst.add(packet, of: nil, isUnclear: true)
        case 4:
            packet.octets.append(7)
            return burst.add(packet, of: nil, isUnclear: true)
        default:
            packet.octets.removeLast(Int.random(in: 1..<packet.octets.count, using: &numbers))
            let isUDP = packet.octets.count >= 20 && packet.octets[9] == 17
            return burst.add(packet, of: nil, isUnclear: !isUDP)
        }
        burst.add(packet, of: nil)
    }

    /// What is wrong with the writes that a burst has become; nothing if all is well.
    private static func flaw(_ burst: Burst, _ written: [Outgoing]) -> String? {
        // What came, packet by packet as it looks on the wire.
        var expected: [Int?: [(index: Int, octets: [UInt8])]] = [:]
        for (index, packet) in burst.packets.enumerated() {
            for octets in packet.segments {
                expected[burst.flows[index], default: []].append((index, withoutIdleNumbers(octets)))
            }
        }
        var taken: [Int?: Int] = [:]
        var order: [ClosedRange<Int>] = []
        for write in written {
            guard write.octets.count <= 65_575 else { return "a write of \(write.octets.count) octets" }
            let cut = write.segments.map(withoutIdleNumbers)
            // The flow whose next packet this is.
            let flow = expected.first { flow, packets in
                let next = taken[flow, default: 0]
                return next < packets.count && packets[next].octets == cut[0]
            }
            guard let (flow, packets) = flow else { return "nothing that came next in its flow: \(cut[0])" }
            let next = taken[flow, default: 0]
            guard next + cut.count <= packets.count else { return "more than came" }
            let part = packets[next..<next + cut.count]
            guard part.map(\.octets) == cut else { return "other packets than came" }
            taken[flow] = next + cut.count
            if let first = part.first, let last = part.last { order.append(first.index...last.index) }
        }
        for (flow, packets) in expected where taken[flow] != packets.count {
            return "\(packets.count) packets, not all"
        }
        for (index, isUnclear) in burst.isUnclear.enumerated() where isUnclear {
            guard let place = order.firstIndex(of: index...index) else { return "merged what cannot be read" }
            guard order[..<place].allSatisfy({ $0.upperBound < index }),
                order[place...].allSatisfy({ $0.lowerBound >= index })
            else { return "packet \(index) was overtaken" }
        }
        return nil
    }

    @Test(
        "cutting what is written gives exactly the packets that came, each flow in its order, and nothing overtakes what cannot be read",
        arguments: UInt64(1)...8
    )
    func sameAgain(seed: UInt64) {
        var numbers = Numbers(state: seed)
        var merged = 0
        for round in 0..<60 {
            let burst = Self.burst(&numbers)
            let written = writes(burst.packets)
            merged += burst.packets.count - written.count
            let flaw = Self.flaw(burst, written)
            #expect(flaw == nil, "round \(round) of seed \(seed)")
            if flaw != nil { return }
        }
        #expect(merged > 200)
    }

    /// The packet without the identification of one that must not be fragmented, which says nothing.
    private static func withoutIdleNumbers(_ octets: [UInt8]) -> [UInt8] {
        guard octets.count >= 20, octets[0] >> 4 == 4, octets[6] & 0x40 != 0 else { return octets }
        var octets = octets
        octets.replaceSubrange(4..<6, with: [0, 0])
        octets.replaceSubrange(10..<12, with: [0, 0])
        return octets
    }
}
