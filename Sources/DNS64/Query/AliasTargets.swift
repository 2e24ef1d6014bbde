import DNSWire

/// Where the aliases of an answer lead, one after the other. Of the message it keeps places alone.
struct AliasTargets {
    private var offset = 0
    private var left = 0

    /// Goes to the begin of the answer section of a message that we wrote.
    init(_ message: borrowing RawSpan) {
        guard let header = try? MessageHeader(message), let question = try? Question(message) else { return }
        left = Int(header.answerCount)
        offset = question.end
    }

    /// The name that the next alias leads to.
    mutating func next(in message: borrowing RawSpan) -> Name? {
        while left > 0, let record = try? ResourceRecord(in: message, at: offset) {
            left -= 1
            offset = record.end
            if record.type == .cname { return try? Name(in: message, at: record.data) }
        }
        return nil
    }
}
