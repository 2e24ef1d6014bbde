import IPAddressing
import NAT64
import PacketWire
import Testing
import Timing

@Suite("Header translation, RFC 7915 sections 4.1 and 5.1")
struct TranslateTests {
    @Test("X64-11 X46-08 a datagram goes out from the pool and its answer finds the client")
    func udp() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53  hops 64 "who?"
            =  udp $t > 198.51.100.10:53  ttl 63 no-df "who?"
            in udp 198.51.100.10:53 > $t  ttl 60 "me"
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000  hops 59 whole "me"
            """
        )
    }

    @Test("X64-21 X46-20 a connection opens and closes with right checksums")
    func tcp() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags S mss 1440
            =  tcp $t > 198.51.100.10:443  flags S mss 1440
            in tcp 198.51.100.10:443 > $t  flags SA mss 1460
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001  flags SA mss 1440
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags A size 100
            =  tcp $t > 198.51.100.10:443  flags A size 100
            in tcp 198.51.100.10:443 > $t  flags FA size 3
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001  flags FA size 3
            """
        )
    }

    @Test(
        "I64-01 I46-02 an echo request goes out under the binding's identifier and the reply comes back under the client's"
    )
    func ping() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10  id 7 seq 3 "abcdefg"
            =  ping $t > 198.51.100.10  id $i seq 3 "abcdefg"
            in pong 198.51.100.10 > $t  id $i seq 3 "abcdefg"
            =  pong 2001:db8:64::198.51.100.10 > 2001:db8:6::c0  id 7 seq 3 "abcdefg"
            """
        )
    }

    @Test("ADR-16 a client that goes to one peer under two prefixes has one session, and answers bear the last of them")
    func twoPrefixes() throws {
        var bench = try TranslateBench(prefixes: [TranslateBench.prefix, "2001:db8:65::/96"])
        for network in ["64", "65", "64"] {
            try bench.run(
                """
                in udp [2001:db8:6::c0]:40000 > [2001:db8:\(network)::198.51.100.10]:53
                =  udp $u > 198.51.100.10:53
                in udp 198.51.100.10:53 > $u
                =  udp [2001:db8:\(network)::198.51.100.10]:53 > [2001:db8:6::c0]:40000
                in icmp 3/3 198.51.100.10 > 203.0.113.1 { udp $u > 198.51.100.10:53 }
                =  icmp 1/4 2001:db8:\(network)::198.51.100.10 > 2001:db8:6::c0 { udp [2001:db8:6::c0]:40000 > [2001:db8:\(network)::198.51.100.10]:53 }
                in tcp [2001:db8:6::c0]:40001 > [2001:db8:\(network)::198.51.100.10]:443 flags S
                =  tcp $t > 198.51.100.10:443
                in tcp 198.51.100.10:443 > $t flags SA
                =  tcp [2001:db8:\(network)::198.51.100.10]:443 > [2001:db8:6::c0]:40001
                """
            )
        }
        #expect(bench.translator.tables.totals().sessions.all == 2)
    }

    @Test(
        "a transport header that is longer than its packet, or shorter than itself, is refused on either way",
        arguments: [false, true]
    )
    func contradictoryLengths(goesLongWay: Bool) throws {
        var bench = try opened()
        bench.goesLongWay = goesLongWay
        // The length that UDP tells, and the words of the header that TCP does.
        let lines = [
            ("udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53", 45, [0, 7, 9] as [UInt8]),
            ("udp 198.51.100.10:53 > $u", 25, [0, 7, 9]),
            ("tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags A", 52, [0x40, 0x60, 0xF0]),
            ("tcp 198.51.100.10:443 > $t flags A", 32, [0x40, 0x60, 0xF0]),
        ]
        for (line, place, values) in lines {
            var packet = try bench.octets(line)
            guard case .sent = bench.send(packet) else { throw Unexpected(outcome: .kept) }
            for value in values {
                packet[place] = value
                #expect(bench.send(packet) == .dropped(.malformed), "\(line): \(value)")
            }
        }
    }

    @Test(
        "X46-13 X64-15 what is just as large as the other link takes stays whole, on either way",
        arguments: [false, true]
    )
    func justFits(goesLongWay: Bool) throws {
        var bench = try opened(Environment(ipv6MTU: 1400, ipv4MTU: 1000))
        bench.goesLongWay = goesLongWay
        try bench.run(
            """
            in udp 198.51.100.10:53 > $u no-df size 1232
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 whole size 1232
            in udp 198.51.100.10:53 > $u df size 1352
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 whole size 1352
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 972
            =  udp $u > 198.51.100.10:53 whole no-df size 972
            """
        )
    }

    @Test("X46-09 an answer from an address that no host can have is refused, although a client was let go there")
    func impossiblePeer() throws {
        var bench = try TranslateBench(allow: ["240.0.0.0/4"])
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::240.0.0.1]:53
            =  udp $u > 240.0.0.1:53
            in udp 240.0.0.1:53 > $u
            ! illegal-source
            """
        )
    }

    @Test(
        "ADR-16 a private peer that is the first to speak to a static binding is seen under the prefix that may carry it"
    )
    func privatePeerOfStatic() throws {
        var bench = try TranslateBench(prefixes: ["64:ff9b::/96", "2001:db8:65::/96"])
        let binding = StaticBinding(
            transport: .udp,
            external: IPv4Address(203, 0, 113, 1),
            externalPorts: Port(443)...Port(443),
            client: try #require(IPv6Address("2001:db8:6::c0")),
            clientPorts: Port(443)...Port(443)
        )
        #expect(bench.translator.adopt(staticBindings: [try #require(binding)], at: bench.now).isEmpty)
        try bench.run(
            """
            in udp 10.0.0.1:53 > 203.0.113.1:443
            =  udp [2001:db8:65::10.0.0.1]:53 > [2001:db8:6::c0]:443
            """
        )
    }

    @Test("a client whose own address has come to lie under a prefix is refused, although it has a session")
    func clientUnderPrefix() throws {
        var bench = try opened()
        let policy = try TranslateBench.policy(
            prefixes: [TranslateBench.prefix, "2001:db8:6::/96"],
            clients: ["2001:db8:6::/48"]
        )
        bench.translator.adopt(policy: policy)
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
            ! hairpin-loop
            """
        )
    }

    /// A bench with a UDP binding `$u` and a connection `$t`.
    private func opened(_ environment: Environment = Environment()) throws -> TranslateBench {
        var bench = try boundBench(environment: environment)
        bench.names["$u"] = bench.names["$t"]
        bench.names["$t"] = nil
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags S
            =  tcp $t > 198.51.100.10:443
            in tcp 198.51.100.10:443 > $t flags SA
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001
            """
        )
        return bench
    }

    @Test("X46-14 lowest-ipv6-mtu never makes a packet larger than the link takes")
    func lowestMTUOfSmallLink() throws {
        var bench = try boundBench(environment: Environment(ipv6MTU: 1300)) { $0.translation.lowestIPv6MTU = 1500 }
        let outcome = bench.send(try bench.octets("udp 198.51.100.10:53 > $t size 1400"))
        guard case .sent(let first, _) = outcome else { throw Unexpected(outcome: outcome) }
        let pieces = [first] + bench.extras()
        #expect(pieces.count == 2 && pieces.allSatisfy { $0.count <= 1300 })
    }

    @Test("TCP-33 only a segment size of four octets is one, and none behind the end of the options")
    func noSegmentSize() throws {
        for options in [[2, 6, 0xFF, 0xFF, 0xFF, 0xFF, 1, 1], [0, 2, 2, 4, 0xFF, 0xFF, 0, 0]] as [[UInt8]] {
            var bench = try TranslateBench()
            var packet = try bench.octets("tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags S")
            packet += options
            packet[52] = 0x70
            packet[5] += 8
            let outcome = bench.send(packet)
            guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
            #expect(Array(result[40...]) == options)
        }
    }

    @Test(
        "NAT-15 a session that has lived its time is over, even before that was noticed, on either way",
        arguments: [false, true]
    )
    func overUnnoticed(goesLongWay: Bool) throws {
        var bench = try boundBench()
        bench.goesLongWay = goesLongWay
        bench.now = bench.now + .seconds(301)
        #expect(bench.send(try bench.octets("udp 198.51.100.10:53 > $t")) == .dropped(.noSession))
    }
}
