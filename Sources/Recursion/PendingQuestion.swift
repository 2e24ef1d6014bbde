internal import DNSWire

/// A question that libunbound is at work on, and the way back.
final class PendingQuestion {
    /// The frame it came in: the resolver's eight octets, header and question.
    let frame: [UInt8]
    let door: Int
    unowned let recursor: RecursorLoop

    init(frame: [UInt8], door: Int, recursor: RecursorLoop) {
        self.frame = frame
        self.door = door
        self.recursor = recursor
    }
}

extension PendingQuestion {
    /// What validation said: RFC 4035 section 4.3.
    enum Security {
        case insecure
        case bogus(String)
        case secure
    }

    /// Turns an answer of libunbound into the frame that goes back: with the question as it was spelled, and with AD
    /// exactly if the answer is secure. A bogus one becomes SERVFAIL with extended error 6 (RFC 8914 section 4.7).
    static func reply(to frame: [UInt8], _ answer: [UInt8]?, _ security: Security) -> [UInt8] {
        if case .bogus(let why) = security { return failure(frame, .dnssecBogus, why) }
        let message = RecursionFrame.start
        let questionEnd = frame.count - message
        guard let answer, answer.count >= questionEnd, answer[4] == 0, answer[5] == 1 else {
            return failure(frame, nil, "")
        }
        var reply = Array(frame[..<message])
        reply.append(contentsOf: answer)
        for place in 0..<2 { reply[message + place] = frame[message + place] }
        for place in MessageHeader.size..<questionEnd { reply[message + place] = frame[message + place] }
        // QR and RD of what was answered, the opcode QUERY; RA and the code.
        reply[message + 2] = reply[message + 2] & 0x06 | 0x80 | frame[message + 2] & 0x01
        var low = reply[message + 3] & 0x0F | 0x80 | frame[message + 3] & 0x10
        if case .secure = security { low |= 0x20 }
        reply[message + 3] = low
        return reply
    }

    /// The frame that goes back when there is too much to do.
    static func refusal(of frame: [UInt8]) -> [UInt8] { failure(frame, .notReady, "too many questions at once") }

    private static func failure(_ frame: [UInt8], _ error: ExtendedError?, _ why: String) -> [UInt8] {
        var reply = frame
        let message = RecursionFrame.start
        reply[message + 2] = 0x80 | frame[message + 2] & 0x01
        reply[message + 3] = 0x80 | frame[message + 3] & 0x10 | UInt8(ResponseCode.serverFailure.rawValue)
        guard let error else { return reply }
        let words = Array(why.utf8.prefix(200))
        reply[message + 11] = 1
        // OPT (RFC 6891 section 6.1.2) with one option (RFC 8914 section 2).
        reply.append(contentsOf: [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, UInt8(6 + words.count)])
        reply.append(contentsOf: [0, 15, 0, UInt8(2 + words.count)])
        reply.append(contentsOf: [UInt8(error.rawValue >> 8), UInt8(error.rawValue & 0xFF)])
        reply.append(contentsOf: words)
        return reply
    }
}
