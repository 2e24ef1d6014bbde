import DNS64
import IPAddressing
import NAT64
import Policy
import Testing
import Timing

@testable import Configuration

@Suite("Configurations that are accepted")
struct AcceptanceTests {
    @Test("an empty file means the defaults of the design")
    func emptyFile() throws {
        let empty = try configuration("")
        #expect(empty == ValidatedConfiguration())
        #expect(empty.prefixes == [.wellKnown])
        #expect(empty.device == "nat64")
        #expect(empty.pool.sharesUplink)
        #expect(empty.listen == ValidatedConfiguration.Listeners())
        #expect(empty.upstreams == .system)
        #expect(empty.clients.includesLinks)
        #expect(empty.controlSocket == "/run/nat64-appliance/control.sock")
        #expect(empty.stateDirectory == "/var/lib/nat64-appliance")
    }

    @Test("the packaged file means the same as an empty one")
    func packagedFile() throws {
        #expect(problems(of: try file("etc/appliance.toml")) == [])
        #expect(try configuration(try file("etc/appliance.toml")) == ValidatedConfiguration())
    }

    /// The packaged file with the "#" taken away in front of every key.
    private func uncommented() throws -> [String] {
        try file("etc/appliance.toml").split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let isKey = line.hasPrefix("#") && line.dropFirst().first.map { $0.isLetter || $0 == "[" } == true
            return String(isKey ? line.dropFirst() : line)
        }
    }

    @Test("every key of the packaged file is accepted when the comment sign is taken away")
    func uncommentedFile() throws {
        #expect(problems(of: try uncommented().joined(separator: "\n")) == [])
    }

    @Test("the packaged file has every key that exists")
    func packagedFileIsComplete() throws {
        let table = try TOMLText.table(
            from: Array(try uncommented().joined(separator: "\n").utf8),
            at: Place(file: "a")
        )
        func keys(_ table: PlacedTable, _ name: String) -> Set<String> {
            table.entries.reduce(into: []) { all, entry in
                let path = name.isEmpty ? entry.key : "\(name).\(entry.key)"
                all.insert(path)
                switch entry.value.kind {
                case .table(let below): all.formUnion(keys(below, path))
                case .list(let elements):
                    for case .table(let below) in elements.map(\.kind) { all.formUnion(keys(below, path)) }
                default: break
                }
            }
        }
        let known = Vocabulary.keys.flatMap { name, keys in keys.map { name.isEmpty ? $0 : "\(name).\($0)" } }
        // Filtering by protocol is told in prose, because one word is the usual way.
        #expect(
            keys(table, "")
                == Set(known).subtracting(["nat64.filtering.tcp", "nat64.filtering.udp", "nat64.filtering.icmp"])
        )
    }

    @Test("the defaults that the packaged file shows are the defaults")
    func shownDefaultsHold() throws {
        let examples = [
            "pool", "workers", "mtu", "ports", "group", "[[nat64.map]]", "prefix =", "[[nat64.static]]",
            "[[nat64.deterministic]]", "overflow-parts", "most-ports-per-client", "block-size",
            "protocol", "ipv4", "ipv6", "[[dns64.view]]", "clients", "synthesize = false",
            "listen-tls", "listen-https", "certificate", "key", "name", "discovery", "discovery-ttl", "upstream-ca",
            "root-hints-file",
        ]
        // The tables of the resolver that may be written many times are examples, all of them.
        let lines = try uncommented()
        let tables =
            try #require(lines.firstIndex(of: "[[dns64.view]]"))..<(#require(lines.firstIndex(of: "[control]")))
        let shown = lines.indices.filter { !tables.contains($0) }.map { lines[$0] }
        let text = shown.filter { line in !examples.contains { line.hasPrefix($0) } }.joined(
            separator: "\n"
        )
        #expect(try configuration(text) == ValidatedConfiguration())
    }

    @Test("the manual page describes every key")
    func manualPageIsComplete() throws {
        let page = try file("packaging/man/appliance.toml.5").replacing("\\-", with: "-")
        for key in Vocabulary.keys.filter({ !$0.key.isEmpty }).values.joined()
        where !["lifetimes", "limits", "view", "map", "static", "deterministic", "rule", "local", "query-log"]
            .contains(key)
        {
            #expect(page.contains("\n.It Ic \(key)"), "\(key)")
        }
        for table in Vocabulary.keys.keys where !table.isEmpty { #expect(page.contains("[\(table)]"), "\(table)") }
    }

    @Test(
        "ADR-01 each of the six prefix lengths is accepted",
        arguments: [
            "2001:db8::/32", "2001:db8:100::/40", "2001:db8:122::/48", "2001:db8:122:300::/56", "2001:db8:122:344::/64",
            "2001:db8:122:344::/96", "64:ff9b::/96", "64:ff9b:1::/48", "64:ff9b:1:abcd::/96",
        ]
    )
    func prefixLengths(prefix: String) throws {
        let read = try configuration("[nat64]\nprefixes = [\"\(prefix)\"]")
        #expect(read.prefixes.map(\.description) == [prefix])
    }

    @Test("the profile that the resolver test suite begins with is accepted")
    func resolverSuiteProfile() throws {
        let read = try configuration(
            """
            [nat64]
            prefixes = ["64:ff9b::/96"]
            pool = ["192.0.2.0/28"]

            [clients]
            allow = ["10.99.0.0/16", "fd99::/16", "127.0.0.0/8", "::1/128"]

            [control]
            socket = "/run/lab/control.sock"

            [state]
            directory = "/run/lab/state"

            [dns64]
            listen = ["10.99.0.1:53", "10.99.0.2:53", "[fd99::1]:53", "[fd99::2]:53"]
            upstreams = ["10.99.1.1"]
            synthesize = false
            exclude-aaaa = ["::ffff:0:0/96", "2606:aaaa::/32", "2606:bbbb::/48"]
            synthesize-over-ipv4 = false

            [[dns64.view]]
            clients = ["10.99.2.0/24", "fd99:2::/64"]
            synthesize = true
            """
        )
        #expect(read.listen.addresses.count == 4)
        #expect(!read.listen.automatic)
        #expect(
            read.upstreams == .addresses([UpstreamAddress(.v4(TransportAddress4(IPv4Address(10, 99, 1, 1), Port(53))))])
        )
        #expect(read.dns64.upstreams.count == 1)
        #expect(read.views.map(\.network.description) == ["10.99.2.0/24", "fd99:2::/64"])
        #expect(!read.synthesize)
        #expect(!read.synthesizeOverIPv4)
    }

    @Test("the profiles of the speed comparison are accepted")
    func benchProfiles() {
        #expect(
            problems(
                of: """
                    [nat64]
                    prefixes = ["2001:db8:64::/96"]
                    pool     = ["192.0.2.0/24"]
                    workers = 2

                    [nat64.limits]
                    sessions-per-client = 0
                    ports-per-client = 0
                    new-bindings-per-second = 0

                    [clients]
                    allow = ["127.0.0.0/8", "::1/128"]

                    [dns64]
                    listen    = ["[::1]:5300"]
                    upstreams = ["127.0.0.1:5301"]
                    workers = 1
                    """
            ) == []
        )
    }

    @Test("every value reaches the setting it is for")
    func valuesArrive() throws {
        let read = try configuration(
            """
            [nat64]
            device = "xlat0"
            prefixes = ["2001:db8:64::/96", "64:ff9b::/96"]
            pool = ["192.0.2.64/28", "198.51.100.1-198.51.100.3", "203.0.113.9", "share:eth0"]
            ports = "2000-3000"
            workers = 3
            poll-before-sleep = 70
            keep-cpus-awake = false
            filtering = { tcp = "endpoint-independent", udp = "address-and-port-dependent" }
            connections-from-outside = false
            lowest-ipv6-mtu = 1400
            mtu = 1500
            clamp-segment-size = false
            icmp-echo = false
            icmp-errors = false
            report-refused = true
            traffic-class = 184
            udp-zero-checksum = "drop"
            icmp-errors-per-second = 10
            port-hold-down = 0
            drain-time = "5m50s"
            port-overloading = true
            lifetimes = { udp = "2m", icmp = 61, tcp-established = "2h4m", tcp-transitory = "5m", tcp-incoming-syn = "7s", fragment = 3 }

            [nat64.limits]
            client-length = 56
            sessions-per-client = 1000
            sessions-per-binding = 100
            ports-per-client = 500
            port-blocks-per-client = 3
            new-bindings-per-second = 50
            ports-for-new-clients = 10
            spill-to-other-addresses = false
            bindings = 10000
            further-sessions = 20000
            fragment-memory = "16MiB"
            fragmented-datagrams = 8192
            held-syns = 1024
            held-ports = 6400

            [clients]
            allow = ["2001:db8:6::/48", "links"]

            [destinations]
            allow = "10.0.0.0/8"
            refuse = ["8.8.8.8"]

            [dns64]
            listen = ["auto", "127.0.0.1:5353"]
            upstreams = ["192.0.2.53", "[2001:db8::53]:5353"]
            cache-size = "128MiB"
            workers = 4
            poll-before-sleep = 0

            [control]
            socket = "/run/x.sock"
            group = "adm"

            [state]
            directory = "/var/lib/x"

            [log]
            level = "debug"
            """
        )
        #expect(read.device == "xlat0")
        #expect(read.keepCPUsAwake == .never)
        #expect(read.pollBeforeSleep == .always(Moment.Span(nanoseconds: 70_000)))
        #expect(read.resolverPollBeforeSleep == .always(.zero))
        #expect(read.prefixes.map(\.description) == ["2001:db8:64::/96", "64:ff9b::/96"])
        #expect(
            read.pool.sources.map(\.description) == [
                "192.0.2.64/28", "198.51.100.1-198.51.100.3", "203.0.113.9", "share:eth0",
            ]
        )
        #expect(read.pool.ports == Port(2000)...Port(3000))
        #expect(read.pool.sharedPorts == Port(2000)...Port(3000))
        #expect(read.drainTime == .seconds(350))
        var nat64 = NAT64Settings()
        nat64.workers = 3
        nat64.mtu = 1500
        nat64.portHoldDown = .zero
        nat64.overloadsPorts = true
        nat64.filtering.tcp = .endpointIndependent
        nat64.filtering.udp = .addressAndPortDependent
        nat64.filtering.admitsConnectionsFromOutside = false
        nat64.translation.lowestIPv6MTU = 1400
        nat64.translation.clampsSegmentSize = false
        nat64.translation.translatesEcho = false
        nat64.translation.sendsICMPErrors = false
        nat64.translation.reportsRefusedInbound = true
        nat64.translation.fixedTrafficClass = 184
        nat64.translation.udpZeroChecksum = .drop
        nat64.translation.icmpErrorsPerSecond = 10
        nat64.translation.icmpErrorBurst = 10
        nat64.translation.fragmentLifetime = .seconds(3)
        nat64.lifetimes.udp = .seconds(120)
        nat64.lifetimes.icmp = .seconds(61)
        nat64.lifetimes.tcpEstablished = .seconds(7440)
        nat64.lifetimes.tcpTransitory = .seconds(300)
        nat64.lifetimes.tcpOpening = .seconds(300)
        nat64.lifetimes.tcpIncomingSyn = .seconds(7)
        nat64.limits.clientLength = 56
        nat64.limits.sessionsPerClient = 1000
        nat64.limits.sessionsPerBinding = 100
        nat64.limits.portsPerClient = 500
        nat64.limits.portBlocksPerClient = 3
        nat64.limits.newBindingsPerSecond = 50
        nat64.limits.portsForNewClients = 10
        nat64.limits.spillsToOtherAddresses = false
        nat64.maximumBindings = 10_000
        nat64.maximumFurtherSessions = 20_000
        nat64.mostHeldPorts = 6400
        nat64.translation.fragmentMemory = 16 << 20
        nat64.translation.fragmentedDatagrams = 8192
        nat64.translation.heldSYNs = 1024
        #expect(read.nat64 == nat64)
        #expect(read.clients.includesLinks)
        #expect(read.clients.networks.map(\.description) == ["2001:db8:6::/48"])
        #expect(read.destinations.allow.map(\.description) == ["10.0.0.0/8"])
        #expect(read.destinations.refuse.map(\.description) == ["8.8.8.8/32"])
        #expect(read.listen.automatic)
        #expect(read.listen.addresses.map(\.description) == ["127.0.0.1:5353"])
        #expect(read.dns64.upstreams.map(\.description) == ["192.0.2.53:53", "[2001:db8::53]:5353"])
        #expect(read.dns64.cacheSize == 128 << 20)
        #expect(read.resolverWorkers == 4)
        #expect(read.controlSocket == "/run/x.sock")
        #expect(read.controlGroup == "adm")
        #expect(read.stateDirectory == "/var/lib/x")
        #expect(read.logLevel == .debug)
    }

    @Test(
        "durations are read in every spelling",
        arguments: [
            ("90s", 90), ("5m", 300), ("2h4m", 7440), ("1d", 86_400), ("1d2h3m4s", 93_784), ("0s", 0),
        ] as [(String, UInt64)]
    )
    func durations(text: String, seconds: UInt64) {
        #expect(DurationText.seconds(text) == seconds)
    }

    @Test("what is no duration, size or range of ports is not taken for one")
    func notQuantities() {
        for text in [
            "", "s", "5", "5x", "4m2h", "1s1s", "-5s", "5 s", "5.5s", "99999999999999999999s", "9999999999999999999d",
            "5m3",
        ] {
            #expect(DurationText.seconds(text) == nil, "\(text)")
        }
        for text in ["", "MiB", "5", "5M", "5MB", "5 MiB", "-1KiB", "999999999999999GiB", "5mib"] {
            #expect(SizeText.octets(text) == nil, "\(text)")
        }
        for text in ["", "-", "5-", "-5", "1-2-3", "9-8", "65536", "1-65536", "+1-2", "0x1-5", "a-b"] {
            #expect(PortRangeText.range(text) == nil, "\(text)")
        }
        #expect(SizeText.octets("64MiB") == 64 << 20)
        #expect(PortRangeText.range("5000") == 5000...5000)
    }
}
