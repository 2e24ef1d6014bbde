import DNS64
import DNSWire
import IPAddressing
import PacketMemory
import Policy
import Testing
import Timing

extension Bench {
    /// What the short way answers; nothing if it leaves the question to the long one.
    func askShortly(_ message: [UInt8], from client: Client = Bench.client) -> [UInt8]? {
        var memory = OctetBuffer(count: 65_535)
        let count = shorten(message, from: client, &memory)
        return count < 0 ? nil : (0..<count).map { memory.octets.octet(at: $0) }
    }

    private func shorten(_ message: [UInt8], from client: Client, _ memory: inout OctetBuffer) -> Int {
        var reply = memory.mutableOctets
        return engine.answerKnown(message.span.bytes, from: client, policy: policy, at: now, reply: &reply)
    }

    /// Answers every question to upstreams by the first letter of its name: `n` has AAAA records, `m` only excluded ones,
    /// `e` does not exist, and neither does `z`, of which more is said; `c` is an alias of a name with A records; any other
    /// has A records alone, and of `w` it is said why there are no others.
    func serveByLetter() {
        while let (action, message) = next() {
            guard case .ask(let exchange, _, _, _) = action else { continue }
            var end = 12
            while message[end] != 0 { end += 1 + Int(message[end]) }
            let isAAAA = message[end + 2] == 28
            let letter = message[13] | 32
            var answer = Self.honestReply(message, nameError: letter == 101 || letter == 122)
            if isAAAA, message[13] == 110 || message[13] == 109 {
                answer = Array(answer[..<(end + 5)])
                answer[7] = 1
                answer[9] = 0
                answer += [0xC0, 12, 0, 28, 0, 1, 0, 0, 1, 44, 0, 16]
                answer +=
                    message[13] == 110
                    ? [0x20, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]
                    : [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 5, 6, 7, 8]
            } else if message[13] == 99 {
                let records = Array(answer[(end + 5)...])
                answer = Array(answer[..<(end + 5)])
                answer += [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 200, 0, 7, 4, 103, 111, 97, 108, 0xC0, 12]
                let target = UInt8(end + 5 + 12)
                answer += isAAAA ? records : records.enumerated().map { $0.offset % 16 == 1 ? target : $0.element }
                answer[7] += 1
            }
            if letter == 122 || letter == 119 && isAAAA {
                answer[11] = 1
                answer += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 17]
            }
            _ = reply(answer, for: exchange)
        }
    }
}

@Suite("The short way of answers out of the cache")
struct ShortWayTests {
    private static let names = [
        "x.test.", "n.test.", "m.test.", "e.test.", "c.test.", "z.test.", "w.test.",
        "a-name-of-some-more-octets.with.labels.test.",
        "b.corp.test.",
        "f.ads.test.", "sub.f.ads.test.", "own.test.", "corp.test.", "y.example.", "c2.deep.corp.test.",
    ]

    /// Who rules are for.
    enum Rules: CaseIterable { case nobody, everybody, aView }

    private static func bench(_ rules: Rules, prefetches: Bool = false) throws -> Bench {
        let corp = try #require(Name("corp.test.")), ads = try #require(Name("f.ads.test.")),
            own = try #require(Name("own.test."))
        let network = try #require(IPPrefix("5.6.7.0/31")), clients = try #require(IPPrefix("2001:db8::/48"))
        let goal = try #require(Name("goal.c2.deep.corp.test.")), excluded = try #require(Name("y.example."))
        return Bench(upstreams: 1) { settings in
            settings.prefetches = prefetches
            guard rules != .nobody else { return }
            let written = [
                ForwardingRule(domain: corp, action: .ask(settings.upstreams)),
                ForwardingRule(domain: own, action: .block),
            ]
            settings.nameFilters = [NameFilter(name: ads, action: .noData)]
            if rules == .everybody {
                settings.rules = written
            } else {
                settings.views = [ViewNames(networks: [clients], rules: written, excludedDomains: [excluded])]
                settings.nameFilters.append(NameFilter(name: goal, action: .nameError))
            }
            settings.addressFilters = [AddressFilter(prefix: network, action: .noData)]
        }
    }

