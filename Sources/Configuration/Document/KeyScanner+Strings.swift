extension KeyScanner {
    /// Scans a string of any of the four kinds.
    ///
    /// - Parameter mayBeLong: Whether three quotation marks begin a text of several lines; no key is written so.
    /// - Returns: What the string says, if it is of one line, as a key is.
    mutating func scanString(mayBeLong: Bool) throws(ScanProblem) -> String {
        let start = position
        let quote = octets[index]
        if peek(1) == quote, peek(2) == quote {
            guard mayBeLong else { throw problem("a key is not written with three quotation marks; write one") }
            try scanLongString()
            return ""
        }
        let escapes = quote == UInt8(ascii: "\"")
        advance()
        var text: [UInt8] = []
        while let octet = peek() {
            switch octet {
            case quote:
                advance()
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                throw problem(
                    "the text that begins here does not end in its line; close its quotation marks",
                    at: start
                )
            case UInt8(ascii: "\\") where escapes: text += try scanEscape()
            default:
                let from = index
                advance()
                text += octets[from..<index]
            }
        }
        throw problem("the text that begins here does not end; close its quotation marks", at: start)
    }

    /// `"""…"""` or `'''…'''`; up to two more marks may stand before the closing three.
    private mutating func scanLongString() throws(ScanProblem) {
        let start = position
        let quote = octets[index]
        let escapes = quote == UInt8(ascii: "\"")
        advance(3)
        while let octet = peek() {
            if escapes, octet == UInt8(ascii: "\\") {
                _ = try scanEscape()
            } else if octet == quote, peek(1) == quote, peek(2) == quote {
                advance(3)
                for _ in 0..<2 where peek() == quote { advance() }
                return
            } else {
                advance()
            }
        }
        throw problem("the text that begins here does not end; close its three quotation marks", at: start)
    }

    private mutating func scanEscape() throws(ScanProblem) -> [UInt8] {
        let start = position
        advance()
        guard let letter = peek() else { throw problem("the file ends after \\") }
        let length: Int
        switch letter {
        case UInt8(ascii: "b"): return single(8)
        case UInt8(ascii: "t"): return single(9)
        case UInt8(ascii: "n"): return single(10)
        case UInt8(ascii: "f"): return single(12)
        case UInt8(ascii: "r"): return single(13)
        case UInt8(ascii: "u"): length = 4
        case UInt8(ascii: "U"): length = 8
        // A quotation mark, a backslash, or the end of a line in a long string; TOMLKit refuses the others.
        default: return letter < 0x80 ? single(letter) : []
        }
        advance()
        let digits = octets[index...].prefix(length)
        guard digits.count == length, digits.allSatisfy({ Self.isHexadecimal($0) }),
            let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(code)
        else {
            throw problem("\\u needs the four, \\U the eight hexadecimal digits of a character after it", at: start)
        }
        guard code != 0 else { throw problem("\\u0000 stands for NUL, which no value may contain", at: start) }
        advance(length)
        return Array(String(scalar).utf8)
    }

    private mutating func single(_ octet: UInt8) -> [UInt8] {
        advance()
        return [octet]
    }

    static func isHexadecimal(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
