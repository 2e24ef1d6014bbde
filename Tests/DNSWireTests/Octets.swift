import PacketMemory

/// Octets out of hexadecimal text; blanks, and everything from `//` to the end of a line, are notes.
func octets(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    var high: UInt8?
    for line in text.split(separator: "\n") {
        let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line[...]
        for digit in code.unicodeScalars where digit != " " {
            guard let value = UInt8(String(digit), radix: 16) else { continue }
            if let first = high {
                result.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
    }
    return result
}

/// A small generator with a seed, so that what a test found is found again.
struct SeededWords: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
