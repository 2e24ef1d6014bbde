/// Numbers and times as people read them.
package enum Words {
    /// `81,204,113`.
    package static func number(_ value: UInt64) -> String {
        var out = ""
        for (place, digit) in String(value).reversed().enumerated() {
            if place > 0, place.isMultiple(of: 3) { out.append(",") }
            out.append(digit)
        }
        return String(out.reversed())
    }

    /// `71 %`; a part that is there but rounds to nothing is `<1 %`, and only the whole is `100 %`.
    package static func percent(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0, part > 0 else { return "0 %" }
        guard part < whole else { return "100 %" }
        let rounded = Int((Double(part) / Double(whole) * 100).rounded())
        return rounded == 0 ? "<1 %" : "\(min(rounded, 99)) %"
    }

    /// `9.1 GiB`.
    package static func octets(_ value: UInt64) -> String {
        guard value >= 1_024 else { return value == 1 ? "1 octet" : "\(value) octets" }
        return scaled(Double(value), by: 1_024, units: ["octets", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
    }

    /// `12.3 Mb/s`.
    package static func bitRate(octetsPerSecond: Double) -> String {
        guard octetsPerSecond.isFinite, octetsPerSecond > 0 else { return "0 b/s" }
        return scaled(octetsPerSecond * 8, by: 1_000, units: ["b/s", "kb/s", "Mb/s", "Gb/s", "Tb/s"])
    }

    /// `1,204`, of something there is no half of.
    package static func rate(_ value: Double) -> String {
        guard value.isFinite, value > 0 else { return "0" }
        return value < 10 ? oneDecimal(value) : number(UInt64(min(value.rounded(), 1e18)))
    }

    /// `3 days 4 hours`: the two greatest units.
    package static func duration(_ seconds: UInt64) -> String {
        let units: [(String, UInt64)] = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)]
        var rest = seconds
        var parts: [String] = []
        for (name, length) in units where rest >= length || (length == 1 && parts.isEmpty) {
            let count = rest / length
            rest %= length
            parts.append("\(number(count)) \(name)\(count == 1 ? "" : "s")")
        }
        return parts.prefix(2).joined(separator: " ")
    }

    /// `2:04:00`, `4:05` or `59 s`, for a column.
    package static func shortDuration(_ seconds: UInt64) -> String {
        func two(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60):\(two(seconds % 60))" }
        return "\(seconds / 3_600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }

    /// `12.3`, `0.4`, `120` milliseconds.
    package static func milliseconds(_ value: Double) -> String {
        guard value.isFinite, value >= 0 else { return "?" }
        return value < 100 ? oneDecimal(value) : number(UInt64(min(value.rounded(), 1e18)))
    }

    /// `1 route`, `2 routes`.
    package static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    private static func scaled(_ value: Double, by step: Double, units: [String]) -> String {
        var value = value
        var unit = 0
        // 1,023.96 KiB would be written 1024.0 KiB: the next unit is meant.
        while value >= step - 0.05, unit < units.count - 1 {
            value /= step
            unit += 1
        }
        return unit == 0 ? "\(UInt64(value.rounded())) \(units[0])" : "\(oneDecimal(value)) \(units[unit])"
    }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = UInt64(min((value * 10).rounded(), 1e19))
        return "\(number(tenths / 10)).\(tenths % 10)"
    }
}
