internal import ControlAPI

/// A page of Prometheus text, written metric by metric.
///
/// Invariant: every metric has one help line, one type line and its samples right after them; no label set comes twice.
struct MetricsPage {
    /// What is written so far.
    private(set) var text = ""

    /// A value that goes up and down, without labels.
    mutating func gauge(_ name: String, _ help: String, _ value: Double) { gauge(name, help, [([:], value)]) }

    /// A value that goes up and down, by labels.
    mutating func gauge(_ name: String, _ help: String, _ samples: [(labels: [String: String], value: Double)]) {
        write(name, help, type: "gauge", samples.map { ($0.labels, Self.number($0.value)) })
    }

    /// A value that only goes up while the daemon lives, without labels.
    mutating func counter(_ name: String, _ help: String, _ value: UInt64) { counter(name, help, [([:], value)]) }

    /// A value that only goes up while the daemon lives, by labels.
    mutating func counter(_ name: String, _ help: String, _ samples: [(labels: [String: String], value: UInt64)]) {
        write(name, help, type: "counter", samples.map { ($0.labels, "\($0.value)") })
    }

    /// A state: one sample for every state there is.
    mutating func state(_ name: String, _ help: String, _ state: PartState) {
        gauge(name, help, PartState.allCases.map { (["state": $0.rawValue], $0 == state ? 1 : 0) })
    }

    private mutating func write(_ name: String, _ help: String, type: String, _ samples: [([String: String], String)]) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        var seen: Set<[String: String]> = []
        for (labels, value) in samples where seen.insert(labels).inserted {
            let written = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
            text += written.isEmpty ? "\(name) \(value)\n" : "\(name){\(written.joined(separator: ","))} \(value)\n"
        }
    }

    /// A number as the format has it.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 9e15 ? "\(Int64(value))" : "\(value)"
    }

    /// The value of a label, with what would end it written otherwise.
    private static func escaped(_ value: String) -> String {
        var out = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": out += #"\\"#
            case "\"": out += #"\""#
            case "\n": out += #"\n"#
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }
}
