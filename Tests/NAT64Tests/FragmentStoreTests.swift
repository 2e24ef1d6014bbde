import IPAddressing
import NAT64
import PacketWire
import Testing

@Suite("The memory for fragments, however datagrams come and go")
struct FragmentStoreTests {
    /// A client's datagram in three pieces.
    private func pieces(_ bench: borrowing TranslateBench, _ identification: Int) throws -> [[UInt8]] {
        let line = "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 200"
        return cut(try bench.octets(line), [80, 80, 48], identification: UInt16(identification))
    }

    @Test("NAT-26 datagrams end in any order and give their places back; only for want of one goes the oldest")
    func places() throws {
        let capacity = 16
        var bench = try TranslateBench { $0.translation.fragmentedDatagrams = capacity }
        var dice = RandomNumbers(state: 64)
        /// Those that wait for their first piece, the oldest first.
        var waiting: [Int] = []
        var displaced: UInt64 = 0
        var identification = 0
        for _ in 0..<2000 {
            if waiting.isEmpty || dice.chance(55) {
                identification += 1
                #expect(bench.send(try pieces(bench, identification)[1]) == .kept)
                if waiting.count == capacity {
                    waiting.removeFirst()
                    displaced += 1
                }
                waiting.append(identification)
            } else {
                let number = waiting.remove(at: dice.below(waiting.count))
                let whole = try pieces(bench, number)
                var results: [[UInt8]] = []
                for piece in [whole[2], whole[0]] {
                    if case .sent(let octets, _) = bench.send(piece) { results.append(octets) }
                    results += bench.extras()
                }
                // Nothing that waited had gone.
                #expect(results.count == 3, "datagram \(number)")
            }
            #expect(bench.translator.fragmentsInUse == (waiting.count, waiting.count))
        }
        bench.wait(milliseconds: 1)
        #expect(displaced > 0 && bench.translator.counters[.fragmentMemory] == displaced)
        let late = UInt64(waiting.count)
        bench.wait(milliseconds: 2100)
        #expect(bench.translator.fragmentsInUse == (0, 0))
        #expect(bench.translator.counters[.fragmentTimeout] == late)
    }

    @Test("NAT-25 of datagrams that began at different times each goes at its own")
    func ages() throws {
        var bench = try TranslateBench()
        for number in 1...4 {
            #expect(bench.send(try pieces(bench, number)[1]) == .kept)
            bench.wait(milliseconds: 400)
        }
        // The second ends before its time, so that the third follows the first.
        let second = try pieces(bench, 2)
        for piece in [second[0], second[2]] {
            _ = bench.send(piece)
            _ = bench.extras()
        }
        for left in [3, 2, 2, 1, 0] {
            #expect(bench.translator.fragmentsInUse == (left, left))
            bench.wait(milliseconds: 400)
        }
    }

    @Test("NAT-28 a datagram that ends at two places, or before one of its parts, is discarded", arguments: 0..<4)
    func ends(which: Int) throws {
        var bench = try TranslateBench()
        let line = "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 3000"
        let pieces = cut(try bench.octets(line), [1200, 1200, 608])
        var (middle, last) = (pieces[1], pieces[2])
        // The middle says that it is the last.
        middle[43] &= 0xFE
        if which >= 2 { last[43] |= 1 }
        let order = which % 2 == 0 ? [middle, last] : [last, middle]
        #expect(bench.send(order[0]) == .kept)
        #expect(bench.send(order[1]) == .dropped(.overlappingFragment))
        #expect(bench.send(pieces[0]) == .dropped(.fragmentOfRefused))
        #expect(bench.translator.fragmentsInUse.blocks == 0)
    }

    @Test("NAT-29 nobody is told of a datagram over IPv4 that was to be put together and was not")
    func unfinishedOverIPv4() throws {
        var bench = try boundBench()
        var datagram = try bench.octets("udp 198.51.100.10:53 > $t size 2000")
        datagram.replaceSubrange(26..<28, with: [0, 0])
        #expect(bench.send(cut(datagram, [1200, 808])[0]) == .kept)
        bench.wait(milliseconds: 2100)
        #expect(bench.extras().isEmpty && bench.translator.fragmentsInUse == (0, 0))
        #expect(bench.translator.counters[.fragmentTimeout] == 1)
    }

    @Test("NAT-28 a part that follows one and runs into the next discards the datagram")
    func intoTheNext() throws {
        var bench = try TranslateBench()
        let line = "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 3000"
        let datagram = try bench.octets(line)
        let (pieces, others) = (cut(datagram, [1200, 1200, 608]), cut(datagram, [1200, 1208, 600]))
        for piece in [pieces[0], pieces[2]] {
            guard case .sent = bench.send(piece) else { throw Unexpected(outcome: .kept) }
        }
        #expect(bench.send(others[1]) == .dropped(.overlappingFragment))
        #expect(bench.send(pieces[1]) == .dropped(.fragmentOfRefused))
    }
}
