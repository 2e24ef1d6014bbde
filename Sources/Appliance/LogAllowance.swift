internal import Logging
private import Synchronization
internal import Timing

/// How often one place in the program may write to the log: ``most`` times within ``window``, then no more until that is
/// over, when a line says how many were left out and what the last of them was.
///
/// The journal drops nothing by itself (the unit says LogRateLimitIntervalSec=0), since no record of a port block may be
/// missing, and whoever sends packets, asks, or answers can bring about events as often as they like.
final class LogAllowance: Sendable {
    /// What is counted together.
    struct Place: Hashable, Comparable {
        /// Of what sort the event is, where one line of the program writes several.
        var source: String
        /// Where in the program it is written.
        var file: String
        var line: UInt

        static func < (left: Self, right: Self) -> Bool {
            (left.file, left.line, left.source) < (right.file, right.line, right.source)
        }
    }

    private struct Use {
        var began: Moment
        var written = 0
        var leftOut: UInt64 = 0
        var last = ""
        var level = Logger.Level.notice
    }

    static let most = 30
    static let window = Moment.Span.seconds(60)

    private let uses = Mutex<[Place: Use]>([:])

    /// Whether a message is written; one that is not is counted.
    func admits(_ message: String, _ level: Logger.Level, from place: Place, at now: Moment) -> Bool {
        uses.withLock { uses in
            var use = uses[place] ?? Use(began: now)
            // A window that is over and left something out stays until that is told.
            if use.leftOut == 0, now - use.began >= Self.window { use = Use(began: now) }
            defer { uses[place] = use }
            guard use.written >= Self.most else {
                use.written += 1
                return true
            }
            use.leftOut += 1
            use.last = message
            use.level = level
            return false
        }
    }

    /// What is to be told now of messages that were left out, as important as they are. To be called every second or so.
    func due(at now: Moment) -> [(level: Logger.Level, text: String)] {
        uses.withLock { uses in
            let over = uses.filter { now - $0.value.began >= Self.window }
            for place in over.keys { uses[place] = nil }
            return over.sorted { $0.key < $1.key }.compactMap { _, use in
                guard use.leftOut > 0 else { return nil }
                let messages = use.leftOut == 1 ? "1 more message" : "\(use.leftOut) more messages"
                return (use.level, "\(messages) of this kind within a minute, the last of them: \(use.last)")
            }
        }
    }
}
