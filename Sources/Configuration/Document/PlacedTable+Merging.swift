extension PlacedTable {
    /// Lays files over one another, the later over the earlier.
    init(merging files: [PlacedTable]) {
        self = files.first ?? PlacedTable()
        for file in files.dropFirst() { lay(file) }
    }

    private mutating func lay(_ later: PlacedTable) {
        for entry in later.entries {
            guard let index = entries.firstIndex(where: { $0.key == entry.key }) else {
                entries.append(entry)
                continue
            }
            switch (entries[index].value.kind, entry.value.kind) {
            case (.table(var table), .table(let laid)):
                table.lay(laid)
                entries[index].value.kind = .table(table)
            case (.list(let before), .list(let more))
            where entry.value.isListOfTables && (before.isEmpty || entries[index].value.isListOfTables):
                entries[index].value.kind = .list(before + more)
            default:
                entries[index] = entry
            }
        }
    }
}
