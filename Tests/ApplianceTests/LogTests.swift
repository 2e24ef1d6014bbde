import Configuration
import Logging
import Testing

@testable import Appliance

@Suite("What is logged, and how")
struct LogTests {
    @Test("the threshold is the configuration's word, and a reload reaches loggers that exist already")
    func threshold() {
        let threshold = LogThreshold()
        #expect(threshold.current == .notice)
        let logger = Logger(label: "test") { _ in JournalLog(threshold: threshold) }
        let levels: [(ValidatedConfiguration.LogLevel, Logger.Level)] = [
            (.error, .error), (.warning, .warning), (.notice, .notice), (.info, .info), (.debug, .debug),
        ]
        #expect(levels.map(\.0) == ValidatedConfiguration.LogLevel.allCases)
        for (word, level) in levels {
            threshold.set(word)
            #expect(threshold.current == level)
            #expect(logger.logLevel == level)
        }
    }

    private static func text(_ message: Logger.Message, _ level: Logger.Level, forJournal: Bool) -> String {
        let log = JournalLog(threshold: LogThreshold(), forJournal: forJournal)
        return log.text(
            of: LogEvent(
                level: level,
                message: message,
                metadata: ["b": "2", "a": "1"],
                source: "",
                file: "",
                function: "",
                line: 0
            )
        )
    }

    @Test("for the journal every line has the priority of syslog(3), also those of a report with many lines")
    func priorities() {
        let expected: [(Logger.Level, Int)] = [
            (.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
        ]
        for (level, number) in expected {
            let text = Self.text("one\n\ntwo\r\nthree", level, forJournal: true)
            #expect(text == "<\(number)>one\n<\(number)>two\n<\(number)>three a=1 b=2\n")
        }
    }

    @Test("on a terminal what is wrong says so, and what happens as usual is the plain sentence")
    func terminal() {
        #expect(Self.text("ready", .notice, forJournal: false) == "ready a=1 b=2\n")
        #expect(Self.text("ready", .info, forJournal: false) == "ready a=1 b=2\n")
        #expect(Self.text("one\ntwo", .warning, forJournal: false) == "warning: one\nwarning: two a=1 b=2\n")
        #expect(Self.text("no", .error, forJournal: false) == "error: no a=1 b=2\n")
        #expect(Self.text("why", .debug, forJournal: false) == "debug: why a=1 b=2\n")
    }
}
