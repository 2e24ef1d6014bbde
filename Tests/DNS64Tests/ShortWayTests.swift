import DNS64
import DNSWire
import IPAddressing
import PacketMemory
import Policy
import Testing
import Timing

extension Bench {
    /// What the short way answers; nothing if it leaves the question to the long one.
    func askShortly(_ message: [UInt8]) -> [UInt8]? {
        var memory = OctetBuffer(count: 65_535)
        let count = shorten(message, &memory)
        return count < 0 ? nil : (0..<count).map { memory.octets.octet(at: $0) }
    }

    private func shorten(_ message: [UInt8], _ memory: inout OctetBuffer) -> Int {
        var reply = memory.mutableOctets
        return engine.answerKnown(message.span.bytes, from: Self.client, policy: policy, at: now, reply: &reply)
    }

    /// Answers every question to upstreams by the first letter of its name: `n` has AAAA records, `m` only excluded ones,
    /// `e` does not exist, `c` is an alias of a name with A records; any other has A records alone.
    func serveByLetter() {
        while let (action, message) = next() {
            guard case .ask(let exchange, _, _, _) = action else { continue }
            var end = 12
            while message[end] != 0 { end += 1 + Int(message[end]) }
            let isAAAA = message[end + 2] == 28
            var answer = Self.honestReply(message, nameError: message[13] | 32 == 101)
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
            _ = reply(answer, for: exchange)
        }
    }
}

@Suite("The short way of answers out of the cache")
struct ShortWayTests {
    private static let names = [
        "x.test.", "n.test.", "m.test.", "e.test.", "c.test.", "a-name-of-some-more-octets.with.labels.test.",
        "b.corp.test.",
        "f.ads.test.", "sub.f.ads.test.", "own.test.", "corp.test.", "y.example.", "c2.deep.corp.test.",
    ]

    private static func bench(rules: Bool, prefetches: Bool = false) throws -> Bench {
        let corp = try #require(Name("corp.test.")), ads = try #require(Name("f.ads.test.")),
            own = try #require(Name("own.test."))
        let network = try #require(IPPrefix(rules ? "5.6.7.0/31" : "192.0.2.0/24"))
        return Bench(upstreams: 1) { settings in
            settings.prefetches = prefetches
            guard rules else { return }
            settings.rules = [ForwardingRule(domain: corp, action: .ask(settings.upstreams))]
            settings.rules.append(ForwardingRule(domain: own, action: .block))
            settings.nameFilters = [NameFilter(name: ads, action: .noData)]
            settings.addressFilters = [AddressFilter(prefix: network, action: .noData)]
        }
    }

    @Test(
        "D64-22 what is answered the short way is answered with the same octets the long way, whatever the question",
        arguments: [false, true],
        [false, true]
    )
    func sameOctets(rules: Bool, prefetches: Bool) throws {
        let bench = try Self.bench(rules: rules, prefetches: prefetches)
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

    @Test("a question that a rule, a filter, a limit or the state of the data plane decides goes the long way")
    func leavesAlone() throws {
        let bench = try Self.bench(rules: true)
        for name in ["x.test.", "b.corp.test.", "f.ads.test.", "own.test."] {
            bench.engine.takesShortWay = false
            _ = bench.ask(Bench.question(name, 28))
            bench.serveByLetter()
            bench.engine.takesShortWay = true
        }
        // Its addresses are 5.6.7.8 and .9; the filter names 5.6.7.0/31.
        #expect(bench.askShortly(Bench.question("x.test.", 28)) != nil)
        #expect(bench.askShortly(Bench.question("b.corp.test.", 28)) != nil)
        #expect(bench.askShortly(Bench.question("f.ads.test.", 28)) == nil)
        #expect(bench.askShortly(Bench.question("own.test.", 28)) == nil)
        bench.engine.synthesisIsSuspended = true
        #expect(bench.askShortly(Bench.question("x.test.", 28)) == nil)
        bench.engine.synthesisIsSuspended = false
        bench.wait(.seconds(3600))
        #expect(bench.askShortly(Bench.question("x.test.", 28)) == nil)
    }
}
