internal import DNS64
internal import IPAddressing
internal import PacketMemory
internal import Policy
internal import Timing

extension ValidatedConfiguration {
    /// `[dns64]` and `[[dns64.view]]`.
    mutating func readResolver(_ section: Section) {
        let bound = readListeners(section)
        readEncryptedListeners(section, bound)
        readUpstreams(section, bound)
        readRecursion(section)
        synthesize = section.flag("synthesize") ?? synthesize
        synthesizeOverIPv4 = section.flag("synthesize-over-ipv4") ?? synthesizeOverIPv4
        dns64.excludeAAAA = excludedPrefixes(section) ?? dns64.excludeAAAA
        dns64.excludedDomains = excludedDomains(section) ?? dns64.excludedDomains
        dns64.breakDNSSEC = section.flag("break-dnssec") ?? dns64.breakDNSSEC
        dns64.servesStale = section.flag("serve-stale") ?? dns64.servesStale
        dns64.prefetches = section.flag("prefetch") ?? dns64.prefetches
        dns64.randomizesCase = section.flag("random-case") ?? dns64.randomizesCase
        let times: ClosedRange<UInt64> = 0...604_800
        let discovery = section.duration("discovery-ttl", in: times).map { UInt32($0.milliseconds / 1000) }
        dns64.discoveryTTL = discovery ?? dns64.discoveryTTL
        readCookies(section)
        readLimits(section.section("limits"))
        let sizes: ClosedRange<Int64> = (1 << 20)...(1 << 40)
        dns64.cacheSize = section.size("cache-size", in: sizes, words: "\"1MiB\" to \"1024GiB\"") ?? dns64.cacheSize
        resolverWorkers = section.integer("workers", in: 1...256)
        resolverPollBeforeSleep = section.pollBeforeSleep() ?? resolverPollBeforeSleep
        readViews(section.sections("view"), bound)
        dns64.rules = rules(section.sections("rule"), bound)
        readLocalRecords(section.sections("local"))
        readFilters(section.sections("filter"))
        readQueryLog(section.section("query-log"))
    }

    private func excludedPrefixes(_ section: Section) -> [IPv6Prefix]? {
        section.prefixes("exclude-aaaa", example: "2001:db8:1::/48")?.compactMap { item in
            guard case .v6(let prefix) = item.prefix else {
                section.refuse(item.written, "exclude-aaaa", "is IPv4; AAAA records hold IPv6 addresses")
                return nil
            }
            return prefix
        }
    }

    private mutating func readCookies(_ section: Section) {
        dns64.cookies = section.flag("cookies") ?? dns64.cookies
        let example = "000102030405060708090a0b0c0d0e0f"
        guard let secrets = section.texts("cookie-secrets", example: example) else { return }
        dns64.cookieSecrets = secrets.compactMap { secret in
            if let key = KeyedHash(hexadecimal: secret.text) { return key }
            // The text itself is not told to whoever reads the message.
            section.problems.add(
                secret.place,
                section.path("cookie-secrets"),
                "a secret is not 32 hexadecimal digits (RFC 9018 section 4.4)"
            )
            return nil
        }
    }

    private mutating func readLimits(_ section: Section) {
        dns64.clientLength = section.integer("client-length", in: 1...128) ?? dns64.clientLength
        dns64.clientShare = section.integer("client-share", in: 1...100, why: "percent") ?? dns64.clientShare
        let rates: ClosedRange<Int64> = 0...1_000_000_000
        dns64.questionsPerSecond = section.integer("questions-per-second", in: rates) ?? dns64.questionsPerSecond
        dns64.dropsOverLimit =
            section.word("over-limit", of: ["truncate": false, "drop": true]) ?? dns64.dropsOverLimit
        let many: ClosedRange<Int64> = 1...100_000
        let now = connectionLimits
        connectionLimits.connections = section.integer("connections", in: many) ?? now.connections
        connectionLimits.perClient = section.integer("connections-per-client", in: many) ?? now.perClient
        connectionLimits.questions = section.integer("questions-per-connection", in: 1...10_000) ?? now.questions
        connectionLimits.idle = section.duration("connection-idle", in: 1...3600) ?? now.idle
        connectionLimits.handshake = section.duration("handshake", in: 1...60) ?? now.handshake
    }

    private mutating func readListeners(_ section: Section) -> [(TransportAddress, PlacedText)] {
        let empty = "the resolver would hear nobody; the default is [\"auto\"]"
        guard let texts = section.texts("listen", example: "auto", empty: empty) else { return [] }
        var endpoints: [(TransportAddress, PlacedText)] = []
        for text in texts where text.text != "auto" {
            if let near = Spelling.nearest(to: text.text, among: ["auto"]) {
                section.refuse(text, "listen", "is not an address; did you mean \"\(near)\"?")
            } else if let endpoint = section.endpoint(text, "listen") {
                if let complaint = complaintAboutListening(on: endpoint) {
                    section.refuse(text, "listen", complaint)
                } else {
                    endpoints.append((endpoint, text))
                }
            }
        }
        section.refuseRepeated(texts.filter { $0.text == "auto" }.map { ($0.text, $0) }, "listen")
        section.refuseRepeated(endpoints, "listen")
        listen = Listeners(automatic: texts.contains { $0.text == "auto" }, addresses: endpoints.map(\.0))
        return endpoints
    }

    func complaintAboutListening(on endpoint: TransportAddress) -> String? {
        switch endpoint {
        case .v4(let pair):
            pool.ownRanges.contains { $0.contains(pair.address) }
                ? "belongs to the pool, whose addresses no socket can have; listen on another address" : nil
        case .v6(let pair):
            prefixes.first { $0.contains(pair.address) }
                .map { "lies under the translation prefix \($0), where no host of ours is; listen on another address" }
        }
    }

