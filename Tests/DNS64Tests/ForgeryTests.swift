import DNS64
import Testing
import Timing

@Suite("Forged replies in great numbers")
struct ForgeryTests {
    #if DEBUG
    private static let rounds = 12_000
    #else
    private static let rounds = 1_000_000
    #endif

    private struct Question {
        let exchange: ExchangeID
        let message: [UInt8]
    }

    /// The messages to upstreams that the engine wants sent now.
    private static func questions(_ bench: Bench) -> [Question] {
        var result: [Question] = []
        while let (action, message) = bench.next() {
            if case .ask(let exchange, _, _, _) = action {
                result.append(Question(exchange: exchange, message: message))
            }
        }
        return result
    }

    /// A right reply with an OPT record that has this cookie.
    private static func reply(_ message: [UInt8], cookie: [UInt8]) -> [UInt8] {
        var reply = Bench.honestReply(message)
        reply[11] = 1
        reply += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, UInt8(4 + cookie.count)]
        return reply + [0, 10, 0, UInt8(cookie.count)] + cookie
    }

    @Test("DNS-18 DNS-34 each kind of forgery has its count, none has an effect, and the right reply is taken")
    func flood() throws {
        let bench = Bench(change: { $0.randomizesCase = true })
        let server = [UInt8](repeating: 7, count: 16)
        // The upstream is known to have cookies.
        _ = bench.ask(Bench.question("first.test.", 1))
        let first = try #require(Self.questions(bench).first)
        let ours = try PlainMessage(first.message).cookie
        #expect(ours.count == 8)
        #expect(bench.reply(Self.reply(first.message, cookie: ours + server), for: first.exchange) == .taken)
        _ = Self.questions(bench)

        _ = bench.ask(Bench.question("victim.example.test.", 1))
        let asked = try #require(Self.questions(bench).first)
        let right = Self.reply(asked.message, cookie: ours + server)
        #expect(try PlainMessage(asked.message).cookie == ours + server)
        var words = SeededWords(34)
        var counts: [ResolverCount: UInt64] = [:]
        for round in 0..<Self.rounds {
            var forged = right
            let kind: ResolverCount
            let change = UInt8.random(in: 1...255, using: &words)
            switch round % 6 {
            case 0:
                forged[0] ^= change
                kind = .ignoredIdentifier
            case 1:
                forged[13] = forged[13] == 120 ? 121 : 120
                kind = .ignoredQuestion
            case 2:
                forged[14] ^= 32
                kind = .ignoredSpelling
            case 3:
                forged = Array(forged.prefix(Int(change) % 12))
                kind = .ignoredForm
            case 4:
                forged[forged.count - 24 + Int(change) % 8] ^= change
                kind = .ignoredCookie
            default:
                forged = Bench.honestReply(asked.message)
                kind = .ignoredCookie
            }
            counts[kind, default: 0] += 1
            guard case .ignored = bench.reply(forged, for: asked.exchange) else {
                Issue.record("believed: \(forged)")
                return
            }
            // At most the question over TCP that the first reply without the cookie led to is under way besides.
            if round % 1000 == 0 { #expect(bench.engine.underWay == (1, round == 0 ? 1 : 2)) }
        }
        for (kind, count) in counts { #expect(bench.counters[kind] == count, "\(kind)") }
        #expect(bench.reply(right, for: asked.exchange) == .taken)
        #expect(bench.reply(right, for: asked.exchange) == .ignored(.late))
        #expect(bench.serve().count == 1)
        #expect(bench.engine.underWay == (0, 0))
    }

    @Test("DNS-34 mutated options never end the engine, and every client is answered")
    func options() throws {
        let bench = Bench()
        var words = SeededWords(35)
        var answered = 0
        let names = Self.rounds / 12
        for number in 0..<names {
            _ = bench.ask(Bench.question("n\(number).test.", 1))
            for _ in 0..<40 {
                while let (action, message) = bench.next() {
                    switch action {
                    case .ask(let exchange, _, _, _):
                        let sent = try PlainMessage(message)
                        var reply = Self.reply(
                            message,
                            cookie: sent.cookie.prefix(8)
                                + [UInt8](repeating: 9, count: Int.random(in: 0...34, using: &words))
                        )
                        if number % 3 > 0 {
                            let place = Int.random(in: 22..<reply.count, using: &words)
                            reply[place] = UInt8.random(in: 0...255, using: &words)
                        }
                        if number % 5 == 0 { reply.removeLast(Int.random(in: 0...20, using: &words)) }
                        if number % 7 == 0 {
                            reply[3] |= 7
                            reply[reply.count / 2] = 1
                        }
                        _ = bench.reply(reply, for: exchange)
                    case .answer: answered += 1
                    case .cancel, .tell: break
                    }
                }
                if bench.engine.underWay.clients == 0 { break }
                bench.wait(.milliseconds(400))
            }
        }
        #expect(answered == names)
        #expect(bench.counters[.upstreamCookies] > 0 && bench.counters[.ignoredCookie] > 0)
        #expect(bench.counters[.synthesized] == 0 && bench.cache.checkInvariants())
    }
}
