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

    /// What was received and not read yet.
    private var received: [UInt8] = []
    private var head: (status: Int, length: Length)?
    /// What stood in the chunks that are whole.
    private var joined: [UInt8] = []

    /// Starts with nothing.
    package init() {}

    /// How many octets wait to be read with those that are to come.
    package var waiting: Int { received.count }

    /// Takes what was received; gives the reply when it is whole.
    package mutating func take(_ octets: ArraySlice<UInt8>) throws(MalformedReply) -> HTTPReply? {
        received += octets
        guard joined.count + received.count <= Self.headLimit + Self.bodyLimit else {
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
        switch head.length {
        case .octets(let count):
            guard received.count >= count else { return nil }
            return HTTPReply(status: head.status, body: Array(received.prefix(count)))
        case .untilClosed:
            return closed ? HTTPReply(status: head.status, body: received) : nil
        case .chunked:
            return try joinChunks() ? HTTPReply(status: head.status, body: joined) : nil
        }
    }

    /// Reads the head, past those that only say that another comes (RFC 9110 section 15.2).
    private mutating func readHead() throws(MalformedReply) {
        while head == nil, let end = try readNextHead() { received.removeSubrange(..<end) }
    }

    /// Where a head ends; nothing if its end is still to come.
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
        if status >= 200 { head = (status, length) }
        return end
    }

    /// Takes the chunks that are whole out of what was received.
    ///
    /// - Returns: Whether the last was among them.
    private mutating func joinChunks() throws(MalformedReply) -> Bool {
        var place = 0
        defer { received.removeFirst(place) }
        while let lineEnd = Self.end(of: [13, 10], in: received[place...]) {
            let line = String(decoding: received[place..<(lineEnd - 2)], as: UTF8.self)
            let digits = line.prefix { $0 != ";" }
            guard digits.count <= 8, let count = Int(digits, radix: 16), count >= 0, count <= Self.bodyLimit else {
                throw MalformedReply(reason: "a chunk has no length")
            }
            if count == 0 { return true }
            guard received.count >= lineEnd + count + 2 else { return false }
            joined += received[lineEnd..<(lineEnd + count)]
            place = lineEnd + count + 2
        }
        guard received.count - place <= Self.headLimit else { throw MalformedReply(reason: "a chunk has no length") }
        return false
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
