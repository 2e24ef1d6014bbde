import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing
import Timing

@Suite("IPv6 to IPv4, RFC 7915 section 5.1")
struct TranslateIPv6Tests {
    private let toServer = "[2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53"

    private func octets(_ line: String) throws -> [UInt8] { try #require(PacketDescription(line)).octets }

    /// Puts extension headers between the IPv6 header and what follows.
    private func extended(_ line: String, _ headers: [UInt8], first: UInt8) throws -> [UInt8] {
        var packet = try octets(line)
        var headers = headers
        // The last header in the list names what the packet had.
        var at = 0
        while at + 8 * (1 + Int(headers[at + 1])) < headers.count { at += 8 * (1 + Int(headers[at + 1])) }
        headers[at] = packet[6]
        packet[6] = first
        packet.insert(contentsOf: headers, at: 40)
        let length = packet.count - 40
        packet[4] = UInt8(length >> 8)
        packet[5] = UInt8(length & 255)
        return packet
    }

    private func sent(_ outcome: Outcome, _ location: SourceLocation = #_sourceLocation) throws -> PacketDescription {
        guard case .sent(let octets, let offload) = outcome else {
            throw Unexpected(outcome: outcome)
        }
        expectWellFormed(octets, offload, location)
        return try describe(octets)
    }

    @Test("X64-01 the header has five words, no options and a right checksum")
    func header() throws {
        var bench = try TranslateBench()
        guard case .sent(let packet, _) = bench.send(try octets("udp \(toServer) \"x\"")) else {
            return #expect(Bool(false))
        }
        #expect(packet[0] == 0x45)
        #expect(flaw(packet, .none) == nil)
    }

    @Test("X64-02 all eight bits of the traffic class are copied", arguments: [0x00, 0x2E, 0xB9, 0xFF])
    func trafficClass(value: Int) throws {
        var bench = try TranslateBench()
        #expect(try sent(bench.send(octets("udp \(toServer) class \(value)"))).trafficClass == UInt8(value))
    }

    @Test("X64-02 X46-02 a fixed traffic class replaces any")
    func fixedTrafficClass() throws {
        var bench = try TranslateBench { $0.translation.fixedTrafficClass = 0x10 }
        #expect(try sent(bench.send(octets("udp \(toServer) class 46"))).trafficClass == 0x10)
        try bench.run(
            """
            in udp \(toServer) class 46
            =  udp $t > 198.51.100.10:53 class 16
            in udp 198.51.100.10:53 > $t class 7
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 class 16
            """
        )
    }

    @Test("X64-03 X64-09 extension headers are left out and do not count")
    func extensionHeaders() throws {
        var bench = try TranslateBench()
        // Hop-by-hop, destination options, routing without segments left.
        let headers: [UInt8] =
            [60, 0, 1, 4, 0, 0, 0, 0] + [43, 0, 1, 4, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0]
        let outcome = bench.send(try extended("udp \(toServer) size 100", headers, first: 0))
        guard case .sent(let packet, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(packet.count == 128)
        #expect(try sent(outcome).payload == PacketDescription.filler(100))
    }

    @Test("X64-04 a result of 1260 octets or less goes out with DF clear, a larger one with DF set")
    func dontFragment() throws {
        var bench = try TranslateBench()
        #expect(try sent(bench.send(octets("udp \(toServer) size \(1280 - 48)"))).dontFragment == false)
        #expect(try sent(bench.send(octets("udp \(toServer) size \(1281 - 48)"))).dontFragment == true)
    }

    @Test("X64-05 X64-06 no identification repeats within 60,000 small packets of many clients to one peer")
    func identification() throws {
        var bench = try TranslateBench { $0.limits.clientLength = 128 }
        var seen = Set<UInt16>()
        let packets = try (1...50).map {
            try octets("udp [2001:db8:6::\($0)]:40000 > [2001:db8:64::198.51.100.10]:53 \"x\"")
        }
        for number in 0..<60_000 {
            let outcome = bench.send(packets[number % 50])
            guard case .sent(let packet, _) = outcome else { throw Unexpected(outcome: outcome) }
            if !seen.insert(UInt16(packet[4]) << 8 | UInt16(packet[5])).inserted {
                Issue.record("repeated after \(number)")
                break
            }
        }
    }

    @Test("from an address shared with the host, a packet that would end at the host's own hop ends with its address")
    func hostHop() throws {
        var bench = try TranslateBench(pool: [("203.0.113.1", true)])
        try bench.run(
            """
            in udp \(toServer) hops 3
            =  udp $t > 198.51.100.10:53 ttl 2
            in udp \(toServer) hops 2 "probe"
            = icmp 3/0 2001:db8:64::203.0.113.1 > 2001:db8:6::c0 { udp \(toServer) hops 2 "probe" }
            in udp \(toServer) hops 1
            ! hop-limit-exceeded answered
            """
        )
    }

    @Test("X64-07 X64-08 the translator takes one hop, and tells a client whose packet ends here")
    func hops() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in udp \(toServer) hops 2
            =  udp $t > 198.51.100.10:53 ttl 1
            in udp \(toServer) hops 1
            ! hop-limit-exceeded answered
            in udp \(toServer) hops 1 "probe"
            = icmp 3/0 2001:db8:64::192.0.0.8 > 2001:db8:6::c0 { udp \(toServer) hops 1 "probe" }
            in udp \(toServer) hops 0
            ! hop-limit-exceeded answered
            """
        )
    }

    @Test("X64-08 an echo request is told that its hops are over, behind as many headers as are walked")
    func hopsBehindHeaders() throws {
        var bench = try TranslateBench()
        let options: [UInt8] = [60, 0, 1, 4, 0, 0, 0, 0]
        // The last of them, and the header of an atomic fragment.
        let end: [UInt8] = [44, 0, 1, 4, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 7]
        for count in [1, 7, 8] {
            let headers = Array(repeatElement(options, count: count - 1).joined()) + end
            let ping = "ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7"
            _ = try sent(bench.send(try extended(ping, headers, first: 60)))
            let outcome = bench.send(try extended("\(ping) hops 1", headers, first: 60))
            guard case .answered(.hopLimitExceeded, _) = outcome else { throw Unexpected(outcome: outcome) }
        }
    }

    @Test("X64-10 a routing header with segments left is refused, the answer points at the octet")
    func segmentsLeft() throws {
        var bench = try TranslateBench()
        let outcome = bench.send(try extended("udp \(toServer)", [0, 0, 0, 1, 0, 0, 0, 0], first: 43))
        guard case .answered(.routingHeader, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        let packet = try describe(answer)
        #expect(packet.kind == .icmp(type: 4, code: 0))
        #expect(packet.word == 43)
    }

    @Test(
        "X64-12 X64-13 sources that are no client's are dropped in silence",
        arguments: [
            ("::", "illegal-source"), ("::1", "illegal-source"), ("ff02::1", "illegal-source"),
            ("::ffff:192.0.2.1", "illegal-source"), ("fe80::1", "illegal-source"),
            ("2001:db8:64::203.0.113.1", "hairpin-loop"), ("2001:db8:64::198.51.100.10", "hairpin-loop"),
        ]
    )
    func illegalSource(source: String, reason: String) throws {
        var bench = try TranslateBench(clients: ["::/0"])
        try bench.run(
            """
            in udp [\(source)]:1000 > [2001:db8:64::198.51.100.10]:53
            ! \(reason)
            """
        )
    }

    @Test(
        "X64-14 ADR-14 only destinations under a prefix are translated",
        arguments: ["64:ff9b::1:0:1", "64:ff9b:0:1::1"]
    )
    func outsidePrefix(destination: String) throws {
        var bench = try TranslateBench(prefixes: ["64:ff9b::/96"])
        try bench.run(
            """
            in udp [2001:db8:6::c0]:1000 > [\(destination)]:53
            ! destination-outside-prefix
            """
        )
    }

    @Test("X64-20 a large packet that does not fit is answered with the MTU that would")
    func tooBig() throws {
        var bench = try TranslateBench(environment: Environment(ipv4MTU: 1400))
        let outcome = bench.send(try octets("udp \(toServer) size \(1500 - 48)"))
        guard case .answered(.tooBig, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(answer, .none)
        let packet = try describe(answer)
        #expect(packet.kind == .icmp(type: 2, code: 0))
        #expect(packet.word == 1420)
        // X64-26: as much as fits in 1280 octets.
        #expect(answer.count == 1280)
        #expect(try sent(bench.send(octets("udp \(toServer) size \(1420 - 48)"))).dontFragment == true)
    }

    @Test(
        "X64-20 no MTU below 1280 is told, not even of a packet that no IPv4 packet can carry",
        arguments: [1281, 65_556]
    )
    func leastMTU(total: Int) throws {
        var bench = try TranslateBench(environment: Environment(ipv6MTU: 65_575, ipv4MTU: 576))
        let outcome = bench.send(try octets("udp \(toServer) size \(total - 48)"))
        guard case .answered(.tooBig, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).word == 1280)
    }

    @Test("X64-19 a packet of 1280 octets is fragmented for an IPv4 link that is smaller still")
    func fragmentsForSmallLink() throws {
        var bench = try TranslateBench(environment: Environment(ipv4MTU: 1000))
        let outcome = bench.send(try octets("udp \(toServer) size \(1280 - 48)"))
        guard case .sent(let first, _) = outcome else { throw Unexpected(outcome: outcome) }
        let rest = bench.extras()
        #expect(rest.count == 1)
        let pieces = try ([first] + rest).map(describe)
        #expect(pieces.allSatisfy { $0.dontFragment == false } && first.count <= 1000 && rest[0].count <= 1000)
        #expect(pieces[0].identification == pieces[1].identification)
        #expect(try reassembled([first] + rest).payload == PacketDescription.filler(1280 - 48))
    }

    @Test("X64-22 a datagram without a checksum is dropped")
    func zeroChecksum() throws {
        var bench = try TranslateBench()
        var packet = try octets("udp \(toServer) \"x\"")
        (packet[46], packet[47]) = (0, 0)
        #expect(bench.send(packet) == .dropped(.zeroChecksum))
    }

    @Test("X64-23 other protocols are answered with 1/4", arguments: [132, 47, 50, 51, 59])
    func otherProtocol(number: Int) throws {
        var bench = try TranslateBench()
        let outcome = bench.send(
            try octets("protocol \(number) 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 \"abcdefgh\"")
        )
        guard case .answered(.unsupportedProtocol, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).kind == .icmp(type: 1, code: 4))
    }

    @Test("X64-24 ADR-07 a destination the policy refuses is answered with 1/1, an echo request in silence (X64-25)")
    func prohibited() throws {
        var bench = try TranslateBench(prefixes: ["64:ff9b::/96"])
        let outcome = bench.send(try octets("udp [2001:db8:6::c0]:1000 > [64:ff9b::10.1.2.3]:53"))
        guard case .answered(.destinationRefused, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).kind == .icmp(type: 1, code: 1))
        #expect(
            bench.send(try octets("ping 2001:db8:6::c0 > 64:ff9b::10.1.2.3")) == .dropped(.destinationRefused)
        )
    }

    @Test("ADR-08 an allowed private range is reached under the well-known prefix, another is not")
    func allowedRange() throws {
        var bench = try TranslateBench(prefixes: ["64:ff9b::/96"], allow: ["10.0.0.0/8"])
        try bench.run(
            """
            in udp [2001:db8:6::c0]:1000 > [64:ff9b::10.1.2.3]:53
            =  udp $t > 10.1.2.3:53
            in udp [2001:db8:6::c0]:1000 > [64:ff9b::192.168.1.1]:53
            ! destination-refused answered
            """
        )
    }

    @Test("X64-26 errors of our own are limited, bursts allowed")
    func limited() throws {
        var bench = try TranslateBench {
            $0.translation.icmpErrorsPerSecond = 10
            $0.translation.icmpErrorBurst = 10
        }
        let packet = try octets("udp \(toServer) hops 1")
        var answers = 0
        for _ in 0..<1000 {
            if case .answered = bench.send(packet) { answers += 1 }
        }
        #expect(answers == 10)
        bench.now = bench.now + .seconds(1)
        for _ in 0..<1000 {
            if case .answered = bench.send(packet) { answers += 1 }
        }
        #expect(answers == 20)
        #expect(bench.translator.counters.errorsSuppressed == 1980)
    }

    @Test("X64-25 no error about an ICMPv6 error or to a multicast destination")
    func noErrorAboutErrors() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in icmp 1/4 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 hops 1 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 }
            ! quote-unknown
            in udp [2001:db8:6::c0]:1000 > [ff0e::fb]:5353
            ! illegal-destination
            """
        )
    }

