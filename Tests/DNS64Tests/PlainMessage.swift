/// A DNS message read and written the simple way, independent of DNSWire, for tests.
struct PlainMessage {
    struct Record: Hashable, CustomStringConvertible {
        var owner: String
        var type: UInt16
        var ttl: UInt32
        var data: String
        var recordClass: UInt16 = 1

        var description: String { "\(owner) \(PlainMessage.typeName(type)) \(ttl) \(data)" }
    }

    struct Unreadable: Error {}

    var identifier: UInt16 = 0
    var flags: UInt16 = 0
    var questions: [(name: String, type: UInt16, recordClass: UInt16)] = []
    var sections: [[Record]] = [[], [], []]
    var opt: (size: UInt16, flags: UInt32, data: [UInt8])?
    var optCount = 0

    init() {}

    var code: UInt16 { flags & 15 | UInt16(truncatingIfNeeded: (opt?.flags ?? 0) >> 24) << 4 }

    /// The numbers of the options in the OPT record.
    var options: [UInt16] {
        guard let data = opt?.data else { return [] }
        var result: [UInt16] = []
        var offset = 0
        while offset + 4 <= data.count {
            result.append(UInt16(data[offset]) << 8 | UInt16(data[offset + 1]))
            offset += 4 + (Int(data[offset + 2]) << 8 | Int(data[offset + 3]))
        }
        return result
    }

    /// The extended errors in the OPT record.
    var extendedErrors: [UInt16] {
        guard let data = opt?.data else { return [] }
        var result: [UInt16] = []
        var offset = 0
        while offset + 4 <= data.count {
            let option = UInt16(data[offset]) << 8 | UInt16(data[offset + 1])
            let length = Int(data[offset + 2]) << 8 | Int(data[offset + 3])
            if option == 15, length >= 2 { result.append(UInt16(data[offset + 4]) << 8 | UInt16(data[offset + 5])) }
            offset += 4 + length
        }
        return result
    }

    /// The data of the COOKIE option.
    var cookie: [UInt8] {
        guard let data = opt?.data else { return [] }
        var offset = 0
        while offset + 4 <= data.count {
            let length = Int(data[offset + 2]) << 8 | Int(data[offset + 3])
            if data[offset] == 0, data[offset + 1] == 10 { return Array(data[offset + 4..<offset + 4 + length]) }
            offset += 4 + length
        }
        return []
    }

    static func hex(_ octet: UInt8) -> String { (octet < 16 ? "0" : "") + String(octet, radix: 16) }

    // MARK: Reading

    init(_ octets: [UInt8]) throws {
        func number(_ offset: Int) throws -> UInt16 {
            guard offset + 2 <= octets.count else { throw Unreadable() }
            return UInt16(octets[offset]) << 8 | UInt16(octets[offset + 1])
        }
        func name(_ start: Int) throws -> (String, Int) {
            var text = ""
            var offset = start
            var end: Int?
            var hops = 0
            var total = 0
            while true {
                guard offset < octets.count else { throw Unreadable() }
                let length = Int(octets[offset])
                if length == 0 {
                    return (text.isEmpty ? "." : text, end ?? offset + 1)
                }
                if length >= 0xC0 {
                    guard hops < 64 else { throw Unreadable() }
                    hops += 1
                    let target = Int(try number(offset) & 0x3FFF)
                    if end == nil { end = offset + 2 }
                    guard target < offset else { throw Unreadable() }
                    offset = target
                    continue
                }
                guard length < 64, offset + 1 + length <= octets.count else { throw Unreadable() }
                total += length + 1
                guard total <= 254 else { throw Unreadable() }
                for unit in octets[offset + 1..<offset + 1 + length] {
                    if unit > 32, unit < 127, unit != 46, unit != 92 {
                        text.unicodeScalars.append(Unicode.Scalar(unit))
                    } else {
                        text += "\\\(unit)"
                    }
                }
                text += "."
                offset += 1 + length
            }
        }
        identifier = try number(0)
        flags = try number(2)
        var offset = 12
        for _ in 0..<(try number(4)) {
            let (text, end) = try name(offset)
            questions.append((text, try number(end), try number(end + 2)))
            offset = end + 4
        }
        for section in 0..<3 {
            for _ in 0..<(try number(6 + 2 * section)) {
                let (owner, fixed) = try name(offset)
                let type = try number(fixed)
                let recordClass = try number(fixed + 2)
                let ttl = UInt32(try number(fixed + 4)) << 16 | UInt32(try number(fixed + 6))
                let length = Int(try number(fixed + 8))
                let data = fixed + 10
                guard data + length <= octets.count else { throw Unreadable() }
                offset = data + length
                if type == 41 {
                    opt = (recordClass, ttl, Array(octets[data..<offset]))
                    optCount += 1
                    continue
                }
                var text = ""
                switch (type, length) {
                case (1, 4): text = octets[data..<offset].map { String($0) }.joined(separator: ".")
                case (28, 16):
                    text = (0..<8).map {
                        String(UInt16(octets[data + 2 * $0]) << 8 | UInt16(octets[data + 2 * $0 + 1]), radix: 16)
                    }
                    .joined(separator: ":")
                case (2, _), (5, _), (12, _), (39, _): text = try name(data).0
                case (6, _):
                    let (server, next) = try name(data)
                    let (mailbox, numbers) = try name(next)
                    let minimum = UInt32(try number(numbers + 16)) << 16 | UInt32(try number(numbers + 18))
                    text = "\(server) \(mailbox) \(minimum)"
                case (15, _): text = "\(try number(data)) \(try name(data + 2).0)"
                default: text = octets[data..<offset].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                }
                sections[section].append(
                    Record(owner: owner, type: type, ttl: ttl, data: text, recordClass: recordClass)
                )
            }
        }
        guard offset == octets.count else { throw Unreadable() }
    }

