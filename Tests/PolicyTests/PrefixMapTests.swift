import IPAddressing
import Policy
import Testing

@Suite("Which prefix stands for which IPv4 range")
struct PrefixMapTests {
    private static let prefixes = ["64:ff9b::/96", "2001:db8:64::/96", "2001:db8:65:100::/56"]

    private func policy(
        _ maps: [(String, Int)],
        prefixes: [String] = prefixes,
        allow: [String] = [],
        refuse: [String] = []
    ) throws -> Policy {
        Policy(
            generation: 1,
            prefixes: try prefixes.map { try TranslationPrefix(try #require(IPv6Prefix($0))) },
            clients: ClientAccess(networks: []),
            destinations: DestinationRules(
                allow: try allow.map { try #require(IPv4Prefix($0)) },
                refuse: try refuse.map { try #require(IPv4Prefix($0)) }
            ),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: []),
            maps: PrefixMaps(try maps.map { PrefixMap(ipv4: try #require(IPv4Prefix($0.0)), prefix: $0.1) })
        )
    }

    @Test("ADR-16 an address stands under the prefix mapped for it alone, the longest range first")
    func longest() throws {
        let policy = try policy([("5.0.0.0/8", 1), ("5.6.0.0/16", 2), ("5.6.7.8/32", 0)])
        #expect(policy.embed(IPv4Address(5, 1, 1, 1)).map(\.description) == ["2001:db8:64::501:101"])
        #expect(policy.embed(IPv4Address(5, 6, 7, 7)).map(\.description) == ["2001:db8:65:105:6:707::"])
        #expect(policy.embed(IPv4Address(5, 6, 7, 8)).map(\.description) == ["64:ff9b::506:708"])
        #expect([0, 1, 2].map { policy.mayReach(IPv4Address(5, 6, 7, 7), under: $0) } == [false, false, true])
        #expect(policy.prefix(for: IPv4Address(5, 6, 7, 7)) == 2)
    }

    @Test("ADR-09 what no range holds is handed out under the prefixes that no range names, and reached under all")
    func unmapped() throws {
        let policy = try policy([("10.0.0.0/8", 1)])
        let address = IPv4Address(5, 6, 7, 8)
        #expect(policy.embed(address).map(\.description) == ["64:ff9b::506:708", "2001:db8:65:105:6:708::"])
        // A host that discovered the second prefix by ipv4only.arpa may use it for everything (RFC 7050 section 3).
        #expect([0, 1, 2].allSatisfy { policy.mayReach(address, under: $0) })
        #expect(policy.prefix(for: address) == 0 && policy.mappedPrefix(for: address) == nil)
    }

    @Test("where every prefix is named, what no range holds is handed out under all of them")
    func everyPrefixNamed() throws {
        let policy = try policy(
            [("10.0.0.0/8", 0), ("11.0.0.0/8", 1)],
            prefixes: ["2001:db8:1::/96", "2001:db8:2::/96"]
        )
        #expect(policy.embed(IPv4Address(5, 6, 7, 8)).count == 2)
        let one = try self.policy([("10.0.0.0/8", 0)], prefixes: ["2001:db8:1::/96"])
        #expect(one.embed(IPv4Address(5, 6, 7, 8)).count == 1)
    }

    @Test("ADR-07 ADR-08 a map opens nothing: the well-known prefix takes a private range only if that is allowed")
    func wellKnown() throws {
        let closed = try policy([("10.0.0.0/8", 0)])
        #expect(closed.embed(IPv4Address(10, 1, 2, 3)) == [])
        #expect((0...2).allSatisfy { !closed.mayReach(IPv4Address(10, 1, 2, 3), under: $0) })
        let open = try policy([("10.0.0.0/8", 0)], allow: ["10.0.0.0/8"])
        #expect(open.embed(IPv4Address(10, 1, 2, 3)).map(\.description) == ["64:ff9b::a01:203"])
        let refused = try policy([("5.0.0.0/8", 1)], refuse: ["5.6.0.0/16"])
        #expect(refused.embed(IPv4Address(5, 6, 7, 8)) == [] && refused.embed(IPv4Address(5, 7, 7, 8)).count == 1)
    }

    @Test("ADR-13 64:ff9b:1::/48 stands for a private range as a whole and in each legal length")
    func localUse() throws {
        for length in ["48", "56", "64", "96"] {
            let policy = try policy([("10.0.0.0/8", 1)], prefixes: ["64:ff9b::/96", "64:ff9b:1::/\(length)"])
            let embedded = policy.embed(IPv4Address(10, 1, 2, 3))
            #expect(embedded.count == 1)
            let back = policy.extract(try #require(embedded.first))
            #expect(back?.prefix == 1 && back?.address == IPv4Address(10, 1, 2, 3), "/\(length)")
            #expect(policy.embed(IPv4Address(5, 6, 7, 8)).map(\.description) == ["64:ff9b::506:708"])
        }
    }

    @Test("ADR-09 every address handed out is reached, whatever the maps, for all six lengths")
    func handedOutIsReached() throws {
        let prefixes = [
            "2001:db8:a::/96", "2001:db8:b::/64", "2001:db8:c::/56", "2001:db8:d::/48", "2001:db9::/40",
            "2001:dba::/32",
        ]
        let maps = prefixes.indices.map { ("\(($0 + 1) * 8).0.0.0/\(5 + $0 % 3)", $0) }
        let policy = try policy(maps, prefixes: prefixes)
        for first in UInt8(1)...100 where first != 10 {
            let address = IPv4Address(first, 2, 3, 4)
            let embedded = policy.embed(address)
            #expect(!embedded.isEmpty)
            for each in embedded {
                let (prefix, back) = try #require(policy.extract(each))
                #expect(back == address && policy.mayReach(address, under: prefix))
            }
        }
    }

    @Test("while one Policy takes the place of another, a range that moves to another prefix is not without one")
    func narrowed() throws {
        let old = try policy([("5.0.0.0/8", 1)])
        let new = try policy([("5.0.0.0/8", 2)], refuse: ["5.9.0.0/16"])
        let between = new.narrowed(to: old)
        #expect(between.embed(IPv4Address(5, 6, 7, 8)).map(\.description) == ["2001:db8:65:105:6:708::"])
        #expect(between.embed(IPv4Address(5, 9, 7, 8)) == [])
    }
}
