/// Finds the word somebody probably meant.
enum Spelling {
    /// The known word nearest to a misspelt one, if one is near enough to be meant.
    static func nearest(to word: String, among known: [String]) -> String? {
        guard word.utf8.count <= 40 else { return nil }
        let normal = normalized(word)
        let distances = known.map { (word: $0, distance: distance(from: normal, to: normalized($0))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        if best.distance <= max(1, min(normal.count, best.word.utf8.count) / 4) { return best.word }
        return known.first { isAbbreviation(normal, of: normalized($0)) }
    }

    /// Whether a word is another one with letters left out, but at least half of them there: `prefx`, `warn`.
    private static func isAbbreviation(_ short: [UInt8], of long: [UInt8]) -> Bool {
        guard short.count >= 3, short.count * 2 >= long.count, short.first == long.first else { return false }
        var rest = short[...]
        for letter in long where rest.first == letter { rest.removeFirst() }
        return rest.isEmpty
    }

    /// Case and the kind of joint between words do not count: `Lowest_IPv6_MTU` is `lowest-ipv6-mtu`.
    private static func normalized(_ word: String) -> [UInt8] {
        word.lowercased().utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }
    }

    /// How many letters must be added, left out, changed or swapped with their neighbour.
    static func distance(from left: [UInt8], to right: [UInt8]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row] + [Int](repeating: 0, count: right.count)
            for column in 1...right.count {
                let change = left[row - 1] == right[column - 1] ? 0 : 1
                current[column] = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + change)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    current[column] = min(current[column], beforeLast[column - 2] + 1)
                }
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