    // MARK: Writing

    static func wire(_ name: String) -> [UInt8] {
        var result: [UInt8] = []
        for label in name.split(separator: ".") { result += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return result + [0]
    }

    static func data(_ type: UInt16, _ text: String) -> [UInt8] {
        let words = text.split(separator: " ").map(String.init)
        switch type {
        case 1: return text.split(separator: ".").map { UInt8($0) ?? 0 }
        case 28:
            var groups: [UInt16] = []
            let halves = text.contains("::") ? splitOnGap(text) : [text, ""]
            let front = halves[0].split(separator: ":").map { UInt16($0, radix: 16) ?? 0 }
            var back: [UInt16] = []
            for part in halves[1].split(separator: ":") {
                if part.contains(".") {
                    let four = part.split(separator: ".").map { UInt16($0) ?? 0 }
                    back += [four[0] << 8 | four[1], four[2] << 8 | four[3]]
                } else {
                    back.append(UInt16(part, radix: 16) ?? 0)
                }
            }
            groups = front + [UInt16](repeating: 0, count: 8 - front.count - back.count) + back
            return groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        case 2, 5, 12, 39: return wire(text)
        case 6:
            // The minimum alone is given.
            let minimum = UInt32(words[0]) ?? 0
            return wire("ns.test.") + wire("mail.test.") + [UInt8](repeating: 0, count: 16)
                + (0..<4).map { UInt8(truncatingIfNeeded: minimum >> UInt32(24 - 8 * $0)) }
        case 15: return [0, UInt8(words[0]) ?? 0] + wire(words[1])
        default:
            var result: [UInt8] = []
            var high: UInt8?
            for digit in text.utf8 {
                guard
                    let value = Unicode.Scalar(digit).properties.numericType != nil
                        ? digit - 48 : digit >= 97 ? digit - 87 : nil
                else { continue }
                if let first = high {
                    result.append(first << 4 | value)
                    high = nil
                } else {
                    high = value
                }
            }
            return result
        }
    }

    private static func splitOnGap(_ text: String) -> [String] {
        let characters = Array(text)
        for index in 0..<characters.count - 1 where characters[index] == ":" && characters[index + 1] == ":" {
            return [String(characters[..<index]), String(characters[(index + 2)...])]
        }
        return [text, ""]
    }

    static func record(_ record: Record) -> [UInt8] {
        let data = data(record.type, record.data)
        return wire(record.owner) + two(record.type) + two(record.recordClass)
            + two(UInt16(record.ttl >> 16)) + two(UInt16(record.ttl & 0xFFFF)) + two(UInt16(data.count)) + data
    }

    static func two(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

    /// The octets, without compression.
    var octets: [UInt8] {
        var result = Self.two(identifier) + Self.two(flags) + Self.two(UInt16(questions.count))
        for section in 0..<3 {
            result += Self.two(UInt16(sections[section].count + (section == 2 && opt != nil ? 1 : 0)))
        }
        for question in questions {
            result += Self.wire(question.name) + Self.two(question.type) + Self.two(question.recordClass)
        }
        for section in sections { for record in section { result += Self.record(record) } }
        if let opt {
            result +=
                [0] + Self.two(41) + Self.two(opt.size) + Self.two(UInt16(opt.flags >> 16))
                + Self.two(UInt16(opt.flags & 0xFFFF))
                + Self.two(UInt16(opt.data.count)) + opt.data
        }
        return result
    }

    static let types: [(UInt16, String)] = [
        (1, "A"), (2, "NS"), (5, "CNAME"), (6, "SOA"), (12, "PTR"), (13, "HINFO"), (15, "MX"), (16, "TXT"),
        (28, "AAAA"),
        (33, "SRV"), (39, "DNAME"), (43, "DS"), (46, "RRSIG"), (47, "NSEC"), (65, "HTTPS"), (252, "AXFR"), (255, "ANY"),
    ]

    static func typeName(_ type: UInt16) -> String { types.first { $0.0 == type }?.1 ?? "TYPE\(type)" }

    static func type(_ name: String) -> UInt16 {
        types.first { $0.1 == name }?.0 ?? UInt16(name.dropFirst(4)) ?? 0
    }
}
