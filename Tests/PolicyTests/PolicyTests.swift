import IPAddressing
import Policy
import Testing

@Suite("The one Policy")
struct PolicyTests {
    private func policy(
        prefixes: [String] = ["64:ff9b::/96"],
        clients: [String] = ["2001:db8:6::/48"],
        allow: [String] = [],
        refuse: [String] = []
    ) throws -> Policy {
        Policy(
            generation: 1,
            prefixes: try prefixes.map { try TranslationPrefix(try #require(IPv6Prefix($0))) },
            clients: ClientAccess(networks: try clients.map { try #require(IPPrefix($0)) }),
            destinations: DestinationRules(
                allow: try allow.map { try #require(IPv4Prefix($0)) },
                refuse: try refuse.map { try #require(IPv4Prefix($0)) }
            ),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
    }

    private func reaches(_ address: String, _ policy: Policy, under prefix: Int = 0) throws -> Bool {
        policy.mayReach(try #require(IPv4Address(address)), under: prefix)
    }

    @Test("ADR-07 an address that is reached everywhere stays so under each prefix when it is allowed expressly")
    func allowedAnyhow() throws {
        let both = try policy(prefixes: ["64:ff9b::/96", "2001:db8:64::/96"], allow: ["8.8.8.0/24"])
        #expect(try reaches("8.8.8.8", both, under: 0) && reaches("8.8.8.8", both, under: 1))
    }

    @Test(
        "every address stands as the strongest of its ranges says, whatever the lists",
        arguments: 0..<20 as Range<Int>
    )
    func strongestRangeCounts(round: Int) {
        var dice = SystemRandomNumberGenerator()
        func ranges() -> [IPv4Prefix] {
            (0..<round * 3).map { _ in
                let near = SpecialPurpose.all.randomElement(using: &dice)?.address.bits ?? 0
                let bits =
                    near ^ UInt32.random(in: 0...0xFFFF_FFFF, using: &dice) >> UInt32.random(in: 0...31, using: &dice)
                return IPv4Prefix(IPv4Address(bits: bits), length: Int.random(in: 5...32, using: &dice))
            }
        }
        let (allow, refuse) = (ranges(), ranges())
        let rules = DestinationRules(allow: allow, refuse: refuse)
        let borders = (allow + refuse + SpecialPurpose.all).map(\.range).flatMap { ends in
            [ends.lowerBound.bits &- 1, ends.lowerBound.bits, ends.upperBound.bits, ends.upperBound.bits &+ 1]
        }
        for address in (borders + [0, .max]).map(IPv4Address.init(bits:)) {
            func lies(in ranges: [IPv4Prefix]) -> Bool { ranges.contains { $0.contains(address) } }
            let expected: DestinationRules.Standing =
                if lies(in: refuse) {
                    .refused
                } else if lies(in: allow) {
                    .allowed
                } else if lies(in: SpecialPurpose.neverRouted) {
                    .refused
                } else {
                    lies(in: SpecialPurpose.notGlobal) ? .notGlobal : .global
                }
            #expect(rules.standing(of: address) == expected, "\(address), allow \(allow), refuse \(refuse)")
        }
    }

    @Test("ADR-07 the well-known prefix reaches no special-purpose address, ADR-10 each range and its neighbours")
    func wellKnownIsStrict() throws {
        let policy = try policy()
        for range in SpecialPurpose.all {
            let ends = range.range
            #expect(!policy.mayReach(ends.lowerBound, under: 0), "\(range)")
            #expect(!policy.mayReach(ends.upperBound, under: 0), "\(range)")
            for neighbour in [ends.lowerBound.bits &- 1, ends.upperBound.bits &+ 1].map(IPv4Address.init(bits:)) {
                let special = SpecialPurpose.all.contains { $0.contains(neighbour) }
                #expect(policy.mayReach(neighbour, under: 0) == !special, "\(neighbour)")
            }
        }
    }

    @Test("ADR-08 a private range that is allowed is reached under the well-known prefix, its neighbours are not")
    func allowedRange() throws {
        let policy = try policy(allow: ["10.0.0.0/8"])
        #expect(try reaches("10.1.2.3", policy))
        #expect(try !reaches("192.168.1.1", policy))
    }

    @Test("ADR-13 under an operator's prefix private addresses are reached, those of no host are not")
    func operatorPrefix() throws {
        let policy = try policy(prefixes: ["64:ff9b:1::/96"])
        #expect(try reaches("10.1.2.3", policy))
        for address in ["0.1.2.3", "127.0.0.1", "169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255"] {
            #expect(try !reaches(address, policy), "\(address)")
        }
    }

    @Test("with both kinds of prefix an allowed private address is embedded under the operator's alone")
    func bothPrefixes() throws {
        let policy = try policy(prefixes: ["64:ff9b::/96", "2001:db8:64::/96"], allow: ["10.0.0.0/8"])
        #expect(policy.embed(IPv4Address(10, 1, 2, 3)).map(\.description) == ["2001:db8:64::a01:203"])
        #expect(
            policy.embed(IPv4Address(5, 6, 7, 8)).map(\.description) == ["64:ff9b::506:708", "2001:db8:64::506:708"]
        )
    }

    @Test("CGN-07 what the operator refuses is reached under no prefix, allowed or not")
    func refused() throws {
        let policy = try policy(
            prefixes: ["2001:db8:64::/96"],
            allow: ["10.0.0.0/8"],
            refuse: ["10.9.0.0/16", "5.6.7.8/32"]
        )
        #expect(try reaches("10.1.2.3", policy))
        #expect(try !reaches("10.9.2.3", policy))
        #expect(try !reaches("5.6.7.8", policy))
    }

    @Test("ADR-16 an address is taken apart under the prefix it lies under")
    func extraction() throws {
        let policy = try policy(prefixes: ["64:ff9b::/96", "2001:db8:64::/96"])
        let second = policy.extract(try #require(IPv6Address("2001:db8:64::506:708")))
        #expect(second?.prefix == 1 && second?.address == IPv4Address(5, 6, 7, 8))
        #expect(policy.extract(try #require(IPv6Address("2001:db8:65::1"))) == nil)
    }

    @Test("while one Policy takes the place of another, only what both reach and whom both serve counts")
    func narrowed() throws {
        let old = try policy(clients: ["2001:db8::/32", "192.0.2.0/25"], allow: ["10.0.0.0/8"])
        let new = try policy(
            clients: ["2001:db8:6::/48", "192.0.2.0/24"],
            allow: ["10.1.0.0/16", "192.168.0.0/16"],
            refuse: ["5.6.7.8/32"]
        )
        let between = new.narrowed(to: old)
        for (address, reached) in [
            ("10.1.2.3", true), ("10.2.2.3", false), ("192.168.1.1", false), ("5.6.7.8", false), ("5.6.7.9", true),
        ] {
            #expect(try reaches(address, between) == reached, "\(address)")
        }
        for (client, served) in [
            ("2001:db8:6::1", true), ("2001:db8:7::1", false), ("192.0.2.1", true), ("192.0.2.200", false),
        ] {
            #expect(between.clients.admits(try #require(IPAddress(client))) == served, "\(client)")
        }
    }

    @Test("a prefix that is new is not handed out before the translator knows it")
    func narrowedPrefix() throws {
        let between = try policy(prefixes: ["64:ff9b::/96", "2001:db8:64::/96"]).narrowed(to: policy())
        #expect(between.embed(IPv4Address(5, 6, 7, 8)).map(\.description) == ["64:ff9b::506:708"])
    }

    @Test("clients are served by network, and a mapped address is an IPv4 client")
    func clients() throws {
        let policy = try policy(clients: ["2001:db8:6::/48", "192.0.2.0/24"])
        #expect(policy.clients.admits(.v6(try #require(IPv6Address("2001:db8:6::c0")))))
        #expect(!policy.clients.admits(.v6(try #require(IPv6Address("2001:db8:7::c0")))))
        #expect(policy.clients.admits(.v6(try #require(IPv6Address("::ffff:192.0.2.7")))))
        #expect(!policy.clients.admits(.v4(IPv4Address(198, 51, 100, 1))))
    }
}

@Suite("Views")
struct ViewTests {
    private func view(_ network: String, _ synthesize: Bool, _ origin: View.Origin = .file) throws -> View {
        View(network: try #require(IPPrefix(network)), synthesize: synthesize, origin: origin)
    }

    private func synthesizes(_ views: Views, for client: String) throws -> Bool {
        let client = try #require(IPAddress(client))
        let policy = Policy(
            generation: 1,
            prefixes: [.wellKnown],
            clients: ClientAccess(networks: []),
            destinations: DestinationRules(),
            views: views
        )
        return policy.synthesizes(policy.treatment(of: client), for: client)
    }

    @Test("D64-37 the most specific network decides, whatever the order they were written in")
    func mostSpecific() throws {
        let views = Views(
            synthesizeByDefault: false,
            synthesizeOverIPv4: true,
            views: [
                try view("2001:db8::/32", true), try view("2001:db8:6:2::/64", false),
                try view("2001:db8:6::/48", true),
            ]
        )
        #expect(try synthesizes(views, for: "2001:db8:6:1::1"))
        #expect(try !synthesizes(views, for: "2001:db8:6:2::1"))
        #expect(try synthesizes(views, for: "2001:db8:7::1"))
        #expect(try !synthesizes(views, for: "2001:db9::1"))
    }

    @Test("a word at runtime is stronger than the file's for the same network")
    func runtimeWins() throws {
        let views = Views(
            synthesizeByDefault: true,
            synthesizeOverIPv4: true,
            views: [try view("2001:db8::/32", true), try view("2001:db8::/32", false, .runtime)]
        )
        #expect(try !synthesizes(views, for: "2001:db8::1"))
    }

    @Test("clients that ask over IPv4 can be left without synthesis")
    func overIPv4() throws {
        let views = Views(synthesizeByDefault: true, synthesizeOverIPv4: false, views: [])
        #expect(try !synthesizes(views, for: "192.0.2.1"))
        #expect(try !synthesizes(views, for: "::ffff:192.0.2.1"))
        #expect(try synthesizes(views, for: "2001:db8::1"))
    }
}

extension Policy {
    /// Every IPv6 address that stands for an IPv4 address, in the order of preference; none if it may not be reached.
    func embed(_ address: IPv4Address) -> [IPv6Address] {
        prefixes.indices.filter { handsOut(address, under: $0) }.map { prefixes[$0].embed(address) }
    }
}
