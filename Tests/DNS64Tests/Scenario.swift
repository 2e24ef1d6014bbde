import DNS64
import DNSWire
import Glibc
import IPAddressing
import PacketMemory
import Policy
import Testing
import Timing

/// A conversation: configuration, what upstreams would say, then steps. See the files in Scenarios.
struct Scenario: CustomTestStringConvertible, Sendable {
    var title: String
    var file: String
    var lines: [(number: Int, text: String)] = []
    var testDescription: String { title }

    /// Where the scenarios are; those in `Defects` are named after what other resolvers were seen to do wrong.
    static let folder = String(#filePath.dropLast("Scenario.swift".count)) + "Scenarios/"

    /// All scenarios of all files, each from its `test` line to the next.
    static let all: [Scenario] = {
        var result: [Scenario] = []
        let defects = files(in: folder + "Defects/").map { "Defects/" + $0 }
        for file in (files(in: folder) + defects).sorted() where file.hasSuffix(".txt") {
            for (index, line) in text(of: folder + file).split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated()
            {
                let line = String(line.prefix { $0 != "#" })
                let words = line.split(separator: " ")
                guard let first = words.first else { continue }
                if first == "test" {
                    result.append(Scenario(title: words.dropFirst().joined(separator: " "), file: file))
                } else {
                    result[result.count - 1].lines.append((index + 1, line))
                }
            }
        }
        return result
    }()

    static func files(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var result: [String] = []
        while let entry = readdir(directory) {
            result.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
            )
        }
        return result
    }

