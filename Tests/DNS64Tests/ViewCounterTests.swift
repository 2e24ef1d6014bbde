import DNS64
import DNSWire
import IPAddressing
import Policy
import Testing

@Suite("Questions counted by view")
struct ViewCounterTests {
    private static func view(_ network: String) throws -> View {
        View(network: try #require(IPPrefix(network)), synthesize: true, origin: .file)
    }

    private static func policy(_ bench: Bench, _ views: [View]) -> Policy {
        Policy(
            generation: bench.policy.generation + 1,
            prefixes: bench.policy.prefixes,
            clients: bench.policy.clients,
            destinations: DestinationRules(),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: views)
        )
    }

    @Test("the most specific view is counted, the short way and the long, and goes on when others come and go")
    func counts() throws {
        let (wide, narrow) = (try Self.view("2001:db8:a::/48"), try Self.view("2001:db8:a:1::/64"))
        let bench = Bench()
        func adopt(_ views: [View]) {
            bench.policy = Self.policy(bench, views)
            bench.engine.viewCounters = ViewCounters(bench.policy.views, after: bench.engine.viewCounters)
        }
        func ask(_ address: String, times: Int) throws {
            let client = Client(address: try #require(IPAddress(address)), transport: .udp)
            for time in 0..<times {
                bench.engine.takesShortWay = time % 2 == 0
                _ = bench.ask(Bench.question("x.test.", 28), from: client)
                _ = bench.serve()
            }
        }
        var counted: [UInt64] {
            let counters = bench.engine.viewCounters
            return [counters[wide.network], counters[narrow.network], counters.ofNoView]
        }
        try ask("2001:db8:a::5", times: 2)
        #expect(counted == [0, 0, 2])
        adopt([wide])
        try ask("2001:db8:a::5", times: 4)
        try ask("2001:db8:a:1::5", times: 3)
        try ask("2001:db8:b::5", times: 2)
        #expect(counted == [7, 0, 4])
        adopt([wide, narrow])
        try ask("2001:db8:a:1::5", times: 5)
        try ask("2001:db8:a::5", times: 2)
        #expect(counted == [9, 5, 4])
        adopt([narrow])
        try ask("2001:db8:a::5", times: 1)
        #expect(counted == [0, 5, 5])
        // Who is not served is of no view.
        try ask("2001:db9::5", times: 2)
        #expect(counted == [0, 5, 5])
    }

    @Test("of more views than are counted the most specific are, and clients of the others are of none")
    func many() throws {
        let views =
            try (1...40).map { try Self.view("2001:db8:\($0)::/48") }
            + (1...40).map { try Self.view("2001:db8:8000:\($0)::/64") }
        let bench = Bench()
        bench.policy = Self.policy(bench, views)
        bench.engine.viewCounters = ViewCounters(bench.policy.views, after: ViewCounters())
        for view in bench.policy.views.views {
            guard case .v6(let prefix) = view.network else { continue }
            _ = bench.ask(Bench.question("x.test.", 1), from: Client(address: .v6(prefix.address), transport: .udp))
        }
        let counters = bench.engine.viewCounters
        let counts = bench.policy.views.views.map { counters[$0.network] }
        #expect(views.count > ViewCounters.most)
        #expect(counts == (0..<views.count).map { $0 < ViewCounters.most ? 1 : 0 })
        #expect(counters.ofNoView == UInt64(views.count - ViewCounters.most))
    }

    @Test("the rules of its own that a network has are those of the view, or of the next wider one that has any")
    func rules() throws {
        let networks = try ["2001:db8::/32", "2001:db8:a::/48", "2001:db8:a:1::/64"].map { try #require(IPPrefix($0)) }
        let (one, two) = (try #require(Name("one.test.")), try #require(Name("two.test.")))
        var settings = DNS64Settings()
        let rules = [one, two].map { ForwardingRule(domain: $0, action: .block) }
        settings.views = [
            ViewNames(networks: [networks[0]], rules: rules),
            ViewNames(networks: [networks[1]], excludedDomains: [one]),
            ViewNames(networks: [networks[2]], rules: []),
        ]
        #expect(networks.map { settings.ownRuleCount(of: $0) } == [2, 2, 0])
        #expect(settings.ownRuleCount(of: try #require(IPPrefix("2001:db9::/32"))) == 0)
    }
}
