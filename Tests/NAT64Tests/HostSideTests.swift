import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

/// A bench whose pool is the host's own address 203.0.113.1; the host has 198.51.100.99 as well.
private func bench(ipv4MTU: Int = 1500) throws -> TranslateBench {
    let shared = IPv4Address(203, 0, 113, 1)
    let side = HostSide(
        standIns: [HostSide.StandIn(shared: shared, address: IPv4Address(192, 0, 0, 7))],
        ownAddresses: [shared, IPv4Address(198, 51, 100, 99)]
    )
    return try TranslateBench(pool: [("203.0.113.1", true)], environment: Environment(ipv4MTU: ipv4MTU, hostSide: side))
}

@Suite("The host as a peer of its own clients")
struct HostSideTests {
    @Test(
        "NAT-31 the host sees a client that comes to itself from the stand-in, and its answer finds the way back",
        arguments: ["203.0.113.1", "198.51.100.99"]
    )
    func thereAndBack(host: String) throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::\(host)]:443 "ask"
            =  udp $c > \(host):443 "ask"
            in udp \(host):443 > $c "answer"
            =  udp [2001:db8:64::\(host)]:443 > [2001:db8:6::c0]:40000 "answer"
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::\(host)]:443 "and again"
            =  udp $c > \(host):443 "and again"
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::\(host)]:443 flags S
            =  tcp $t > \(host):443 flags S
            in tcp \(host):443 > $t flags SA
            =  tcp [2001:db8:64::\(host)]:443 > [2001:db8:6::c0]:40001 flags SA
            in ping 2001:db8:6::c0 > 2001:db8:64::\(host) id 7
            =  ping 192.0.0.7 > \(host) id $i
            in pong \(host) > 192.0.0.7 id $i
            =  pong 2001:db8:64::\(host) > 2001:db8:6::c0 id 7
            """
        )
        #expect(bench.names["$c"]?.hasPrefix("192.0.0.7:") == true)
        #expect(bench.names["$t"]?.hasPrefix("192.0.0.7:") == true)
    }

    @Test("to everybody else the client bears the shared address")
    func others() throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
            =  udp $c > 198.51.100.10:53
            in udp 198.51.100.10:53 > $c
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000
            """
        )
        #expect(bench.names["$c"]?.hasPrefix("203.0.113.1:") == true)
    }

    @Test("ERR-01 errors of the host about what it got from the stand-in reach the client")
    func errorsInward() throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9 "hello"
            =  udp $c > 203.0.113.1:9 "hello"
            in icmp 3/3 203.0.113.1 > 192.0.0.7 { udp $c > 203.0.113.1:9 "hello" }
            =  icmp 1/4 2001:db8:64::203.0.113.1 > 2001:db8:6::c0 { udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9 "hello" }
            """
        )
    }

    @Test("ERR-01 a client's errors about what the host sent quote it as the host knows it")
    func errorsOutward() throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9
            =  udp $c > 203.0.113.1:9
            in udp 203.0.113.1:9 > $c "hello"
            =  udp [2001:db8:64::203.0.113.1]:9 > [2001:db8:6::c0]:40000 "hello"
            in icmp 1/4 2001:db8:6::c0 > 2001:db8:64::203.0.113.1 { udp [2001:db8:64::203.0.113.1]:9 > [2001:db8:6::c0]:40000 "hello" }
            =  icmp 3/3 192.0.0.7 > 203.0.113.1 { udp 203.0.113.1:9 > $c "hello" }
            """
        )
    }

    @Test("X46-06 nobody but the host may bear its address, and what the stand-in has no session for is dropped")
    func refused() throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9
            =  udp $c > 203.0.113.1:9
            in udp 203.0.113.1:9 > 203.0.113.1:62000
            ! illegal-source
            in udp 198.51.100.99:9 > 203.0.113.1:62000
            ! illegal-source
            in ping 203.0.113.1 > 203.0.113.1 id 7
            ! illegal-source
            in udp 198.51.100.10:9 > 203.0.113.1:53
            host
            """
        )
        guard case .handedBack = bench.send(try bench.octets("udp 203.0.113.1:9 > 192.0.0.7:53")) else { return }
        Issue.record("a packet to the stand-in was handed back")
    }

    @Test("a datagram whose ports look like the type of an ICMP error keeps what it carries", arguments: [3, 11, 12])
    func noQuote(type: Int) throws {
        var bench = try bench()
        let port = type * 256
        try bench.run(
            """
            in udp [2001:db8:6::c0]:\(port) > [2001:db8:64::203.0.113.1]:\(port)
            =  udp $c > 203.0.113.1:\(port)
            """
        )
        // What an error of the host, and one of the client, would quote, as far as addresses and checksum go.
        let stranger = try bench.octets("udp 192.0.0.7:9 > 203.0.113.1:9 size 16")
        for line in [
            "udp 203.0.113.1:\(port) > \(bench.names["$c"] ?? "") size \(stranger.count)",
            "udp [2001:db8:6::c0]:\(port) > [2001:db8:64::203.0.113.1]:\(port) size \(stranger.count)",
        ] {
            var packet = try bench.octets(line)
            let start = packet.count - stranger.count
            packet.replaceSubrange(start..., with: stranger)
            let (unsummed, left) = leavingChecksum(packet)
            let outcome = bench.send(unsummed, left)
            guard case .sent(let result, let offload) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(flaw(result, offload) == nil)
            #expect(Array(result.suffix(stranger.count)) == stranger)
        }
    }

    @Test("every piece of a packet that does not fit bears the stand-in on its way to the host")
    func pieces() throws {
        var bench = try bench(ipv4MTU: 600)
        let datagram = try bench.octets("udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9 size 2000")
        var pieces: [[UInt8]] = []
        for piece in cut(datagram, [1208, 800]) {
            let outcome = bench.send(piece)
            guard case .sent(let first, _) = outcome else { throw Unexpected(outcome: outcome) }
            pieces += [first] + bench.extras()
        }
        #expect(pieces.count == 5)
        for piece in pieces {
            #expect(Array(piece[12..<20]) == [192, 0, 0, 7, 203, 0, 113, 1])
            var sum = OnesComplementSum()
            sum.add(octets: Array(piece[..<20]))
            #expect(sum.folded == 0xFFFF)
        }
        #expect(try reassembled(pieces).payload == PacketDescription.filler(2000), "only the first has a checksum")
    }

    @Test("a super-packet of the host keeps its segments, and its partial checksum follows both changes of address")
    func superPackets() throws {
        var bench = try bench()
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::203.0.113.1]:443 flags S
            =  tcp $t > 203.0.113.1:443 flags S
            in tcp 203.0.113.1:443 > $t flags SA
            =  tcp [2001:db8:64::203.0.113.1]:443 > [2001:db8:6::c0]:40001 flags SA
            """
        )
        for (line, segmentation) in [
            ("tcp 203.0.113.1:443 > $t df flags A size 50000", Offload.Segmentation.tcp6),
            ("tcp [2001:db8:6::c0]:40001 > [2001:db8:64::203.0.113.1]:443 flags A size 50000", .tcp4),
        ] {
            let (packet, offload) = leavingChecksum(try bench.octets(line), segmentSize: 1400)
            let outcome = bench.send(packet, offload)
            guard case .sent(let result, let after) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(after.segmentation == segmentation && after.segmentSize == 1400 && after.needsChecksum)
            #expect(flaw(result, after) == nil)
            if segmentation == .tcp4 { #expect(Array(result[12..<16]) == [192, 0, 0, 7]) }
        }
    }

    @Test(
        "X46-06 nor may anybody bear it who knows a client that talks to the host",
        arguments: ["203.0.113.1", "198.51.100.99"]
    )
    func forgedAnswer(host: String) throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::\(host)]:9
            =  udp $c > \(host):9
            """
        )
        // What comes to the stand-in is from the host; what comes to the shared address itself is not.
        let port = try #require(bench.names["$c"]?.split(separator: ":").last)
        try bench.run(
            """
            in udp \(host):9 > 203.0.113.1:\(port)
            ! illegal-source
            """
        )
    }

    @Test("X46-23 a datagram of the host's without a checksum gets a right one, not one that follows from none")
    func noChecksum() throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9
            =  udp $c > 203.0.113.1:9
            """
        )
        var packet = try bench.octets("udp 203.0.113.1:9 > $c \"hello\"")
        packet.replaceSubrange(26..<28, with: [0, 0])
        let outcome = bench.send(packet)
        guard case .sent(let result, let offload) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(flaw(result, offload) == nil)
    }

    @Test("X46-22 X64-21 a checksum that comes to zero is sent as 0xFFFF to the host too")
    func zeroResult() throws {
        var bench = try bench()
        var payload: [UInt8] = [0, 0]
        for _ in 0..<2 {
            var packet = try #require(PacketDescription("udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9"))
            packet.payload = payload
            let outcome = bench.send(packet.octets)
            guard case .sent(let result, let offload) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(flaw(result, offload) == nil)
            if payload != [0, 0] { #expect(result[26...27] == [0xFF, 0xFF]) }
            // What the sum lacks.
            payload = Array(result[26...27])
        }
    }

    @Test("a later fragment that looks like an ICMP error keeps what it carries")
    func laterFragment() throws {
        var bench = try bench()
        let stranger = try bench.octets("udp 192.0.0.7:9 > 203.0.113.1:9 size 16")
        var ping = try #require(PacketDescription("ping 2001:db8:6::c0 > 2001:db8:64::203.0.113.1 id 7"))
        let payload = PacketDescription.filler(1192) + [3, 3, 0, 0, 0, 0, 0, 0] + stranger
        ping.payload = payload
        let pieces = cut(ping.octets, [1200, payload.count - 1192])
        #expect(bench.send(pieces[0]) == .kept)
        #expect(bench.send(pieces[1]) == .kept)
        #expect(try reassembled(bench.extras()).payload == payload)
    }

    @Test("ERR-01 I46-26 an error of the host about what nobody got from the stand-in is dropped")
    func errorAboutOthers() throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9
            =  udp $c > 203.0.113.1:9
            """
        )
        let port = try #require(bench.names["$c"]?.split(separator: ":").last)
        try bench.run(
            """
            in icmp 3/3 203.0.113.1 > 192.0.0.7 { udp 198.51.100.10:\(port) > 203.0.113.1:9 }
            ! quote-unknown
            """
        )
    }

    @Test(
        "X64-08 the host is no hop on the way to itself: two are enough to reach it, and not to reach anybody behind it"
    )
    func hopsToHost() throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.99]:9 hops 2
            =  udp $c > 198.51.100.99:9 ttl 1
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:9 hops 2
            ! hop-limit-exceeded answered
            """
        )
    }

    @Test("NAT-24 fragments of the host reach the client, whichever comes first", arguments: [[0, 1], [1, 0]])
    func fragments(order: [Int]) throws {
        var bench = try bench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:9
            =  udp $c > 203.0.113.1:9
            """
        )
        let pieces = cut(try bench.octets("udp 203.0.113.1:9 > $c size 2000"), [1200, 808])
        var results: [[UInt8]] = []
        for index in order {
            if case .sent(let octets, _) = bench.send(pieces[index]) { results.append(octets) }
            results += bench.extras()
        }
        let whole = try reassembled(results)
        #expect(whole.payload == PacketDescription.filler(2000) && whole.destination == IPAddress("2001:db8:6::c0"))
    }

    @Test("X46-06 of the host's own errors the kernel sends none in fragments: who does is not the host")
    func fragmentOfError() throws {
        var bench = try bench()
        var packet = try bench.octets(
            "icmp 3/3 198.51.100.99 > 203.0.113.1 { udp 203.0.113.1:62000 > 198.51.100.10:9 size 4 }"
        )
        packet[6] = 0x20
        #expect(packet.count % 8 == 4)
        #expect(bench.send(withHeaderChecksum(packet)) == .dropped(.illegalSource))
    }
}
