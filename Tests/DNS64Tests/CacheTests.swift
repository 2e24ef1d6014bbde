import DNS64
import Testing
import Timing

/// Enough to turn the ring over several times.
private let rounds: Int = {
    #if DEBUG
    return 10_000
    #else
    return 100_000
    #endif
}()

@Suite("The answer cache")
struct CacheTests {
    @Test("a flood of names that nobody asks twice leaves the hot ones where they are, and the limit is kept")
    func flood() {
        let bench = Bench()
        let hot = (0..<50).map { Bench.question("hot\($0).test.", 28) }
        for question in hot { _ = bench.ask(question) }
        #expect(bench.serve().count == 50)
        var hits = 0
        var asked = 0
        for number in 0..<rounds {
            _ = bench.ask(Bench.question("n\(number).flood.test.", 28))
            _ = bench.serve()
            if number % 20 == 0 {
                asked += 1
                if case .reply = bench.ask(hot[number / 20 % 50]).outcome { hits += 1 } else { _ = bench.serve() }
            }
            if number % 5_000 == 0 { #expect(bench.cache.checkInvariants()) }
        }
        let measures = bench.cache.measures
        #expect(measures.octets <= measures.capacity && measures.capacity <= 1 << 20)
        #expect(measures.evictions > 0)
        #expect(bench.cache.checkInvariants())
        #expect(hits * 100 >= asked * 98, "\(hits) of \(asked)")
    }

    @Test("a name with both families takes at most 400 octets, index included")
    func size() {
        let bench = Bench()
        for number in 0..<1_000 {
            _ = bench.ask(Bench.question("name\(number).example.test.", 28))
            _ = bench.serve()
        }
        #expect(bench.cache.measures.answers == 2_000)
        #expect(bench.cache.measures.octets / 1_000 + 2 * 16 <= 400, "\(bench.cache.measures.octets / 1_000)")
    }

    @Test("one name with thousands of types does not fill the cache nor slow it down")
    func types() {
        let bench = Bench()
        for type in 300..<2_300 {
            _ = bench.ask(Bench.question("x.test.", UInt16(type)))
            while let (action, message) = bench.next() {
                guard case .ask(let exchange, _, _, _) = action else { continue }
                var reply = Bench.honestReply(message)
                reply = Array(reply[..<24]) + Bench.honestReply(Bench.question("x.test.", 28))[24...]
                reply[0] = message[0]
                reply[1] = message[1]
                reply[7] = 0
                reply[9] = 1
                reply[20] = message[20]
                reply[21] = message[21]
                _ = bench.reply(reply, for: exchange)
            }
        }
        #expect(bench.cache.measures.answers <= 24)
        #expect(bench.cache.measures.answers > 0)
        #expect(bench.cache.checkInvariants())
    }

    @Test("an answer is replaced by a newer one to the same question")
    func replaced() {
        let bench = Bench()
        for _ in 0..<100 {
            _ = bench.ask(Bench.question("x.test.", 1))
            _ = bench.serve()
            bench.wait(.seconds(301))
        }
        #expect(bench.cache.measures.answers == 1)
        #expect(bench.cache.checkInvariants())
    }

    @Test("images of many sizes come and go without a loss of order")
    func churn() {
        let bench = Bench()
        var words = SeededWords(11)
        for _ in 0..<rounds / 2 {
            let number = Int.random(in: 0..<6_000, using: &words)
            let length = 1 + number % 40
            _ = bench.ask(
                Bench.question(
                    "\(number)." + String(repeating: "y", count: length) + ".test.",
                    number % 2 == 0 ? 1 : 28
                )
            )
            while let (action, message) = bench.next() {
                guard case .ask(let exchange, _, _, _) = action else { continue }
                var reply = Bench.honestReply(message)
                if reply[7] == 2 {
                    // Up to 200 further A records.
                    let more = Int.random(in: 0...200, using: &words)
                    reply[7] = UInt8(2 + more)
                    for index in 0..<more { reply += [0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 5, 6, 8, UInt8(index)] }
                }
                _ = bench.reply(reply, for: exchange)
            }
        }
        #expect(bench.cache.checkInvariants())
        #expect(bench.cache.measures.evictions > 0)
    }
}
