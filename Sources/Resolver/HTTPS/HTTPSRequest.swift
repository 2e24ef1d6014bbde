internal import NIOCore
internal import NIOHTTP1

/// What a request of HTTP asks for: RFC 8484 section 4.1.
enum HTTPSRequest {
    /// A question in the path, in the form of octets.
    case get([UInt8])
    /// A question that is the body.
    case post
    /// None.
    case refused(HTTPResponseStatus)

    /// The media type of messages: RFC 8484 section 6.
    static let mediaType = "application/dns-message"
    /// Where questions go.
    static let path = "/dns-query"
    /// The template of that, as discovery tells it: RFC 9461 section 5.
    static let template = "/dns-query{?dns}"
    /// A message has at most so many octets.
    static let mostBodyOctets = 65_535
    /// The header of a request, the path included; a question of the longest name and all options has 700 octets in it.
    static let mostHeaderOctets = 16 << 10
    /// The header of a message.
    private static let shortestMessage = 12

    /// Reads the head of a request.
    init(_ head: HTTPRequestHead) {
        // RFC 9112 section 3.2.
        guard head.version != .http1_1 || head.headers["host"].count == 1 else {
            self = .refused(.badRequest)
            return
        }
        let parts = Self.origin(head).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first, path == Self.path else {
            self = .refused(.notFound)
            return
        }
        guard head.method == .GET || head.method == .POST else {
            self = .refused(.methodNotAllowed)
            return
        }
        let accepted = head.headers[canonicalForm: "accept"]
        guard accepted.isEmpty || accepted.contains(where: Self.admits) else {
            self = .refused(.notAcceptable)
            return
        }
        guard head.method == .GET else {
            let type = head.headers.first(name: "content-type")?.split(separator: ";").first
            guard let type, Self.trimmed(type).lowercased() == Self.mediaType else {
                self = .refused(.unsupportedMediaType)
                return
            }
            let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
            self = length > Self.mostBodyOctets ? .refused(.payloadTooLarge) : .post
            return
        }
        let parameters = parts.count == 2 ? parts[1].split(separator: "&") : []
        let questions = parameters.filter { $0.hasPrefix("dns=") }
        guard questions.count == 1, let octets = Self.decode(questions[0].dropFirst(4)) else {
            self = .refused(.badRequest)
            return
        }
        self = .get(octets)
    }

    /// The question; nothing if it is too short for one.
    func message(_ body: ByteBuffer) -> ByteBuffer? {
        switch self {
        case .get(let octets): octets.count >= Self.shortestMessage ? ByteBuffer(bytes: octets) : nil
        case .post: body.readableBytes >= Self.shortestMessage ? body : nil
        case .refused: nil
        }
    }

    /// The path and what follows it; of a target with scheme and host, which servers of HTTP/1.1 must understand (RFC 9112
    /// section 3.2.2), without those.
    private static func origin(_ head: HTTPRequestHead) -> Substring {
        let scheme = "https://"
        guard head.version.major == 1, head.uri.prefix(scheme.count).lowercased() == scheme else {
            return head.uri[...]
        }
        return head.uri.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
    }

    /// Whether the client waits for a word before it sends its body: RFC 9110 section 10.1.1.
    static func awaitsWord(_ head: HTTPRequestHead) -> Bool {
        head.version == .http1_1 && head.headers["expect"].contains { $0.lowercased() == "100-continue" }
    }

    private static func admits(_ range: Substring) -> Bool {
        let type = trimmed(range.split(separator: ";").first ?? "").lowercased()
        return type == mediaType || type == "application/*" || type == "*/*"
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    /// Decodes base64url without padding: RFC 8484 section 6, RFC 4648 section 5.
    static func decode(_ text: Substring) -> [UInt8]? {
        guard text.utf8.count % 4 != 1 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.utf8.count * 3 / 4)
        var word: UInt32 = 0
        var bits = 0
        for character in text.utf8 {
            let value: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0") + 52
            case UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "_"): value = 63
            default: return nil
            }
            word = word << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            octets.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        }
        return octets
    }
}
