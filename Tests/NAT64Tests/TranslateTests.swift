import NAT64
import PacketWire
import Testing

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
}
