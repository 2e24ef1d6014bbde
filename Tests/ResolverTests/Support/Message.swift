import IPAddressing

/// A message as far as these tests look at it.
struct Message: Equatable {
    var id: UInt16 = 0
    var flags: UInt16 = 0
    var name = ""
    var type: UInt16 = 0
    /// `A 192.0.2.1`, `AAAA 2001:db8::1`, `CNAME`, `TXT 48000 octets in 4 records` is not said: one text per record.
    var answers: [String] = []

    var code: UInt16 { flags & 15 }
    var isTruncated: Bool { flags & 0x0200 != 0 }

    static let a: UInt16 = 1
    static let txt: UInt16 = 16
    static let aaaa: UInt16 = 28

    /// A query for one name.
    static func question(_ name: String, _ type: UInt16, id: UInt16 = 1) -> [UInt8] {
        [UInt8(id >> 8), UInt8(id & 255), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + encode(name) + words([type, 1])
    }

    static func encode(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    static func words(_ all: [UInt16]) -> [UInt8] { all.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } }

    /// Reads a message with one question; nil if it is cut.
    init?(_ octets: [UInt8]) {
        guard octets.count >= 12 else { return nil }
        func word(_ at: Int) -> UInt16 { UInt16(octets[at]) << 8 | UInt16(octets[at + 1]) }
        id = word(0)
        flags = word(2)
        var at = 12
        func skipName() -> [String]? {
            var labels: [String] = []
            while at < octets.count, octets[at] != 0 {
                let length = Int(octets[at])
                guard length < 64 else {
                    at += 2
                    return labels
                }
                guard at + 1 + length <= octets.count else { return nil }
                labels.append(String(decoding: octets[(at + 1)..<(at + 1 + length)], as: UTF8.self))
                at += 1 + length
            }
            at += 1
            return labels
        }
        if word(4) == 1 {
            guard let labels = skipName(), at + 4 <= octets.count else { return nil }
            name = labels.joined(separator: ".")
            type = word(at)
            at += 4
        }
        for _ in 0..<word(6) {
            guard skipName() != nil, at + 10 <= octets.count else { return nil }
            let (kind, length) = (word(at), Int(word(at + 8)))
            at += 10
            guard at + length <= octets.count else { return nil }
            answers.append(Self.describe(kind, Array(octets[at..<(at + length)])))
            at += length
        }
    }

    private static func describe(_ type: UInt16, _ data: [UInt8]) -> String {
        switch (type, data.count) {
        case (a, 4): return "A \(IPv4Address(data[0], data[1], data[2], data[3]))"
        case (aaaa, 16):
            let halves = [data[..<8], data[8...]].map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
            return "AAAA \(IPv6Address(high: halves[0], low: halves[1]))"
        default: return "TYPE\(type) of \(data.count)"
        }
    }
}
