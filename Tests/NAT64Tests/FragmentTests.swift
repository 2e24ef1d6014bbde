import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

@Suite("Fragments, RFC 6146 section 3.4")
struct FragmentTests {
    private static let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    private static let outward = "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 3000"
    private static let outwardEcho = "ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7 size 3000"

    /// Sends pieces and gathers all that comes out.
    private func pass(_ bench: inout TranslateBench, _ pieces: [[UInt8]]) throws -> [[UInt8]] {
        var results: [[UInt8]] = []
        for piece in pieces {
            let outcome = bench.send(piece)
            switch outcome {
            case .sent(let octets, _): results.append(octets)
            case .kept: break
            default: throw Unexpected(outcome: outcome)
            }
            results += bench.extras()
        }
        return results
    }

    @Test("NAT-24 X64-15 X64-16 outward, in all orders", arguments: orders)
    func outwardOrders(order: [Int]) throws {
        var bench = try TranslateBench()
        let pieces = cut(try bench.octets(Self.outward), [1200, 1200, 608])
        let results = try pass(&bench, order.map { pieces[$0] })
        #expect(results.count == 3)
        #expect(try results.map { try describe($0).identification } == [0x77, 0x77, 0x77])
        #expect(try results.allSatisfy { try describe($0).dontFragment == false })
        #expect(try reassembled(results).payload == PacketDescription.filler(3000))
        #expect(bench.translator.fragmentsInUse == (0, 0))
    }

    @Test("NAT-24 X46-15 X46-16 inward, in all orders", arguments: orders)
    func inwardOrders(order: [Int]) throws {
        var bench = try boundBench()
        let pieces = cut(try bench.octets("udp 198.51.100.10:53 > $t size 3000"), [1200, 1200, 608])
        let results = try pass(&bench, order.map { pieces[$0] })
        #expect(results.count == 3)
        #expect(try results.map { try describe($0).identification } == [0x77, 0x77, 0x77])
        #expect(try reassembled(results).payload == PacketDescription.filler(3000))
        #expect(bench.translator.fragmentsInUse == (0, 0))
    }

    @Test("X46-17 a fragment that is too large is fragmented again, at the right places")
    func fragmentedAgain() throws {
        var bench = try boundBench()
        let pieces = cut(try bench.octets("udp 198.51.100.10:53 > $t size 4000"), [1480, 1480, 1048])
        let results = try pass(&bench, pieces)
        #expect(results.count == 5 && results.allSatisfy { $0.count <= 1280 })
        #expect(try reassembled(results).payload == PacketDescription.filler(4000))
    }

