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
}
