import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing
import Timing

/// Fragments where they meet hairpins, refusals, shared addresses and the identifications of others.
@Suite("Fragments and other rules")
struct FragmentMeetingTests {
    private static let server = "[2001:db8:64::198.51.100.10]:53"

    /// All that comes out for some pieces.
    private func sent(_ bench: inout TranslateBench, _ pieces: [[UInt8]]) -> [[UInt8]] {
        var results: [[UInt8]] = []
        for piece in pieces {
            if case .sent(let octets, _) = bench.send(piece) { results.append(octets) }
            results += bench.extras()
        }
        return results
    }

    private func identifications(_ pieces: [[UInt8]]) throws -> Set<UInt32> {
        Set(try pieces.map { try #require(try describe($0).identification) })
    }

    @Test("fragments that wait for one that is refused are counted like those that come after it")
    func waitingAreCounted() throws {
        var bench = try TranslateBench()
        let pieces = cut(
            try bench.octets("udp [2001:db8:6::c0]:1 > [2001:db8:64::127.0.0.1]:53 size 3000"),
            [1200, 1200, 608]
        )
        #expect(bench.send(pieces[2]) == .kept)
        #expect(bench.send(pieces[1]) == .kept)
        let outcome = bench.send(pieces[0])
        guard case .answered(.destinationRefused, _) = outcome else { throw Unexpected(outcome: outcome) }
        bench.wait(milliseconds: 100)
        #expect(bench.translator.counters[.fragmentOfRefused] == 2)
        #expect(bench.translator.fragmentsInUse.blocks == 0)
    }

    @Test(
        "X64-08 from a shared address no fragment leaves that would end at the host's own hop",
        arguments: [[0, 1], [1, 0]]
    )
    func hostHop(order: [Int]) throws {
        var bench = try TranslateBench(pool: [("203.0.113.1", true)])
        let pieces = cut(try bench.octets("udp [2001:db8:6::c0]:1 > \(Self.server) hops 2 size 3000"), [1600, 1408])
        var answers: [[UInt8]] = []
        for index in order {
            switch bench.send(pieces[index]) {
            case .answered(.hopLimitExceeded, let answer): answers.append(answer)
            case .kept, .dropped(.fragmentOfRefused): break
            case let outcome: throw Unexpected(outcome: outcome)
            }
            #expect(bench.extras().isEmpty)
        }
        let answer = try describe(try #require(answers.first))
        #expect(answers.count == 1 && answer.kind == .icmp(type: 3, code: 0))
        #expect(answer.source == IPAddress("2001:db8:64::203.0.113.1"))
        #expect(try describe(answers[0]).quote.first?.ports == [1, 53], "the quote is the client's own packet")
    }

    @Test("X64-08 a later fragment with fewer hops than the first one ends there too")
    func hostHopLater() throws {
        var bench = try TranslateBench(pool: [("203.0.113.1", true)])
        var pieces = cut(try bench.octets("udp [2001:db8:6::c0]:1 > \(Self.server) size 2000"), [1200, 808])
        pieces[1][7] = 2
        guard case .sent = bench.send(pieces[0]) else { throw Unexpected(outcome: .kept) }
        let outcome = bench.send(pieces[1])
        guard case .answered(.hopLimitExceeded, _) = outcome else { throw Unexpected(outcome: outcome) }
    }

    @Test(
        "NAT-32 two clients' fragments with one identification reach a third with two",
        arguments: [[0, 1], [1, 0]]
    )
    func hairpinIdentifications(order: [Int]) throws {
        var bench = try TranslateBench { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in udp [2001:db8:6::d0]:50000 > \(Self.server)
            =  udp $d > 198.51.100.10:53
            """
        )
        let target = try #require(bench.names["$d"]).replacing("203.0.113.1", with: "[2001:db8:64::203.0.113.1]")
        var numbers: [Set<UInt32>] = []
        for client in ["2001:db8:6::c0", "2001:db8:6::e0"] {
            let pieces = cut(try bench.octets("udp [\(client)]:40000 > \(target) size 2000"), [1200, 808])
            let results = sent(&bench, order.map { pieces[$0] })
            #expect(try reassembled(results).payload == PacketDescription.filler(2000))
            numbers.append(try identifications(results))
        }
        #expect(numbers[0] == [0x77] && numbers[1].count == 1 && numbers[1] != numbers[0])
    }

    @Test("X64-06 X64-18 two clients' atomic fragments with one identification leave with two, and so do their pieces")
    func atomicIdentifications() throws {
        var bench = try TranslateBench(environment: Environment(ipv4MTU: 1000))
        var numbers: [Set<UInt32>] = []
        for client in ["2001:db8:6::c0", "2001:db8:6::e0"] {
            let atomic = cut(try bench.octets("udp [\(client)]:40000 > \(Self.server) size 1100"), [1108])
            let results = sent(&bench, atomic)
            #expect(results.count == 2)
            #expect(try reassembled(results).payload == PacketDescription.filler(1100))
            numbers.append(try identifications(results))
        }
        #expect(numbers[0] == [0x77] && numbers[1].count == 1 && numbers[1] != numbers[0])
    }

    @Test("X64-06 one client's fragments under two prefixes, alike in their low halves, leave with two identifications")
    func prefixIdentifications() throws {
        var bench = try TranslateBench(prefixes: ["2001:db8:64::/96", "2001:db8:65::/96"])
        var numbers: [Set<UInt32>] = []
        for (prefix, high) in [("2001:db8:64", 0), ("2001:db8:65", 1)] as [(String, UInt8)] {
            let datagram = "udp [2001:db8:6::c0]:40000 > [\(prefix)::198.51.100.10]:53 size 2000"
            var pieces = cut(try bench.octets(datagram), [1200, 808])
            for index in pieces.indices { pieces[index][45] = high }
            numbers.append(try identifications(sent(&bench, pieces)))
        }
        #expect(numbers[0] == [0x77] && numbers[1].count == 1 && numbers[1] != numbers[0])
    }

    @Test("X46-24 a datagram without a checksum gets one over its own length where its fragments hold more")
    func surplus() throws {
        var bench = try boundBench()
        let length = 2701
        var whole = try bench.octets("udp 198.51.100.10:53 > $t size 3000")
        (whole[24], whole[25], whole[26], whole[27]) = (UInt8(length >> 8), UInt8(length & 255), 0, 0)
        let results = sent(&bench, cut(whole, [1200, 1200, 608]))
        try #require(results.count == 3)
        let body = try results.flatMap { $0[try fragment($0).payload...] }
        #expect(body.count == 3008)
        var sum = OnesComplementSum()
        sum.add(octets: Array(results[0][8..<40]))
        sum.add(octets: [0, 0, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 17])
        sum.add(octets: Array(body[..<length]))
        #expect(sum.folded == 0xFFFF)
    }

    @Test("X46-24 NAT-18 what has no checksum and is to be dropped begins no session and prolongs none")
    func dropsWithoutTraces() throws {
        var bench = try boundBench { settings in
            settings.translation.udpZeroChecksum = .drop
            settings.filtering = Filtering(.endpointIndependent)
        }
        bench.wait(milliseconds: 290_000)
        for peer in ["198.51.100.10", "198.51.100.20"] {
            var packet = try bench.octets("udp \(peer):53 > $t size 2000")
            (packet[26], packet[27]) = (0, 0)
            #expect(bench.send(packet) == .dropped(.zeroChecksum))
            #expect(bench.send(cut(packet, [1200, 808])[0]) == .dropped(.zeroChecksum))
        }
        #expect(bench.translator.tables.totals().sessions.all == 1)
        bench.wait(milliseconds: 11_000)
        #expect(bench.translator.tables.totals().sessions.all == 0)
    }

    @Test("what has no checksum and is to be dropped goes back to the host where it is the host's")
    func hostKeepsItsOwn() throws {
        var bench = try boundBench(pool: [("203.0.113.1", true)]) { settings in
            settings.translation.udpZeroChecksum = .drop
        }
        var packet = try bench.octets("udp 198.51.100.10:53 > $t size 20")
        (packet[26], packet[27]) = (0, 0)
        #expect(bench.send(packet) == .dropped(.zeroChecksum))
        packet = try bench.octets("udp 198.51.100.20:53 > $t size 20")
        (packet[26], packet[27]) = (0, 0)
        #expect(bench.send(packet) == .handedBack(packet))
    }

    @Test("X64-08 X46-07 a later fragment that ends here goes no further, whatever hops its first one had")
    func lastHop() throws {
        var bench = try boundBench()
        var outward = cut(try bench.octets("udp [2001:db8:6::c0]:40000 > \(Self.server) size 2000"), [1200, 808])
        var inward = cut(try bench.octets("udp 198.51.100.10:53 > $t size 2000"), [1200, 808])
        for first in [outward[0], inward[0]] {
            guard case .sent = bench.send(first) else { throw Unexpected(outcome: .kept) }
        }
        outward[1][7] = 1
        inward[1][8] = 1
        inward[1] = withHeaderChecksum(inward[1])
        let outcome = bench.send(outward[1])
        guard case .answered(.hopLimitExceeded, _) = outcome else { throw Unexpected(outcome: outcome) }
        // Of later fragments nothing is told to IPv4 hosts: RFC 1812 section 4.3.2.7.
        #expect(bench.send(inward[1]) == .dropped(.hopLimitExceeded))
    }

    @Test("NAT-26 a client that is not served is refused with its first fragment or any other, and takes no memory")
    func strangers() throws {
        var bench = try TranslateBench()
        for piece in cut(try bench.octets("udp [2001:db8:7::c0]:40000 > \(Self.server) size 2000"), [1200, 808])
            .reversed()
        {
            let outcome = bench.send(piece)
            guard case .answered(.clientRefused, _) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(bench.translator.fragmentsInUse == (0, 0))
        }
    }

    @Test("NAT-29 a fragment that ends where no IPv4 datagram can is dropped")
    func beyondIPv4() throws {
        var bench = try boundBench()
        var piece = cut(try bench.octets("udp [2001:db8:6::c0]:40000 > \(Self.server) size 2000"), [1200, 808])[0]
        guard case .sent = bench.send(piece) else { throw Unexpected(outcome: .kept) }
        // 65,512 octets in front of it and eight in it: IPv6 can say that, and IPv4 ends at 65,515.
        piece = Array(piece[..<56])
        piece.replaceSubrange(4..<6, with: [0, 16])
        piece.replaceSubrange(42..<44, with: [0xFF, 0xE8])
        #expect(bench.send(piece) == .dropped(.malformed))
    }

    @Test("X46-12 X46-17 a fragment with DF is never cut: it fits with its header of 48 octets, or is too big")
    func uncut() throws {
        var bench = try boundBench()
        for (size, fits) in [(1448, true), (1456, false)] {
            var piece = cut(
                try bench.octets("udp 198.51.100.10:53 > $t size 3000"),
                [size, 8],
                identification: UInt16(size)
            )[0]
            piece[6] |= 0x40
            let outcome = bench.send(withHeaderChecksum(piece))
            switch outcome {
            case .sent(let octets, _): #expect(fits && octets.count == 48 + size)
            case .answered(.tooBig, let answer): #expect(try !fits && describe(answer).word == 1472)
            default: throw Unexpected(outcome: outcome)
            }
            #expect(bench.extras().isEmpty)
        }
    }

    @Test("a fragment whose checksum the kernel has left for later is none that it can have cut")
    func unfinished() throws {
        var bench = try boundBench()
        for line in ["udp [2001:db8:6::c0]:40000 > \(Self.server) size 2000", "udp 198.51.100.10:53 > $t size 2000"] {
            for piece in cut(try bench.octets(line), [1200, 808]) {
                let start = UInt16(piece[0] >> 4 == 6 ? 48 : 20)
                let offload = Offload(needsChecksum: true, checksumStart: start, checksumOffset: 6)
                #expect(bench.send(piece, offload) == .dropped(.badOffload))
            }
        }
    }

    @Test("X64-06 an identification is its datagram's, however often that comes, and nobody else's for two minutes")
    func keptIdentification() throws {
        var bench = try TranslateBench()
        func number(_ client: String) throws -> UInt32? {
            let atomic = cut(try bench.octets("udp [\(client)]:40000 > \(Self.server) size 100"), [108])[0]
            return try identifications(sent(&bench, [atomic])).first
        }
        #expect(try number("2001:db8:6::c0") == 0x77)
        #expect(try number("2001:db8:6::c0") == 0x77)
        bench.now = bench.now + .seconds(119)
        #expect(try number("2001:db8:6::e0") != 0x77)
        bench.now = bench.now + .seconds(2)
        #expect(try number("2001:db8:6::e0") == 0x77)
    }

    @Test(
        "X46-24 a fragmented datagram without a checksum and with an impossible length is dropped",
        arguments: [0, 7, 3009]
    )
    func impossibleLength(length: Int) throws {
        var bench = try boundBench()
        var whole = try bench.octets("udp 198.51.100.10:53 > $t size 3000")
        whole.replaceSubrange(24..<28, with: [UInt8(length >> 8), UInt8(length & 255), 0, 0])
        let pieces = cut(whole, [1200, 1200, 608])
        for piece in pieces[..<2] { #expect([.kept, .dropped(.malformed)].contains(bench.send(piece))) }
        guard case .dropped = bench.send(pieces[2]) else { throw Unexpected(outcome: .kept) }
        #expect(bench.extras().isEmpty && bench.translator.fragmentsInUse.blocks == 0)
    }

    @Test("X46-22 X46-24 a checksum of a fragmented datagram that comes to zero is sent as 0xFFFF")
    func zeroResult() throws {
        var bench = try boundBench()
        var whole = try bench.octets("udp 198.51.100.10:53 > $t size 3000")
        // What its sum lacks goes into the first two octets of its payload, which are 0 and 1.
        var sum = OnesComplementSum()
        sum.add(octets: Array(whole[26..<28]))
        sum.add(UInt16(1))
        whole.replaceSubrange(28..<30, with: [UInt8(sum.folded >> 8), UInt8(sum.folded & 255)])
        whole.replaceSubrange(26..<28, with: [0, 0])
        let result = try reassembled(sent(&bench, cut(whole, [1200, 1200, 608])))
        #expect(result.payload == Array(whole[28...]))
    }
}