    @Test("X46-12 a fragment with DF that does not fit is answered with 28 octets less")
    func fragmentTooBig() throws {
        var bench = try boundBench()
        var piece = cut(try bench.octets("udp 198.51.100.10:53 > $t size 4000"), [1480, 2528])[0]
        piece[6] |= 0x40
        let outcome = bench.send(withHeaderChecksum(piece))
        guard case .answered(.tooBig, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).word == 1472)
    }

    @Test("fragmented echo passes both ways, because its length is known when it is complete", arguments: orders)
    func echo(order: [Int]) throws {
        var bench = try TranslateBench()
        let pieces = cut(try bench.octets(Self.outwardEcho), [1200, 1200, 608])
        let out = try reassembled(pass(&bench, order.map { pieces[$0] }))
        #expect(out.kind == .ping && out.payload == PacketDescription.filler(3000))
        let identifier = try #require(out.identifier)
        let reply = try bench.octets("pong 198.51.100.10 > 203.0.113.1 id \(identifier) size 3000")
        let back = cut(reply, [1200, 1200, 608])
        let result = try reassembled(pass(&bench, order.map { back[$0] }))
        #expect(result.kind == .pong && result.identifier == 7 && result.payload == PacketDescription.filler(3000))
        #expect(bench.translator.fragmentsInUse == (0, 0))
    }

    @Test("X46-24 a fragmented datagram without a checksum gets one when it is complete", arguments: orders)
    func noChecksum(order: [Int]) throws {
        var bench = try boundBench()
        var whole = try bench.octets("udp 198.51.100.10:53 > $t size 3000")
        (whole[26], whole[27]) = (0, 0)
        let pieces = cut(whole, [1200, 1200, 608])
        let results = try pass(&bench, order.map { pieces[$0] })
        #expect(try reassembled(results).payload == PacketDescription.filler(3000))
        #expect(bench.translator.fragmentsInUse == (0, 0))
    }

    @Test("NAT-25 a first fragment 1.9 s late still finds the others; later they are gone and their memory free")
    func late() throws {
        var bench = try TranslateBench()
        let pieces = cut(try bench.octets(Self.outward), [1200, 1200, 608])
        #expect(try pass(&bench, [pieces[1], pieces[2]]).isEmpty)
        bench.wait(milliseconds: 1900)
        #expect(try reassembled(pass(&bench, [pieces[0]])).payload == PacketDescription.filler(3000))

        let others = cut(try bench.octets(Self.outward), [1200, 1200, 608], identification: 0x78)
        #expect(try pass(&bench, [others[1], others[2]]).isEmpty)
        #expect(bench.translator.fragmentsInUse.blocks == 2)
        bench.wait(milliseconds: 2100)
        #expect(bench.translator.fragmentsInUse == (0, 0))
        #expect(bench.translator.counters[.fragmentTimeout] == 2)
    }

    @Test("NAT-26 memory for fragments is limited, the oldest make room, other traffic goes on")
    func limited() throws {
        var bench = try boundBench { settings in
            settings.translation.fragmentMemory = 64 * 2048
            settings.translation.fragmentedDatagrams = 1000
        }
        let piece = cut(try bench.octets("udp 198.51.100.10:53 > $t size 3000"), [1200, 1200, 608])[1]
        for number in 0..<200 {
            var piece = piece
            piece[4] = UInt8(number)
            #expect(bench.send(withHeaderChecksum(piece)) == .kept)
        }
        #expect(bench.translator.fragmentsInUse == (64, 64))
        guard case .sent = bench.send(try bench.octets("udp 198.51.100.10:53 > $t")) else {
            throw Unexpected(outcome: .kept)
        }
        bench.wait(milliseconds: 1)
        #expect(bench.translator.counters[.fragmentMemory] == 136)
        bench.wait(milliseconds: 2100)
        #expect(bench.translator.counters[.fragmentTimeout] == 64)
        #expect(bench.translator.fragmentsInUse == (0, 0))
    }

    @Test("NAT-27 NAT-30 first fragments without the whole header, and TCP fragments at octet 8, are refused")
    func tiny() throws {
        var bench = try TranslateBench()
        let segment = try bench.octets("tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags S size 100")
        let outcome = bench.send(cut(segment, [8, 112])[0])
        guard case .answered(.tinyFragment, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).kind == .icmp(type: 4, code: 3))
        // 4/3 says that a first fragment is incomplete, and this is none.
        #expect(bench.send(cut(segment, [8, 112], identification: 0x79)[1]) == .dropped(.tinyFragment))
        let peer = try bench.octets("tcp 198.51.100.10:443 > 203.0.113.1:2000 flags S size 100")
        #expect(bench.send(cut(peer, [8, 112])[0]) == .dropped(.tinyFragment))
        #expect(bench.send(cut(peer, [8, 112], identification: 0x79)[1]) == .dropped(.tinyFragment))
    }

    @Test("NAT-28 an overlap discards the datagram, a duplicate does not")
    func overlap() throws {
        var bench = try TranslateBench()
        let octets = try bench.octets(Self.outward)
        let good = cut(octets, [1200, 1200, 608])
        // Starts eight octets early.
        let overlapping = cut(octets, [1192, 1816])[1]
        #expect(bench.send(good[1]) == .kept)
        #expect(bench.send(good[1]) == .dropped(.duplicateFragment))
        #expect(bench.send(overlapping) == .dropped(.overlappingFragment))
        #expect(bench.send(good[0]) == .dropped(.fragmentOfRefused))
        #expect(bench.send(good[2]) == .dropped(.fragmentOfRefused))
        #expect(bench.translator.fragmentsInUse.blocks == 0)
    }

    @Test("NAT-28 what is put together here goes with any overlap; only the very same fragment may come twice")
    func overlapInside() throws {
        var bench = try boundBench()
        var datagram = try bench.octets("udp 198.51.100.10:53 > $t size 3000")
        (datagram[26], datagram[27]) = (0, 0)
        for whole in [try bench.octets(Self.outwardEcho), datagram] {
            let good = cut(whole, [1200, 1200, 608])
            // The same place again, but less of it, and a place inside of what two have brought.
            for inside in [cut(whole, [1192, 1816])[0], cut(whole, [1104, 400, 1504])[1]] {
                #expect(bench.send(good[1]) == .kept)
                #expect(bench.send(good[0]) == .kept)
                #expect(bench.send(good[0]) == .dropped(.duplicateFragment))
                #expect(bench.send(inside) == .dropped(.overlappingFragment))
                #expect(bench.send(good[2]) == .dropped(.fragmentOfRefused))
                #expect(bench.translator.fragmentsInUse.blocks == 0)
                bench.wait(milliseconds: 2100)
            }
        }
    }

    @Test("NAT-29 impossible lengths and offsets are answered with the place")
    func impossible() throws {
        var bench = try TranslateBench()
        let octets = try bench.octets(Self.outward)
        var odd = cut(octets, [1200, 1808])[0]
        odd.removeLast()
        odd[5] -= 1
        let outcome = bench.send(odd)
        guard case .answered(.badFragment, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).word == 4)
        var far = cut(octets, [1200, 1808])[1]
        (far[42], far[43]) = (0xFF, 0xF8)
        let second = bench.send(far)
        guard case .answered(.badFragment, let other) = second else { throw Unexpected(outcome: second) }
        #expect(try describe(other).word == 42)
    }

    @Test(
        "X64-17 X64-24 a fragment of an extension header is dropped, and its sender told 1/1 of the first",
        arguments: [0, 43, 44, 51, 60]
    )
    func extensionInFragment(next: UInt8) throws {
        var bench = try TranslateBench()
        var pieces = cut(try bench.octets(Self.outward), [1200, 1808])
        for index in pieces.indices { pieces[index][40] = next }
        // What reads like headers leads to no ICMPv6 message.
        for place in 48..<64 { pieces[0][place] = 0 }
        pieces[0][48] = 17
        let outcome = bench.send(pieces[0])
        guard case .answered(.extensionChain, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(flaw(answer, .none) == nil && answer[40] == 1 && answer[41] == 1)
        #expect(bench.send(pieces[1]) == .dropped(.extensionChain))
    }

    @Test(
        "X64-17 X64-25 of an ICMPv6 message behind such a header, or behind too many, nobody is told",
        arguments: [1, 12]
    )
    func messageInFragment(count: Int) throws {
        var bench = try TranslateBench()
        for line in [
            "ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7",
            "icmp 1/4 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 \"abcdefgh\"",
        ] {
            var packet = try bench.octets(line)
            packet[6] = 44
            let options = (1...count).flatMap { [$0 == count ? 58 : 60, 0, 1, 4, 0, 0, 0, 0] as [UInt8] }
            packet.insert(contentsOf: [60, 0, 0, 0, 0, 0, 0, 7] + options, at: 40)
            packet[5] += UInt8(8 + options.count)
            #expect(bench.send(packet) == .dropped(.extensionChain))
        }
    }

    @Test("X64-18 an atomic fragment stands alone beside a datagram of the same identification")
    func atomic() throws {
        var bench = try TranslateBench()
        let pieces = cut(try bench.octets(Self.outward), [1600, 1408])
        let atomic = cut(
            try bench.octets("udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 10"),
            [18]
        )[0]
        var results = try pass(&bench, [pieces[0]])
        let alone = try pass(&bench, [atomic])
        #expect(alone.count == 1)
        #expect(try describe(alone[0]).payload == PacketDescription.filler(10))
        #expect(try describe(alone[0]).isWhole == true)
        results += try pass(&bench, [pieces[1]])
        // The IPv4 link takes 1500: the first piece is fragmented again.
        #expect(try reassembled(results).payload == PacketDescription.filler(3000))
    }

    @Test("fragments between two clients", arguments: orders)
    func hairpin(order: [Int]) throws {
        var bench = try TranslateBench { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in udp [2001:db8:6::d0]:50000 > [2001:db8:64::198.51.100.10]:53
            =  udp $d > 198.51.100.10:53
            """
        )
        let embedded = try #require(bench.names["$d"]).replacing("203.0.113.1", with: "[2001:db8:64::203.0.113.1]")
        let pieces = cut(try bench.octets("udp [2001:db8:6::c0]:40000 > \(embedded) size 3000"), [1200, 1200, 608])
        let result = try reassembled(pass(&bench, order.map { pieces[$0] }))
        #expect(result.destination == IPAddress("2001:db8:6::d0") && result.payload == PacketDescription.filler(3000))
        #expect(bench.translator.counters.hairpinned == 3)
    }

    @Test("fragments of a ping between two clients", arguments: orders)
    func hairpinEcho(order: [Int]) throws {
        var bench = try TranslateBench { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in ping 2001:db8:6::d0 > 2001:db8:64::198.51.100.10 id 9
            =  ping $d > 198.51.100.10 id $i
            """
        )
        // The identifier is that of the sender's binding, whoever has it on the other side.
        let echo = try bench.octets("ping 2001:db8:6::c0 > 2001:db8:64::203.0.113.1 id 7 size 3000")
        let pieces = cut(echo, [1200, 1200, 608])
        var outcomes: [Outcome] = []
        for index in order { outcomes.append(bench.send(pieces[index])) }
        #expect(outcomes == [.kept, .kept, .kept])
        for piece in bench.extras() { #expect(try describe(piece).destination == IPAddress("2001:db8:6::c0")) }
        #expect(bench.translator.fragmentsInUse.blocks == 0)
    }

    @Test("fragments of the host's own datagrams go back to it, in all orders", arguments: orders)
    func shared(order: [Int]) throws {
        var bench = try boundBench(pool: [("203.0.113.1", true)])
        let pieces = cut(try bench.octets("udp 198.51.100.20:53 > 203.0.113.1:4000 size 3000"), [1200, 1200, 608])
        var results: [[UInt8]] = []
        for index in order {
            let outcome = bench.send(pieces[index])
            switch outcome {
            case .handedBack(let octets): results.append(octets)
            case .kept: break
            default: throw Unexpected(outcome: outcome)
            }
            results += bench.extras()
        }
        #expect(Set(results) == Set(pieces) && results.count == 3)
    }

    @Test("NAT-24 the largest datagram passes with its fragments in the worst order, every second one first")
    func manyGaps() throws {
        var bench = try TranslateBench { $0.translation.fragmentMemory = 8 << 20 }
        let octets = try bench.octets(
            "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size \(65_515 - 8)"
        )
        let sizes = [Int](repeating: 1232, count: 53) + [65_515 - 53 * 1232]
        let pieces = cut(octets, sizes)
        let order = Array(stride(from: 53, through: 1, by: -2)) + Array(stride(from: 0, through: 52, by: 2))
        let results = try pass(&bench, order.map { pieces[$0] })
        #expect(try reassembled(results).payload?.count == 65_507)
        #expect(bench.translator.fragmentsInUse == (0, 0))
    }

    @Test("NAT-29 who sent the first fragment of a ping that cannot be put together is told by 3/1, and nobody else")
    func reassemblyTime() throws {
        var bench = try TranslateBench()
        let echo = cut(try bench.octets(Self.outwardEcho), [1200, 1200, 608])
        #expect(bench.send(echo[0]) == .kept)
        #expect(bench.send(echo[2]) == .kept)
        let later = cut(try bench.octets(Self.outwardEcho), [1200, 1200, 608], identification: 0x78)
        #expect(bench.send(later[1]) == .kept)
        let datagram = cut(try bench.octets(Self.outward), [1200, 1200, 608], identification: 0x79)
        #expect(bench.send(datagram[1]) == .kept)
        bench.wait(milliseconds: 1900)
        #expect(bench.extras().isEmpty)
        bench.wait(milliseconds: 200)
        let told = bench.extras()
        #expect(told.count == 1)
        let error = try describe(try #require(told.first))
        #expect(error.kind == .icmp(type: 3, code: 1) && error.destination == IPAddress("2001:db8:6::c0"))
        #expect(try describe(told[0]).quote.count == 1)
        #expect(bench.translator.fragmentsInUse == (0, 0))
        #expect(bench.translator.counters[.fragmentTimeout] == 4)
    }

    @Test("X64-06 X64-15 two clients' fragments with one identification leave with two, the first one's with its own")
    func identificationsApart() throws {
        var bench = try TranslateBench()
        let size = 3000
        let first = cut(try bench.octets(Self.outward), [1200, 1200, 608], identification: 0x4242)
        let second = cut(
            try bench.octets("udp [2001:db8:6::d0]:40000 > [2001:db8:64::198.51.100.10]:53 size \(size)"),
            [1200, 1200, 608],
            identification: 0x4242
        )
        let elsewhere = cut(
            try bench.octets("udp [2001:db8:6::d0]:40000 > [2001:db8:64::198.51.100.20]:53 size \(size)"),
            [1200, 1200, 608],
            identification: 0x4242
        )
        let numbers = { (pieces: [[UInt8]]) in Set(try pieces.map { try describe($0).identification }) }
        let own = try numbers(pass(&bench, first))
        #expect(own == [0x4242])
        let others = try pass(&bench, [second[1], second[0], second[2]])
        #expect(try numbers(others).count == 1 && numbers(others) != own)
        #expect(try reassembled(others).payload == PacketDescription.filler(size))
        #expect(try numbers(pass(&bench, elsewhere)) == own)
        bench.wait(milliseconds: 121_000)
        #expect(try numbers(pass(&bench, second)) == own)
    }

    @Test("X64-23 X46-25 fragments of other transports are refused at once and take no memory")
    func otherTransports() throws {
        var bench = try boundBench()
        var outward = cut(try bench.octets(Self.outward), [1200, 1808])
        for index in outward.indices { outward[index][40] = 132 }
        #expect(bench.send(outward[1]) == .dropped(.unsupportedProtocol))
        let outcome = bench.send(outward[0])
        guard case .answered(.unsupportedProtocol, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).kind == .icmp(type: 1, code: 4))
        var inward = cut(try bench.octets("udp 198.51.100.10:53 > $t size 3000"), [1200, 1808])
        for index in inward.indices {
            inward[index][9] = 50
            inward[index] = withHeaderChecksum(inward[index])
        }
        #expect(bench.send(inward[1]) == .dropped(.unsupportedProtocol))
        #expect(bench.translator.fragmentsInUse == (0, 0))
    }
}
