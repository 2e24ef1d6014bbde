internal import Linux
internal import Logging
internal import Timing

/// Writes one line for each event to standard error: for the journal with a priority in front, so that
/// `journalctl -p warning` works, for a terminal without.
struct JournalLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    private let threshold: LogThreshold
    private let forJournal: Bool

    /// The threshold is everybody's, so that a reload reaches loggers that exist already.
    var logLevel: Logger.Level {
        get { threshold.current }
        set {}
    }

    init(threshold: LogThreshold, forJournal: Bool = ProcessEnvironment.value(of: "JOURNAL_STREAM") != nil) {
        self.threshold = threshold
        self.forJournal = forJournal
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// The source of events that are records: each is written, however many there are.
    static let record = "record"

    func log(event: LogEvent) {
        guard admits(event, at: MonotonicClock.now()) else { return }
        StandardStream.error.write(text(of: event))
    }

    /// Whether an event is written now.
    func admits(_ event: LogEvent, at now: Moment) -> Bool {
        let source = event.source
        guard source != Self.record else { return true }
        let place = LogAllowance.Place(source: source, file: event.file, line: event.line)
        return threshold.allowance.admits("\(event.message)", event.level, from: place, at: now)
    }

    /// The lines of an event as they are written.
    func text(of event: LogEvent) -> String {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }
        let suffix = details.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        // A report may have several lines; each is an entry of its own in the journal and needs its own priority.
        let lines = "\(event.message)\(suffix)".split(whereSeparator: \.isNewline)
        var text = ""
        for line in lines {
            text += (forJournal ? "<\(Self.priority(of: event.level))>" : Self.word(for: event.level)) + line + "\n"
        }
        return text
    }

    /// The priorities of syslog(3).
    private static func priority(of level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static func word(for level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug: "
        case .info, .notice: ""
        case .warning: "warning: "
        case .error, .critical: "error: "
        }
    }
}
