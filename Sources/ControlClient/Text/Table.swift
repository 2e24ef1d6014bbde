/// A column of a table.
package struct Column: Sendable {
    let title: String
    let toTheRight: Bool

    /// Describes a column; numbers stand to the right.
    package init(_ title: String, toTheRight: Bool = false) {
        self.title = title
        self.toTheRight = toTheRight
    }
}

/// Rows in aligned columns. The widths grow with what comes and never shrink, so pages that follow one another look like
/// one table.
package struct Table: Sendable {
    private let columns: [Column]
    private var widths: [Int]

    /// Starts a table.
    package init(columns: [Column]) {
        self.columns = columns
        widths = columns.map(\.title.count)
    }

    /// Writes rows, under the titles if it is the first page.
    package mutating func text(rows: [[String]], heading: Bool) -> String {
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count {
                widths[index] = max(widths[index], cell.count)
            }
        }
        guard !rows.isEmpty else { return "" }
        let lines = (heading ? [columns.map(\.title)] : []) + rows
        return lines.map(line).joined(separator: "\n")
    }

    private func line(_ cells: [String]) -> String {
        var out = ""
        for (index, cell) in cells.enumerated() where index < columns.count {
            let gap = String(repeating: " ", count: max(0, widths[index] - cell.count))
            if index > 0 { out += "  " }
            out += columns[index].toTheRight ? gap + cell : cell + gap
        }
        while out.hasSuffix(" ") { out.removeLast() }
        return out
    }
}
