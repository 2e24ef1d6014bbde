/// One JSON object on one line, in ASCII.
struct JSONLine {
    private var octets: [UInt8] = [UInt8(ascii: "{")]
    private var isFirst = true

    mutating func add(_ key: String, _ value: String) {
        name(key)
        quote(value)
    }

    mutating func add(_ key: String, _ value: Int) {
        name(key)
        octets += String(value).utf8
    }

    mutating func add(_ key: String, _ value: Bool) {
        name(key)
        octets += (value ? "true" : "false").utf8
    }

    /// Adds an element of a list.
    mutating func add(_ value: String) {
        separate()
        quote(value)
    }

    mutating func beginList(_ key: String) {
        name(key)
        octets.append(UInt8(ascii: "["))
        isFirst = true
    }

    mutating func endList() {
        octets.append(UInt8(ascii: "]"))
        isFirst = false
    }

    mutating func beginObject() {
        separate()
        octets.append(UInt8(ascii: "{"))
        isFirst = true
    }

    mutating func endObject() {
        octets.append(UInt8(ascii: "}"))
        isFirst = false
    }

    /// Ends the object and adds its line.
    consuming func end(into lines: inout [UInt8]) {
        lines += octets
        lines += "}\n".utf8
    }

    private mutating func separate() {
        if !isFirst { octets.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    private mutating func name(_ key: String) {
        separate()
        quote(key)
        octets.append(UInt8(ascii: ":"))
    }

    /// RFC 8259 section 7, with everything that is not printable ASCII escaped.
    private mutating func quote(_ text: String) {
        octets.append(UInt8(ascii: "\""))
        for unit in text.utf16 {
            switch unit {
            case 0x22, 0x5C:
                octets.append(0x5C)
                octets.append(UInt8(truncatingIfNeeded: unit))
            case 0x20...0x7E: octets.append(UInt8(truncatingIfNeeded: unit))
            default:
                let digits = String(unit, radix: 16)
                octets += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            }
        }
        octets.append(UInt8(ascii: "\""))
    }
}
