internal import NIOCore

/// The questions on one connection to an upstream that wait for their answers, under identifiers of the connection's own.
struct UnansweredQuestions {
    private struct Entry {
        var question: EncryptedQuestion
        var identifier: UInt16
        var askedAt: NIODeadline
    }

    private var entries: [UInt16: Entry] = [:]
    private var last = UInt16.random(in: .min ... .max)

    /// How long anybody waits for an answer at the most: longer than the engine's patience.
    static let patience = TimeAmount.seconds(10)

    /// How many there are.
    var count: Int { entries.count }

    /// When the first of them was asked; nothing if there is none.
    var oldest: NIODeadline? { entries.values.map(\.askedAt).min() }

    /// All of them.
    var questions: [EncryptedQuestion] { entries.values.map(\.question) }

    /// Takes a question in, of which there are far fewer than identifiers.
    ///
    /// - Parameter identifier: The worker's.
    /// - Returns: The identifier under which it goes out.
    mutating func insert(_ question: EncryptedQuestion, _ identifier: UInt16, at now: NIODeadline) -> UInt16 {
        repeat { last &+= 1 } while entries[last] != nil
        entries[last] = Entry(question: question, identifier: identifier, askedAt: now)
        return last
    }

    /// Takes out the question that an answer is to, with the worker's identifier; nothing if it was not asked.
    mutating func remove(_ own: UInt16) -> (question: EncryptedQuestion, identifier: UInt16)? {
        entries.removeValue(forKey: own).map { ($0.question, $0.identifier) }
    }

    /// Forgets those that nobody waits for any more, so that an upstream that leaves some unanswered does not fill the
    /// connection with them, and is not asked them once more on the next.
    mutating func forgetOld(at now: NIODeadline) {
        entries = entries.filter { now - $0.value.askedAt < Self.patience }
    }

    /// Forgets all.
    mutating func removeAll() { entries.removeAll() }
}
