import DNSWire
import IPAddressing
import PacketMemory
import Testing

@testable import DNS64

@Suite("Rules: tables of names and of networks")
struct RuleTests {
    private static func label(_ words: inout SeededWords) -> String {
        ["a", "b", "corp", "x1", "EX"][Int(words.next() % 5)]
    }

    private static func name(_ words: inout SeededWords) throws -> Name {
        let labels = (0..<Int(words.next() % 6)).map { _ in label(&words) }
        return try #require(Name(labels.joined(separator: ".") + "."))
    }

    @Test("DNS-46 the longest end of a name is found, as by trying each end")
    func longestName() throws {
        var words = SeededWords(11)
        for size in [0, 1, 3, 20, 200] {
            var names: [Name] = []
            for _ in 0..<size {
                let name = try Self.name(&words)
                if !names.contains(name) { names.append(name) }
            }
            let table = NameTable(names)
            for _ in 0..<400 {
                let name = try Self.name(&words)
                let right = names.indices.filter { name.isAtOrBelow(names[$0]) }
                    .max { names[$0].labelCount < names[$1].labelCount }
                let match = table.longest(name)
                #expect(match.place == right ?? -1)
                if let right { #expect(name.count - match.offset == names[right].count) }
            }
        }
    }

    @Test("DNS-46 ten thousand rules: each finds its own, names beside them none")
    func manyRules() throws {
        var settings = DNS64Settings()
        for number in 0..<10_000 {
            let upstream = UpstreamAddress(TransportAddress(.v4(IPv4Address(bits: UInt32(number % 4 + 1))), Port(53)))
            settings.rules.append(
                ForwardingRule(domain: try #require(Name("r\(number).rules.test")), action: .ask([upstream]))
            )
        }
        let rules = NameRules(settings)
        #expect(rules.groups.count == 5)
        for number in 0..<10_000 {
            let name = try #require(Name("h.R\(number).rules.test"))
            #expect(rules.group(for: name, in: 0) == number % 4 + 1)
        }
        for text in ["rules.test", "r10000.rules.test", "xr5.rules.test", "r5.rules.test.x"] {
            #expect(rules.group(for: try #require(Name(text)), in: 0) == 0)
        }
    }

    @Test("the longest network of an address is found, as by trying each network")
    func longestNetwork() throws {
        var words = SeededWords(5)
        for size in [0, 1, 5, 60] {
            var prefixes: [IPPrefix] = [.v6(IPv6Prefix(.unspecified, length: 0))]
            while prefixes.count <= size {
                let bits = UInt32(truncatingIfNeeded: words.next()) & 0x8000_F00F
                let length = Int(words.next() % 33)
                let prefix = IPPrefix.v4(IPv4Prefix(IPv4Address(bits: bits & IPv4Prefix.mask(length)), length: length))
                if !prefixes.contains(prefix) { prefixes.append(prefix) }
                let mask = IPv6Prefix.mask(length * 4)
                let address = IPv6Address(
                    high: words.next() & 0xF000_0000_0000_000F,
                    low: words.next() & 0x8000_0000_0000_0003
                )
                let six = IPPrefix.v6(
                    IPv6Prefix(
                        IPv6Address(high: address.high & mask.high, low: address.low & mask.low),
                        length: length * 4
                    )
                )
                if !prefixes.contains(six) { prefixes.append(six) }
            }
            let table = AddressTable(prefixes)
            func check(_ address: IPv6Address) {
                let right = prefixes.indices.filter { Self.holds(prefixes[$0], address) }
                    .max { Self.length(prefixes[$0]) < Self.length(prefixes[$1]) }
                #expect(table.longest(address) == right ?? -1, "\(address) in \(prefixes)")
            }
            for _ in 0..<300 {
                check(IPAddress.v4(IPv4Address(bits: UInt32(truncatingIfNeeded: words.next()) & 0x8000_F00F)).mapped)
                check(
                    IPv6Address(high: words.next() & 0xF000_0000_0000_000F, low: words.next() & 0x8000_0000_0000_0003)
                )
            }
            check(IPv6Address(high: .max, low: .max))
            check(.unspecified)
        }
    }

    private static func length(_ prefix: IPPrefix) -> Int {
        switch prefix {
        case .v4(let prefix): prefix.length + 96
        case .v6(let prefix): prefix.length
        }
    }

    private static func holds(_ prefix: IPPrefix, _ address: IPv6Address) -> Bool {
        switch prefix {
        case .v4(let prefix):
            address.isIPv4Mapped && prefix.contains(IPv4Address(bits: UInt32(truncatingIfNeeded: address.low)))
        case .v6(let prefix): prefix.contains(address)
        }
    }

    @Test("a question of ours that comes back to us ends with SERVFAIL and an extended error")
    func loop() throws {
        let bench = Bench()
        #expect(bench.ask(Bench.question("x.test.", 1)).outcome == .waiting)
        let (action, message) = try #require(bench.next())
        guard case .ask(let exchange, _, _, _) = action else {
            Issue.record("no question")
            return
        }
        bench.engine.sends(exchange, from: 40_000)
        var ourselves = Bench.client
        ourselves.port = 40_000
        let reply = try PlainMessage(bench.ask(message, from: ourselves).reply)
        #expect(reply.code == 2)
        #expect(reply.extendedErrors == [0])
        #expect(bench.counters[.refusedLoop] == 1)
        // The same question of somebody else waits like any other, even under the same identifier.
        var other = message
        other[0] ^= 0x55
        #expect(bench.ask(other, from: ourselves).outcome == .waiting)
        var neighbour = Bench.client
        neighbour.port = 40_001
        #expect(bench.ask(message, from: neighbour).outcome == .waiting)
    }

    @Test("DNS-18 names go upstream in a random case if so set, and a reply in another case is not believed")
    func randomCase() throws {
        let bench = Bench(change: { $0.randomizesCase = true })
        let long = "abcdefghijklmnopqrstuvwxyz.test."
        #expect(bench.ask(Bench.question(long, 1)).outcome == .waiting)
        let (action, message) = try #require(bench.next())
        guard case .ask(let exchange, _, _, _) = action else {
            Issue.record("no question")
            return
        }
        let asked = try PlainMessage(message)
        #expect(asked.questions[0].name != long && asked.questions[0].name.lowercased() == long)
        var reply = asked
        reply.flags = 0x8180
        reply.sections[0] = [PlainMessage.Record(owner: long, type: 1, ttl: 300, data: "5.6.7.8")]
        var forged = reply
        forged.questions[0].name = long
        #expect(
            bench.engine.receive(reply: forged.octets.span.bytes, for: exchange, at: bench.now) == .ignored(.spelling)
        )
        #expect(bench.engine.receive(reply: reply.octets.span.bytes, for: exchange, at: bench.now) == .taken)
        let (answer, octets) = try #require(bench.next())
        guard case .answer = answer else {
            Issue.record("no answer")
            return
        }
        #expect(try PlainMessage(octets).questions[0].name == long)
    }

    @Test("one client network does not fill the table of waiting clients for others")
    func share() throws {
        let bench = Bench(change: {
            $0.waitingClients = 40
            $0.clientShare = 25
        })
        var refused = 0
        for number in 0..<40 where bench.ask(Bench.question("n\(number).test.", 1)).outcome != .waiting { refused += 1 }
        // Half of the table, because nobody else wanted it.
        #expect(refused == 20)
        #expect(bench.counters[.refusedShare] == 20)
        let other = Client(address: .v6(IPv6Address(high: 0x2001_0DB8_0005_0000, low: 1)), transport: .udp)
        for number in 0..<10 {
            #expect(bench.ask(Bench.question("m\(number).test.", 1), from: other).outcome == .waiting)
        }
        #expect(bench.ask(Bench.question("m10.test.", 1), from: other).outcome != .waiting)
        #expect(bench.serve().count == 30)
        #expect(bench.engine.underWay == (0, 0))
        #expect(bench.ask(Bench.question("n50.test.", 1)).outcome == .waiting)
    }

    @Test("what is cached is forgotten when an alias in it leads to a name whose filter or excluded domain changed")
    func forgettingAliases() throws {
        let bench = Bench()
        #expect(bench.ask(Bench.question("x.test.", 1)).outcome == .waiting)
        let (action, message) = try #require(bench.next())
        guard case .ask(let exchange, _, _, _) = action else {
            Issue.record("no question")
            return
        }
        var reply = try PlainMessage(message)
        reply.flags = 0x8180
        reply.sections[0] = [
            PlainMessage.Record(owner: "x.test.", type: 5, ttl: 300, data: "H.Bad.test."),
            PlainMessage.Record(owner: "H.Bad.test.", type: 1, ttl: 300, data: "5.6.7.8"),
        ]
        #expect(bench.reply(reply.octets, for: exchange) == .taken)
        #expect(bench.serve().count == 1)
        bench.cache.forget([try #require(Name("b.test")), try #require(Name("x.h.bad.test"))])
        #expect(bench.cache.measures.answers == 1)
        let bad = try #require(Name("bad.test"))
        var new = DNS64Settings()
        new.nameFilters = [NameFilter(name: bad, action: .noData)]
        #expect(NameRules.changed(from: DNS64Settings(), to: new) == [bad])
        new.nameFilters = []
        new.views = [ViewNames(networks: [], excludedDomains: [bad])]
        let names = NameRules.changed(from: DNS64Settings(), to: new)
        #expect(names == [bad])
        bench.cache.forget(names)
        #expect(bench.cache.measures.answers == 0)
        #expect(bench.cache.checkInvariants())
    }

    @Test("DNS-46 a view with the same rules goes on with its part of the cache, others have parts that nobody had")
    func parts() throws {
        func settings(_ lists: [String]) throws -> DNS64Settings {
            var settings = DNS64Settings()
            for (number, domain) in lists.enumerated() {
                let rule = ForwardingRule(domain: try #require(Name(domain)), action: .ask([]))
                let network = try #require(IPPrefix("2001:db8:\(number)::/48"))
                settings.views.append(ViewNames(networks: [network], rules: [rule]))
            }
            return settings
        }
        func salts(_ rules: NameRules) throws -> [UInt64] {
            try (0..<4).map { rules.salt(rules.view(of: try #require(IPAddress("2001:db8:\($0)::1")))) }
        }
        let first = NameRules(try settings(["a", "b", "a"]))
        let second = NameRules(try settings(["b", "c"]), after: first)
        let third = NameRules(try settings(["a", "c"]), after: second)
        let (one, two, three) = (try salts(first), try salts(second), try salts(third))
        #expect(one[2] == one[0] && one[3] == 0)
        #expect(two[0] == one[1] && two[2] == 0)
        #expect(three[1] == two[1])
        let all = [one[0], one[1], two[1], three[0], 0]
        #expect(Set(all.map { UInt32(truncatingIfNeeded: $0) }).count == all.count)
    }

    @Test("what is cached about names whose rules or records changed is forgotten, and nothing else")
    func forgetting() throws {
        let bench = Bench()
        for name in ["a.corp.test.", "corp.test.", "xcorp.test.", "y.test."] {
            #expect(bench.ask(Bench.question(name, 1)).outcome == .waiting)
        }
        #expect(bench.serve().count == 4)
        #expect(bench.cache.measures.answers == 4)
        let rule = ForwardingRule(domain: try #require(Name("Corp.test")), action: .local)
        var new = DNS64Settings()
        new.rules = [rule]
        #expect(NameRules.changed(from: DNS64Settings(), to: new) == [rule.domain])
        #expect(NameRules.changed(from: new, to: new) == [])
        bench.cache.forget([rule.domain])
        #expect(bench.cache.measures.answers == 2)
        #expect(bench.cache.checkInvariants())
        #expect(bench.ask(Bench.question("a.corp.test.", 1)).outcome == .waiting)
        #expect(bench.ask(Bench.question("y.test.", 1)).outcome != .waiting)
    }

    @Test("data of local records is read in the forms of zone files")
    func recordText() throws {
        #expect(try RecordText.octets(.a, "10.0.0.1") == [10, 0, 0, 1])
        #expect(try RecordText.octets(RecordType("MX") ?? .a, "10 m.x") == [0, 10, 1, 109, 1, 120, 0])
        #expect(try RecordText.octets(RecordType("SRV") ?? .a, "1 2 53 m.") == [0, 1, 0, 2, 0, 53, 1, 109, 0])
        #expect(try RecordText.octets(.txt, "a b") == [3, 97, 32, 98])
        #expect(try RecordText.octets(.txt, "\"a\" \"b\"") == [1, 97, 1, 98])
        #expect(try RecordText.octets(.https, "\\# 3 000100") == [0, 1, 0])
        #expect(throws: RecordText.Problem.unknownType) { try RecordText.octets(.https, "1 .") }
        #expect(throws: RecordText.Problem.unknownType) { try RecordText.octets(.cname, "\\# 1 00") }
        #expect(throws: RecordText.Problem.address4) { try RecordText.octets(.a, "10.0.0") }
        #expect(RecordText.name([1, 97, 0]) == Name("a."))
        for wrong in [[], [1], [1, 97], [0, 0], [64], [0xC0, 12]] as [[UInt8]] {
            #expect(RecordText.name(wrong) == nil)
        }
    }
}
