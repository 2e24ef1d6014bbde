import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

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
}