    @Test(
        "X64-13 X64-25 nothing is told to a source under a prefix, whatever its packet is refused for",
        arguments: ["203.0.113.1", "198.51.100.10"]
    )
    func noErrorUnderPrefix(source: String) throws {
        var bench = try TranslateBench()
        let line = "udp [2001:db8:64::\(source)]:1000 > [2001:db8:64::198.51.100.10]:53"
        let routed = try extended(line, [0, 0, 0, 1, 0, 0, 0, 0], first: 43)
        #expect(bench.send(routed) == .dropped(.routingHeader))
        var piece = cut(try octets("\(line) size 200"), [104, 104])[0]
        piece[5] -= 1
        piece.removeLast()
        #expect(bench.send(piece) == .dropped(.badFragment))
    }

    @Test("X64-27 what cannot be read is dropped and nothing is sent")
    func malformed() throws {
        var bench = try TranslateBench()
        var packet = try octets("udp \(toServer) size 64")
        for count in 0..<packet.count {
            #expect(bench.send(Array(packet[..<count])) == .dropped(.malformed))
        }
        packet[0] = 0x50
        #expect(bench.send(packet) == .dropped(.malformed))
        // A jumbogram: no payload length, and hop-by-hop options that might hold it.
        var jumbo = try extended("udp \(toServer)", [0, 0, 0xC2, 4, 0, 1, 0, 0], first: 0)
        (jumbo[4], jumbo[5]) = (0, 0)
        #expect(bench.send(jumbo) == .dropped(.jumbogram))
        let chain = [UInt8](repeating: 0, count: 8 * 9).enumerated().map { $0.offset % 8 == 0 ? 60 : $0.element }
        #expect(bench.send(try extended("udp \(toServer)", chain, first: 60)) == .dropped(.extensionChain))
    }

