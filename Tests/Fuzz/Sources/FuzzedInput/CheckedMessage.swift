import DNSWire
import PacketMemory

/// Reads a message that we wrote from end to end: every record, nothing behind the last.
public func requireReadable(_ message: borrowing RawSpan, _ what: String) {
    do throws(WireProblem) {
        let header = try MessageHeader(message)
        var position = MessageHeader.size
        for _ in 0..<header.questionCount { position = try Name.end(in: message, at: position) + 4 }
        let records = Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount)
        for _ in 0..<records {
            let record = try ResourceRecord(in: message, at: position)
            _ = try Name(in: message, at: record.owner)
            try RecordDataLayout.check(record, in: message)
            position = record.end
        }
        require(position == message.byteCount, "\(what) ends with its last record")
    } catch {
        require(false, "\(what) can be read: \(error)")
    }
}
