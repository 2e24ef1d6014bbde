private import TOMLKit

/// Reads TOML: TOMLKit says what the text means, ``KeyPlaces`` says where it stands.
enum TOMLText {
    /// Reads a text.
    ///
    /// - Parameters:
    ///   - octets: The content of the file.
    ///   - place: The file as a whole.
    static func table(from octets: [UInt8], at place: Place) throws(ConfigurationProblem) -> PlacedTable {
        let octets = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(octets.dropFirst(3)) : octets
        let text = try text(of: octets, at: place)
        let places: KeyPlaces
        do throws(ScanProblem) {
            places = try KeyScanner.places(in: octets)
        } catch {
            throw ConfigurationProblem(place.at(error.position), "", error.message)
        }
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw problem(error, at: place)
        } catch {
            throw ConfigurationProblem(place, "", "cannot be read as TOML: \(error)")
        }
        // TOMLKit never frees a table; emptying it gives back nearly all of its memory.
        defer { root.clear() }
        return PlacedTable(root, places, within: place)
    }

    /// Checks what TOMLKit takes on trust: size, encoding, no NUL.
    private static func text(of octets: [UInt8], at place: Place) throws(ConfigurationProblem) -> String {
        guard octets.count <= Configuration.largestFile else {
            throw ConfigurationProblem(place, "", "is larger than 4 MiB, which no configuration needs")
        }
        if let text = String(validating: octets, as: UTF8.self), !octets.contains(0) { return text }
        var line = 1
        var column = 1
        var decoder = UTF8()
        var iterator = octets.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&iterator), scalar.value != 0 {
            if scalar == "\n" {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        throw ConfigurationProblem(
            Place(file: place.file, order: place.order, line: line, column: column),
            "",
            "is not text in UTF-8 from here on; a configuration is a TOML file in UTF-8 without NUL"
        )
    }

    private static func problem(_ error: TOMLParseError, at place: Place) -> ConfigurationProblem {
        var message = ""
        for scalar in error.description.unicodeScalars {
            message.unicodeScalars.append(scalar.isPrintable ? scalar : " ")
        }
        let position = TextPosition(line: error.source.begin.line, column: error.source.begin.column)
        return ConfigurationProblem(place.at(position), "", "is not TOML: \(message)")
    }
}

extension Place {
    /// A place in the same file.
    func at(_ position: TextPosition?) -> Place {
        guard let position else { return self }
        return Place(file: file, order: order, line: position.line, column: position.column)
    }
}

extension PlacedTable {
    /// Takes over a table of TOMLKit, its keys in the order of the file.
    fileprivate init(_ table: TOMLTable, _ places: KeyPlaces, within place: Place) {
        entries = table.keys.compactMap { key in
            guard let value = table[key] else { return nil }
            let names = places.names[key]
            let keyPlace = place.at(names?.key)
            let valuePlace = keyPlace.at(names?.value)
            return Entry(key: key, place: keyPlace, value: PlacedValue(value, names, at: valuePlace))
        }
        entries.sort { $0.place < $1.place }
    }
}

extension PlacedValue {
    /// Takes over a value of TOMLKit.
    fileprivate init(_ value: any TOMLValueConvertible, _ places: KeyPlaces?, at place: Place) {
        let kind: Kind
        switch value.type {
        case .string: kind = .string(value.string ?? "")
        case .int: kind = .integer(Int64(value.int ?? 0))
        case .bool: kind = .boolean(value.bool ?? false)
        case .double: kind = .fraction(value.double ?? 0)
        // The scanner lets none of these pass.
        case .date, .time, .dateTime: kind = .string("")
        case .table:
            kind = .table(value.table.map { PlacedTable($0, places ?? KeyPlaces(), within: place) } ?? PlacedTable())
        case .array:
            let elements = places?.elements ?? []
            var list: [PlacedValue] = []
            for (index, element) in (value.array ?? TOMLArray()).enumerated() {
                let known = index < elements.count ? elements[index] : nil
                list.append(PlacedValue(element, known, at: place.at(known?.value)))
            }
            kind = .list(list)
        }
        self.init(kind: kind, place: place)
    }
}
