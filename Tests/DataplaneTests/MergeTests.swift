import NAT64
import Testing

@testable import Dataplane

/// A way in which the second of two segments differs from what would continue the first.
struct Difference: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let apply: @Sendable (inout Segment) -> Void

    init(_ name: String, _ apply: @escaping @Sendable (inout Segment) -> Void) {
        testDescription = name
        self.apply = apply
    }
}

@Suite("Segments of a burst become super-packets by the rules of the kernel's GRO")
struct MergeTests {
    private static func segment(_ isIPv6: Bool) -> Segment {
        var segment = Segment()
        segment.isIPv6 = isIPv6
        return segment
    }

    @Test(
        "segments that follow each other become one write, and cutting it gives the same packets again",
        arguments: [false, true]
    )
    func chain(isIPv6: Bool) throws {
        let first = Self.segment(isIPv6)
        var last = first.following(9)
        last.payload = Array(0..<200)
        let segments = (0..<9).map { first.following($0) } + [last]
        for burst in [segments.map(\.partial), segments.map(\.complete)] {
            let written = writes(burst)
            let only = try #require(written.first)
            #expect(written.count == 1)
            #expect(only.offload.segmentation == (isIPv6 ? .tcp6 : .tcp4) && only.offload.segmentSize == 1_000)
            #expect(only.offload.needsChecksum && !only.offload.ecn && !only.offload.dataValid)
            #expect(only.offload.headerLength == (isIPv6 ? 72 : 52))
            #expect(only.offload.checksumStart == (isIPv6 ? 40 : 20) && only.offload.checksumOffset == 16)
            #expect(only.segments == segments.map(\.octets))
        }
    }

