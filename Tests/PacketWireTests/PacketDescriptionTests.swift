import IPAddressing
import PacketMemory
import PacketWire
import TestPackets
import Testing

@Suite("Packets as lines")
struct PacketDescriptionTests {
    @Test(
        "a line becomes a packet, and the packet the same line",
        arguments: [
            "udp [2001:db8::5]:40000 > [64:ff9b::c000:201]:53 hops 64 \"who?\"",
            "udp 203.0.113.1:1024 > 192.0.2.1:53 ttl 63 df size 1000",
            "tcp 203.0.113.1:1024 > 192.0.2.1:53 ttl 63 class 46 flags SA mss 1460",
            "tcp 203.0.113.1:1024 > 192.0.2.1:53 ttl 63 flags - \"data\"",
            "ping 2001:db8::5 > 64:ff9b::c000:201 hops 1 id 7 seq 9 \"data\"",
            "pong 192.0.2.1 > 203.0.113.1 ttl 1 id 7 seq 9",
            "udp 203.0.113.1:0 > 192.0.2.1:0 ttl 63 \"no ports\"",
            "udp 2001:db8::5 > 64:ff9b::c000:201 hops 64 offset 1200 last ident 99 size 40",
            "icmp 11/0 198.51.100.1 > 203.0.113.1 ttl 64 word 0 { udp 203.0.113.1:1024 > 192.0.2.1:53 ttl 1 \"who?\" }",
            "protocol 132 2001:db8::5 > 64:ff9b::c000:201 hops 64 \"chunk\"",
        ]
    )
    func roundTrip(line: String) throws {
        let octets = try #require(PacketDescription(line)).octets
        let description = try octets.withUnsafeBytes { memory in
            try PacketDescription(describing: RawSpan(_unsafeBytes: memory), at: 0, count: memory.count)
        }
        #expect(description.description == line)
    }

    @Test(
        "what is no line is refused",
        arguments: [
            "", "udp", "udp 1.2.3.4:5", "udp 1.2.3.4:5 > 6", "xyz 1.2.3.4 > 1.2.3.4", "udp 1.2.3.4:5 > 1.2.3.4:5 hops",
            "udp 1.2.3.4:5 > 1.2.3.4:5 nonsense",
        ]
    )
    func refused(line: String) {
        let packet = PacketDescription(line)
        #expect(packet == nil || packet?.hops == nil && line.hasSuffix("hops"))
    }

    @Test("a description holds for a packet when all it says is true")
    func holds() throws {
        let packet = try #require(PacketDescription("udp 1.2.3.4:5 > 6.7.8.9:10 ttl 9 \"x\""))
        #expect(try #require(PacketDescription("udp 1.2.3.4:5 > 6.7.8.9:10")).holds(for: packet))
        #expect(try !#require(PacketDescription("udp 1.2.3.4:5 > 6.7.8.9:11")).holds(for: packet))
        #expect(try !#require(PacketDescription("udp 1.2.3.4:5 > 6.7.8.9:10 ttl 8")).holds(for: packet))
        #expect(try !#require(PacketDescription("tcp 1.2.3.4:5 > 6.7.8.9:10")).holds(for: packet))
    }

    @Test("mutated packets are described or refused, and an error within an error is not followed")
    func mutated() throws {
        var state: UInt64 = 1
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let seeds = try [
            "tcp [2001:db8::5]:40000 > [64:ff9b::c000:201]:443 flags S mss 1440",
            "icmp 3/3 198.51.100.1 > 203.0.113.1 { icmp 3/3 203.0.113.1 > 192.0.2.1 { ping 1.2.3.4 > 5.6.7.8 } }",
            "icmp 1/4 2001:db8::5 > 64:ff9b::1 { udp [64:ff9b::1]:53 > [2001:db8::5]:9 offset 0 more size 16 }",
        ].map { try #require(PacketDescription($0)).octets }
        var described = 0
        for _ in 0..<20_000 {
            var octets = seeds[Int(random()) % seeds.count]
            for _ in 0...random() % 3 { octets[Int(random()) % octets.count] = UInt8(truncatingIfNeeded: random()) }
            if random() % 4 == 0 { octets = Array(octets[..<(Int(random()) % octets.count)]) }
            let description = octets.withUnsafeBytes { memory in
                try? PacketDescription(
                    describing: RawSpan(_unsafeBytes: memory),
                    at: 0,
                    count: memory.count,
                    quoted: true
                )
            }
            guard let description else { continue }
            described += 1
            #expect(description.quote.isEmpty && !description.description.isEmpty)
        }
        #expect(described > 1000)
    }
}
