import DNSWire
import PacketMemory

/// Padding of messages that are sent encrypted, so that their length does not tell what they are: RFC 7830.
enum Padding {
    /// Answers are padded to a multiple of this: RFC 8467 section 4.1.
    static let answerBlock = 468
    /// Questions are padded to a multiple of this.
    static let queryBlock = 128

    /// Adds the padding option to the OPT record at the end of a message of ours.
    ///
    /// - Returns: The new count of octets; the old one if the message has no OPT record at its end, or no room.
    static func pad(_ message: inout MutableRawSpan, count: Int, block: Int = answerBlock) -> Int {
        guard let option = lastOption(message.bytes.extracting(0..<count)) else { return count }
        let filled = (count + 4 + block - 1) / block * block
        let end = min(filled, message.byteCount, 65_535)
        guard end >= count + 4 else { return count }
        let length = message.uint16(at: option) + UInt16(truncatingIfNeeded: end - count)
        message.store(length, at: option)
        message.store(EDNS.paddingOption, at: count)
        message.store(UInt16(truncatingIfNeeded: end - count - 4), at: count + 2)
        for index in count + 4..<end { message.store(UInt8(0), at: index) }
        return end
    }

    /// Where the length of the OPT record's data lies, if that record is the last of the message.
    private static func lastOption(_ message: borrowing RawSpan) -> Int? {
        do throws(WireProblem) {
            let header = try MessageHeader(message)
            var offset = MessageHeader.size
            for _ in 0..<header.questionCount { offset = try Name.end(in: message, at: offset) + 4 }
            var last: ResourceRecord?
            for _ in 0..<Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount) {
                let record = try ResourceRecord(in: message, at: offset)
                offset = record.end
                last = record
            }
            guard let last, last.type == .opt, last.end == message.byteCount else { return nil }
            return last.data - 2
        } catch {
            // The message was written by us.
            return nil
        }
    }
}
