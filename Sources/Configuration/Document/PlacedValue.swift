/// A value of a configuration file with its place.
struct PlacedValue: Equatable {
    /// The kinds of value TOML knows.
    indirect enum Kind: Equatable {
        case string(String)
        case integer(Int64)
        case boolean(Bool)
        /// A number with a fraction: no key of ours takes one.
        case fraction(Double)
        case list([PlacedValue])
        case table(PlacedTable)
    }

    var kind: Kind
    var place: Place

    /// The value as it is quoted in a message: short, on one line.
    var found: String {
        switch kind {
        case .string(let text): quoted(text)
        case .integer(let number): String(number)
        case .boolean(let flag): String(flag)
        case .fraction(let number): String(number)
        case .list: "this list"
        case .table: "this table"
        }
    }

    /// Whether this is a list of tables, written as `[[name]]` or as a list of inline tables.
    var isListOfTables: Bool {
        guard case .list(let elements) = kind, !elements.isEmpty else { return false }
        return elements.allSatisfy { if case .table = $0.kind { true } else { false } }
    }
}

/// A table of a configuration file: its keys in the order of the file.
struct PlacedTable: Equatable {
    /// A key and its value.
    struct Entry: Equatable {
        var key: String
        /// Where the key stands; for a table, where its header or its first key does.
        var place: Place
        var value: PlacedValue
    }

    var entries: [Entry] = []

    subscript(key: String) -> Entry? { entries.first { $0.key == key } }
}

/// A text in quotation marks, without characters that would break a line or a terminal, cut if it is long.
func quoted(_ text: String) -> String {
    var result = "\""
    for (count, scalar) in text.unicodeScalars.enumerated() {
        if count == 80 {
            result += "…"
            break
        }
        switch scalar {
        case "\"", "\\": result += "\\" + String(scalar)
        case _ where scalar.isPrintable: result.unicodeScalars.append(scalar)
        default: result += "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
    return result + "\""
}

extension Unicode.Scalar {
    /// Whether the character may stand in a message: no control, format, separator or private character.
    var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}
