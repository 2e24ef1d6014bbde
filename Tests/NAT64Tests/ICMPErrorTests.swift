import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

private let router4 = "198.51.100.1"
private let router6 = "2001:db8:6:ffff::1"

/// A bench with a UDP binding `$t` of [2001:db8:6::c0]:40000 and an echo binding `$p` with identifier `$i` of the same
/// client's identifier 7.
private func talking(
    prefixes: [String] = [TranslateBench.prefix],
    environment: Environment = Environment()
) throws -> TranslateBench {
    var bench = try boundBench(prefixes: prefixes, environment: environment)
    try bench.run(
        """
        in ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7
        =  ping $p > 198.51.100.10 id $i
        """
    )
    return bench
}

@Suite("ICMPv4 errors to ICMPv6, RFC 7915 sections 4.2 and 4.3")
struct ICMPErrorInwardTests {
    /// The quote of a packet the client sent, as the IPv4 side saw it.
    private func error(_ bench: borrowing TranslateBench, _ type: Int, _ code: Int, word: UInt32 = 0) throws -> [UInt8]
    {
        let quote = "udp $t > 198.51.100.10:53 ttl 1 \"hello\""
        let external = bench.names["$t"] ?? ""
        var packet = try #require(
            PacketDescription(
                "icmp \(type)/\(code) \(router4) > 203.0.113.1 { \(quote.replacing("$t", with: external)) }"
            )
        )
        packet.word = word
        return packet.octets
    }

    @Test(
        "I46-06 I46-07 I46-08 I46-10 I46-12 types and codes",
        arguments: [
            (3, 0, 1, 0), (3, 1, 1, 0), (3, 5, 1, 0), (3, 6, 1, 0), (3, 7, 1, 0), (3, 8, 1, 0), (3, 11, 1, 0),
            (3, 12, 1, 0), (3, 2, 4, 1), (3, 3, 1, 4), (3, 9, 1, 1), (3, 10, 1, 1), (3, 13, 1, 1), (3, 15, 1, 1),
            (11, 0, 3, 0), (11, 1, 3, 1),
        ]
    )
    func codes(type: Int, code: Int, newType: Int, newCode: Int) throws {
        var bench = try talking()
        let outcome = bench.send(try error(bench, type, code))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(result, .none)
        let packet = try describe(result)
        #expect(packet.kind == .icmp(type: UInt8(newType), code: UInt8(newCode)))
        #expect(packet.word == (newType == 4 ? 6 : 0))
        // ERR-01 ERR-03 I46-18: from the router, to the client, about the packet as the client sent it.
        let expected = try #require(
            PacketDescription(
                "icmp \(newType)/\(newCode) 2001:db8:64::\(router4) > 2001:db8:6::c0 hops 63 "
                    + "{ udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 hops 1 \"hello\" }"
            )
        )
        #expect(expected.holds(for: packet), "\(packet)")
    }

    @Test("I46-03 I46-04 I46-05 I46-11 I46-14 what has no counterpart is dropped in silence")
    func dropped() throws {
        var bench = try talking()
        for (type, code) in [(3, 14), (3, 16), (3, 255), (12, 1), (12, 3), (4, 0), (5, 0), (6, 0)] {
            #expect(bench.send(try error(bench, type, code)) == .dropped(.unsupportedMessage), "\(type)/\(code)")
        }
        for type in [1, 2, 7, 9, 10, 13, 14, 15, 16, 17, 18, 19, 30, 41, 42, 43, 253] {
            let packet = try #require(PacketDescription("icmp \(type)/0 198.51.100.10 > 203.0.113.1 \"abcdefgh\""))
            #expect(bench.send(packet.octets) == .dropped(.unsupportedMessage), "\(type)")
        }
    }

    @Test("I46-13 I46-15 pointers", arguments: [0, 2])
    func pointers(code: Int) throws {
        var bench = try talking()
        var seen: [Int: UInt32] = [:]
        for pointer in 0...255 {
            let outcome = bench.send(try error(bench, 12, code, word: UInt32(pointer) << 24))
            switch outcome {
            case .sent(let result, _): seen[pointer] = try describe(result).word
            default: #expect(outcome == .dropped(.unsupportedMessage))
            }
        }
        #expect(
            seen == [
                0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, 12: 8, 13: 8, 14: 8, 15: 8, 16: 24, 17: 24, 18: 24, 19: 24,
            ]
        )
    }

    @Test(
        "I46-09 I46-16 path MTU, both links 1500",
        arguments: [(1400, 1420), (1500, 1500), (9000, 1500), (576, 1280), (68, 1280)]
    )
    func pathMTU(announced: UInt32, told: UInt32) throws {
        var bench = try talking()
        let outcome = bench.send(try error(bench, 3, 4, word: announced))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(result).kind == .icmp(type: 2, code: 0))
        #expect(try describe(result).word == told)
    }

    @Test("I46-16 an IPv4 link that is smaller than the IPv6 link counts with 20 octets more")
    func pathMTULinks() throws {
        var bench = try talking(environment: Environment(ipv6MTU: 9000, ipv4MTU: 1500))
        let outcome = bench.send(try error(bench, 3, 4, word: 1500))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(result).word == 1520)
    }

    @Test(
        "I46-17 routers older than RFC 1191 get the next plateau",
        arguments: [(9000, 1500), (1492, 1280), (1600, 1500)]
    )
    func plateau(quoted: Int, told: UInt32) throws {
        var bench = try talking()
        var packet = try error(bench, 3, 4)
        // The total length of the quote, and its header checksum.
        (packet[30], packet[31]) = (UInt8(quoted >> 8), UInt8(quoted & 255))
        packet.replaceSubrange(28..<48, with: withHeaderChecksum(Array(packet[28..<48])))
        let outcome = bench.send(withICMPChecksum(packet))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(result).word == told)
    }

    @Test("I46-19 a quoted echo request is translated by its own type, with the client's identifier")
    func quotedEcho() throws {
        var bench = try talking()
        try bench.run(
            """
            in icmp 3/1 \(router4) > 203.0.113.1 { ping $p > 198.51.100.10 id $i seq 9 "data" }
            =  icmp 1/0 2001:db8:64::\(router4) > 2001:db8:6::c0 { ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7 seq 9 "data" }
            """
        )
    }

    @Test("I46-20 an error about an error is dropped")
    func nested() throws {
        var bench = try talking()
        try bench.run(
            """
            in icmp 3/1 \(router4) > 203.0.113.1 { icmp 3/1 203.0.113.1 > 198.51.100.10 "abcdefgh" }
            ! quote-nested
            """
        )
    }

    @Test("I46-21 the result has at most 1280 octets and a right checksum")
    func truncated() throws {
        var bench = try talking()
        var packet = try #require(
            PacketDescription(
                "icmp 3/1 \(router4) > 203.0.113.1 { udp \(bench.names["$t"] ?? "") > 198.51.100.10:53 size 1400 }"
            )
        )
        packet.hops = 9
        let outcome = bench.send(packet.octets)
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(result.count == 1280)
        expectWellFormed(result, .none)
    }

    @Test("I46-22 extensions follow a quote that has grown, and the length says where")
    func extensions() throws {
        var bench = try talking()
        let object: [UInt8] = [0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4]
        var packet = try #require(
            PacketDescription(
                "icmp 11/0 \(router4) > 203.0.113.1 { udp \(bench.names["$t"] ?? "") > 198.51.100.10:53 size 100 }"
            )
        ).octets
        #expect(packet.count == 28 + 128)
        packet += object
        packet[3] += UInt8(object.count)
        packet[25] = 32
        let outcome = bench.send(withICMPChecksum(withHeaderChecksum(packet)))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(result, .none)
        #expect(result[40] == 3 && result[44] == 19)
        #expect(Array(result[(48 + 8 * 19)...]) == object)
        #expect(result[(48 + 148)..<(48 + 152)] == [0, 0, 0, 0])
        #expect(try describe(result).quote.count == 1)
    }

    @Test("I46-23 messages that may carry no extensions lose them")
    func extensionsLost() throws {
        var bench = try talking()
        let object: [UInt8] = [0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4]
        for (type, code) in [(12, 0), (3, 2)] {
            var packet = try #require(
                PacketDescription(
                    "icmp \(type)/\(code) \(router4) > 203.0.113.1 { udp \(bench.names["$t"] ?? "") > 198.51.100.10:53 size 100 }"
                )
            ).octets
            packet += object
            packet[3] += UInt8(object.count)
            packet[25] = 32
            let outcome = bench.send(withICMPChecksum(withHeaderChecksum(packet)))
            guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
            expectWellFormed(result, .none)
            #expect(result.count == 48 + 148)
        }
    }

    @Test("I46-24 a wrong ICMP checksum, or a wrong header checksum in the quote, is dropped")
    func badChecksums() throws {
        var bench = try talking()
        var packet = try error(bench, 3, 3)
        packet[22] ^= 1
        #expect(bench.send(packet) == .dropped(.badTransportChecksum))
        packet = try error(bench, 3, 3)
        packet[38] ^= 1
        #expect(bench.send(withICMPChecksum(packet)) == .dropped(.quoteUntranslatable))
    }

    @Test("I46-25 options of the quote are skipped, its transport checksum is not judged")
    func quotedOptions() throws {
        var bench = try talking()
        let plain = try bench.octets("udp $t > 198.51.100.10:53 \"hello\"")
        var quote = withOptions(plain, [7, 7, 4, 0, 0, 0, 0, 0])
        quote[34] ^= 0x55
        var outer = try #require(PacketDescription("icmp 3/3 \(router4) > 203.0.113.1"))
        outer.payload = quote
        let outcome = bench.send(outer.octets)
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        let inner = try #require(describe(result).quote.first)
        #expect(inner.ports == [40000, 53] && inner.payload == Array("hello".utf8))
    }

    @Test("I46-26 I46-27 an error about nothing of ours, or that quotes too little, is dropped")
    func unknown() throws {
        var bench = try talking()
        try bench.run(
            """
            in icmp 3/3 \(router4) > 203.0.113.1 { udp 203.0.113.1:9 > 198.51.100.10:53 }
            ! quote-unknown
            in icmp 3/3 \(router4) > 203.0.113.1 { udp $t > 198.51.100.20:53 }
            ! quote-unknown
            """
        )
        var outer = try #require(PacketDescription("icmp 3/1 \(router4) > 203.0.113.1"))
        let quote = try bench.octets("udp $t > 198.51.100.10:53")
        for count in 0..<28 {
            outer.payload = Array(quote[..<count])
            #expect(bench.send(outer.octets) == .dropped(.quoteTooShort))
        }
        outer.payload = quote
        guard case .sent = bench.send(outer.octets) else { throw Unexpected(outcome: .kept) }
    }

    @Test("X46-10 ERR-05 an error from a private router passes, under the well-known prefix too")
    func privateRouter() throws {
        var bench = try TranslateBench(prefixes: ["64:ff9b::/96"])
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [64:ff9b::5.6.7.8]:53 hops 9
            =  udp $t > 5.6.7.8:53
            in icmp 11/0 10.0.0.1 > 203.0.113.1 { udp $t > 5.6.7.8:53 ttl 1 }
            =  icmp 3/0 64:ff9b::10.0.0.1 > 2001:db8:6::c0 { udp [2001:db8:6::c0]:40000 > [64:ff9b::5.6.7.8]:53 hops 1 }
            """
        )
    }

    @Test("ERR-04 errors neither end a session nor keep it alive")
    func sessionUntouched() throws {
        var bench = try boundBench()
        for _ in 0..<5 {
            bench.wait(milliseconds: 59_000)
            for (type, code) in [(3, 1), (3, 3), (11, 0)] {
                guard case .sent = bench.send(try error(bench, type, code)) else { throw Unexpected(outcome: .kept) }
            }
        }
        bench.wait(milliseconds: 10_000)
        #expect(bench.send(try error(bench, 3, 3)) == .dropped(.quoteUnknown))
    }
}

/// Puts the right checksum into an ICMPv4 message.
func withICMPChecksum(_ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    (packet[22], packet[23]) = (0, 0)
    var sum = OnesComplementSum()
    sum.add(octets: Array(packet[20...]))
    (packet[22], packet[23]) = (UInt8(sum.checksum >> 8), UInt8(sum.checksum & 255))
    return packet
}

/// Puts the right checksum into an ICMPv6 message without extension headers.
func withICMPv6Checksum(_ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    (packet[42], packet[43]) = (0, 0)
    var sum = OnesComplementSum()
    sum.add(octets: Array(packet[8...]))
    sum.add(UInt32(packet.count - 40))
    sum.add(UInt16(58))
    (packet[42], packet[43]) = (UInt8(sum.checksum >> 8), UInt8(sum.checksum & 255))
    return packet
}

@Suite("ICMPv6 errors to ICMPv4, RFC 7915 sections 5.2 and 5.3")
struct ICMPErrorOutwardTests {
    /// The quote of a packet the client received.
    private let quote = "udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 hops 9 \"answer\""

    private func error(_ type: Int, _ code: Int, word: UInt32 = 0) throws -> [UInt8] {
        var packet = try #require(
            PacketDescription("icmp \(type)/\(code) \(router6) > 2001:db8:64::198.51.100.10 { \(quote) }")
        )
        packet.word = word
        return packet.octets
    }

    @Test(
        "I64-03 I64-04 I64-05 I64-10 I64-12 types and codes",
        arguments: [
            (1, 0, 3, 1), (1, 2, 3, 1), (1, 3, 3, 1), (1, 1, 3, 10), (1, 4, 3, 3), (3, 0, 11, 0), (3, 1, 11, 1),
            (4, 1, 3, 2),
        ]
    )
    func codes(type: Int, code: Int, newType: Int, newCode: Int) throws {
        var bench = try talking()
        let outcome = bench.send(try error(type, code))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(result, .none)
        let packet = try describe(result)
        // ERR-02 ERR-03 I64-16: from the pool, to the peer, about the packet as the peer sent it.
        let expected = try #require(
            PacketDescription(
                "icmp \(newType)/\(newCode) 203.0.113.1 > 198.51.100.10 ttl 63 "
                    + "{ udp 198.51.100.10:53 > \(bench.names["$t"] ?? "") ttl 9 \"answer\" }"
            )
        )
        #expect(expected.holds(for: packet), "\(packet)")
        #expect(packet.word == 0)
    }

    @Test("I64-02 I64-06 I64-13 I64-15 what has no counterpart is dropped in silence")
    func dropped() throws {
        var bench = try talking()
        for (type, code) in [(1, 5), (1, 6), (1, 7), (4, 2), (4, 3)] {
            #expect(bench.send(try error(type, code)) == .dropped(.unsupportedMessage), "\(type)/\(code)")
        }
        for type in Array(5...127) + Array(130...161) + [200, 255] {
            #expect(bench.send(try error(type, 0)) == .dropped(.unsupportedMessage), "\(type)")
        }
    }

    @Test("I64-11 I64-14 pointers")
    func pointers() throws {
        var bench = try talking()
        var seen: [UInt32: UInt32] = [:]
        for pointer in UInt32(0)...255 {
            let outcome = bench.send(try error(4, 0, word: pointer))
            switch outcome {
            case .sent(let result, _): seen[pointer] = try describe(result).word.map { $0 >> 24 }
            default: #expect(outcome == .dropped(.unsupportedMessage))
            }
        }
        var expected: [UInt32: UInt32] = [0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8]
        for pointer in UInt32(8)...23 { expected[pointer] = 12 }
        for pointer in UInt32(24)...39 { expected[pointer] = 16 }
        #expect(seen == expected)
        #expect(bench.send(try error(4, 0, word: 0x0100_0000)) == .dropped(.unsupportedMessage))
    }

    @Test(
        "I64-07 I64-09 path MTU, both links 1500",
        arguments: [(1500, 1480), (1280, 1260), (9000, 1480), (1000, 1260)]
    )
    func pathMTU(announced: UInt32, told: UInt32) throws {
        var bench = try talking()
        let outcome = bench.send(try error(2, 0, word: announced))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(result).kind == .icmp(type: 3, code: 4))
        #expect(try describe(result).word == told)
    }

    @Test("I64-08 a fragment header in the quote makes the difference 28")
    func pathMTUOfFragment() throws {
        var bench = try talking()
        var packet = try #require(
            PacketDescription("icmp 2/0 \(router6) > 2001:db8:64::198.51.100.10 { \(quote) offset 0 more size 1240 }")
        )
        packet.word = 1400
        let outcome = bench.send(packet.octets)
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(result).word == 1372)
        #expect(try describe(result).quote.first?.more == true)
    }

    @Test("I64-17 I64-19 I64-20 quotes of errors, of unknown packets and of other protocols are dropped")
    func badQuotes() throws {
        var bench = try talking()
        try bench.run(
            """
            in icmp 1/4 \(router6) > 2001:db8:64::198.51.100.10 { icmp 1/4 2001:db8:64::198.51.100.10 > 2001:db8:6::c0 "abcdefgh" }
            ! quote-nested
            in icmp 1/4 \(router6) > 2001:db8:64::198.51.100.10 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:9 }
            ! quote-unknown
            in icmp 1/4 \(router6) > 2001:db8:64::198.51.100.20 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 }
            ! quote-unknown
            in icmp 1/4 \(router6) > 2001:db8:64::198.51.100.10 { protocol 50 2001:db8:64::198.51.100.10 > 2001:db8:6::c0 "abcdefgh" }
            ! quote-untranslatable
            """
        )
    }

    @Test("X64-04 an error with DF clear has no more than 1260 octets, and one of 1280 passes whole")
    func large() throws {
        var bench = try talking()
        for (size, wanted) in [(1184, 1240), (1204, 1260), (1205, 1260), (1404, 1260)] {
            let packet = try #require(
                PacketDescription(
                    "icmp 1/4 \(router6) > 2001:db8:64::198.51.100.10 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 size \(size) }"
                )
            ).octets
            let outcome = bench.send(packet)
            guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
            expectWellFormed(result, .none)
            #expect(result.count == wanted && result[6] & 0x40 == 0, "\(size)")
        }
    }

    @Test("I64-18 extensions follow a quote that has shrunk, and the length says where")
    func extensions() throws {
        var bench = try talking()
        let object: [UInt8] = [0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4]
        var packet = try #require(
            PacketDescription(
                "icmp 3/0 \(router6) > 2001:db8:64::198.51.100.10 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 size 152 }"
            )
        ).octets
        #expect(packet.count == 48 + 200)
        packet += object
        packet[5] += UInt8(object.count)
        packet[44] = 25
        let outcome = bench.send(withICMPv6Checksum(packet))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(result, .none)
        #expect(result[20] == 11 && result[25] == 45)
        #expect(Array(result[(28 + 180)...]) == object)
    }

    @Test("I64-18 a quote is cut to what the length attribute of ICMPv4 can say")
    func longQuote() throws {
        var bench = try talking()
        let object: [UInt8] = [0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4]
        var packet = try #require(
            PacketDescription(
                "icmp 3/0 \(router6) > 2001:db8:64::198.51.100.10 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 size 1080 }"
            )
        ).octets
        #expect(packet.count == 48 + 1128)
        packet += object
        (packet[4], packet[5]) = (UInt8((packet.count - 40) >> 8), UInt8((packet.count - 40) & 255))
        packet[44] = 141
        let outcome = bench.send(withICMPv6Checksum(packet))
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(result, .none)
        #expect(result[20] == 11 && result[24] == 0 && result[25] == 255)
        #expect(Array(result[(28 + 1020)...]) == object)
    }

    @Test("NAT-18 an echo reply's quote is translated with the binding's identifier")
    func quotedEcho() throws {
        var bench = try talking()
        try bench.run(
            """
            in icmp 1/3 \(router6) > 2001:db8:64::198.51.100.10 { pong 2001:db8:64::198.51.100.10 > 2001:db8:6::c0 id 7 seq 2 }
            =  icmp 3/1 203.0.113.1 > 198.51.100.10 { pong 198.51.100.10 > $p id $i seq 2 }
            """
        )
    }

    @Test("an ICMPv6 error with a wrong checksum is dropped")
    func badChecksum() throws {
        var bench = try talking()
        var packet = try error(1, 4)
        packet[43] ^= 1
        #expect(bench.send(packet) == .dropped(.badTransportChecksum))
    }
}
