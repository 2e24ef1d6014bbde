internal import Timing

/// Reads lengths of time: `90s`, `5m`, `2h4m`, `1d`.
enum DurationText {
    static let example = "write whole seconds, or a text such as \"90s\", \"5m\", \"2h4m\""

    /// The length of time, or nothing if the text is none. Units stand from the largest to the smallest.
    static func seconds(_ text: String) -> UInt64? {
        var total: UInt64 = 0
        var number: UInt64?
        var lastUnit = UInt64.max
        for octet in text.utf8 {
            if let digit = decimal(octet) {
                let (tenfold, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
                let (sum, carry) = tenfold.addingReportingOverflow(digit)
                guard !overflow, !carry else { return nil }
                number = sum
                continue
            }
            let unit: UInt64
            switch octet {
            case UInt8(ascii: "d"): unit = 86_400
            case UInt8(ascii: "h"): unit = 3600
            case UInt8(ascii: "m"): unit = 60
            case UInt8(ascii: "s"): unit = 1
            default: return nil
            }
            guard let count = number, unit < lastUnit else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: unit)
            let (sum, carry) = total.addingReportingOverflow(product)
            guard !overflow, !carry else { return nil }
            (total, number, lastUnit) = (sum, nil, unit)
        }
        return number == nil && lastUnit != .max ? total : nil
    }
}

/// Reads sizes: `64MiB`, `512KiB`, `1GiB`, `4096B`.
enum SizeText {
    static let example = "write octets, or a text such as \"64MiB\""

    /// The size in octets, or nothing if the text is none.
    static func octets(_ text: String) -> Int64? {
        let digits = text.utf8.prefix { decimal($0) != nil }
        guard !digits.isEmpty, digits.count <= 15, let count = Int64(String(decoding: digits, as: UTF8.self)) else {
            return nil
        }
        let unit: Int64
        switch text.utf8.dropFirst(digits.count).map({ $0 }) {
        case Array("B".utf8): unit = 1
        case Array("KiB".utf8): unit = 1 << 10
        case Array("MiB".utf8): unit = 1 << 20
        case Array("GiB".utf8): unit = 1 << 30
        default: return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }
}

/// Reads ranges of ports: `1024-65535`, or one port.
enum PortRangeText {
    /// The range, or nothing if the text is none or its ends stand the wrong way round.
    static func range(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(port)
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last else {
            return nil
        }
        return first...last
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard !text.isEmpty, text.utf8.count <= 5, text.utf8.allSatisfy({ decimal($0) != nil }) else { return nil }
        return UInt16(text)
    }
}

/// The value of an ASCII digit.
private func decimal(_ octet: UInt8) -> UInt64? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) ? UInt64(octet - UInt8(ascii: "0")) : nil
}
