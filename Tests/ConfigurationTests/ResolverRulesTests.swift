import DNS64
import DNSWire
import IPAddressing
import PacketMemory
import Policy
import Timing
import Testing

@testable import Configuration

@Suite("Rules, local records, filters and views of the resolver")
struct ResolverRulesTests {
    private func upstream(_ text: String, source: String? = nil) throws -> UpstreamAddress {
        UpstreamAddress(
            try #require(TransportAddress(text, defaultPort: Port(53))),
            source: try source.map { try #require(IPAddress($0)) }
        )
    }

    @Test("DNS-46 DNS-47 rules say whom to ask, and from where")
    func rules() throws {
        let read = try configuration(
            """
            [[dns64.rule]]
            domain = "Corp.example"
            upstreams = ["10.0.0.53", "10.0.1.53:5353"]
            source = "10.9.0.1"
            [[dns64.rule]]
            domain = "out.corp.example."
            upstreams = ["system"]
            [[dns64.rule]]
            domain = "lan"
            upstreams = "local"
            [[dns64.rule]]
            domain = "."
            upstreams = "block"
            """
        )
        let domains = try ["corp.example", "out.corp.example", "lan", "."].map { try #require(Name($0)) }
        #expect(read.dns64.rules.map(\.domain) == domains)
        #expect(
            try read.dns64.rules.map(\.action) == [
                .ask([
                    upstream("10.0.0.53", source: "10.9.0.1"), upstream("10.0.1.53:5353", source: "10.9.0.1"),
                ]), .askDefault, .local, .block,
            ]
        )
    }

    @Test(
        "a prefix as domain stands for its reverse zones",
        arguments: [
            ("10.0.0.0/8", ["10.in-addr.arpa."]), ("192.0.2.0/24", ["2.0.192.in-addr.arpa."]),
            (
                "172.16.0.0/14",
                ["16.172.in-addr.arpa.", "17.172.in-addr.arpa.", "18.172.in-addr.arpa.", "19.172.in-addr.arpa."]
            ),
            ("192.0.2.9/32", ["9.2.0.192.in-addr.arpa."]), ("2001:db8::/32", ["8.b.d.0.1.0.0.2.ip6.arpa."]),
            ("2001:db8::/31", ["8.b.d.0.1.0.0.2.ip6.arpa.", "9.b.d.0.1.0.0.2.ip6.arpa."]),
        ]
    )
    func reverseZones(prefix: String, zones: [String]) throws {
        let read = try configuration("[[dns64.rule]]\ndomain = \"\(prefix)\"\nupstreams = \"block\"")
        #expect(read.dns64.rules.map(\.domain.description) == zones)
    }

    @Test("local records and filters are read")
    func localAndFilter() throws {
        let read = try configuration(
            """
            [[dns64.local]]
            name = "p.lan"
            type = "A"
            data = "10.0.0.9"
            ttl = "90s"
            [[dns64.local]]
            name = "p.lan"
            type = "TYPE65"
            data = "\\\\# 3 000100"
            [[dns64.filter]]
            name = "ads.example"
            action = "override"
            data = ["192.0.2.9", "2001:db8::9"]
            [[dns64.filter]]
            address = "203.0.113.0/24"
            action = "nxdomain"
            [[dns64.filter]]
            name = "ok.ads.example"
            action = "allow"
            """
        )
        let name = try #require(Name("p.lan"))
        #expect(
            read.dns64.localRecords == [
                LocalRecord(name: name, type: .a, data: [10, 0, 0, 9], ttl: 90),
                LocalRecord(name: name, type: .https, data: [0, 1, 0], ttl: 3600),
            ]
        )
        #expect(
            try read.dns64.nameFilters.map(\.action) == [
                .override([#require(IPAddress("192.0.2.9")), #require(IPAddress("2001:db8::9"))]), .allow,
            ]
        )
        #expect(read.dns64.addressFilters.map(\.action) == [.nameError])
    }

    @Test("an asterisk before a domain says nothing, because the names below it are meant as well")
    func asterisks() throws {
        let read = try configuration(
            """
            [dns64]
            exclude-domains = ["*.no64.example", "*"]
            [[dns64.rule]]
            domain = "*.corp.example"
            upstreams = "block"
            [[dns64.filter]]
            name = "*.ads.example"
            action = "nodata"
            """
        )
        #expect(read.dns64.excludedDomains.map(\.description) == ["no64.example.", "."])
        #expect(read.dns64.rules.map(\.domain.description) == ["corp.example."])
        #expect(read.dns64.nameFilters.map(\.name.description) == ["ads.example."])
    }

    @Test("a view has prefixes, exclusions and a filter of its own, and a switch at runtime keeps them")
    func views() throws {
        let read = try configuration(
            """
            [nat64]
            prefixes = ["64:ff9b::/96", "2001:db8:64::/96"]
            [[dns64.view]]
            clients = ["2001:db8:1::/48"]
            synthesize = true
            prefixes = ["2001:db8:64::/96"]
            exclude-aaaa = ["2001:db8:9::/48"]
            filter = false
            """
        )
        var runtime = RuntimeViews()
        runtime.set(try #require(IPPrefix("2001:db8:1:1::/64")), synthesize: false)
        let policy = read.policy(generation: 1, linkNetworks: [], runtimeViews: runtime)
        let inside = try #require(IPAddress("2001:db8:1:1::1"))
        let treatment = policy.treatments[policy.treatment(of: inside)]
        #expect(!policy.synthesizes(policy.treatment(of: inside), for: inside))
        #expect(treatment.prefixes == [1])
        #expect(treatment.excludeAAAA?.map(\.description) == ["2001:db8:9::/48"])
        #expect(!treatment.filters)
        let outside = policy.treatments[policy.treatment(of: try #require(IPAddress("2001:db8:2::1")))]
        #expect(outside == Treatment(synthesizes: true))
    }

    @Test("DNS-46 D64-37 a view has rules and excluded domains of its own")
    func viewNames() throws {
        let read = try configuration(
            """
            [dns64]
            exclude-domains = ["no64.example", "Voice.example."]
            [[dns64.view]]
            clients = ["2001:db8:1::/48", "192.0.2.0/24"]
            synthesize = true
            exclude-domains = []
            [[dns64.view.rule]]
            domain = "corp.example"
            upstreams = ["10.0.0.53"]
            source = "10.9.0.1"
            [[dns64.view.rule]]
            domain = "10.0.0.0/15"
            upstreams = "system"
            [[dns64.view]]
            clients = ["2001:db8:2::/48"]
            synthesize = false
            [[dns64.view.rule]]
            domain = "corp.example"
            upstreams = "block"
            [[dns64.view]]
            clients = ["2001:db8:1:1::/64"]
            synthesize = true
            rule = []
            [[dns64.view]]
            clients = ["2001:db8:3::/48"]
            synthesize = true
            [[dns64.rule]]
            domain = "corp.example"
            upstreams = "local"
            """
        )
        #expect(try read.dns64.excludedDomains == ["no64.example", "voice.example"].map { try #require(Name($0)) })
        let corp = try #require(Name("corp.example"))
        #expect(read.dns64.rules == [ForwardingRule(domain: corp, action: .local)])
        #expect(
            try read.dns64.views == [
                ViewNames(
                    networks: ["2001:db8:1::/48", "192.0.2.0/24"].map { try #require(IPPrefix($0)) },
                    rules: [
                        ForwardingRule(domain: corp, action: .ask([upstream("10.0.0.53", source: "10.9.0.1")])),
                        ForwardingRule(domain: #require(Name("0.10.in-addr.arpa")), action: .askDefault),
                        ForwardingRule(domain: #require(Name("1.10.in-addr.arpa")), action: .askDefault),
                    ],
                    excludedDomains: []
                ),
                ViewNames(
                    networks: [#require(IPPrefix("2001:db8:2::/48"))],
                    rules: [ForwardingRule(domain: corp, action: .block)]
                ),
                ViewNames(networks: [#require(IPPrefix("2001:db8:1:1::/64"))], rules: []),
            ]
        )
    }

    @Test("PFX-10 how long hosts may keep the discovery answer is a setting, of a week at most")
    func discoveryTTL() throws {
        #expect(try configuration("").dns64.discoveryTTL == 3600)
        #expect(try configuration("[dns64]\ndiscovery-ttl = \"5m\"").dns64.discoveryTTL == 300)
        #expect(
            problems(of: "[dns64]\ndiscovery-ttl = 604801") == [
                "a.toml:2:17: dns64.discovery-ttl: 604801 is not from 0 to 604800 seconds"
            ]
        )
    }

    @Test("the other keys of the resolver are read")
    func others() throws {
        let whole = try configuration(
            """
            [dns64]
            recursion-memory = "64MiB"
            serve-stale = true
            prefetch = true
            cookies = false
            cookie-secrets = ["e5e973e5a6b2a43f48e7dc849e37bfcf"]
            random-case = true
            break-dnssec = true
            [dns64.limits]
            client-length = 56
            client-share = 10
            questions-per-second = 1000
            over-limit = "drop"
            connections = 5000
            connections-per-client = 50
            questions-per-connection = 20
            connection-idle = "1m"
            handshake = 3
            """
        )
        let (read, limits) = (whole.dns64, whole.connectionLimits)
        #expect(whole.recursionMemory == 64 << 20)
        #expect(limits.connections == 5000 && limits.perClient == 50 && limits.questions == 20)
        #expect(limits.idle == .seconds(60) && limits.handshake == .seconds(3))
        #expect(read.servesStale && read.prefetches && !read.cookies && read.randomizesCase)
        #expect(read.breakDNSSEC)
        #expect(read.cookieSecrets.map(\.key0) == [0x3FA4_B2A6_E573_E9E5])
        #expect(read.clientLength == 56 && read.clientShare == 10 && read.questionsPerSecond == 1000)
        #expect(read.dropsOverLimit)
    }

    static let bad: [(String, [String])] = [
        (
            "[[dns64.rule]]\nupstreams = [\"tls://192.0.2.1\"]",
            ["a.toml:1:9: dns64.rule: domain is missing; write the names this rule is for"]
        ),
        (
            "[[dns64.rule]]\ndomain = \"a..b\"\nupstreams = [\"system\", \"192.0.2.1\"]",
            [
                "a.toml:2:10: dns64.rule.domain: \"a..b\" is not a domain name; write one such as \"corp.example\"",
                "a.toml:3:14: dns64.rule.upstreams: \"system\" stands beside others; write either [\"system\"] or addresses",
            ]
        ),
        (
            "[[dns64.rule]]\ndomain = \"a\"\nupstreams = [\"192.0.2.1\"]\nsource = \"2001:db8::1\"\n"
                + "[[dns64.rule]]\ndomain = \"A.\"\nupstreams = \"block\"\nsource = \"192.0.2.9\"",
            [
                "a.toml:4:10: dns64.rule.source: \"2001:db8::1\" is of another family than upstream \"192.0.2.1\"",
                "a.toml:6:10: dns64.rule.domain: \"A.\" has a rule already, in line 2; a domain has one rule",
                "a.toml:8:10: dns64.rule.source: \"192.0.2.9\" belongs to rules with addresses in upstreams",
            ]
        ),
        (
            "[dns64]\nlisten = [\"192.0.2.77\"]\n[[dns64.rule]]\ndomain = \"a\"\nupstreams = [\"192.0.2.77\"]",
            [
                "a.toml:5:14: dns64.rule.upstreams: \"192.0.2.77\" is where the resolver listens itself, in line 2; it would ask itself"
            ]
        ),
        (
            "[[dns64.local]]\nname = \"a\"\ntype = \"AAAA\"\ndata = \"10.0.0.1\"\n[[dns64.local]]\nname = \"a\"\ntype = \"OPT\"\ndata = \"\"",
            [
                "a.toml:4:8: dns64.local.data: \"10.0.0.1\" is not an IPv6 address, which an AAAA record holds",
                "a.toml:7:8: dns64.local.type: \"OPT\" is not a type of record; write one such as \"A\" or \"TYPE65\"",
            ]
        ),
        (
            "[[dns64.local]]\nname = \"a\"\ntype = \"A\"\ndata = \"10.0.0.1\"\n[[dns64.local]]\nname = \"a\"\ntype = \"CNAME\"\ndata = \"b\"",
            [
                "a.toml:7:8: dns64.local.type: \"CNAME\" stands beside another record of the name, in line 3; an alias has no other records"
            ]
        ),
        (
            "[[dns64.filter]]\nname = \"a\"\naddress = \"::/0\"\naction = \"nodata\"\n[[dns64.filter]]\naction = \"nodata\"\n"
                + "[[dns64.filter]]\nname = \"a\"\naction = \"override\"\n[[dns64.filter]]\nname = \"b\"\naction = \"nodata\"\ndata = \"::1\"",
            [
                "a.toml:1:9: dns64.filter: name and address stand in one filter; write two",
                "a.toml:5:9: dns64.filter: name is missing; write the name it is for, or address = \"PREFIX\"",
                "a.toml:7:9: dns64.filter: data is missing; write the addresses that clients get instead",
                "a.toml:13:8: dns64.filter.data: \"::1\" belongs to action = \"override\"",
            ]
        ),
        (
            "[[dns64.view]]\nclients = \"::/0\"\nsynthesize = true\nprefixes = [\"2001:db8:64::/96\"]\nexclude-aaaa = [\"10.0.0.0/8\"]",
            [
                "a.toml:4:13: dns64.view.prefixes: \"2001:db8:64::/96\" is not among nat64.prefixes, which are \"64:ff9b::/96\"",
                "a.toml:5:17: dns64.view.exclude-aaaa: \"10.0.0.0/8\" is IPv4; AAAA records hold IPv6 addresses",
            ]
        ),
        (
            "[dns64]\nlisten = \"192.0.2.77\"\n[[dns64.view]]\nclients = \"::/0\"\nsynthesize = true\n[[dns64.view.rule]]\n"
                + "domain = \"a\"\n[[dns64.view.rule]]\ndomain = \"A\"\nupstreams = \"192.0.2.77\"\n[[dns64.view.rule]]\n"
                + "upstream = \"local\"\n[[dns64.view]]\nclients = \"10.0.0.0/8\"\nsynthesize = true\nrule = 5\n"
                + "[[dns64.rule]]\ndomain = \"a\"\nupstreams = \"local\"",
            [
                "a.toml:6:14: dns64.view.rule: upstreams is missing; write whom to ask",
                "a.toml:9:10: dns64.view.rule.domain: \"A\" has a rule already, in line 7; a domain has one rule",
                "a.toml:10:13: dns64.view.rule.upstreams: \"192.0.2.77\" is where the resolver listens itself, in line 2; "
                    + "it would ask itself",
                "a.toml:11:14: dns64.view.rule: domain is missing; write the names this rule is for",
                "a.toml:12:1: dns64.view.rule.upstream: no such key; did you mean \"upstreams\"?",
                "a.toml:16:8: dns64.view.rule: 5 is not a list of tables; write [[dns64.view.rule]] with two brackets for each",
            ]
        ),
        (
            "[dns64]\nexclude-domains = [\"a..b\", \"c\", \"C.\", 5]\n[[dns64.view]]\nclients = \"::/0\"\nsynthesize = true\n"
                + "exclude-domains = true",
            [
                "a.toml:2:20: dns64.exclude-domains: \"a..b\" is not a domain name; write one such as \"corp.example\"",
                "a.toml:2:33: dns64.exclude-domains: \"C.\" stands here twice, first at column 28; take one out",
                "a.toml:2:39: dns64.exclude-domains: 5 is not a text in quotation marks; write for example [\"corp.example\"]",
                "a.toml:6:19: dns64.view.exclude-domains: true is not a list of texts; write for example [\"corp.example\"]",
            ]
        ),
        (
            "[[dns64.view.rule]]\ndomain = \"a\"\nupstreams = \"local\"",
            [
                "a.toml:1:9: dns64.view: this table is not a list of tables; write [[dns64.view]] with two brackets for each"
            ]
        ),
        (
            "[dns64]\ncookie-secrets = [\"secret\"]\n[dns64.limits]\nclient-share = 101\nover-limit = \"kill\"",
            [
                "a.toml:2:19: dns64.cookie-secrets: a secret is not 32 hexadecimal digits (RFC 9018 section 4.4)",
                "a.toml:4:16: dns64.limits.client-share: 101 is not from 1 to 100, percent",
                "a.toml:5:14: dns64.limits.over-limit: \"kill\" is not one of \"truncate\", \"drop\"",
            ]
        ),
        (
            "[dns64]\nrecursion-memory = \"1MiB\"\n[dns64.limits]\nconnections = 0\nhandshake = \"2m\"",
            [
                "a.toml:2:20: dns64.recursion-memory: \"1MiB\" is not from \"64MiB\" to \"64GiB\"",
                "a.toml:4:15: dns64.limits.connections: 0 is not from 1 to 100000",
                "a.toml:5:13: dns64.limits.handshake: \"2m\" is not from 1 to 60 seconds",
            ]
        ),
    ]

    @Test("what is wrong is told with its place", arguments: bad)
    func isTold(text: String, expected: [String]) { #expect(problems(of: text) == expected) }

    @Test("ten thousand rules are read")
    func manyRules() throws {
        let text = (0..<10_000).map {
            "[[dns64.rule]]\ndomain = \"r\($0).test\"\nupstreams = [\"192.0.2.\($0 % 4 + 1)\"]\n"
        }
        #expect(try configuration(text.joined()).dns64.rules.count == 10_000)
    }
}
