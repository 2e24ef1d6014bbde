/// An answer that a worker has and others wait for, because the same was asked of them.
///
/// It goes to them as it is and not by the cache, which may not keep it.
public struct AnswerNews: Hashable, Sendable {
    let key: PursuitKey
    let answer: StoredAnswer
    /// Whether the answer is too old and given for want of a fresh one.
    let isStale: Bool
    /// Who gave it.
    let answerer: AnswerStory.Answerer?

    /// The same answer, and not one that says the same.
    public static func == (left: AnswerNews, right: AnswerNews) -> Bool {
        left.key == right.key && left.answer === right.answer && left.isStale == right.isStale
    }

    /// Hashes the question.
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// A few workers, by number. Numbers that differ by 64 stand for each other: it does no harm to tell one too many.
public struct WorkerSet: Hashable, Sendable {
    private var bits: UInt64 = 0

    /// Nobody.
    public init() {}

    /// Whether there is nobody in it.
    public var isEmpty: Bool { bits == 0 }

    /// Whether a worker is to be told.
    public func contains(_ worker: Int) -> Bool { bits & Self.bit(worker) != 0 }

    mutating func insert(_ worker: Int) { bits |= Self.bit(worker) }

    private static func bit(_ worker: Int) -> UInt64 { 1 << UInt64(worker & 63) }
}
