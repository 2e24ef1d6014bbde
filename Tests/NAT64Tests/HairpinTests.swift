import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

@Suite("Hairpin, RFC 6146 section 3.8")
struct HairpinTests {
    private func bench(_ filtering: Filtering.Rule) throws -> TranslateBench {
        var bench = try TranslateBench { $0.filtering = Filtering(filtering) }
        // D6 gets a binding, $d.
        try bench.run(
            """
            in udp [2001:db8:6::d0]:50000 > [2001:db8:64::198.51.100.10]:53
            =  udp $d > 198.51.100.10:53
            """
        )
        let external = try #require(bench.names["$d"])
        let embedded = external.replacing("203.0.113.1", with: "[2001:db8:64::203.0.113.1]")
        bench.names["$dd"] = embedded
        return bench
    }

    @Test(
        "NAT-31 NAT-32 a client reaches another through its external address, and is seen as its own external address"
    )
    func throughTheBox() throws {
        var bench = try bench(.endpointIndependent)
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > $dd hops 64 "hello"
            =  udp $c > [2001:db8:6::d0]:50000 hops 63 "hello"
            in udp [2001:db8:6::d0]:50000 > $c "back"
            =  udp $dd > [2001:db8:6::c0]:40000 "back"
            """
        )
        #expect(bench.names["$c"]?.hasPrefix("[2001:db8:64::cb00:7101]:") == true)
        #expect(bench.translator.counters.hairpinned == 2)
    }

    @Test("NAT-33 filtering holds for hairpinned packets like for any other")
    func filtered() throws {
        var bench = try bench(.addressDependent)
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > $dd
            ! filtered
            """
        )
    }

    @Test("NAT-33 no SYN of another client is kept that filtering does not let in")
    func filteredSYN() throws {
        var bench = try bench(.addressDependent)
        try bench.run(
            """
            in tcp [2001:db8:6::d0]:50001 > [2001:db8:64::198.51.100.10]:443 flags S
            =  tcp $e > 198.51.100.10:443
            """
        )
        let external = try #require(bench.names["$e"])
        bench.names["$ee"] = external.replacing("203.0.113.1", with: "[2001:db8:64::203.0.113.1]")
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > $ee flags S
            ! filtered
            in tcp [2001:db8:6::c0]:40001 > $ee flags S
            ! filtered
            wait 30 s
            """
        )
        #expect(bench.translator.tables.totals().heldSyns == 0)
        #expect(bench.translator.tables.brokenInvariants() == [])
    }

    @Test("NAT-34 a packet to its own sender's external address comes back at most once")
    func loop() throws {
        var bench = try bench(.endpointIndependent)
        try bench.run(
            """
            in udp [2001:db8:6::d0]:50000 > $dd hops 9
            =  udp $dd > [2001:db8:6::d0]:50000 hops 8
            in udp $dd > $dd hops 9
            ! hairpin-loop
            in udp [2001:db8:6::c0]:40000 > $dd hops 1
            ! hop-limit-exceeded answered
            """
        )
    }

    @Test("NAT-33 nobody outside passes for a client by the client's external address, whatever sessions there are")
    func spoofed() throws {
        var bench = try bench(.endpointIndependent)
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > $dd "hello"
            =  udp $c > [2001:db8:6::d0]:50000 "hello"
            in ping 2001:db8:6::d0 > 2001:db8:64::198.51.100.10 id 7
            =  ping 203.0.113.1 > 198.51.100.10 id $i
            in tcp [2001:db8:6::d0]:50001 > [2001:db8:64::198.51.100.10]:443 flags S
            =  tcp $e > 198.51.100.10:443
            """
        )
        let sender = try #require(bench.names["$c"]).replacing("[2001:db8:64::cb00:7101]", with: "203.0.113.1")
        let sessions = bench.translator.tables.totals().sessions
        try bench.run(
            """
            in udp \(sender) > $d "as of the peer of a session"
            ! illegal-source
            in udp 203.0.113.1:9 > $d
            ! illegal-source
            in tcp 203.0.113.1:9 > $e flags S
            ! illegal-source
            in ping 203.0.113.1 > 203.0.113.1 id $i
            ! illegal-source
            """
        )
        for piece in cut(try bench.octets("udp \(sender) > $d size 200"), [104, 104]) {
            #expect(bench.send(piece) == .dropped(.illegalSource))
        }
        #expect(bench.translator.tables.totals().sessions == sessions)
        try bench.run(
            """
            in icmp 3/3 203.0.113.1 > 203.0.113.1 { udp $d > 198.51.100.10:53 }
            =  icmp 1/4 2001:db8:64::203.0.113.1 > 2001:db8:6::d0 { udp [2001:db8:6::d0]:50000 > [2001:db8:64::198.51.100.10]:53 }
            """
        )
    }

    @Test(
        "NAT-33 between addresses of the pool others may lie, and those are hosts like any",
        arguments: [true, false]
    )
    func neighbours(known: Bool) throws {
        var bench = try TranslateBench(pool: [("203.0.113.1", false), ("203.0.113.9", false)]) {
            $0.filtering = Filtering(.endpointIndependent)
        }
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::\(known ? "203.0.113.5" : "203.0.113.6")]:53
            =  udp $c > \(known ? "203.0.113.5" : "203.0.113.6"):53
            in udp 203.0.113.5:53 > $c
            =  udp [2001:db8:64::203.0.113.5]:53 > [2001:db8:6::c0]:40000
            in udp 203.0.113.9:53 > $c
            ! illegal-source
            in udp 203.0.113.10:53 > $c
            =  udp [2001:db8:64::203.0.113.10]:53 > [2001:db8:6::c0]:40000
            """
        )
    }

    @Test("ERR-06 an ICMP error about a hairpinned packet reaches its sender in the sender's words")
    func error() throws {
        var bench = try bench(.endpointIndependent)
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > $dd "hello"
            =  udp $c > [2001:db8:6::d0]:50000 "hello"
            in icmp 1/4 2001:db8:6::d0 > 2001:db8:64::203.0.113.1 hops 9 { udp $c > [2001:db8:6::d0]:50000 "hello" }
            =  icmp 1/4 2001:db8:64::203.0.113.1 > 2001:db8:6::c0 hops 8 { udp [2001:db8:6::c0]:40000 > $dd "hello" }
            """
        )
        #expect(bench.translator.counters.hairpinned == 2)
    }

    @Test("ERR-06 I46-16 between clients too no Packet Too Big says less than 1280", arguments: [0, 1000, 1280, 1400])
    func tooBig(mtu: Int) throws {
        var bench = try bench(.endpointIndependent)
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > $dd
            =  udp $c > [2001:db8:6::d0]:50000
            in icmp 2/0 2001:db8:6::d0 > 2001:db8:64::203.0.113.1 mtu \(mtu) { udp $c > [2001:db8:6::d0]:50000 }
            =  icmp 2/0 2001:db8:64::203.0.113.1 > 2001:db8:6::c0 mtu \(max(mtu, 1280)) { udp [2001:db8:6::c0]:40000 > $dd }
            """
        )
    }

    @Test("TCP between two clients, with super-packets that stay whole")
    func tcp() throws {
        var bench = try TranslateBench { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in tcp [2001:db8:6::d0]:50000 > [2001:db8:64::198.51.100.10]:443 flags S
            =  tcp $d > 198.51.100.10:443
            """
        )
        bench.names["$dd"] = bench.names["$d"]?.replacing("203.0.113.1", with: "[2001:db8:64::203.0.113.1]")
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40000 > $dd flags S mss 1440
            =  tcp $c > [2001:db8:6::d0]:50000 flags S mss 1440
            in tcp [2001:db8:6::d0]:50000 > $c flags SA
            =  tcp $dd > [2001:db8:6::c0]:40000 flags SA
            """
        )
        let packet = try bench.octets("tcp [2001:db8:6::c0]:40000 > $dd flags A size 20000")
        let (partial, offload) = leavingChecksum(packet, segmentSize: 1400)
        let outcome = bench.send(partial, offload)
        guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(after.segmentation == .tcp6 && after.segmentSize == 1400 && after.checksumStart == 40)
        #expect(flaw(result, after) == nil)
    }

    @Test("TCP-33 the segment size of a SYN between two clients is lowered too")
    func clamp() throws {
        var bench = try TranslateBench { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in tcp [2001:db8:6::d0]:50000 > [2001:db8:64::198.51.100.10]:443 flags S
            =  tcp $d > 198.51.100.10:443
            """
        )
        let embedded = try #require(bench.names["$d"]).replacing("203.0.113.1", with: "[2001:db8:64::203.0.113.1]")
        let outcome = bench.send(try bench.octets("tcp [2001:db8:6::c0]:40000 > \(embedded) flags S mss 1460"))
        guard case .sent(let result, let offload) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(flaw(result, offload) == nil)
        #expect(try describe(result).segmentSize == 1440)
    }

    @Test("ERR-06 an ICMP error about a client's ping to itself finds its way too")
    func errorAboutPing() throws {
        var bench = try TranslateBench { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in ping 2001:db8:6::c0 > 2001:db8:64::203.0.113.1 id 7
            =  ping 2001:db8:64::203.0.113.1 > 2001:db8:6::c0 id 7
            in icmp 1/4 2001:db8:6::c0 > 2001:db8:64::203.0.113.1 { ping 2001:db8:64::203.0.113.1 > 2001:db8:6::c0 id 7 }
            =  icmp 1/4 2001:db8:64::203.0.113.1 > 2001:db8:6::c0 { ping 2001:db8:6::c0 > 2001:db8:64::203.0.113.1 id 7 }
            """
        )
    }
}
