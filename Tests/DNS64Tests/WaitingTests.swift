import DNS64
import IPAddressing
import Testing
import Timing

@Suite("Clients that wait for upstreams")
struct WaitingTests {
    @Test(
        "10,000 clients with one question, each spelled its own way, cost one AAAA and one A question"
    )
    func merged() throws {
        let bench = Bench()
        var words = SeededWords(3)
        var questions: [[UInt8]] = []
        for number in 0..<10_000 {
            var question = Bench.question("www.example.test.", 28, identifier: UInt16(number))
            for place in 13..<28 where Bool.random(using: &words) && question[place] > 96 { question[place] -= 32 }
            questions.append(question)
            #expect(bench.ask(question).outcome == .waiting)
        }
        let answers = bench.serve()
        #expect(answers.count == 10_000)
        #expect(bench.counters[.upstreamQueries] == 2)
        #expect(bench.counters[.merged] == 9_999)
        for (waiter, answer) in answers {
            let question = questions[Int(waiter.number) - 1]
            #expect(answer[..<2] == question[..<2])
            #expect(answer[12..<34] == question[12..<34])
            #expect(answer[7] == 2)
        }
        #expect(bench.engine.underWay == (0, 0))
    }

    @Test("equal questions at two workers are asked by one of them, and both answer their clients")
    func twoWorkers() {
        let first = Bench()
        let second = Bench(sharing: first, worker: 1)
        _ = first.ask(Bench.question("x.test.", 28))
        _ = second.ask(Bench.question("X.test.", 28))
        #expect(second.serve().isEmpty)
        second.wait(.milliseconds(50))
        #expect(second.serve().isEmpty)
        #expect(first.serve().count == 1)
        #expect(second.serve().isEmpty)
        // No time passes between the answer and the news of it.
        for news in first.news { second.engine.hear(news, at: second.now) }
        #expect(second.serve().count == 1)
        #expect(first.counters[.upstreamQueries] == 2 && second.counters[.upstreamQueries] == 0)
        #expect(second.counters[.mergedAcross] == 2)
        #expect(second.engine.underWay == (0, 0))
        second.wait(.seconds(6))
        #expect(second.engine.nextDeadline == nil)
    }

