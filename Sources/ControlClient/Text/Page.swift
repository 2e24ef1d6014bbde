/// Text in two columns: the name of a part, and what there is to say about it.
struct Page {
    private static let indent = 11
    private static let width = 100

    /// What is written so far.
    private(set) var text = ""
    private var isIndented = false

    /// Starts a part.
    mutating func part(_ name: String, _ line: String) {
        isIndented = true
        text += name + String(repeating: " ", count: max(1, Self.indent - name.count)) + line + "\n"
    }

    /// A line, under the part that was started last.
    mutating func line(_ line: String) {
        text += (isIndented ? String(repeating: " ", count: Self.indent) : "") + line + "\n"
    }

    /// Items with commas between them, on as many lines as they need; those after the first stand under the first item.
    mutating func wrapped(_ word: String, _ items: [String]) {
        guard !items.isEmpty else { return line(word + "none") }
        var current = word
        for (index, item) in items.enumerated() {
            let piece = index == items.count - 1 ? item : item + ","
            if current.count > word.count, Self.indent + current.count + 1 + piece.count > Self.width {
                line(current)
                current = String(repeating: " ", count: word.count)
            }
            current += current.count == word.count ? piece : " " + piece
        }
        line(current)
    }
}
