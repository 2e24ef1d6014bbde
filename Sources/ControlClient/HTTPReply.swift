/// A reply, whole.
package struct HTTPReply: Equatable, Sendable {
    /// The HTTP status.
    package var status: Int
    /// The body.
    package var body: [UInt8]
}

/// What came back is not HTTP/1.1, or more than we take.
package struct MalformedReply: Error, Equatable, Sendable {
    /// What is wrong with it, in a few words.
    package let reason: String
}

/// Puts a reply together from the octets as they come: as much of RFC 9112 as a daemon of ours, or anyone's in its
/// place, may answer with.
package struct HTTPReplyReader {
    /// The most octets of a head.
    private static let headLimit = 64 * 1_024
    /// The most octets of a body.
    package static let bodyLimit = 32 * 1_024 * 1_024

    private enum Length {
        case octets(Int)
        case chunked
        case untilClosed
    }

    private var received: [UInt8] = []
    private var head: (status: Int, length: Length, end: Int)?

    /// Starts with nothing.
    package init() {}

    /// Takes what was received; gives the reply when it is whole.
    package mutating func take(_ octets: ArraySlice<UInt8>) throws(MalformedReply) -> HTTPReply? {
        received += octets
        guard received.count <= Self.headLimit + Self.bodyLimit else {
            throw MalformedReply(reason: "the reply is longer than \(Self.bodyLimit) octets")
        }
        return try reply(closed: false)
    }

    /// Says that nothing more comes.
    package mutating func finish() throws(MalformedReply) -> HTTPReply {
        guard let reply = try reply(closed: true) else { throw MalformedReply(reason: "the reply breaks off") }
        return reply
    }

    private mutating func reply(closed: Bool) throws(MalformedReply) -> HTTPReply? {
        if head == nil { try readHead() }
        guard let head else { return nil }
        let body = received[head.end...]
        switch head.length {
        case .octets(let count):
            guard body.count >= count else { return nil }
            return HTTPReply(status: head.status, body: Array(body.prefix(count)))
        case .untilClosed:
            return closed ? HTTPReply(status: head.status, body: Array(body)) : nil
        case .chunked:
            return try Self.joined(body).map { HTTPReply(status: head.status, body: $0) }
        }
    }

    /// Reads the head, past those that only say that another comes (RFC 9110 section 15.2).
    private mutating func readHead() throws(MalformedReply) {
        while head == nil, let end = try readNextHead() { received.removeSubrange(..<end) }
    }

    /// Where a head ends after which another comes; nothing if there is none.
    private mutating func readNextHead() throws(MalformedReply) -> Int? {
        guard let end = Self.end(of: [13, 10, 13, 10], in: received[...]) else {
            guard received.count <= Self.headLimit else { throw MalformedReply(reason: "the head never ends") }
            return nil
        }
        let lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]), (100...599).contains(status)
        else { throw MalformedReply(reason: "it does not begin with an HTTP status line") }
        var length = Length.untilClosed
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].lowercased().filter { $0 != " " && $0 != "\t" }
            switch parts[0].lowercased() {
            case "content-length":
                guard let count = Int(value), (0...Self.bodyLimit).contains(count) else {
                    throw MalformedReply(reason: "its length is \(value)")
                }
                if case .untilClosed = length { length = .octets(count) }
            case "transfer-encoding":
                guard value == "chunked" else { throw MalformedReply(reason: "its transfer encoding is \(value)") }
                length = .chunked
            default: break
            }
        }
        if status == 204 { length = .octets(0) }
        if status < 200 { return end }
        head = (status, length, end)
        return nil
    }

    /// The body out of its chunks; nothing if the last is still to come.
    private static func joined(_ body: ArraySlice<UInt8>) throws(MalformedReply) -> [UInt8]? {
        var whole: [UInt8] = []
        var rest = body
        while let lineEnd = end(of: [13, 10], in: rest) {
            let line = String(decoding: rest[..<(lineEnd - 2)], as: UTF8.self)
            let digits = line.prefix { $0 != ";" }
            guard digits.count <= 8, let count = Int(digits, radix: 16), count >= 0, count <= bodyLimit else {
                throw MalformedReply(reason: "a chunk has no length")
            }
            if count == 0 { return whole }
            rest = rest[lineEnd...]
            guard rest.count >= count + 2 else { return nil }
            whole += rest.prefix(count)
            rest = rest.dropFirst(count + 2)
        }
        return nil
    }

    /// Where the first occurrence of a mark ends.
    private static func end(of mark: [UInt8], in octets: ArraySlice<UInt8>) -> Int? {
        guard octets.count >= mark.count else { return nil }
        for start in octets.startIndex...(octets.endIndex - mark.count)
        where octets[start..<(start + mark.count)].elementsEqual(mark) {
            return start + mark.count
        }
        return nil
    }
}