    @Test(
        "D64-22 what is answered the short way is answered with the same octets the long way, whatever the question",
        arguments: Rules.allCases,
        [false, true]
    )
    func sameOctets(rules: Rules, prefetches: Bool) throws {
        let bench = try Self.bench(rules, prefetches: prefetches)
        bench.engine.takesShortWay = false
        for name in Self.names {
            for type: UInt16 in [28, 1] { _ = bench.ask(Bench.question(name, type)) }
        }
        bench.serveByLetter()
        var words = SeededWords(77)
        var short = (synthetic: 0, others: 0)
        for round in 0..<20_000 {
            var message = Bench.question(
                Self.names.randomElement(using: &words) ?? "x.test.",
                [28, 28, 1, 12, 16].randomElement(using: &words) ?? 28,
                identifier: UInt16.random(in: 0...65_535, using: &words)
            )
            if Bool.random(using: &words) {
                message.removeLast(11)
                message[11] = 0
            }
            for place in 12..<message.count
            where message[place] >= 97 && message[place] <= 122 && Bool.random(using: &words) {
                message[place] &= 0xDF
            }
            switch Int.random(in: 0...9, using: &words) {
            case 0:
                message[Int.random(in: 2..<message.count, using: &words)] ^= 1 << UInt8.random(in: 0...7, using: &words)
            case 1: message.removeLast(Int.random(in: 1...message.count, using: &words))
            case 2: message += [0, 0, 41]
            case 3: message[3] |= 0x20
            case 4 where message[11] == 1: message[message.count - 7] = UInt8.random(in: 0...255, using: &words)
            default: break
            }
            bench.engine.takesShortWay = true
            let answer = bench.askShortly(message)
            bench.engine.takesShortWay = false
            let (outcome, expected) = bench.ask(message)
            if let answer {
                #expect(answer == expected, "\(message)")
                if message.count > 30, answer.count > 90 { short.synthetic += 1 } else { short.others += 1 }
            }
            if case .waiting = outcome { bench.serveByLetter() }
            if round % 500 == 0 { bench.wait(.seconds(20)) }
        }
        #expect(short.synthetic > 200 && short.others > 200)
    }

    /// A client of each view, the last in none.
    private static let clients = ["2001:db8:a::5", "2001:db8:b::5", "2001:db8:b:5::5", "2001:db8:c::5", "2001:db8::5"]

    /// Views with rules, domains without synthesis, filters or synthesis of their own, one inside another.
    ///
    /// - Parameter apart: Whether some have prefixes and exclusions of their own, too.
    private static func viewBench(apart: Bool) throws -> Bench {
        let networks = try ["2001:db8:a::/48", "2001:db8:b::/48", "2001:db8:b:5::/64", "2001:db8:c::/48"].map {
            try #require(IPPrefix($0))
        }
        let corp = try #require(Name("corp.test.")), ads = try #require(Name("f.ads.test.")),
            own = try #require(Name("own.test.")), example = try #require(Name("example.")),
            shut = try #require(IPPrefix("5.6.7.0/31"))
        let second = try TranslationPrefix(#require(IPv6Prefix("2001:db8:64::/96")))
        let excluded = IPv6Prefix(IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0), length: 96)
        let bench = Bench(upstreams: 2) { settings in
            let one = [settings.upstreams[0]], two = [settings.upstreams[1]]
            settings.rules = [ForwardingRule(domain: corp, action: .ask(one))]
            settings.nameFilters = [NameFilter(name: ads, action: .noData)]
            settings.addressFilters = [AddressFilter(prefix: shut, action: .noData)]
            settings.views = [
                ViewNames(
                    networks: [networks[0]],
                    rules: [
                        ForwardingRule(domain: own, action: .block), ForwardingRule(domain: corp, action: .ask(two)),
                    ],
                    excludedDomains: [example]
                ),
                ViewNames(networks: [networks[1]], excludedDomains: [corp]),
                ViewNames(networks: [networks[2]], rules: [ForwardingRule(domain: corp, action: .block)]),
            ]
        }
        bench.policy = Policy(
            generation: 2,
            prefixes: [.wellKnown, second],
            clients: bench.policy.clients,
            destinations: DestinationRules(),
            views: Views(
                synthesizeByDefault: true,
                synthesizeOverIPv4: true,
                views: [
                    View(network: networks[0], synthesize: true, prefixes: apart ? [second] : nil, origin: .file),
                    View(
                        network: networks[1],
                        synthesize: true,
                        excludeAAAA: apart ? [excluded] : nil,
                        filter: false,
                        origin: .file
                    ),
                    View(network: networks[2], synthesize: true, origin: .file),
                    View(network: networks[3], synthesize: false, origin: .file),
                ]
            )
        )
        return bench
    }

