import Logging
import Testing
import Timing

@testable import Appliance

@Suite("How often the same is logged")
struct LogAllowanceTests {
    private let start = Moment.start + .seconds(100)
    private let place = LogAllowance.Place(source: "a", file: "A.swift", line: 1)

    @Test("so many messages of one place are written in a minute; the others are counted, and told when it is over")
    func bounded() {
        let allowance = LogAllowance()
        var written = 0
        for number in 1...1_000 where allowance.admits("event \(number)", .warning, from: place, at: start) {
            written += 1
        }
        #expect(written == LogAllowance.most)
        #expect(allowance.due(at: start + .seconds(59)).isEmpty)
        let told = allowance.due(at: start + .seconds(60))
        #expect(told.map(\.text) == ["970 more messages of this kind within a minute, the last of them: event 1000"])
        #expect(told.map(\.level) == [.warning])
        #expect(allowance.due(at: start + .seconds(61)).isEmpty)
        #expect(allowance.admits("again", .warning, from: place, at: start + .seconds(61)))
    }

    @Test("whatever somebody brings about, an hour has no more than 31 lines a minute of it")
    func anHour() {
        let allowance = LogAllowance()
        var lines = 0
        for tenth in 0..<36_000 as Range<UInt64> {
            let now = start + .milliseconds(tenth * 100)
            if allowance.admits("again", .warning, from: place, at: now) { lines += 1 }
            if tenth % 10 == 9 { lines += allowance.due(at: now).count }
        }
        #expect((60...60 * (LogAllowance.most + 1)).contains(lines), "\(lines)")
    }

    @Test("one place does not take from another, nor one sort of event from another sort at the same place")
    func apart() {
        let allowance = LogAllowance()
        let others = [
            LogAllowance.Place(source: "b", file: "A.swift", line: 1),
            LogAllowance.Place(source: "a", file: "B.swift", line: 1),
            LogAllowance.Place(source: "a", file: "A.swift", line: 2),
        ]
        for _ in 0..<100 { _ = allowance.admits("flood", .warning, from: place, at: start) }
        for other in others { #expect(allowance.admits("rare", .warning, from: other, at: start)) }
        #expect(allowance.due(at: start + .seconds(60)).count == 1)
    }

    @Test("what comes now and then is never left out, and nothing is remembered of it")
    func rare() {
        let allowance = LogAllowance()
        for minute in 0..<100 as Range<UInt64> {
            let now = start + .seconds(minute * 60)
            for _ in 0..<LogAllowance.most { #expect(allowance.admits("rare", .warning, from: place, at: now)) }
            #expect(allowance.due(at: now + .seconds(60)).isEmpty)
        }
    }

    @Test("CGN-11 records are always written, and events of the log are held to the allowance by their sort")
    func log() {
        let threshold = LogThreshold()
        let log = JournalLog(threshold: threshold, forJournal: false)
        func event(_ source: String) -> LogEvent {
            LogEvent(
                level: .notice,
                message: "port block taken",
                metadata: nil,
                source: source,
                file: "A.swift",
                function: "",
                line: 1
            )
        }
        let written = { (source: String) in (0..<1_000).count { _ in log.admits(event(source), at: start) } }
        #expect(written(JournalLog.record) == 1_000)
        #expect(written("a") == LogAllowance.most)
        #expect(written("b") == LogAllowance.most)
        #expect(threshold.allowance.due(at: start + .seconds(60)).count == 2)
    }
}
