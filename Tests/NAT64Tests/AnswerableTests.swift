import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

/// A packet with a routing header that has segments left, which is answered wherever that may be, and behind that header
/// octets of another.
private func routed(from source: String, to destination: String, next: UInt8 = 17, behind: [UInt8]) throws -> [UInt8] {
    let (source, destination) = try (#require(IPv6Address(source)), #require(IPv6Address(destination)))
    let words = [source.high, source.low, destination.high, destination.low]
    let addresses = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
    let body = [next, 0, 0, 1, 0, 0, 0, 0] + behind
    return [0x60, 0, 0, 0, 0, UInt8(body.count), 43, 64] + addresses + body
}

@Suite("About what errors are sent, RFC 4443 section 2.4 (e)")
struct AnswerableTests {
    private static let server = "2001:db8:64::c633:640a"
    private static let datagram: [UInt8] = [0x9C, 0x40, 0, 53, 0, 8, 0, 0]

    @Test("X64-25 who is one node is told, and about a packet to one node only")
    func told() throws {
        var bench = try TranslateBench()
        let outcome = bench.send(try routed(from: "2001:db8:6::c0", to: Self.server, behind: Self.datagram))
        guard case .answered(.routingHeader, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).kind == .icmp(type: 4, code: 0))
    }

    @Test(
        "X64-25 nothing is sent to a source that is not one node, nor about a packet to many",
        arguments: [
            ("::", server), ("::1", server), ("ff02::1", server), ("ff0e::2", server), ("fe80::1", server),
            ("::ffff:192.0.2.1", server), ("2001:db8:6::c0", "ff02::1"), ("2001:db8:6::c0", "ff0e::fb"),
        ]
    )
    func untold(source: String, destination: String) throws {
        var bench = try TranslateBench()
        let outcome = bench.send(try routed(from: source, to: destination, behind: Self.datagram))
        guard case .dropped = outcome else { throw Unexpected(outcome: outcome) }
    }

    @Test("X64-25 a message whose ICMPv6 type is cut off may be an error, so nothing is sent about it")
    func cutType() throws {
        var bench = try TranslateBench()
        for count in 0..<8 {
            let behind = [UInt8](repeating: 128, count: count)
            let cut = try routed(from: "2001:db8:6::c0", to: Self.server, next: 58, behind: behind)
            guard case .dropped = bench.send(cut) else { throw Unexpected(outcome: bench.send(cut)) }
            let other = try routed(from: "2001:db8:6::c0", to: Self.server, next: 17, behind: behind)
            guard case .answered = bench.send(other) else { throw Unexpected(outcome: bench.send(other)) }
        }
    }

    @Test("X64-25 of ICMPv6 messages a query is told of, an error and a redirect are not", arguments: 0...255)
    func types(type: Int) throws {
        var bench = try TranslateBench()
        let behind = [UInt8(type), 0, 0, 0, 0, 0, 0, 0]
        let outcome = bench.send(try routed(from: "2001:db8:6::c0", to: Self.server, next: 58, behind: behind))
        if type < 128 || type == 137 {
            guard case .dropped = outcome else { throw Unexpected(outcome: outcome) }
        } else {
            guard case .answered = outcome else { throw Unexpected(outcome: outcome) }
        }
    }

    @Test(
        "X46-28 nothing is told to an IPv4 source that is not one node, whatever its packet is refused for",
        arguments: ["0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"]
    )
    func untold4(source: String) throws {
        var bench = try TranslateBench()
        let other = try bench.octets("protocol 132 \(source) > 203.0.113.1 \"unknown\"")
        #expect(bench.send(other) == .dropped(.unsupportedProtocol))
        let routed = withOptions(try bench.octets("udp \(source):53 > 203.0.113.1:2000"), [131, 7, 4, 1, 2, 3, 4, 0])
        #expect(bench.send(routed) == .dropped(.sourceRoute))
    }

    @Test("X46-28 a message whose ICMPv4 type is cut off may be an error, so nothing is sent about it")
    func cutType4() throws {
        var bench = try TranslateBench()
        for (count, isAnswered) in [(0, false), (1, true)] {
            var packet = try #require(PacketDescription("protocol 1 198.51.100.10 > 203.0.113.1"))
            packet.payload = [UInt8](repeating: 8, count: count)
            let outcome = bench.send(withOptions(packet.octets, [131, 7, 4, 1, 2, 3, 4, 0]))
            switch outcome {
            case .dropped(.sourceRoute): #expect(!isAnswered)
            case .answered(.sourceRoute, _): #expect(isAnswered)
            default: throw Unexpected(outcome: outcome)
            }
        }
    }

    @Test("an error of our own bears our own address where there is one, and the precedence of such messages")
    func ownAddresses() throws {
        let environment = Environment(
            ipv6Address: IPv6Address("2001:db8:1::1"),
            ipv4Address: IPv4Address(192, 0, 2, 1)
        )
        var bench = try boundBench(environment: environment)
        for (line, source, trafficClass) in [
            ("udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 hops 1", "2001:db8:1::1", 0),
            // RFC 1812 section 4.3.2.5.
            ("udp 198.51.100.10:53 > $t ttl 1", "192.0.2.1", 0xC0),
        ] as [(String, String, UInt8)] {
            let outcome = bench.send(try bench.octets(line))
            guard case .answered(.hopLimitExceeded, let octets) = outcome else { throw Unexpected(outcome: outcome) }
            expectWellFormed(octets, .none)
            let answer = try describe(octets)
            #expect(answer.source == IPAddress(source) && answer.trafficClass == trafficClass)
        }
    }

    @Test("X46-07 X46-12 at an address that is shared with the host the peer of a client is told like any other")
    func sharedAddress() throws {
        var bench = try boundBench(pool: [("203.0.113.1", true)])
        try bench.run(
            """
            in udp 198.51.100.10:53 > $t ttl 1
            ! hop-limit-exceeded answered
            in udp 198.51.100.10:53 > $t df size 1453
            ! too-big answered
            """
        )
    }

    @Test("X46-29 a SYN that waited in vain is counted, be its sender told or not", arguments: [true, false])
    func silently(told: Bool) throws {
        var bench = try TranslateBench { $0.translation.sendsICMPErrors = told }
        let refusal = "+  icmp 3/3 203.0.113.1 > 198.51.100.10 { tcp 198.51.100.10:443 > 203.0.113.1:5000 flags S }"
        try bench.run(
            """
            in tcp 198.51.100.10:443 > 203.0.113.1:5000 flags S
            kept
            wait 8 s
            \(told ? refusal : "")
            """
        )
        #expect(bench.translator.counters[.heldSYNExpired] == 1)
    }
}