    private mutating func readUpstreams(_ section: Section, _ bound: [(TransportAddress, PlacedText)]) {
        let empty = "the resolver would know nobody to ask; the default is [\"system\"]"
        guard let texts = section.texts("upstreams", example: "192.0.2.53", empty: empty) else { return }
        var endpoints: [(UpstreamAddress, PlacedText)] = []
        let recursive = texts.filter { $0.text == "recursive" }
        section.refuseRepeated(recursive.map { ($0.text, $0) }, "upstreams")
        if let word = recursive.first {
            if texts.count > recursive.count {
                section.refuse(word, "upstreams", "stands beside others; write either [\"recursive\"] or addresses")
            }
        }
        for text in texts where text.text != "system" && text.text != "recursive" {
            if let upstream = upstream(text, section, bound) { endpoints.append((upstream, text)) }
        }
        section.refuseRepeated(endpoints, "upstreams")
        let system = texts.filter { $0.text == "system" }
        section.refuseRepeated(system.map { ($0.text, $0) }, "upstreams")
        if let word = system.first, texts.count > system.count {
            section.refuse(word, "upstreams", "stands beside addresses; write either [\"system\"] or addresses")
        }
        guard system.isEmpty else { return }
        dns64.upstreams = !recursive.isEmpty ? [.recursor] : endpoints.map(\.0)
        upstreams = .addresses(dns64.upstreams)
    }

    func upstream(
        _ text: PlacedText,
        _ section: Section,
        _ bound: [(TransportAddress, PlacedText)]
    ) -> UpstreamAddress? {
        let refuse = { (message: String) -> UpstreamAddress? in
            section.refuse(text, "upstreams", message)
            return nil
        }
        var written = text
        var way = UpstreamAddress.Way.clear
        if text.text.hasPrefix("tls://") {
            let parts = text.text.dropFirst(6).split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = Self.hostName(parts[1]) else {
                return refuse(
                    "does not say which name its certificate is for; write it as \"tls://192.0.2.53#dns.example\""
                )
            }
            way = .tls(name: name)
            written.text = String(parts[0])
        }
        if let near = Spelling.nearest(to: text.text, among: ["system", "recursive"]) {
            return refuse("is not an address; did you mean \"\(near)\"?")
        }
        let defaultPort: UInt16 = way == .clear ? 53 : 853
        guard let endpoint = section.endpoint(written, "upstreams", defaultPort: defaultPort) else { return nil }
        if endpoint.address.isUnspecified {
            return refuse("is not the address of a host; write that of a resolver")
        }
        if let own = bound.first(where: { $0.0 == endpoint }) {
            let place = own.1.place.seen(from: text.place)
            return refuse("is where the resolver listens itself, \(place); it would ask itself")
        }
        if case .v4(let pair) = endpoint, pool.ownRanges.contains(where: { $0.contains(pair.address) }) {
            return refuse("belongs to the pool, whose addresses no host can have; write that of a resolver")
        }
        return UpstreamAddress(endpoint, way: way)
    }

    private mutating func readViews(_ sections: [Section], _ bound: [(TransportAddress, PlacedText)]) {
        var taken: [IPPrefix: Place] = [:]
        for section in sections {
            let synthesize = section.flag("synthesize")
            section.require("synthesize", "synthesize = true or false")
            section.require("clients", "the networks this view is for")
            let empty = "the view is for nobody; write networks, or take the view out"
            let clients = section.prefixes("clients", example: "2001:db8:6:2::/64", empty: empty) ?? []
            let ownPrefixes = viewPrefixes(section)
            let excluded = excludedPrefixes(section)
            let filter = section.flag("filter")
            for client in clients {
                if let place = taken[client.prefix] {
                    let message =
                        "has a view already, \(place.seen(from: client.written.place)); a network has one view"
                    section.refuse(client.written, "clients", message)
                }
                views.append(
                    View(
                        network: client.prefix,
                        synthesize: synthesize ?? true,
                        prefixes: ownPrefixes,
                        excludeAAAA: excluded,
                        filter: filter,
                        origin: .file
                    )
                )
            }
            for client in clients { taken[client.prefix] = client.written.place }
            let names = ViewNames(
                networks: clients.map(\.prefix),
                rules: section.value("rule") == nil ? nil : rules(section.sections("rule"), bound),
                excludedDomains: excludedDomains(section)
            )
            if names.rules != nil || names.excludedDomains != nil { dns64.views.append(names) }
        }
    }

    /// Prefixes of a view must be among those of the translator: nobody translates what others lead to.
    private func viewPrefixes(_ section: Section) -> [TranslationPrefix]? {
        let empty = "no AAAA record could be made; write synthesize = false for that"
        return section.prefixes("prefixes", example: "64:ff9b::/96", empty: empty)?.compactMap { item in
            if let known = prefixes.first(where: { .v6($0.block) == item.prefix }) { return known }
            let all = prefixes.map { "\"\($0)\"" }.joined(separator: ", ")
            section.refuse(item.written, "prefixes", "is not among nat64.prefixes, which are \(all)")
            return nil
        }
    }
}

extension KeyedHash {
    /// The secret that 32 hexadecimal digits are.
    fileprivate init?(hexadecimal text: String) {
        guard text.utf8.count == 32, text.utf8.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let first = UInt64(text.prefix(16), radix: 16), let second = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(key0: first.byteSwapped, key1: second.byteSwapped)
    }
}

extension IPAddress {
    fileprivate var isUnspecified: Bool {
        switch self {
        case .v4(let address): address.bits == 0
        case .v6(let address): address == .unspecified
        }
    }
}
