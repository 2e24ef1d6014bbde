/// Frames of HTTP/2 written by hand (RFC 9113), so that a test can also send what no library would.
enum HTTP2 {
    /// What a client begins with: the preface and empty SETTINGS.
    static let begin = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, flags: 0, stream: 0, [])

    static func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        let name = (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * UInt32($0))) }
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags] + name + payload
    }

    /// Fields as literals that no table keeps (RFC 7541 section 6.2.2).
    static func fields(_ all: [(String, String)]) -> [UInt8] {
        all.flatMap { name, value in [0] + text(name) + text(value) }
    }

    private static func text(_ text: String) -> [UInt8] {
        let count = text.utf8.count
        guard count >= 127 else { return [UInt8(count)] + Array(text.utf8) }
        // Seven bits each after the first 127 (RFC 7541 section 5.1).
        var octets: [UInt8] = [127]
        var rest = count - 127
        while rest >= 128 {
            octets.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return octets + [UInt8(rest)] + Array(text.utf8)
    }

    /// A request without a body.
    static func get(_ path: String, stream: UInt32, _ more: [(String, String)] = []) -> [UInt8] {
        frame(1, flags: 5, stream: stream, fields(head("GET", path) + more))
    }

    /// A request with a question as its body.
    static func post(_ question: [UInt8], stream: UInt32) -> [UInt8] {
        let type = [("content-type", "application/dns-message")]
        return frame(1, flags: 4, stream: stream, fields(head("POST", "/dns-query") + type))
            + frame(0, flags: 1, stream: stream, question)
    }

    static func reset(stream: UInt32) -> [UInt8] { frame(3, flags: 0, stream: stream, [0, 0, 0, 8]) }

    private static func head(_ method: String, _ path: String) -> [(String, String)] {
        [(":method", method), (":scheme", "https"), (":authority", "dns.example.net"), (":path", path)]
    }

    struct Frame {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]
    }

    /// The whole frames at the begin.
    static func frames(_ octets: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var at = 0
        while at + 9 <= octets.count {
            let count = Int(octets[at]) << 16 | Int(octets[at + 1]) << 8 | Int(octets[at + 2])
            guard at + 9 + count <= octets.count else { break }
            let stream = octets[(at + 5)..<(at + 9)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            frames.append(
                Frame(
                    type: octets[at + 3],
                    flags: octets[at + 4],
                    stream: stream,
                    payload: Array(octets[(at + 9)..<(at + 9 + count)])
                )
            )
            at += 9 + count
        }
        return frames
    }

    /// The message in the answer on a stream; nil if there is none, or it has another status than 200.
    static func message(_ frames: [Frame], stream: UInt32) -> [UInt8]? {
        let mine = frames.filter { $0.stream == stream }
        // Field 8 of the static table (RFC 7541 appendix A).
        guard mine.first(where: { $0.type == 1 })?.payload.first == 0x88 else { return nil }
        return mine.filter { $0.type == 0 }.flatMap(\.payload)
    }

    static func hasEnded(_ octets: [UInt8], streams: [UInt32]) -> Bool {
        let ended = frames(octets).filter { $0.type <= 1 && $0.flags & 1 != 0 || $0.type == 3 }.map(\.stream)
        return Set(streams).isSubset(of: ended)
    }
}

/// Text as base64url without padding: RFC 4648 section 5.
func base64url(_ octets: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: octets.count, by: 3) {
        let part = octets[start..<min(start + 3, octets.count)]
        let word = part.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - part.count))
        for place in 0...part.count { text.append(digits[Int(word >> UInt32(18 - 6 * place) & 63)]) }
    }
    return String(decoding: text, as: UTF8.self)
}