    @Test("NAT-09 when the pool has no port left the client is told 1/3")
    func poolExhausted() throws {
        var bench = try TranslateBench { settings in
            settings.pool[0].ports = Port(2000)...Port(2063)
        }
        var refused: DropReason?
        for port in 1024..<1200 {
            let outcome = bench.send(try octets("udp [2001:db8:6::c0]:\(port) > [2001:db8:64::198.51.100.10]:53"))
            if case .answered(let reason, let answer) = outcome {
                refused = reason
                #expect(try describe(answer).kind == .icmp(type: 1, code: 3))
                break
            }
        }
        #expect(refused == .poolExhausted)
    }

    @Test("NAT-23 echo may be refused")
    func echoRefused() throws {
        var bench = try TranslateBench { $0.translation.translatesEcho = false }
        try bench.run(
            """
            in ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10
            ! echo-refused
            """
        )
    }

    @Test(
        "ADR-04 the IPv4 address is found at its place under each length of prefix",
        arguments: [
            ("2001:db8::/32", "2001:db8:c000:221::"), ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"), ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
        ]
    )
    func prefixLengths(prefix: String, address: String) throws {
        var bench = try TranslateBench(prefixes: [prefix], clients: ["fd00::/8"])
        try bench.run(
            """
            in udp [fd00::1]:1024 > [\(address)]:53
            =  udp $t > 192.0.2.33:53
            in udp 192.0.2.33:53 > $t
            =  udp [\(address)]:53 > [fd00::1]:1024
            """
        )
    }

    @Test("ADR-13 private IPv4 hosts are reached under 64:ff9b:1::/48")
    func localUse() throws {
        var bench = try TranslateBench(prefixes: ["64:ff9b:1::/96"])
        try bench.run(
            """
            in udp [2001:db8:6::c0]:1024 > [64:ff9b:1::10.1.2.3]:53
            =  udp $t > 10.1.2.3:53
            """
        )
    }

    @Test("ADR-16 a reply carries the prefix its session was opened with")
    func severalPrefixes() throws {
        var bench = try TranslateBench(prefixes: [TranslateBench.prefix, "2001:db8:65::/96"])
        try bench.run(
            """
            in udp [2001:db8:6::c0]:1024 > [2001:db8:64::198.51.100.10]:53
            =  udp $t > 198.51.100.10:53
            in udp [2001:db8:6::c0]:1024 > [2001:db8:65::198.51.100.20]:53
            =  udp $t > 198.51.100.20:53
            in udp 198.51.100.10:53 > $t
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:1024
            in udp 198.51.100.20:53 > $t
            =  udp [2001:db8:65::198.51.100.20]:53 > [2001:db8:6::c0]:1024
            """
        )
    }
}
