import IPAddressing
import PacketWire
import Policy
import TestPackets
import Testing

@testable import NAT64

/// Errors that are rare: with odd lengths, odd quotes, or a checksum that the kernel has left for later.
@Suite("ICMP errors in the corners")
struct ICMPErrorCornerTests {
    private static let router4 = "198.51.100.1"

    /// An ICMPv4 error about a packet of the binding of ``boundBench(prefixes:pool:clients:environment:configure:)``.
    private func inward(_ bench: borrowing TranslateBench, _ kind: String, size: Int) throws -> [UInt8] {
        try bench.octets("icmp \(kind) \(Self.router4) > 203.0.113.1 { udp $t > 198.51.100.10:53 size \(size) }")
    }

    private func sent(_ outcome: Outcome) throws -> [UInt8] {
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(result, .none)
        return result
    }

    @Test("I46-22 a length attribute of less than 128 octets is none: all that follows belongs to the quote")
    func shortLength() throws {
        var bench = try boundBench()
        for words in [8, 31] as [UInt8] {
            var packet = try inward(bench, "11/0", size: 200)
            packet[25] = words
            let result = try sent(bench.send(withICMPChecksum(packet)))
            #expect(result[44] == 0, "no length attribute")
            #expect(try describe(result).quote.first?.payload == PacketDescription.filler(200))
        }
    }

    @Test("an error whose checksum the kernel has left for later passes with a whole one")
    func unfinished() throws {
        var bench = try boundBench()
        var (packet, offload) = leavingChecksum(try inward(bench, "3/3", size: 20))
        packet.replaceSubrange(22..<24, with: [0, 0])
        _ = try sent(bench.send(packet, offload))
        (packet, offload) = leavingChecksum(
            try bench.octets(
                "icmp 1/4 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 }"
            )
        )
        _ = try sent(bench.send(packet, offload))
    }

    @Test(
        "I46-27 an error about a later fragment, which shows no ports, is dropped, whatever stands where they would be"
    )
    func laterFragment() throws {
        var bench = try boundBench()
        var packet = try inward(bench, "11/0", size: 20)
        packet[35] = 1
        packet.replaceSubrange(28..<48, with: withHeaderChecksum(Array(packet[28..<48])))
        #expect(bench.send(withICMPChecksum(packet)) == .dropped(.quoteUntranslatable))
    }

    @Test("ADR-16 ERR-01 a router under a prefix of its own is seen there, whatever the prefix of the session")
    func mappedRouter() throws {
        var bench = try boundBench(prefixes: [TranslateBench.prefix, "2001:db8:65::/96"])
        let policy = bench.translator.policy
        let routers = IPv4Prefix(IPv4Address(198, 51, 100, 0), length: 29)
        bench.translator.adopt(
            policy: Policy(
                generation: 2,
                prefixes: policy.prefixes,
                clients: policy.clients,
                destinations: policy.destinations,
                views: policy.views,
                maps: PrefixMaps([PrefixMap(ipv4: routers, prefix: 1)])
            )
        )
        let result = try sent(bench.send(try inward(bench, "11/0", size: 20)))
        #expect(try describe(result).source == IPAddress("2001:db8:65::198.51.100.1"))
    }

    @Test("ERR-03 an error is for whoever sent what it quotes, and for nobody beside it")
    func otherAddress() throws {
        var bench = try TranslateBench(pool: [("203.0.113.1", false), ("203.0.113.2", false)])
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
            =  udp $t > 198.51.100.10:53
            """
        )
        for address in ["203.0.113.1", "203.0.113.2"] {
            let isSender = bench.names["$t"]?.hasPrefix("\(address):") == true
            let outcome = bench.send(
                try bench.octets("icmp 3/3 \(Self.router4) > \(address) { udp $t > 198.51.100.10:53 }")
            )
            if isSender { _ = try sent(outcome) } else { #expect(outcome == .dropped(.quoteUnknown)) }
        }
    }

    @Test(
        "I46-24 an error with a wrong checksum about a client's packet is none of the host's, whose address it bears too"
    )
    func wrongOfShared() throws {
        var bench = try boundBench(pool: [("203.0.113.1", true)])
        var packet = try inward(bench, "3/3", size: 20)
        packet[22] ^= 1
        #expect(bench.send(packet) == .dropped(.badTransportChecksum))
    }

    @Test("I46-23 extensions that leave no room for a quote of 128 octets are left out")
    func largeExtensions() throws {
        var bench = try boundBench()
        var packet = try inward(bench, "11/0", size: 100)
        packet += [0x20, 0, 0, 0, 0x04, 0x80, 1, 1] + [UInt8](repeating: 7, count: 1148)
        packet.replaceSubrange(2..<4, with: [UInt8(packet.count >> 8), UInt8(packet.count & 255)])
        packet[25] = 32
        let result = try sent(bench.send(withICMPChecksum(withHeaderChecksum(packet))))
        #expect(result[44] == 0 && result.count == 48 + 148)
    }

    @Test("X64-04 an error may have 576 octets however small the link is, for it goes out with DF clear")
    func smallLink() throws {
        var bench = try boundBench(environment: Environment(ipv4MTU: 300))
        let quote = "udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 size 800"
        let result = try sent(
            bench.send(try bench.octets("icmp 1/4 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 { \(quote) }"))
        )
        #expect(result.count == 576)
    }
}
