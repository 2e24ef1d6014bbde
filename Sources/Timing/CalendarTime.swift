/// A second of the Gregorian calendar in UTC.
public struct CalendarTime: Hashable, Sendable {
    /// The year, 1970 to 9999.
    let year: Int
    /// The month, 1 to 12.
    let month: Int
    /// The day of the month, 1 to 31.
    let day: Int
    /// The hour, 0 to 23.
    let hour: Int
    /// The minute, 0 to 59.
    let minute: Int
    /// The second, 0 to 59: a leap second has no number.
    let second: Int

    /// The last second of the year 9999, from 1970-01-01T00:00:00Z; later ones count as this.
    public static let last: UInt64 = 253_402_300_799

    /// The second of this number from 1970-01-01T00:00:00Z.
    public init(seconds: UInt64) {
        let (days, rest) = Int(min(seconds, Self.last)).quotientAndRemainder(dividingBy: 86_400)
        // Eras of 400 years that begin on the first of March have 146,097 days each.
        let (era, ofEra) = (days + 719_468).quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let dayOfYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        day = dayOfYear - (153 * fromMarch + 2) / 5 + 1
        hour = rest / 3_600
        minute = rest / 60 % 60
        second = rest % 60
    }
}

extension CalendarTime: CustomStringConvertible {
    /// As RFC 3339 writes it, without the fraction and the zone that follow: `2026-11-26T04:11:01`.
    public var description: String {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)-\(two(month))-\(two(day))T\(two(hour)):\(two(minute)):\(two(second))"
    }
}
