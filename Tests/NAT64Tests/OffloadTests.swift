import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

/// The packet as the kernel hands it over when the checksum is left for later: the field holds the folded sum of the
/// pseudo-header.
func leavingChecksum(
    _ octets: [UInt8],
    segmentSize: Int? = nil,
    headerLength: Bool = true
) -> ([UInt8], Offload) {
    var octets = octets
    let isIPv6 = octets[0] >> 4 == 6
    let start = isIPv6 ? 40 : 4 * Int(octets[0] & 15)
    let proto = isIPv6 ? octets[6] : octets[9]
    let field = proto == 6 ? 16 : proto == 17 ? 6 : 2
    var sum = OnesComplementSum()
    // ICMPv4 has no pseudo-header.
    if proto != 1 {
        sum.add(octets: isIPv6 ? Array(octets[8..<40]) : Array(octets[12..<20]))
        sum.add(UInt32(octets.count - start))
        sum.add(UInt16(proto))
    }
    octets[start + field] = UInt8(sum.folded >> 8)
    octets[start + field + 1] = UInt8(sum.folded & 255)
    var offload = Offload(needsChecksum: true, checksumStart: UInt16(start), checksumOffset: UInt16(field))
    if let segmentSize {
        offload.segmentation = proto == 17 ? .udpL4 : isIPv6 ? .tcp6 : .tcp4
        offload.segmentSize = UInt16(segmentSize)
        let transport = proto == 17 ? 8 : 4 * Int(octets[start + 12] >> 4)
        offload.headerLength = headerLength ? UInt16(start + transport) : 0
    }
    return (octets, offload)
}

