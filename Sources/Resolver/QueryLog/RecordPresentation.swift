internal import DNSWire
internal import IPAddressing
internal import PacketMemory

/// The data of a record as in a zone file; of types that have no form of their own here, that of RFC 3597 section 5.
enum RecordPresentation {
    static func text(_ record: ResourceRecord, in message: borrowing RawSpan) -> String {
        known(record, in: message) ?? generic(record, in: message)
    }

    private static func known(_ record: ResourceRecord, in message: borrowing RawSpan) -> String? {
        let data = record.data
        switch record.type.rawValue {
        case 1 where record.dataCount == 4: return IPv4Address(bits: message.uint32(at: data)).description
        case 28 where record.dataCount == 16:
            return IPv6Address(high: message.uint64(at: data), low: message.uint64(at: data + 8)).description
        case 2, 5, 12, 39: return name(message, at: data)
        case 6:
            guard let server = name(message, at: data), let next = try? Name.end(in: message, at: data),
                let mailbox = name(message, at: next), record.dataCount >= 22
            else { return nil }
            var text = "\(server) \(mailbox)"
            for place in 0..<5 { text += " \(message.uint32(at: record.end - 20 + 4 * place))" }
            return text
        case 15 where record.dataCount > 2:
            guard let host = name(message, at: data + 2) else { return nil }
            return "\(message.uint16(at: data)) \(host)"
        case 33 where record.dataCount > 6:
            guard let host = name(message, at: data + 6) else { return nil }
            return "\(message.uint16(at: data)) \(message.uint16(at: data + 2)) \(message.uint16(at: data + 4)) \(host)"
        case 16: return strings(record, in: message)
        default: return nil
        }
    }

    private static func name(_ message: borrowing RawSpan, at offset: Int) -> String? {
        (try? Name(in: message, at: offset))?.description
    }

    private static func strings(_ record: ResourceRecord, in message: borrowing RawSpan) -> String? {
        var parts: [String] = []
        var offset = record.data
        while offset < record.end {
            let end = offset + 1 + Int(message.octet(at: offset))
            guard end <= record.end else { return nil }
            var part = ""
            for place in offset + 1..<end {
                let octet = message.octet(at: place)
                switch octet {
                case 0x22, 0x5C: part += "\\\(Unicode.Scalar(octet))"
                case 0x20...0x7E: part.unicodeScalars.append(Unicode.Scalar(octet))
                default:
                    let digits = String(octet)
                    part += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
            }
            parts.append("\"\(part)\"")
            offset = end
        }
        return parts.joined(separator: " ")
    }

    private static func generic(_ record: ResourceRecord, in message: borrowing RawSpan) -> String {
        var text = "\\# \(record.dataCount)"
        if record.dataCount > 0 { text += " " }
        for place in record.data..<record.end {
            let octet = message.octet(at: place)
            text += octet < 16 ? "0\(String(octet, radix: 16))" : String(octet, radix: 16)
        }
        return text
    }
}