    @Test("10,000 clients of four workers with one question cost one AAAA and one A question, and all are answered")
    func manyWorkers() {
        let first = Bench()
        let benches = [first] + (1..<4).map { Bench(sharing: first, worker: $0) }
        for number in 0..<10_000 {
            let question = Bench.question("www.example.test.", 28, identifier: UInt16(number))
            #expect(benches[number & 3].ask(question).outcome == .waiting)
        }
        for bench in benches[1...] { #expect(bench.serve().isEmpty) }
        #expect(first.serve().count == 2500)
        for bench in benches[1...] {
            for news in first.news { bench.engine.hear(news, at: bench.now) }
            #expect(bench.serve().count == 2500 && bench.news.isEmpty)
            #expect(bench.engine.underWay == (0, 0))
        }
        #expect(benches.reduce(0) { $0 + $1.counters[.upstreamQueries] } == 2)
    }

    @Test("D64-05 that upstreams drop AAAA questions every worker knows when one has found it out, and when it is over")
    func sharedDeafness() {
        let first = Bench()
        let second = Bench(sharing: first, worker: 1)
        for name in ["a.test.", "b.test.", "c.test."] {
            _ = first.ask(Bench.question(name, 28))
            #expect(first.serve(dropping: 28).isEmpty)
            first.wait(.milliseconds(850))
            #expect(first.serve(dropping: 28).count == 1)
        }
        _ = second.ask(Bench.question("d.test.", 28))
        #expect(second.serve(dropping: 28).isEmpty)
        second.wait(.milliseconds(50))
        #expect(second.serve(dropping: 28).count == 1)
        // The first answer to an AAAA question ends it for all.
        _ = first.ask(Bench.question("e.test.", 28))
        #expect(first.serve().count == 1)
        _ = second.ask(Bench.question("f.test.", 28))
        #expect(second.serve(dropping: 28).isEmpty)
        second.wait(.milliseconds(50))
        #expect(second.serve(dropping: 28).isEmpty)
        second.wait(.milliseconds(800))
        #expect(second.serve(dropping: 28).count == 1)
    }

    @Test("an upstream that is silent to one worker is put behind the others by all, until one of them hears it")
    func sharedSilence() {
        let first = Bench(upstreams: 2)
        let second = Bench(upstreams: 2, sharing: first, worker: 1)
        for bench in [first, second] {
            _ = bench.ask(Bench.question(bench === first ? "y.test." : "z.test.", 1))
            #expect(bench.serve().count == 1)
        }
        for name in ["a.test.", "b.test."] {
            _ = first.ask(Bench.question(name, 1))
            #expect(first.serve(dropping: 1, of: 0).isEmpty)
            first.wait(.milliseconds(400))
            #expect(first.serve(dropping: 1, of: 0).count == 1)
        }
        _ = second.ask(Bench.question("c.test.", 1))
        #expect(second.serve().count == 1)
        #expect(second.counters.upstreams.map(\.snapshot.queries) == [1, 1])
        // Its time comes to be probed: by one worker, and then both ask it first again.
        first.wait(.seconds(1))
        second.wait(.seconds(3))
        _ = second.ask(Bench.question("d.test.", 1))
        var asked: [(exchange: ExchangeID, reply: [UInt8])] = []
        while let (action, message) = second.next() {
            if case .ask(let exchange, _, _, _) = action { asked.append((exchange, Bench.honestReply(message))) }
        }
        for (exchange, reply) in asked { #expect(second.reply(reply, for: exchange) == .taken) }
        #expect(second.counters.upstreams.map(\.snapshot.queries) == [2, 2])
        _ = first.ask(Bench.question("e.test.", 1))
        #expect(first.serve().count == 1)
        #expect(first.counters.upstreams.map(\.snapshot.queries) == [4, 2])
    }

    @Test("news of what nobody waits for any more, or of another name of the same hash, changes nothing")
    func lateNews() {
        let first = Bench()
        let second = Bench(sharing: first, worker: 1)
        _ = first.ask(Bench.question("x.test.", 1))
        _ = second.ask(Bench.question("x.test.", 1))
        _ = first.serve()
        for news in first.news + first.news { second.engine.hear(news, at: second.now) }
        #expect(second.serve().count == 1 && first.news.count == 1)
        _ = second.ask(Bench.question("y.test.", 1))
        for news in first.news { second.engine.hear(news, at: second.now) }
        #expect(second.engine.underWay.clients == 1)
    }

    @Test("a question whose answer may not be kept is answered at every worker that waited for it")
    func notKept() {
        let first = Bench()
        let second = Bench(sharing: first, worker: 1)
        _ = first.ask(Bench.question("x.test.", 16))
        _ = second.ask(Bench.question("x.test.", 16))
        while let (action, message) = first.next() {
            if case .tell(_, let news) = action { first.news.append(news) }
            guard case .ask(let exchange, _, _, _) = action else { continue }
            var reply = Array(message[..<24])
            reply[2] = 0x81
            reply[3] = 0x80
            reply[11] = 0
            _ = first.reply(reply, for: exchange)
        }
        #expect(second.next() == nil)
        for news in first.news { second.engine.hear(news, at: second.now) }
        #expect(second.serve().count == 1)
        #expect(second.counters[.upstreamQueries] == 0)
    }

    @Test("a name that does not exist denies one with a hundred labels below it: RFC 8020 section 2")
    func deniedFarBelow() {
        let bench = Bench()
        _ = bench.ask(Bench.question("gone.test.", 28))
        while let (action, message) = bench.next() {
            guard case .ask(let exchange, _, _, _) = action else { continue }
            _ = bench.reply(Bench.honestReply(message, nameError: true), for: exchange)
        }
        let deep = Bench.question(String(repeating: "x.", count: 100) + "gone.test.", 28)
        let (outcome, reply) = bench.ask(deep)
        #expect(outcome == .reply(count: reply.count) && reply[3] & 15 == 3)
        // One that lies below another name is asked for.
        #expect(bench.ask(Bench.question("x.gone.example.", 28)).outcome == .waiting)
    }

    @Test("a worker that vanished with its questions is not awaited for ever")
    func vanished() {
        let first = Bench()
        let second = Bench(sharing: first, worker: 1)
        _ = first.ask(Bench.question("x.test.", 1))
        _ = second.ask(Bench.question("x.test.", 1))
        for _ in 0..<400 { second.wait(.milliseconds(16)) }
        #expect(second.serve().count == 1)
    }

    @Test("A and AAAA of one name at the same time cost one question each: RFC 8305 clients send both")
    func bothTypes() {
        let bench = Bench()
        #expect(bench.ask(Bench.question("x.test.", 28)).outcome == .waiting)
        #expect(bench.ask(Bench.question("x.test.", 1)).outcome == .waiting)
        #expect(bench.serve().count == 2)
        #expect(bench.counters[.upstreamQueries] == 2)
    }

    @Test("D64-16 both questions are asked before any answer is there")
    func parallel() {
        let bench = Bench()
        _ = bench.ask(Bench.question("x.test.", 28))
        var types: [UInt8] = []
        while let (action, message) = bench.next() {
            guard case .ask = action else { continue }
            types.append(message[12 + 8 + 1])
        }
        #expect(types.sorted() == [1, 28])
    }

    @Test(
        "DNS-35 how a message to an upstream failed decides the extended error of its clients",
        arguments: [
            (ExchangeFailure.refused, UpstreamAddress.Way.clear, UInt16(22)), (.unreachable, .clear, 22),
            (.closed, .clear, 23), (.local, .clear, 14), (.local, .recursor, 14), (.closed, .recursor, 14),
        ]
    )
    func failureDecidesError(failure: ExchangeFailure, way: UpstreamAddress.Way, error: UInt16) throws {
        let bench = Bench(change: { $0.upstreams[0].way = way })
        #expect(bench.ask(Bench.question("x.test.", 1)).outcome == .waiting)
        var answer: [UInt8]?
        while let (action, message) = bench.next() {
            switch action {
            case .ask(let exchange, _, _, _): bench.fail(exchange, failure)
            case .answer: answer = message
            case .cancel, .tell: break
            }
        }
        let reply = try PlainMessage(#require(answer))
        #expect(reply.code == 2)
        #expect(reply.extendedErrors == [error])
    }

    @Test("beyond its limits the resolver says SERVFAIL at once and goes on afterwards")
    func limits() throws {
        let bench = Bench(change: {
            // The last eighth is for clients that are where they say.
            $0.outstandingQuestions = 22
            $0.waitingClients = 1000
            $0.clientShare = 100
        })
        for number in 0..<10 { #expect(bench.ask(Bench.question("n\(number).test.", 28)).outcome == .waiting) }
        let refused = bench.ask(Bench.question("n10.test.", 28))
        #expect(try PlainMessage(refused.reply).code == 2)
        #expect(try PlainMessage(refused.reply).extendedErrors == [14])
        #expect(bench.counters[.refusedOverload] == 1)
        #expect(bench.serve().count == 10)
        #expect(bench.ask(Bench.question("n10.test.", 28)).outcome == .waiting)
    }

    @Test("5,000 names that nobody answers are all given up in the end, and fresh names are answered meanwhile")
    func blackHoles() {
        let bench = Bench(change: { $0.clientShare = 100 })
        for number in 0..<5_000 { #expect(bench.ask(Bench.question("h\(number).hole.test.", 28)).outcome == .waiting) }
        while bench.next() != nil {}
        #expect(bench.ask(Bench.question("fresh.test.", 28)).outcome == .waiting)
        #expect(bench.serve().count == 1)
        var answered = 0
        for _ in 0..<60 {
            bench.wait(.milliseconds(100))
            while let (action, _) = bench.next() {
                if case .answer = action { answered += 1 }
            }
        }
        #expect(answered == 5_000)
        #expect(bench.engine.underWay == (0, 0))
        #expect(bench.engine.nextDeadline == nil)
        // DNS-16: three sends of each question.
        #expect(bench.counters[.upstreamQueries] == 5_000 * 2 * 3 + 2)
    }

    @Test("DNS-19 identifiers are spread over all sixteen bits")
    func identifiers() {
        let bench = Bench()
        var seen: Set<UInt16> = []
        for number in 0..<400 {
            _ = bench.ask(Bench.question("n\(number).test.", 1))
            while let (action, message) = bench.next() {
                if case .ask = action { seen.insert(UInt16(message[0]) << 8 | UInt16(message[1])) }
            }
        }
        #expect(seen.count >= 390)
        #expect((seen.max() ?? 0) > 60_000 && (seen.min() ?? .max) < 5_000)
    }

    @Test(
        "DNS-24 DNS-43 DNS-45 questions to upstreams: RD, our own EDNS with a size of 1232, no option of the client's, DO and CD copied"
    )
    func form() throws {
        let bench = Bench(change: { $0.cookies = false })
        var question = Bench.question("Mixed.Test.", 1)
        question[question.count - 1] = 8
        question += [0xFD, 0xE9, 0, 4, 1, 2, 3, 4]
        _ = bench.ask(question)
        let plain = try PlainMessage(#require(bench.next()).message)
        #expect(plain.flags == 0x0100 && plain.questions[0].name == "mixed.test.")
        #expect(plain.opt?.size == 1232 && plain.opt?.flags == 0 && plain.opt?.data == [])
        var signed = Bench.question("s.test.", 1)
        signed[3] = 0x10
        signed[signed.count - 4] = 0x80
        _ = bench.ask(signed)
        let copied = try PlainMessage(#require(bench.next()).message)
        #expect(copied.flags == 0x0110 && copied.opt?.flags == 0x8000)
    }

    @Test("an upstream whose port is closed is passed over at once")
    func refused() throws {
        let bench = Bench(upstreams: 2)
        _ = bench.ask(Bench.question("x.test.", 1))
        guard case .ask(let first, upstream: UpstreamID(0), _, _)? = bench.next()?.action else {
            Issue.record("the first upstream is asked first")
            return
        }
        bench.fail(first, .refused)
        guard let (action, message) = bench.next(), case .ask(let second, upstream: UpstreamID(1), _, _) = action else {
            Issue.record("the second upstream is asked next")
            return
        }
        #expect(bench.reply(Bench.honestReply(message), for: second) == .taken)
        #expect(bench.serve().count == 1)
        #expect(bench.reply(Bench.honestReply(message), for: second) == .ignored(.late))
        #expect(bench.counters[.ignoredLate] == 1)
        #expect(bench.counters.upstreams[0].snapshot.failures == 1)
        #expect(bench.counters.upstreams[1].snapshot.replies == 1)
    }

    @Test("every upstream's port closed: SERVFAIL at once, remembered for seconds only")
    func allRefused() throws {
        let bench = Bench(upstreams: 2)
        _ = bench.ask(Bench.question("x.test.", 1))
        var answers: [[UInt8]] = []
        while let (action, message) = bench.next() {
            switch action {
            case .ask(let exchange, _, _, _): bench.fail(exchange, .refused)
            case .answer: answers.append(message)
            default: break
            }
        }
        #expect(try answers.map { try PlainMessage($0).code } == [2])
        bench.wait(.seconds(4))
        #expect(bench.ask(Bench.question("x.test.", 1)).outcome == .waiting)
    }
}