@Suite("Offloads, virtio 1.2 section 5.1.6")
struct OffloadTests {
    private func connected(environment: Environment = Environment()) throws -> TranslateBench {
        var bench = try TranslateBench(environment: environment)
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags S
            =  tcp $t > 198.51.100.10:443
            in tcp 198.51.100.10:443 > $t  flags SA
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
            =  udp $u > 198.51.100.10:53
            """
        )
        return bench
    }

    private let outwardTCP = "tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags A"

    @Test("a partial checksum follows the pseudo-header, both ways and for both protocols")
    func partial() throws {
        var bench = try connected()
        for line in [
            "\(outwardTCP) size 77", "tcp 198.51.100.10:443 > $t flags A size 77",
            "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 5", "udp 198.51.100.10:53 > $u size 5",
        ] {
            let (packet, offload) = leavingChecksum(try bench.octets(line))
            let outcome = bench.send(packet, offload)
            guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(after.needsChecksum && after.segmentation == .none && after.headerLength == 0)
            #expect(flaw(result, after) == nil)
        }
    }

    @Test("X64-21 X46-20 the partial checksum of an echo message is finished, for the families cover different octets")
    func partialEcho() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7
            =  ping $p > 198.51.100.10 id $i
            """
        )
        for line in [
            "ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7 size 77",
            "pong 198.51.100.10 > $p id $i size 77", "pong 198.51.100.10 > $p id $i size 1400 no-df",
        ] {
            let (packet, offload) = leavingChecksum(try bench.octets(line))
            let outcome = bench.send(packet, offload)
            guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(after == .none)
            let rest = bench.extras()
            if !rest.isEmpty { _ = try reassembled([result] + rest) }
            #expect(!rest.isEmpty || flaw(result, after) == nil, "\(line)")
        }
    }

    @Test("X64-21 X46-20 the checksum of a packet in a tunnel, left for later inside of a datagram, is finished")
    func partialInside() throws {
        var bench = try connected()
        for line in [
            "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 77", "udp 198.51.100.10:53 > $u size 77",
            "udp 198.51.100.10:53 > $u size 1300 no-df",
        ] {
            let whole = try bench.octets(line)
            let start = (whole[0] >> 4 == 6 ? 40 : 20) + 8 + 20
            let field = start + 16
            // What must stand there so that finishing it gives what stands there now.
            var left = OnesComplementSum()
            left.add(octets: Array(whole[start...]))
            var packet = whole
            packet[field] = UInt8(left.checksum >> 8)
            packet[field + 1] = UInt8(left.checksum & 255)
            let offload = Offload(needsChecksum: true, checksumStart: UInt16(start), checksumOffset: 16)
            let outcome = bench.send(packet, offload)
            guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(after == .none)
            let pieces = [result] + bench.extras()
            if pieces.count > 1 { _ = try reassembled(pieces) } else { #expect(flaw(result, after) == nil) }
            #expect(pieces.count > 1 || result.suffix(whole.count - start) == whole[start...], "\(line)")
        }
    }

    @Test("a TCP super-packet of 64 KiB goes out whole with its segment size", arguments: [true, false])
    func outwardSuperPacket(saysHeaderLength: Bool) throws {
        var bench = try connected()
        let whole = try bench.octets("\(outwardTCP) size 63360")
        let (packet, offload) = leavingChecksum(whole, segmentSize: 1440, headerLength: saysHeaderLength)
        let outcome = bench.send(packet, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(after.segmentation == .tcp4 && after.segmentSize == 1440 && after.needsChecksum)
        #expect(after.checksumStart == 20 && after.checksumOffset == 16)
        #expect(after.headerLength == (saysHeaderLength ? 40 : 0))
        #expect(flaw(result, after) == nil)
        let description = try describe(result)
        #expect(description.dontFragment == true && description.payload == PacketDescription.filler(63360))
        #expect(bench.translator.counters.superPackets == 1)
    }

    @Test("X64-04 the last segment of a super-packet goes out by itself when its size wants DF clear")
    func smallLastSegment() throws {
        var bench = try connected()
        var whole = try bench.octets("\(outwardTCP) size 3500")
        whole[53] = 0x99  // CWR, ACK, PSH, FIN
        for (size, rest) in [(1440, 620), (1400, 700)] {
            let (packet, offload) = leavingChecksum(whole, segmentSize: size)
            let outcome = bench.send(packet, offload)
            guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(after.segmentation == .tcp4 && Int(after.segmentSize) == size)
            #expect(flaw(result, after) == nil)
            let description = try describe(result)
            #expect(description.dontFragment == true && result.count == 40 + 3500 - rest)
            #expect(result[33] == 0x90)
            let last = try #require(bench.extrasAndOffloads().first)
            #expect(last.1.needsChecksum && last.1.segmentation == .none)
            #expect(flaw(last.0, last.1) == nil)
            let tail = try describe(last.0)
            #expect(tail.dontFragment == false && last.0.count == 40 + rest && last.0[33] == 0x19)
            #expect(Array(last.0[40...]) == Array(whole[(60 + 3500 - rest)...]))
            let sequences = [whole[44...47], result[24...27], last.0[24...27]].map {
                $0.reduce(0) { $0 << 8 | Int($1) }
            }
            #expect(sequences == [sequences[0], sequences[0], sequences[0] + 3500 - rest])
        }
    }

    @Test(
        "X64-04 with the last segment gone the kernel is told of no more headers than there are octets left",
        arguments: [
            "tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags A",
            "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53",
        ]
    )
    func headersOfTheRest(line: String) throws {
        var bench = try connected()
        // The kernel counts as headers whatever lies in the first piece of its memory, here all of the packet.
        var (packet, offload) = leavingChecksum(try bench.octets("\(line) size 3000"), segmentSize: 1400)
        offload.headerLength = UInt16(packet.count)
        let outcome = bench.send(packet, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(after.segmentation != .none && Int(after.headerLength) == result.count - 2800)
        #expect(flaw(result, after) == nil)
        let last = try #require(bench.extrasAndOffloads().first)
        #expect(flaw(last.0, last.1) == nil && last.0.count == result.count - 2800 + 200)
    }

    @Test("X64-04 with the last segment gone the first of two is no super-packet")
    func oneOfTwo() throws {
        var bench = try connected()
        let line = "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 1500"
        let (packet, offload) = leavingChecksum(try bench.octets(line), segmentSize: 1400)
        let outcome = bench.send(packet, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(after.segmentation == .none && after.needsChecksum && after.headerLength == 0)
        #expect(flaw(result, after) == nil && result.count == 1428)
        let last = try #require(bench.extrasAndOffloads().first)
        #expect(flaw(last.0, last.1) == nil && last.0.count == 128)
        #expect(try describe(last.0).dontFragment == false)
    }

    @Test(
        "X64-04 a last segment of 1260 octets goes out by itself, one of 1261 with the others",
        arguments: [1260, 1261]
    )
    func border(last: Int) throws {
        var bench = try connected()
        let (packet, offload) = leavingChecksum(
            try bench.octets("\(outwardTCP) size \(1400 + last - 40)"),
            segmentSize: 1400
        )
        let outcome = bench.send(packet, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(flaw(result, after) == nil)
        #expect(result.count == (last == 1260 ? 1440 : 2661))
        #expect(try bench.extras().map { try describe($0).dontFragment } == (last == 1260 ? [false] : []))
    }

    @Test("X64-04 a last segment behind more extension headers than there is room for stays with the others")
    func crowdedLastSegment() throws {
        var bench = try connected()
        var (packet, offload) = leavingChecksum(try bench.octets("\(outwardTCP) size 2600"), segmentSize: 1400)
        packet.insert(contentsOf: [6, 125] + [UInt8](repeating: 0, count: 1006), at: 40)
        packet.replaceSubrange(4..<7, with: [UInt8((packet.count - 40) >> 8), UInt8((packet.count - 40) & 255), 60])
        offload.checksumStart += 1008
        offload.headerLength += 1008
        let outcome = bench.send(packet, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(flaw(result, after) == nil && result.count == 2640 && bench.extras().isEmpty)
    }

    @Test("a TCP super-packet comes in whole with its segment size", arguments: [true, false])
    func inwardSuperPacket(saysHeaderLength: Bool) throws {
        var bench = try connected()
        let whole = try bench.octets("tcp 198.51.100.10:443 > $t df flags A size 64000")
        let (packet, offload) = leavingChecksum(whole, segmentSize: 1440, headerLength: saysHeaderLength)
        let outcome = bench.send(packet, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(after.segmentation == .tcp6 && after.segmentSize == 1440 && after.checksumStart == 40)
        #expect(after.headerLength == (saysHeaderLength ? 60 : 0))
        #expect(flaw(result, after) == nil)
    }

    @Test("UDP datagrams of equal size stay one super-packet, both ways")
    func datagrams() throws {
        var bench = try connected()
        for line in [
            "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 29400",
            "udp 198.51.100.10:53 > $u df size 30000",
        ] {
            let (packet, offload) = leavingChecksum(try bench.octets(line), segmentSize: 1400)
            let outcome = bench.send(packet, offload)
            guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(after.segmentation == .udpL4 && after.segmentSize == 1400)
            #expect(flaw(result, after) == nil)
        }
    }

    @Test("X46-12 a super-packet whose segments would not fit is answered like one of its segments")
    func superPacketTooBig() throws {
        var bench = try connected()
        let whole = try bench.octets("tcp 198.51.100.10:443 > $t df flags A size 20000")
        let (packet, offload) = leavingChecksum(whole, segmentSize: 1460)
        let outcome = bench.send(packet, offload)
        guard case .answered(.tooBig, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(answer, .none)
        #expect(try describe(answer).word == 1480)
        // The quote says it is 1500 octets long: one segment.
        #expect(answer[30...31] == [5, 220])
        #expect(try describe(answer).quote.count == 1)
    }

    @Test("X64-20 the same on the way out")
    func superPacketTooBigOutward() throws {
        var bench = try connected(environment: Environment(ipv4MTU: 1400))
        let (packet, offload) = leavingChecksum(try bench.octets("\(outwardTCP) size 20000"), segmentSize: 1440)
        let outcome = bench.send(packet, offload)
        guard case .answered(.tooBig, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).word == 1420)
        // The quote's payload length is that of one segment: 1460.
        #expect(answer.count == 1280 && answer[52...53] == [5, 180])
    }

    @Test("X46-13 a TCP super-packet without DF is cut into smaller segments instead of fragments")
    func smallerSegments() throws {
        var bench = try connected()
        let whole = try bench.octets("tcp 198.51.100.10:443 > $t flags A size 20000")
        let (packet, offload) = leavingChecksum(whole, segmentSize: 1440)
        let outcome = bench.send(packet, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(after.segmentSize == 1280 - 60)
        #expect(flaw(result, after) == nil)
    }

    @Test("X46-13 datagrams without DF that do not fit are taken out of their super-packet and fragmented")
    func datagramsApart() throws {
        var bench = try connected()
        let whole = try bench.octets("udp 198.51.100.10:53 > $u size 4000")
        let (packet, offload) = leavingChecksum(whole, segmentSize: 1472)
        #expect(bench.send(packet, offload) == .kept)
        let pieces = bench.extras()
        // Two of 1472 octets in two fragments each, one of 1056 whole.
        #expect(pieces.count == 5)
        #expect(try reassembled(Array(pieces[0..<2])).payload == Array(PacketDescription.filler(4000)[..<1472]))
        #expect(try reassembled(Array(pieces[2..<4])).payload == Array(PacketDescription.filler(4000)[1472..<2944]))
        #expect(flaw(pieces[4], .none) == nil)
        #expect(try describe(pieces[4]).payload == Array(PacketDescription.filler(4000)[2944...]))
    }

    @Test("a packet whose checksum was left for later is finished before it is fragmented")
    func finishedBeforeFragmenting() throws {
        var bench = try connected()
        let (packet, offload) = leavingChecksum(try bench.octets("udp 198.51.100.10:53 > $u size 1472"))
        let outcome = bench.send(packet, offload)
        guard case .sent(let first, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(after == .none)
        #expect(try reassembled([first] + bench.extras()).payload == PacketDescription.filler(1472))
    }

    @Test("X64-06 the segments of a super-packet have their identifications to themselves")
    func identifications() throws {
        var bench = try connected()
        // Segments small enough to go without DF.
        let (packet, offload) = leavingChecksum(try bench.octets("\(outwardTCP) size 10000"), segmentSize: 1000)
        guard case .sent(let first, _) = bench.send(packet, offload),
            case .sent(let second, _) = bench.send(packet, offload)
        else {
            Issue.record("not sent")
            return
        }
        let gap = (UInt16(second[4]) << 8 | UInt16(second[5])) &- (UInt16(first[4]) << 8 | UInt16(first[5]))
        #expect(gap >= 10)
    }

    @Test("X64-06 so they have with DF, and the packets behind it have others")
    func identificationsWithoutFragments() throws {
        var bench = try connected()
        var next: UInt16?
        for (size, segments) in [(1400, 1), (14_000, 10), (1400, 1), (2800, 2), (1400, 1)] as [(Int, UInt16)] {
            let line = "\(outwardTCP) size \(size)"
            let (packet, offload) = leavingChecksum(try bench.octets(line), segmentSize: segments > 1 ? 1400 : nil)
            let outcome = bench.send(packet, offload)
            guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
            let identification = UInt16(result[4]) << 8 | UInt16(result[5])
            // A super-packet may leave one out.
            if let next { #expect(identification == next || identification == next &+ 1) }
            next = identification &+ segments
        }
    }

    @Test("an offload header that does not fit its packet is refused")
    func contradictions() throws {
        var bench = try connected()
        let (packet, good) = leavingChecksum(try bench.octets("\(outwardTCP) size 5000"), segmentSize: 1000)
        func change(_ edit: (inout Offload) -> Void) -> Offload {
            var offload = good
            edit(&offload)
            return offload
        }
        for offload in [
            change { $0.segmentation = .tcp4 }, change { $0.segmentation = .udpL4 }, change { $0.segmentSize = 0 },
            change { $0.needsChecksum = false }, change { $0.checksumStart = 39 }, change { $0.checksumOffset = 6 },
            change { $0.checksumStart = 65_535 }, change { $0.checksumStart = 100 },
        ] {
            #expect(bench.send(packet, offload) == .dropped(.badOffload))
        }
        // The kernel cuts no packet with a fragment header, which it would have to give each segment.
        var atomic = packet
        atomic.insert(contentsOf: [6, 0, 0, 0, 0, 0, 0, 9], at: 40)
        atomic.replaceSubrange(4..<7, with: [UInt8((atomic.count - 40) >> 8), UInt8((atomic.count - 40) & 255), 44])
        let behind = change { $0.checksumStart = 48 }
        #expect(bench.send(atomic, behind) == .dropped(.badOffload))
    }

    @Test(
        "IPv6 packets that carry more than IPv4 can are too big, super-packets too",
        arguments: [65_515, 65_516, 65_535]
    )
    func largest(payload: Int) throws {
        var bench = try connected(environment: Environment(ipv6MTU: 65_575, ipv4MTU: 65_535))
        let datagram = try bench.octets(
            "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size \(payload - 8)"
        )
        let (packet, offload) = leavingChecksum(
            try bench.octets("\(outwardTCP) size \(payload - 20)"),
            segmentSize: 1200
        )
        for outcome in [bench.send(datagram), bench.send(packet, offload)] {
            switch outcome {
            case .sent(let result, let after):
                #expect(payload == 65_515 && result.count == 65_535)
                #expect(flaw(result, after) == nil)
            case .answered(.tooBig, let answer):
                #expect(payload > 65_515)
                #expect(flaw(answer, .none) == nil)
            default: throw Unexpected(outcome: outcome)
            }
        }
    }
}
