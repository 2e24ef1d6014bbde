import DNSWire
import PacketMemory

/// Whose addresses a client needs that asked for SVCB or HTTPS records: the targets of the records in an answer, in
/// their order, each once, and no more than a few.
struct ServiceTargets {
    private(set) var first: Name?
    private(set) var second: Name?

    /// Reads the answer section of a message that we wrote.
    init(_ message: borrowing RawSpan) {
        do throws(WireProblem) {
            let header = try MessageHeader(message)
            guard header.questionCount == 1 else { return }
            var offset = try Question(message).end
            for _ in 0..<header.answerCount {
                let record = try ResourceRecord(in: message, at: offset)
                offset = record.end
                guard record.type == .svcb || record.type == .https, record.dataCount >= 3 else { continue }
                let priority = message.uint16(at: record.data)
                var target = try Name(in: message, at: record.data + 2)
                if target.isRoot {
                    // RFC 9460 section 2.5: of a service the owner itself, of an alias that there is nothing.
                    guard priority > 0 else { continue }
                    target = try Name(in: message, at: record.owner)
                }
                if first == nil {
                    first = target
                } else if second == nil, first != target {
                    second = target
                }
            }
        } catch {
            // Of records that cannot be read nothing is made.
        }
    }

    /// The targets.
    var names: [Name] { [first, second].compactMap(\.self) }
}
