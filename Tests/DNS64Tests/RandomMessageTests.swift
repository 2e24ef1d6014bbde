import DNS64
import Glibc
import Testing
import Timing

/// How many messages of each kind: `DNS64_RANDOM_MESSAGES`, or a million in release builds.
private let rounds: Int = {
    if let text = getenv("DNS64_RANDOM_MESSAGES"), let count = Int(String(cString: text)) { return count }
    #if DEBUG
    return 20_000
    #else
    return 1_000_000
    #endif
}()

@Suite("Whatever octets come, every client is answered and nothing is lost")
struct RandomMessageTests {
    /// Changes some octets, cuts, adds, and lies about counts.
    private static func mutate(_ message: [UInt8], using words: inout SeededWords, keeping kept: Int) -> [UInt8] {
        var message = message
        for _ in 0..<Int.random(in: 1...3, using: &words) where message.count > kept {
            let place = Int.random(in: kept..<message.count, using: &words)
            switch Int.random(in: 0...7, using: &words) {
            case 0: message[place] ^= 1 << UInt8.random(in: 0...7, using: &words)
            case 1: message[place] = UInt8.random(in: 0...255, using: &words)
            case 2: message.removeSubrange(place...)
            case 3:
                message.insert(
                    contentsOf: (0..<Int.random(in: 1...20, using: &words)).map { _ in
                        UInt8.random(in: 0...255, using: &words)
                    },
                    at: place
                )
            case 4 where message.count > 12:
                message[Int.random(in: 4...11, using: &words)] = [0, 1, 2, 7, 255].randomElement(using: &words) ?? 0
            case 5 where place + 1 < message.count:
                message[place] = 0xC0 | UInt8.random(in: 0...1, using: &words)
                message[place + 1] = UInt8.random(in: 0...255, using: &words)
            case 6: message[place] = [0x3F, 0x40, 0x80, 0xBF, 0xFF].randomElement(using: &words) ?? 0
            default:
                message += (0..<Int.random(in: 1...40, using: &words)).map { _ in
                    UInt8.random(in: 0...255, using: &words)
                }
            }
        }
        return message
    }

    private static func seeds() -> [[UInt8]] {
        [
            Bench.question("x.test.", 28), Bench.question("www.example.test.", 1), Bench.question("ipv4only.arpa.", 28),
            Bench.question("8.0.7.0.6.0.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.", 12),
            Bench.question("1.1.1.10.in-addr.arpa.", 12), Bench.question("localhost.", 28),
            Bench.question("x.test.", 255),
            Bench.question("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.test.", 65), Bench.question("x.test.", 252),
        ]
    }

    @Test(
        "random and mutated queries: a readable reply with their identifier, a wait that ends, or silence with a reason"
    )
    func queries() throws {
        let bench = Bench()
        var words = SeededWords(21)
        let seeds = Self.seeds()
        var outcomes = (replies: 0, silences: 0, waits: 0)
        var waiting = 0
        for round in 0..<rounds {
            let message =
                round % 10 == 0
                ? (0..<Int.random(in: 0...60, using: &words)).map { _ in UInt8.random(in: 0...255, using: &words) }
                : Self.mutate(seeds[round % seeds.count], using: &words, keeping: round % 3 == 0 ? 0 : 12)
            let (outcome, reply) = bench.ask(message)
            switch outcome {
            case .reply:
                outcomes.replies += 1
                guard reply.count >= 12, reply[..<2] == message[..<2], reply[2] & 0x80 != 0, reply.count <= 1232 else {
                    Issue.record("reply \(reply) to \(message)")
                    return
                }
                if round % 16 == 0 { #expect(throws: Never.self) { _ = try PlainMessage(reply) } }
            case .silence: outcomes.silences += 1
            case .waiting:
                outcomes.waits += 1
                waiting += 1
            }
            if waiting >= 64 || round == rounds - 1 {
                let answers = bench.serve()
                guard answers.count == waiting else {
                    Issue.record("\(answers.count) answers to \(waiting) clients")
                    return
                }
                waiting = 0
            }
            if round % 1000 == 0 { bench.wait(.milliseconds(500)) }
        }
        #expect(outcomes.replies > 0 && outcomes.silences > 0 && outcomes.waits > 0)
        bench.wait(.seconds(60))
        #expect(bench.engine.underWay == (0, 0) && bench.engine.nextDeadline == nil)
        #expect(bench.cache.checkInvariants() && bench.cache.measures.octets <= bench.cache.measures.capacity)
        #expect(bench.counters[.queries] == UInt64(rounds))
    }

    @Test("mutated replies of upstreams: every client gets a readable answer, and nothing is left behind")
    func replies() throws {
        let bench = Bench(upstreams: 2)
        var words = SeededWords(22)
        var mutated = 0
        var name = 0
        var answered = 0
        while mutated < rounds {
            for _ in 0..<32 {
                name += 1
                let type: UInt16 = [28, 28, 1, 12, 6][name % 5]
                let text =
                    name % 7 == 0
                    ? "\(name & 15).\(name >> 4 & 15).7.0.6.0.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa."
                    : "n\(name).test."
                _ = bench.ask(Bench.question(text, type))
            }
            for _ in 0..<40 {
                while let (action, message) = bench.next() {
                    switch action {
                    case .ask(let exchange, _, _, _):
                        mutated += 1
                        var reply = Bench.honestReply(message, nameError: mutated % 11 == 0)
                        if mutated % 5 == 0 { reply += [0xC0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 4, 1, 97, 0xC0, 12] }
                        reply = Self.mutate(reply, using: &words, keeping: mutated % 4 == 0 ? 2 : 12)
                        _ = bench.reply(reply, for: exchange)
                    case .answer:
                        answered += 1
                        if answered % 8 == 0 { #expect(throws: Never.self) { _ = try PlainMessage(message) } }
                    case .cancel, .tell: break
                    }
                }
                if bench.engine.underWay.clients == 0 { break }
                bench.wait(.milliseconds(300))
            }
            guard bench.engine.underWay.clients == 0 else {
                Issue.record("\(bench.engine.underWay) after name \(name)")
                return
            }
        }
        #expect(
            bench.counters[.upstreamMalformed] > 0 && bench.counters[.ignoredQuestion] > 0
                && bench.counters[.synthesized] > 0
        )
        bench.wait(.seconds(60))
        while bench.next() != nil {}
        #expect(bench.engine.underWay == (0, 0) && bench.engine.nextDeadline == nil)
        #expect(bench.cache.checkInvariants() && bench.cache.measures.octets <= bench.cache.measures.capacity)
    }
}
