import Testing
import Timing

@testable import DNS64

@Suite("The queue of deadlines")
struct DeadlineTests {
    @Test(
        "what is put in with any delays comes out in the order of its moments, each once and not before its time",
        arguments: [0, 1, 4]
    )
    func order(lineCount: Int) {
        var words = SeededWords(11)
        var queue = DeadlineQueue<Int>(lineCount: lineCount)
        var expected: [(moment: Moment, subject: Int)] = []
        var now = Moment(nanoseconds: 1000)
        for round in 0..<2000 {
            let delays: [UInt64] = [400, 400, 400, 5000, 0, 1800, UInt64.random(in: 0...9000, using: &words)]
            let moment = now + .milliseconds(delays[Int.random(in: 0..<delays.count, using: &words)])
            queue.append(round, at: moment)
            expected.append((moment, round))
            now = now + .milliseconds(UInt64.random(in: 0...20, using: &words))
            guard round % 7 == 0 else { continue }
            let due = expected.filter { $0.moment <= now }
            expected.removeAll { $0.moment <= now }
            var taken: [Int] = []
            var last = Moment.start
            while let first = queue.first, let subject = queue.next(upTo: now) {
                #expect(last <= first)
                last = first
                taken.append(subject)
            }
            #expect(taken.sorted() == due.map(\.subject))
            #expect(queue.first == expected.map(\.moment).min())
        }
    }
}
