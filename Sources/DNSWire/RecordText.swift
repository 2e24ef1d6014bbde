import IPAddressing
import PacketMemory

/// The data of a record as a person writes it, for records of the operator's own.
public enum RecordText {
    /// Why a text is no data of its type.
    public enum Problem: Error, Hashable, Sendable {
        /// Not an IPv4 address.
        case address4
        /// Not an IPv6 address.
        case address6
        /// Not a domain name.
        case name
        /// Not as many words as the type has, or one of them is no number of its range.
        case form(String)
        /// More than 255 octets in one string.
        case stringTooLong
        /// The type has no form of its own here and the text is not that of RFC 3597 section 5.
        case unknownType
    }

    /// The data in wire form, at most 4,096 octets.
    ///
    /// A, AAAA, CNAME, DNAME, NS, PTR, MX, SRV and TXT are written as in a zone file; types without names in their data
    /// may be written as `\# LENGTH HEX` (RFC 3597 section 5).
    public static func octets(_ type: RecordType, _ text: String) throws(Problem) -> [UInt8] {
        if text.hasPrefix("\\#") {
            // Where the data holds a name or an address, it is read as such, so that none can be broken.
            guard type != .a, type != .aaaa, RecordDataLayout(type) == nil else { throw .unknownType }
            return try generic(text)
        }
        switch type.rawValue {
        case 1:
            guard let address = IPv4Address(text) else { throw .address4 }
            return octets(UInt64(address.bits), 4)
        case 28:
            guard let address = IPv6Address(text) else { throw .address6 }
            return octets(address.high, 8) + octets(address.low, 8)
        case 2, 5, 12, 39: return try name(text)
        case 15:
            let words = text.split(separator: " ")
            guard words.count == 2, let preference = UInt16(words[0]) else { throw .form("10 mail.example") }
            return octets(UInt64(preference), 2) + (try name(String(words[1])))
        case 33:
            let words = text.split(separator: " ")
            let numbers = words.prefix(3).compactMap { UInt16($0) }
            guard words.count == 4, numbers.count == 3 else { throw .form("10 5 5060 sip.example") }
            return numbers.flatMap { octets(UInt64($0), 2) } + (try name(String(words[3])))
        case 16: return try strings(text)
        default: throw .unknownType
        }
    }

    /// The name that data of the types CNAME, DNAME, NS and PTR consists of; nothing if the octets are none.
    public static func name(_ data: [UInt8]) -> Name? {
        var labels: [ArraySlice<UInt8>] = []
        var offset = 0
        while offset < data.count, data[offset] != 0 {
            let end = offset + 1 + Int(data[offset])
            guard end < data.count else { return nil }
            labels.append(data[offset + 1..<end])
            offset = end
        }
        guard offset + 1 == data.count else { return nil }
        var name = Name.root
        for label in labels.reversed() {
            guard let longer = name.prefixed(with: label) else { return nil }
            name = longer
        }
        return name
    }

    private static func octets(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
    }

    private static func name(_ text: String) throws(Problem) -> [UInt8] {
        guard let name = Name(text) else { throw .name }
        return (0..<name.count).map { name.octet($0) }
    }

    /// Strings in quotation marks, or the whole text as one string.
    private static func strings(_ text: String) throws(Problem) -> [UInt8] {
        var parts: [[UInt8]] = []
        let units = Array(text.utf8)
        let quote = UInt8(ascii: "\"")
        if units.first == quote {
            var part: [UInt8]?
            for unit in units {
                if unit == quote {
                    if let done = part {
                        parts.append(done)
                        part = nil
                    } else {
                        part = []
                    }
                } else if part != nil {
                    part?.append(unit)
                } else if unit != UInt8(ascii: " ") {
                    throw .form("\\\"one string\\\" \\\"another\\\"")
                }
            }
            guard part == nil else { throw .form("\\\"one string\\\" \\\"another\\\"") }
        } else {
            parts = [units]
        }
        guard parts.allSatisfy({ $0.count <= 255 }), parts.reduce(0, { $0 + $1.count + 1 }) <= 4096 else {
            throw .stringTooLong
        }
        return parts.flatMap { [UInt8($0.count)] + $0 }
    }

    private static func generic(_ text: String) throws(Problem) -> [UInt8] {
        let words = text.split(separator: " ")
        let digits = words.dropFirst(2).joined().utf8.map { UInt8(hexDigit: $0) }
        guard words.count >= 2, let count = Int(words[1]), count <= 4096, digits.count == 2 * count else {
            throw .form("\\\\# 4 0a000001")
        }
        return try (0..<count).map { index throws(Problem) in
            guard let high = digits[2 * index], let low = digits[2 * index + 1] else { throw .form("\\\\# 4 0a000001") }
            return high << 4 | low
        }
    }
}

extension UInt8 {
    /// The value of a hexadecimal digit.
    fileprivate init?(hexDigit: UInt8) {
        switch hexDigit {
        case 48...57: self = hexDigit - 48
        case 65...70: self = hexDigit - 55
        case 97...102: self = hexDigit - 87
        default: return nil
        }
    }
}
