private import Timing

/// A moment on the wall clock in whole seconds since 1970, for people `2026-11-26T04:11:01Z`, in JSON a number.
public struct UTCTime: Codable, Hashable, Sendable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public let seconds: UInt64

    /// Names a moment.
    public init(seconds: UInt64) { self.seconds = seconds }

    /// Reads a moment as RFC 3339 writes it in UTC, `2026-11-26T04:11:01Z`, or as seconds since 1970.
    public init?(_ text: String) {
        if let seconds = UInt64(text), seconds <= CalendarTime.last {
            self.seconds = seconds
            return
        }
        let octets = Array(text.utf8)
        guard octets.count == 20, octets.last == UInt8(ascii: "Z"), octets[10] == UInt8(ascii: "T") else { return nil }
        var fields: [Int] = []
        for part in text.dropLast().split(whereSeparator: { "-T:".contains($0) }) {
            guard part.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let field = Int(part)
            else { return nil }
            fields.append(field)
        }
        guard fields.count == 6, fields[0] >= 1970, (1...12).contains(fields[1]), (1...31).contains(fields[2]) else {
            return nil
        }
        let days = Self.days(fields[0], fields[1], fields[2])
        guard fields[3] < 24, fields[4] < 60, fields[5] < 60 else { return nil }
        seconds = UInt64(((days * 24 + fields[3]) * 60 + fields[4]) * 60 + fields[5])
        // The 31st of April becomes the 1st of May, which is not what was written.
        guard description == text else { return nil }
    }

    /// Reads a number.
    public init(from decoder: any Decoder) throws { seconds = try decoder.singleValueContainer().decode(UInt64.self) }

    /// Writes a number.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(seconds)
    }

    /// Days from 1970-01-01 to a day of the Gregorian calendar, whose year is taken to begin in March.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let march = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return march * 365 + march / 4 - march / 100 + march / 400 + dayOfYear - 719_468
    }
}

extension UTCTime: CustomStringConvertible {
    /// As RFC 3339 writes it.
    public var description: String { "\(CalendarTime(seconds: seconds))Z" }
}
