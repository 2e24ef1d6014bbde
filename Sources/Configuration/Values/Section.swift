internal import Timing

/// A text with its place.
struct PlacedText {
    var text: String
    var place: Place
}

/// One table of the file while it is read. Each reader returns nothing if the key is absent, and tells the problem and
/// returns nothing if its value is of another kind or out of range.
struct Section {
    /// The table's name with the tables around it; empty for the top of the file.
    let name: String
    let table: PlacedTable
    /// Where the table begins.
    let place: Place
    let problems: ProblemList

    /// The key with its tables, as messages name it.
    func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    /// The value of a key.
    func value(_ key: String) -> PlacedValue? {
        assert(Vocabulary.keys[name]?.contains(key) == true, "\(path(key)) is missing in the vocabulary")
        return table[key]?.value
    }

    /// Tells that a value is wrong: what was found, then the message.
    func refuse(_ value: PlacedValue, _ key: String, _ message: String) {
        problems.add(value.place, path(key), "\(value.found) \(message)")
    }

    /// Tells that a text is wrong.
    func refuse(_ text: PlacedText, _ key: String, _ message: String) {
        problems.add(text.place, path(key), "\(quoted(text.text)) \(message)")
    }

    /// Tells that a key is missing, if it is.
    ///
    /// - Parameter what: What is to be written.
    func require(_ key: String, _ what: String) {
        guard value(key) == nil else { return }
        problems.add(place, name, "\(key) is missing; write \(what)")
    }

    // MARK: tables

    /// The table below, empty if it is not written.
    func section(_ key: String) -> Section {
        let path = path(key)
        guard let value = value(key) else {
            return Section(name: path, table: PlacedTable(), place: place, problems: problems)
        }
        guard case .table(let table) = value.kind else {
            refuse(value, key, "is not a table; write [\(path)] on a line of its own and its keys below")
            return Section(name: path, table: PlacedTable(), place: value.place, problems: problems)
        }
        return Section(name: path, table: table, place: value.place, problems: problems)
    }

    /// The tables of a list of tables.
    func sections(_ key: String) -> [Section] {
        let path = path(key)
        guard let value = value(key) else { return [] }
        guard case .list(let elements) = value.kind else {
            refuse(value, key, "is not a list of tables; write [[\(path)]] with two brackets for each")
            return []
        }
        return elements.compactMap { element in
            guard case .table(let table) = element.kind else {
                refuse(element, key, "is not a table; write [[\(path)]] for each")
                return nil
            }
            return Section(name: path, table: table, place: element.place, problems: problems)
        }
    }

    // MARK: plain values

    /// A text.
    func text(_ key: String, example: String) -> PlacedText? {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value.kind else {
            refuse(value, key, "is not a text in quotation marks; write for example \(quoted(example))")
            return nil
        }
        return PlacedText(text: text, place: value.place)
    }

    /// `true` or `false`.
    func flag(_ key: String) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .boolean(let flag) = value.kind else {
            refuse(value, key, "is neither true nor false (without quotation marks)")
            return nil
        }
        return flag
    }

    /// A whole number.
    func integer(_ key: String, in range: ClosedRange<Int64>, why: String = "") -> Int? {
        guard let value = value(key) else { return nil }
        guard case .integer(let number) = value.kind else {
            refuse(value, key, "is not a whole number (without quotation marks); write one from \(range.words)")
            return nil
        }
        guard range.contains(number) else {
            refuse(value, key, "is not from \(range.words)\(why.isEmpty ? "" : ", \(why)")")
            return nil
        }
        return Int(number)
    }

    /// One word of a list.
    func word<Choice>(_ key: String, of choices: KeyValuePairs<String, Choice>) -> Choice? {
        let list = choices.map { "\"\($0.key)\"" }.joined(separator: ", ")
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value.kind else {
            refuse(value, key, "is not one of \(list)")
            return nil
        }
        if let choice = choices.first(where: { $0.key == text }) { return choice.value }
        let near = Spelling.nearest(to: text, among: choices.map(\.key)).map { "; did you mean \"\($0)\"?" } ?? ""
        refuse(value, key, "is not one of \(list)\(near)")
        return nil
    }

    // MARK: quantities

    /// A length of time in whole seconds.
    func duration(_ key: String) -> (seconds: UInt64, value: PlacedValue)? {
        guard let value = value(key) else { return nil }
        switch value.kind {
        case .integer(let number) where number >= 0: return (UInt64(number), value)
        case .integer: refuse(value, key, "is negative; \(DurationText.example)")
        case .string(let text):
            if let seconds = DurationText.seconds(text) { return (seconds, value) }
            let isBare = !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) }
            refuse(
                value,
                key,
                isBare ? "has no unit; write \(text) or \"\(text)s\"" : "is not a duration; \(DurationText.example)"
            )
        default: refuse(value, key, "is not a duration; \(DurationText.example)")
        }
        return nil
    }

    /// A length of time from a range.
    func duration(_ key: String, in range: ClosedRange<UInt64>) -> Moment.Span? {
        guard let (seconds, value) = duration(key) else { return nil }
        guard range.contains(seconds) else {
            refuse(value, key, "is not from \(range.lowerBound) to \(range.upperBound) seconds")
            return nil
        }
        return .seconds(seconds)
    }

    /// A size in octets.
    func size(_ key: String, in range: ClosedRange<Int64>, words: String) -> Int? {
        guard let value = value(key) else { return nil }
        let octets: Int64? =
            switch value.kind {
            case .integer(let number): number
            case .string(let text): SizeText.octets(text)
            default: nil
            }
        guard let octets else {
            refuse(value, key, "is not a size; \(SizeText.example)")
            return nil
        }
        guard range.contains(octets) else {
            refuse(value, key, "is not from \(words)")
            return nil
        }
        return Int(octets)
    }

    // MARK: lists

    /// The most elements of a list. Lists are searched from the front, also for queries and packets.
    private static let longestList = 4096

    /// A list of texts; a text alone counts as a list of one.
    ///
    /// - Parameter empty: What an empty list would mean, if it is refused.
    func texts(_ key: String, example: String, empty: String? = nil) -> [PlacedText]? {
        guard let value = value(key) else { return nil }
        switch value.kind {
        case .string(let text): return [PlacedText(text: text, place: value.place)]
        case .list(let elements):
            if elements.isEmpty, let empty {
                problems.add(value.place, path(key), "the list is empty: \(empty)")
                return nil
            }
            guard elements.count <= Self.longestList else {
                problems.add(
                    value.place,
                    path(key),
                    "the list has \(elements.count) elements; the most is \(Self.longestList)"
                )
                return nil
            }
            return elements.compactMap { element in
                guard case .string(let text) = element.kind else {
                    refuse(element, key, "is not a text in quotation marks; write for example [\(quoted(example))]")
                    return nil
                }
                return PlacedText(text: text, place: element.place)
            }
        default:
            refuse(value, key, "is not a list of texts; write for example [\(quoted(example))]")
            return nil
        }
    }
}

extension ClosedRange<Int64> {
    /// `1 to 64`.
    var words: String { "\(lowerBound) to \(upperBound)" }
}
