internal import ControlAPI

/// What a request is about: the path cut into segments and the query cut into parameters, both decoded
/// (RFC 3986 section 3.3 and 3.4).
struct RequestTarget: Equatable, Sendable {
    /// The segments of the path, decoded one by one, so that an encoded slash stays inside its segment.
    let segments: [String]
    /// The parameters of the query by name.
    let parameters: [String: String]

    /// Cuts a target; parameters that come twice are refused, because one of them would be passed over.
    init(_ target: String) throws(Problem) {
        guard target.hasPrefix("/") else { throw .badRequest("The path must begin with a slash.") }
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var segments: [String] = []
        for segment in halves[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            segments.append(try Self.decode(segment, plusIsSpace: false))
        }
        var parameters: [String: String] = [:]
        if halves.count == 2 {
            for pair in halves[1].split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = try Self.decode(parts[0], plusIsSpace: true)
                let value = parts.count == 2 ? try Self.decode(parts[1], plusIsSpace: true) : ""
                guard parameters.updateValue(value, forKey: name) == nil else {
                    throw .badRequest("The parameter \"\(name)\" comes twice; give it once.")
                }
            }
        }
        self.segments = segments
        self.parameters = parameters
    }

    /// Decodes `%XX`; what comes out must be text without control characters.
    private static func decode(_ text: Substring, plusIsSpace: Bool) throws(Problem) -> String {
        var octets: [UInt8] = []
        var rest = text.utf8[...]
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(value(ofDigit:)),
                    let low = rest.popFirst().flatMap(value(ofDigit:))
                else { throw .badRequest("\"%\" must be followed by two hexadecimal digits.") }
                octets.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace:
                octets.append(UInt8(ascii: " "))
            default:
                octets.append(octet)
            }
        }
        guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), let decoded = String(validating: octets, as: UTF8.self)
        else { throw .badRequest("The target holds octets that are not text.") }
        return decoded
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
        default: nil
        }
    }
}
