import IPAddressing
import Policy
import Testing
import Timing

@testable import NAT64

@Suite("The numbers of prefixes")
struct PrefixListTests {
    private static func prefix(_ number: Int) throws -> TranslationPrefix {
        try TranslationPrefix(#require(IPv6Prefix("2001:db8:\(String(number, radix: 16))::/96")))
    }

    @Test("a prefix keeps its number while it is in force, and there are 255")
    func numbers() throws {
        let prefixes = try (0..<256).map(Self.prefix)
        let list = PrefixList([prefixes[0]])
        #expect(list.admit(Array(prefixes[..<255]), seen: 0))
        for index in 0..<255 {
            #expect(list.number(of: prefixes[index]) == UInt8(index))
            #expect(list[UInt8(index)] == prefixes[index])
        }
        #expect(!list.admit([prefixes[255]], seen: .max))
        #expect(list.number(of: prefixes[255]) == PrefixList.none)
    }

    @Test("a number is given again when everybody has looked away, and the one that has rested longest first")
    func reuse() throws {
        let prefixes = try (0..<260).map(Self.prefix)
        let list = PrefixList(Array(prefixes[..<255]))
        list.rest(allBut: Array(prefixes[1..<255]), from: 10)
        list.rest(allBut: Array(prefixes[3..<255]), from: 20)
        #expect(!list.admit([prefixes[255]], seen: 9))
        #expect(list.number(of: prefixes[0]) == 0, "nothing has changed")
        #expect(list.admit([prefixes[255]], seen: 19))
        #expect(list.number(of: prefixes[255]) == 0)
        #expect(list.number(of: prefixes[0]) == PrefixList.none)
        #expect(!list.admit([prefixes[256]], seen: 19))
        // One that comes back in force rests no more.
        #expect(list.admit([prefixes[1]], seen: 19))
        #expect(list.admit([prefixes[256]], seen: 20))
        #expect(list.number(of: prefixes[256]) == 2)
        #expect(list.number(of: prefixes[1]) == 1)
        #expect(!list.admit([prefixes[257]], seen: .max))
    }

    @Test("ADR-16 two thousand prefixes come and go, each is translated, and a session under one that stays lives on")
    func manyReloads() throws {
        var bench = try TranslateBench(prefixes: ["2001:db8:ffff::/96"])
        try bench.run("in udp [2001:db8:6::c0]:40000 > [2001:db8:ffff::198.51.100.10]:53\n=  udp $t > 198.51.100.10:53")
        for round in 0..<2000 {
            let fresh = "2001:db8:\(String(round + 0x1000, radix: 16))::"
            let policy = Policy(
                generation: UInt64(round) + 2,
                prefixes: try ["2001:db8:ffff::/96", "\(fresh)/96"].map {
                    try TranslationPrefix(#require(IPv6Prefix($0)))
                },
                clients: ClientAccess(networks: [try #require(IPPrefix("2001:db8:6::/48"))]),
                destinations: DestinationRules(),
                views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
            )
            #expect(bench.translator.admit(prefixes: policy.prefixes))
            bench.translator.adopt(policy: policy)
            try bench.run(
                """
                in udp [2001:db8:6::c0]:50000 > [\(fresh)198.51.100.20]:53
                =  udp $u > 198.51.100.20:53
                in udp 198.51.100.20:53 > $u
                =  udp [\(fresh)198.51.100.20]:53 > [2001:db8:6::c0]:50000
                in udp 198.51.100.10:53 > $t
                =  udp [2001:db8:ffff::198.51.100.10]:53 > [2001:db8:6::c0]:40000
                """
            )
        }
        #expect(bench.translator.tables.brokenInvariants() == [])
    }

    @Test("while a worker does not look, no number is given again: that is said before anything has changed")
    func refused() throws {
        var bench = try TranslateBench()
        var last: [TranslationPrefix] = []
        var adopted = 0
        for round in 0..<300 {
            let prefixes = [try Self.prefix(round + 0x1000)]
            guard bench.translator.admit(prefixes: prefixes) else { break }
            bench.translator.adopt(
                policy: try TranslateBench.policy(
                    prefixes: prefixes.map { "\($0.block)" },
                    clients: ["2001:db8:6::/48"]
                )
            )
            last = prefixes
            adopted += 1
        }
        #expect(adopted == 254)
        #expect(bench.translator.policy.prefixes == last)
        _ = bench.worker.tick(at: bench.now)
        #expect(bench.translator.admit(prefixes: [try Self.prefix(0x2000)]))
    }
}