    static func text(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { break }
            octets += part[..<count]
        }
        return String(decoding: octets, as: UTF8.self)
    }

    // MARK: Running

    func run() throws {
        var settings = DNS64Settings()
        var prefixes: [TranslationPrefix] = []
        var clients: [IPPrefix] = [IPPrefix("2001:db8::/32"), IPPrefix("192.0.2.0/24")].compactMap { $0 }
        var allowed: [IPv4Prefix] = []
        var views: [View] = []
        var overIPv4 = true
        var upstreams = 1
        var recurses = false
        for (_, line) in lines {
            let words = line.split(separator: " ").map(String.init)
            switch words[0] {
            case "prefix": prefixes.append(try TranslationPrefix(#require(IPv6Prefix(words[1]))))
            case "clients": clients = try [#require(IPPrefix(words[1]))]
            case "allow": allowed.append(try #require(IPv4Prefix(words[1])))
            case "view":
                views.append(try Self.view(words))
            case "over-ipv4": overIPv4 = words[1] == "on"
            case "upstreams": upstreams = try #require(Int(words[1]))
            case "exclude": settings.excludeAAAA.append(try #require(IPv6Prefix(words[1])))
            case "break-dnssec": settings.breakDNSSEC = true
            case "rule": settings.rules.append(try Self.rule(words, settings.rules.count))
            case "view-rule":
                let number = settings.rules.count + settings.views.reduce(0) { $0 + ($1.rules?.count ?? 0) }
                let rule = words.count > 2 ? [try Self.rule(Array(words.dropFirst()), number)] : []
                try Self.change(&settings, words[1]) { $0.rules = ($0.rules ?? []) + rule }
            case "exclude-domain": settings.excludedDomains.append(try #require(Name(words[1])))
            case "view-exclude-domain":
                let domains = try words.dropFirst(2).map { try #require(Name($0)) }
                try Self.change(&settings, words[1]) { $0.excludedDomains = ($0.excludedDomains ?? []) + domains }
            case "local":
                let (name, type) = try (#require(Name(words[1])), #require(RecordType(words[2])))
                let data = try RecordText.octets(type, words.dropFirst(3).joined(separator: " "))
                settings.localRecords.append(LocalRecord(name: name, type: type, data: data, ttl: 600))
            case "filter-name":
                let name = try #require(Name(words[1]))
                settings.nameFilters.append(NameFilter(name: name, action: try Self.action(words)))
            case "filter-address":
                let prefix = try #require(IPPrefix(words[1]))
                settings.addressFilters.append(AddressFilter(prefix: prefix, action: try Self.action(words)))
            case "recursor": recurses = true
            case "serve-stale": settings.servesStale = true
            case "prefetch": settings.prefetches = true
            case "discovery-ttl": settings.discoveryTTL = try #require(UInt32(words[1]))
            case "random-case": settings.randomizesCase = true
            case "no-cookies": settings.cookies = false
            case "rate":
                settings.questionsPerSecond = try #require(Int(words[1]))
                settings.dropsOverLimit = words.contains("drop")
            default: break
            }
        }
        settings.cacheSize = 1 << 20
        settings.upstreams = (0..<upstreams).map {
            UpstreamAddress(TransportAddress(.v4(IPv4Address(192, 0, 2, UInt8(200 + $0))), Port(53)))
        }
        if recurses { settings.upstreams[0].way = .recursor }
        let policy = Policy(
            generation: 1,
            prefixes: prefixes.isEmpty ? [.wellKnown] : prefixes,
            clients: ClientAccess(networks: clients),
            destinations: DestinationRules(allow: allowed),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: overIPv4, views: views)
        )
        var laboratory = Laboratory(settings: settings, policy: policy)
        var reply: PlainMessage?
        var took = Moment.Span.zero
        var left: [[PlainMessage.Record]] = [[], [], []]
        var checked = true
        var seen = 0
        for (number, line) in lines {
            let place = "\(file):\(number): \(line)"
            let words = line.split(separator: " ").map(String.init)
            switch words[0] {
            case "ask":
                if !checked { #expect(left.allSatisfy { $0.isEmpty }, "before \(place): not expected: \(left)") }
                let (message, client) = Self.question(words)
                let start = laboratory.now
                let (waiter, outcome) = laboratory.send(message, from: client)
                laboratory.run(until: laboratory.now + .seconds(20), waitingFor: [waiter])
                took = (laboratory.answers[waiter]?.at ?? laboratory.now) - start
                reply = try laboratory.answers[waiter].map { try PlainMessage($0.message) }
                if case .silence = outcome { reply = nil }
                left = reply?.sections ?? [[], [], []]
                checked = reply == nil
                if let reply {
                    let asked = try PlainMessage(message)
                    #expect(reply.identifier == asked.identifier && reply.flags & 0x8040 == 0x8000, "\(place): header")
                    #expect((reply.opt != nil) == (asked.opt != nil), "\(place): OPT record")
                    #expect(reply.optCount <= 1)
                }
            case "crowd":
                if !checked { #expect(left.allSatisfy { $0.isEmpty }, "before \(place): not expected: \(left)") }
                let replies = try Self.crowd(Array(words.dropFirst()), in: &laboratory, took: &took)
                #expect(replies.count == Int(words[1]), "\(place): \(replies.count) were answered")
                #expect(Set(replies.map { "\($0.flags) \($0.sections)" }).count == 1, "\(place): different answers")
                reply = replies.first
                left = reply?.sections ?? [[], [], []]
                checked = reply == nil
            case "reply":
                let reply = try #require(reply, "\(place): no answer")
                #expect(Self.codes[words[1]] == reply.code, "\(place): got code \(reply.code), \(reply.sections)")
                #expect(words.contains("tc") == (reply.flags & 0x200 != 0), "\(place): TC")
                #expect(reply.flags & 0x400 == 0, "\(place): AA")
                #expect(words.contains("ad") == (reply.flags & 0x20 != 0), "\(place): AD")
                if let ede = words.firstIndex(of: "ede") {
                    #expect(
                        reply.extendedErrors == words[ede + 1].split(separator: ",").map { UInt16($0) ?? 0 },
                        "\(place): got \(reply.extendedErrors)"
                    )
                }
                checked = false
            case "answer", "authority", "additional":
                let section = words[0] == "answer" ? 0 : words[0] == "authority" ? 1 : 2
                try Self.take(words, from: &left[section], place)
                checked = false
            case "question":
                let question = try #require(reply?.questions.first, "\(place): no question")
                #expect(question.name == words[1] && question.type == PlainMessage.type(words[2]), "\(place)")
            case "none": #expect(reply == nil, "\(place)")
            case "options":
                let text = reply?.opt?.data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() ?? ""
                #expect(words.count > 1 ? text.hasPrefix(words[1]) : text.isEmpty, "\(place): got \(text)")
            case "sent":
                let expected = words.dropFirst().joined(separator: " ").split(separator: ",").map {
                    $0.split(separator: " ").joined(separator: " ")
                }
                let got = laboratory.sent[seen...].map { $0.description }
                #expect(got.sorted() == (expected == ["nothing"] ? [] : expected.sorted()), "\(place): got \(got)")
                seen = laboratory.sent.count
            case "sent-without-option":
                let option = try #require(UInt16(words[1]))
                #expect(laboratory.sent[seen...].allSatisfy { !$0.options.contains(option) }, "\(place)")
            case "took":
                let limit = Moment.Span.milliseconds(UInt64(words[1]) ?? 0)
                #expect(took <= limit, "\(place): took \(took.milliseconds) ms")
            case "wait":
                let count = UInt64(words[1]) ?? 0
                laboratory.run(until: laboratory.now + (words[2] == "s" ? .seconds(count) : .milliseconds(count)))
            case "upstream": laboratory.scripts.insert(try Self.script(line), at: 0)
            case "suspend": laboratory.engine.synthesisIsSuspended = words[1] == "on"
            case "ignored": #expect(laboratory.ignored == Int(words[1]), "\(place): got \(laboratory.ignored)")
            case "cookies-heard":
                #expect(laboratory.cookiesHeard.count == Int(words[1]), "\(place): got \(laboratory.cookiesHeard)")
            case "client-cookies":
                let cookies = laboratory.clientCookies.values.flatMap { $0 }
                #expect(cookies.count == Int(words[1]) && Set(cookies).count == cookies.count, "\(place)")
            case "count":
                let count = ResolverCount.allCases.first { $0.name == words[1] }
                #expect(try laboratory.counters[#require(count)] == UInt64(words[2]), "\(place)")
            case "policy":
                laboratory.policy = Policy(
                    generation: 2,
                    prefixes: [try TranslationPrefix(#require(IPv6Prefix(words[2])))],
                    clients: policy.clients,
                    destinations: policy.destinations,
                    views: policy.views
                )
            case "view-now":
                laboratory.policy = Policy(
                    generation: 3,
                    prefixes: policy.prefixes,
                    clients: policy.clients,
                    destinations: policy.destinations,
                    views: Views(
                        synthesizeByDefault: words[1] == "on",
                        synthesizeOverIPv4: true,
                        views: []
                    )
                )
            case "prefix", "clients", "allow", "view", "over-ipv4", "upstreams", "exclude", "break-dnssec": break
            case "view-rule", "exclude-domain", "view-exclude-domain", "rule", "local", "filter-name", "filter-address",
                "serve-stale", "prefetch", "discovery-ttl",
                "random-case", "rate",
                "recursor", "no-cookies":
                break
            default: Issue.record("\(place): no such step")
            }
        }
        if !checked {
            #expect(left.allSatisfy { $0.isEmpty }, "\(file), at the end of \(title): not expected: \(left)")
        }
        laboratory.run(until: laboratory.now + .seconds(40))
        #expect(laboratory.engine.underWay == (0, 0), "\(title): something is still under way")
        #expect(laboratory.cache.measures.octets <= 1 << 20)
    }

    /// `crowd NUMBER NAME TYPE`: so many clients ask the same before the first is answered; what they got.
    private static func crowd(_ words: [String], in laboratory: inout Laboratory, took: inout Moment.Span) throws
        -> [PlainMessage]
    {
        let start = laboratory.now
        var waiters: [UInt64] = []
        for number in 0..<(try #require(Int(words[0]))) {
            var (message, client) = question([""] + words.dropFirst())
            client.address = .v6(IPv6Address(high: 0x2001_0DB8_0000_0000 | UInt64(number), low: 5))
            message[1] = UInt8(truncatingIfNeeded: number)
            waiters.append(laboratory.send(message, from: client).waiter)
        }
        laboratory.run(until: start + .seconds(20), waitingFor: waiters)
        took = laboratory.now - start
        return try waiters.compactMap { try laboratory.answers[$0].map { try PlainMessage($0.message) } }
    }

    /// `view NETWORK on|off [prefix P] [exclude P] [no-filter]`
    private static func view(_ words: [String]) throws -> View {
        func values(_ word: String) -> [String] {
            words.indices.dropLast().filter { words[$0] == word }.map { words[$0 + 1] }
        }
        let prefixes = try values("prefix").map { try TranslationPrefix(#require(IPv6Prefix($0))) }
        let excluded = try values("exclude").map { try #require(IPv6Prefix($0)) }
        return View(
            network: try #require(IPPrefix(words[1])),
            synthesize: words[2] == "on",
            prefixes: prefixes.isEmpty ? nil : prefixes,
            excludeAAAA: excluded.isEmpty ? nil : excluded,
            filter: words.contains("no-filter") ? false : nil,
            origin: .file
        )
    }

    /// `view-rule NETWORK DOMAIN ...` as `rule`, or no rules without a domain; `view-exclude-domain NETWORK DOMAIN...`.
    private static func change(_ settings: inout DNS64Settings, _ text: String, _ body: (inout ViewNames) -> Void)
        throws
    {
        let network = try #require(IPPrefix(text))
        if !settings.views.contains(where: { $0.networks == [network] }) {
            settings.views.append(ViewNames(networks: [network]))
        }
        for index in settings.views.indices where settings.views[index].networks == [network] {
            body(&settings.views[index])
        }
    }

    /// `rule DOMAIN ask N`, where the upstreams of rules are counted on behind those of all names; or `system`, `local`,
    /// `block`.
    private static func rule(_ words: [String], _ number: Int) throws -> ForwardingRule {
        let domain = try #require(Name(words[1]))
        switch words[2] {
        case "ask":
            let upstreams = (0..<(Int(words[3]) ?? 1)).map {
                UpstreamAddress(TransportAddress(.v4(IPv4Address(198, 51, 100, UInt8(4 * number + $0))), Port(53)))
            }
            return ForwardingRule(domain: domain, action: .ask(upstreams))
        case "nobody": return ForwardingRule(domain: domain, action: .ask([]))
        case "system": return ForwardingRule(domain: domain, action: .askDefault)
        case "local": return ForwardingRule(domain: domain, action: .local)
        default: return ForwardingRule(domain: domain, action: .block)
        }
    }

    /// `filter-… WHAT ACTION [ADDRESS ...]`
    private static func action(_ words: [String]) throws -> FilterAction {
        switch words[2] {
        case "nxdomain": .nameError
        case "nodata": .noData
        case "allow": .allow
        default: .override(try words.dropFirst(3).map { try #require(IPAddress($0)) })
        }
    }

    static let codes: [String: UInt16] = [
        "NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6,
        "BADVERS": 16,
    ]

    /// `answer NAME TYPE TTL DATA`; the TTL may be `*`, the data of a SOA record left out.
    private static func take(_ words: [String], from records: inout [PlainMessage.Record], _ place: String) throws {
        guard !records.isEmpty else {
            Issue.record("\(place): no more records")
            return
        }
        let record = records.removeFirst()
        let type = PlainMessage.type(words[2])
        #expect(record.owner == words[1] && record.type == type, "\(place): got \(record)")
        if words[3] != "*" { #expect(String(record.ttl) == words[3], "\(place): got \(record)") }
        guard words.count > 4 else { return }
        var expected = words[4...].joined(separator: " ")
        if type == 28 {
            let octets = PlainMessage.data(28, expected)
            expected = (0..<8).map { String(UInt16(octets[2 * $0]) << 8 | UInt16(octets[2 * $0 + 1]), radix: 16) }
                .joined(separator: ":")
        }
        #expect(record.data == expected, "\(place): got \(record)")
    }

    private static func question(_ words: [String]) -> ([UInt8], Client) {
        var message = PlainMessage()
        message.identifier = 0x1234
        message.flags = 0x0100
        message.questions = [(words[1], PlainMessage.type(words[2]), 1)]
        message.opt = (1232, 0, [])
        var client = Client(address: .v6(IPv6Address(high: 0x2001_0DB8_0000_0000, low: 5)), transport: .udp)
        var index = 3
        while index < words.count {
            switch words[index] {
            case "tcp": client.transport = .tcp
            case "do": message.opt?.flags |= 0x8000
            case "cd": message.flags |= 0x10
            case "ad": message.flags |= 0x20
            case "no-rd": message.flags &= ~0x0100
            case "no-edns": message.opt = nil
            case "version": message.opt?.flags |= 0x1_0000
            case "subnet": message.opt?.data = [0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2]
            case "option": message.opt?.data = [0xFD, 0xE9, 0, 2, 1, 2]
            case "keepalive": message.opt?.data = [0, 11, 0, 0]
            case "cookie":
                index += 1
                let cookie = PlainMessage.data(65280, words[index])
                message.opt?.data = [0, 10, 0, UInt8(cookie.count)] + cookie
            case "bad-option": message.opt?.data = [0xFD, 0xE9, 0, 20, 1, 2]
            case "class":
                index += 1
                message.questions[0].recordClass = words[index] == "CH" ? 3 : 255
            case "opcode":
                index += 1
                message.flags |= (UInt16(words[index]) ?? 0) << 11
            case "size":
                index += 1
                message.opt?.size = UInt16(words[index]) ?? 0
            case "from":
                index += 1
                if let address = IPAddress(words[index]) { client.address = address }
            case "twice": message.questions.append(message.questions[0])
            case "response": message.flags |= 0x8000
            default: Issue.record("no such word of a question: \(words[index])")
            }
            index += 1
        }
        return (message.octets, client)
    }

    /// `upstream [N] NAME TYPE -> CODE ; section record ; word ...`
    private static func script(_ line: String) throws -> Laboratory.Script {
        let arrow = try #require(line.firstRange(of: "->"))
        var head = line[..<arrow.lowerBound].split(separator: " ").dropFirst().map(String.init)
        var upstream: Int?
        if let number = Int(head[0]) {
            upstream = number - 1
            head.removeFirst()
        }
        var script = Laboratory.Script(
            upstream: upstream,
            name: head[0],
            type: head[1] == "*" ? 0 : PlainMessage.type(head[1])
        )
        for part in line[arrow.upperBound...].split(separator: ";") {
            let words = part.split(separator: " ").map(String.init)
            switch words[0] {
            case "ede":
                script.error = UInt16(words[1])
                // A text of as many octets, none of which is fit to be shown.
                if words.count > 2 { script.errorText = [UInt8](repeating: 0x1B, count: Int(words[2]) ?? 0) }
            case "drop": script.drops = true
            case "delay": script.delay = UInt64(words[1]) ?? 0
            case "tc": script.truncatesUDP = true
            case "drops-edns": script.dropsEDNS = true
            case "refuses-edns": script.refusesEDNS = true
            case "cookies": script.cookies = words.count > 1 ? words[1] : "yes"
            case "closes-tcp": script.closesTCP = true
            case "silent-tcp": script.isSilentOverTCP = true
            case "bare": script.isBare = true
            case "spoof": script.spoofs = Array(words.dropFirst())
            case "raw":
                // The octets of answers, one in each word; a record for each stands in for them until they are sent.
                script.raw = PlainMessage.data(65280, words.dropFirst().joined())
                let record = PlainMessage.Record(owner: ".", type: 65280, ttl: 0, data: "")
                script.reply.sections[0] = words.dropFirst().map { _ in record }
            case "ad": script.reply.flags |= 0x20
            case "authority", "additional":
                script.reply.sections[words[0] == "authority" ? 1 : 2].append(record(Array(words.dropFirst())))
            default:
                if let code = codes[words[0]] {
                    script.reply.flags |= code
                } else {
                    script.reply.sections[0].append(record(words))
                }
            }
        }
        return script
    }

    private static func record(_ words: [String]) -> PlainMessage.Record {
        PlainMessage.Record(
            owner: words[0],
            type: PlainMessage.type(words[1]),
            ttl: UInt32(words[2]) ?? 0,
            data: words.dropFirst(3).joined(separator: " ")
        )
    }
}

@Suite("Scenarios: what clients get, given what upstreams say")
struct Scenarios {
    @Test("every step of the scenario comes about", arguments: Scenario.all)
    func run(_ scenario: Scenario) throws { try scenario.run() }

    @Test("the scenarios are found")
    func found() { #expect(Scenario.all.count >= 160) }

    @Test("every defect that other resolvers were seen to have is named in the list, with the scenario that shows ours")
    func defects() {
        let folder = Scenario.folder + "Defects/"
        let list = Scenario.text(of: folder + "README.md")
        let named = Set(list.split { !($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") }.map(String.init))
        let files = Set(Scenario.files(in: folder).filter { $0.hasSuffix(".txt") })
        #expect(files.subtracting(named).isEmpty, "not in the list: \(files.subtracting(named))")
        let missing = named.filter { $0.hasSuffix(".txt") }.subtracting(files)
        #expect(missing.isEmpty, "in the list, but no scenario: \(missing)")
        // A row for each of section 2, and those of section 1 that are no row of section 2.
        let rows = list.split(separator: "\n").compactMap { Int($0.dropFirst(2).prefix { $0.isNumber }) }
        #expect(rows == Array(1...74))
    }
}