    @Test(
        "D64-22 in every view what is answered the short way is answered with the same octets the long way",
        arguments: [false, true]
    )
    func sameOctetsInViews(apart: Bool) throws {
        let bench = try Self.viewBench(apart: apart)
        let clients = try Self.clients.map { Client(address: try #require(IPAddress($0)), transport: .udp) }
        var words = SeededWords(78)
        // How many answers of each type each client got the short way, and which addresses of x.test.
        var counts = [[Int]](repeating: [0, 0], count: clients.count)
        var different: Set<[UInt8]> = []
        for round in 0..<6000 {
            let place = Int.random(in: 0..<clients.count, using: &words), isAAAA = Bool.random(using: &words)
            let name = Self.names.randomElement(using: &words) ?? "x.test."
            let message = Bench.question(name, isAAAA ? 28 : 1)
            bench.engine.takesShortWay = true
            let answer = bench.askShortly(message, from: clients[place])
            bench.engine.takesShortWay = false
            let (outcome, expected) = bench.ask(message, from: clients[place])
            if let answer {
                #expect(answer == expected, "\(name) \(isAAAA) \(Self.clients[place])")
                counts[place][isAAAA ? 1 : 0] += 1
            } else if isAAAA, name == "x.test.", !expected.isEmpty {
                different.insert(expected)
            }
            if case .waiting = outcome { bench.serveByLetter() }
            if round % 500 == 0 { bench.wait(.seconds(20)) }
        }
        for (place, count) in counts.enumerated() {
            #expect(count[0] > 100, "\(Self.clients[place])")
            // Where views have prefixes of their own, or nothing is made, AAAA goes the long way.
            #expect(apart || place == 3 ? count[1] == 0 : count[1] > 100, "\(Self.clients[place])")
        }
        // As NODATA, and under both prefixes, or under that of the view alone; with aged TTLs.
        #expect(apart ? different.count >= 3 : different.count >= 1)
    }

    @Test("DNS-35 a denial of which an upstream says more goes the long way, what is made in its place the short one")
    func deniedWithError() throws {
        let bench = try Self.bench(.nobody)
        bench.engine.takesShortWay = false
        for (name, type) in [("z.test.", 1), ("w.test.", 28), ("e.test.", 1)] as [(String, UInt16)] {
            _ = bench.ask(Bench.question(name, type))
            bench.serveByLetter()
        }
        let denial = bench.ask(Bench.question("z.test.", 1)).reply
        #expect(try PlainMessage(denial).extendedErrors == [17])
        bench.engine.takesShortWay = true
        #expect(bench.askShortly(Bench.question("z.test.", 1)) == nil)
        #expect(bench.askShortly(Bench.question("e.test.", 1)) != nil)
        let made = try #require(bench.askShortly(Bench.question("w.test.", 28)))
        #expect(try PlainMessage(made).extendedErrors.isEmpty)
    }

    @Test(
        "a question that a rule, a filter, a limit or the state of the data plane decides goes the long way",
        arguments: [Rules.everybody, .aView]
    )
    func leavesAlone(rules: Rules) throws {
        let bench = try Self.bench(rules)
        for name in ["x.test.", "b.corp.test.", "f.ads.test.", "own.test.", "y.example.", "c2.deep.corp.test."] {
            bench.engine.takesShortWay = false
            for type: UInt16 in [28, 1] { _ = bench.ask(Bench.question(name, type)) }
            bench.serveByLetter()
            bench.engine.takesShortWay = true
        }
        // Its addresses are 5.6.7.8 and .9; the filter names 5.6.7.0/31.
        #expect(bench.askShortly(Bench.question("x.test.", 28)) != nil)
        #expect(bench.askShortly(Bench.question("b.corp.test.", 28)) != nil)
        #expect(bench.askShortly(Bench.question("f.ads.test.", 28)) == nil)
        #expect(bench.askShortly(Bench.question("own.test.", 28)) == nil)
        #expect((bench.askShortly(Bench.question("y.example.", 28)) == nil) == (rules == .aView))
        #expect(bench.askShortly(Bench.question("y.example.", 1)) != nil)
        #expect((bench.askShortly(Bench.question("c2.deep.corp.test.", 28)) == nil) == (rules == .aView))
        bench.engine.synthesisIsSuspended = true
        #expect(bench.askShortly(Bench.question("x.test.", 28)) == nil)
        bench.engine.synthesisIsSuspended = false
        bench.wait(.seconds(3600))
        #expect(bench.askShortly(Bench.question("x.test.", 28)) == nil)
    }
}
