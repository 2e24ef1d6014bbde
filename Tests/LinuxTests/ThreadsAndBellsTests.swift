import Linux
import Synchronization
import Testing
import Timing

@Suite("Threads, bells and mailboxes")
struct ThreadsAndBellsTests {
    @Test("letters arrive in order, and the poll says that they are there")
    func letters() throws {
        let mailbox = try Mailbox<Int>()
        let poll = try EventPoll()
        try poll.add(mailbox.number, for: .readable, token: 7)
        let writer = try PlainThread(name: "writer") { for letter in 0..<1_000 { mailbox.post(letter) } }
        var read: [Int] = []
        while read.count < 1_000 {
            var tokens: [UInt64] = []
            try poll.wait(atMost: .seconds(300)) { token, _ in tokens.append(token) }
            try #require(tokens == [7])
            read += mailbox.collect()
        }
        writer.join()
        #expect(read == Array(0..<1_000))
        var idle = true
        try poll.wait(atMost: .zero) { _, _ in idle = false }
        #expect(idle, "a collected mailbox is silent")
        mailbox.post(0)
        var woken = false
        try poll.wait(atMost: Moment.Span(nanoseconds: .max)) { _, _ in woken = true }
        #expect(woken, "the longest patience is a wait like any other")
    }

    @Test("a descriptor that cannot be had names the call and the reason")
    func errors() {
        #expect(throws: SystemError(call: "open nowhere", code: 2)) {
            _ = try OwnedDescriptor(adopting: -2, from: "open nowhere")
        }
        #expect(SystemError(call: "open nowhere", code: 2).description == "open nowhere: No such file or directory")
    }

    @Test("the clock goes forward")
    func clock() {
        let earlier = MonotonicClock.now()
        let later = MonotonicClock.now()
        #expect(earlier <= later && earlier > .start)
        #expect((earlier - later) == .zero, "a span is never negative")
        #expect(Moment(nanoseconds: .max) + .seconds(1) == Moment(nanoseconds: .max))
    }
}