    @Test("a segment alone is written as it came")
    func alone() {
        for packet in [Segment().partial, Segment().complete] { #expect(writes([packet]) == [packet]) }
    }

    private static let differences = [
        Difference("sequence number ahead") { $0.sequence += 1 },
        Difference("sequence number behind") { $0.sequence -= 1 },
        Difference("the same segment again") { $0.sequence -= 1_000 },
        Difference("acknowledgment") { $0.acknowledgment += 1 },
        Difference("window") { $0.window += 1 },
        Difference("urgent pointer") { $0.urgent += 1 },
        Difference("URG") { $0.flags |= 0x20 },
        Difference("SYN") { $0.flags |= 0x02 },
        Difference("RST") { $0.flags |= 0x04 },
        Difference("CWR") { $0.flags |= 0x80 },
        Difference("ECE") { $0.flags |= 0x40 },
        Difference("no ACK") { $0.flags = 0 },
        Difference("a reserved bit") { $0.reserved = 1 },
        Difference("time stamp") { $0.options = Segment.timestamps(2, 2) },
        Difference("echoed time stamp") { $0.options = Segment.timestamps(1, 3) },
        Difference("no options") { $0.options = [] },
        Difference("more options") { $0.options += [1, 1, 1, 1] },
        Difference("a larger payload") { $0.payload += [1] },
        Difference("no payload") { $0.payload = [] },
        Difference("DSCP") { $0.typeOfService = 4 },
        Difference("a mark of congestion") { $0.typeOfService = 3 },
        Difference("hop limit") { $0.hops -= 1 },
    ]

    @Test(
        "what differs in anything but length, FIN and PSH stays apart, in order",
        arguments: differences,
        [false, true]
    )
    func different(_ difference: Difference, isIPv6: Bool) {
        let first = Self.segment(isIPv6)
        var second = first.following()
        difference.apply(&second)
        let burst = [first.partial, second.partial]
        let staysApart = writes(burst) == burst
        #expect(staysApart)
        // And whatever comes after it does not overtake it: the third would continue the first.
        var third = first.following()
        third.identification &+= 1
        let order = writes(burst + [third.partial]).flatMap(\.segments)
        let keepsOrder = order == [first, second, third].map(\.octets)
        #expect(keepsOrder)
    }

    @Test("a flow label of its own stays apart")
    func flowLabel() {
        let first = Self.segment(true)
        var second = first.following()
        second.flowLabel = 1
        #expect(writes([first.partial, second.partial]).count == 2)
    }

    @Test("IPv4: DF must agree; with DF clear the identification must count on, with DF set it says nothing")
    func identification() {
        var first = Segment()
        var second = first.following()
        second.dontFragment = false
        #expect(writes([first.partial, second.partial]).count == 2)
        first.dontFragment = false
        #expect(writes([first.partial, second.partial]).count == 1)
        second.identification += 1
        #expect(writes([first.partial, second.partial]).count == 2)
        first.identification = 0xFFFF
        second.identification = 0
        let wrapped = writes([first.partial, second.partial])
        #expect(wrapped.count == 1)
        #expect(wrapped[0].segments == [first.octets, second.octets])
        first.dontFragment = true
        second.dontFragment = true
        second.identification = 0x1234
        #expect(writes([first.partial, second.partial]).count == 1)
    }

    @Test("FIN and PSH end a super-packet and come out in its last segment", arguments: [UInt8(1), 8, 9])
    func ending(flags: UInt8) {
        let first = Segment()
        var second = first.following()
        second.flags |= flags
        let third = first.following(2)
        let fourth = first.following(3)
        let written = writes([first, second, third, fourth].map(\.partial))
        #expect(written.map(\.segments.count) == [2, 2])
        #expect(written.flatMap(\.segments) == [first, second, third, fourth].map(\.octets))
    }

    @Test("nothing continues a segment with FIN, SYN, RST, PSH, URG or CWR", arguments: [UInt8(1), 2, 4, 8, 32, 128])
    func lonely(flag: UInt8) {
        var first = Segment()
        first.flags |= flag
        for flags in [first.flags, 0x10] {
            var second = first.following()
            second.flags = flags
            #expect(writes([first.partial, second.partial]) == [first.partial, second.partial])
        }
    }

    @Test("a smaller segment ends a super-packet")
    func smaller() {
        let first = Segment()
        var second = first.following()
        second.payload.removeLast()
        var third = second.following()
        third.payload = first.payload
        let written = writes([first, second, third].map(\.partial))
        #expect(written.map(\.segments.count) == [2, 1])
    }

    @Test("flows that take turns each become one write, in the order of their first segments")
    func turns() {
        let flows = (0..<8).map { number in
            var first = Segment()
            first.sourcePort += UInt16(number / 2)
            first.host += UInt8(number % 2)
            first.isIPv6 = number > 3
            return first
        }
        let burst = (0..<8).flatMap { turn in flows.map { $0.following(turn) } }
        let written = writes(burst.map(\.partial))
        #expect(written.count == 8)
        for (write, first) in zip(written, flows) {
            #expect(write.segments == (0..<8).map { first.following($0).octets })
        }
    }

    @Test("more flows than are followed at once lose merging and keep their order")
    func manyFlows() {
        let flows = (0..<32).map { number in
            var first = Segment()
            first.sourcePort += UInt16(number)
            return first
        }
        let burst = (flows + flows.map { $0.following() }).map(\.partial)
        let after = writes(burst).flatMap(\.segments)
        for (index, first) in flows.enumerated() {
            let own = after.filter { number($0, 20, 2) == 50_000 + index }
            #expect(own == [first.octets, first.following().octets])
        }
    }

    @Test("a super-packet stays below 65,536 octets")
    func longest() {
        var first = Segment()
        first.payload = [UInt8](repeating: 1, count: 1_448)
        let segments = (0..<60).map { first.following($0) }
        let written = writes(segments.map(\.partial))
        #expect(written.count == 2)
        #expect(written[0].octets.count == 52 + 45 * 1_448)
        #expect(written.flatMap(\.segments) == segments.map(\.octets))
    }

    @Test("a wrong checksum is never made right: such a segment stays as it is, first or later")
    func wrongChecksum() {
        let segments = (0..<3).map { Segment().following($0) }
        for bad in 0..<3 {
            var burst = segments.map(\.complete)
            burst[bad].octets[60] ^= 1
            let written = writes(burst)
            #expect(written.contains(burst[bad]))
            #expect(written.flatMap(\.segments) == burst.map(\.octets))
        }
    }

    @Test("a checksum that the kernel has found right is not summed again")
    func dataValid() {
        let offload = Offload(dataValid: true)
        let burst = [Segment(), Segment().following()].map { Outgoing(octets: $0.octets, offload: offload) }
        let written = writes(burst)
        #expect(written.count == 1)
        #expect(written[0].segments == burst.map(\.octets))
    }

    @Test("a partial checksum of another place is not taken for one of TCP")
    func elsewhere() {
        var burst = [Segment(), Segment().following()].map(\.partial)
        burst[1].offload.checksumStart += 2
        #expect(writes(burst) == burst)
        burst[1].offload.checksumStart -= 2
        burst[1].offload.checksumOffset = 6
        #expect(writes(burst) == burst)
    }

    @Test("super-packets of the kernel continue each other if their segments have one size and the earlier is full")
    func superPackets() {
        var first = Segment()
        first.payload = [UInt8](repeating: 3, count: 5_000)
        let second = first.following(1)
        var small = second.following(1)
        small.payload = [UInt8](repeating: 4, count: 700)
        let written = writes([first.superPacket(1_000), second.superPacket(1_000), small.partial])
        #expect(written.count == 1)
        #expect(written[0].segments.count == 11)
        #expect(written[0].octets.suffix(700) == small.payload[...])
        #expect(writes([first.superPacket(1_000), second.superPacket(900)]).count == 2)
        #expect(writes([first.superPacket(900), second.superPacket(900)]).count == 2)
        var marked = second.superPacket(1_000)
        marked.offload.ecn = true
        #expect(writes([first.superPacket(1_000), marked]).count == 2)
        #expect(writes([marked, second.following().superPacket(1_000)]).count == 2)
    }

    @Test("a fragment, IPv4 options or a wrong length between two segments keeps them apart; another protocol does not")
    func between() {
        let first = Segment().partial
        let second = Segment().following().partial
        var fragment = Segment().complete
        fragment.octets[6] = 0x20
        var fragment6 = Self.segment(true).complete
        fragment6.octets[6] = 44
        var options = Segment().complete
        options.octets[0] = 0x46
        var long = Segment().complete
        long.octets += [0]
        var short = Segment().complete
        short.octets.removeLast()
        var header = Segment().complete
        header.octets[32] = 0x40
        var header6 = Self.segment(true).complete
        header6.octets[52] = 0xF0
        header6.octets.removeLast(1_030)
        header6.octets[4...5] = [0, UInt8(header6.octets.count - 40)]
        for unclear in [fragment, fragment6, options, long, short, header, header6] {
            #expect(writes([first, unclear, second]) == [first, unclear, second])
        }
        for length in 0..<60 {
            let cut = Outgoing(octets: Array(first.octets.prefix(length)), offload: .none)
            #expect(writes([first, cut, second]) == [first, cut, second])
        }
        var udp = Segment().complete
        udp.octets[9] = 17
        var icmp6 = Self.segment(true).complete
        icmp6.octets[6] = 58
        for other in [udp, icmp6] {
            #expect(writes([first, other, second]).count == 2)
        }
    }
}
