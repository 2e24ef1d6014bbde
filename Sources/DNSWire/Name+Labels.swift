/// Names as rows of labels.
extension Name {
    /// How many labels the name has, the root's empty one not counted.
    public var labelCount: Int {
        let words = words.span
        var labels = 0
        var offset = 0
        while Self.octet(words, offset) != 0 {
            labels += 1
            offset += 1 + Int(Self.octet(words, offset))
        }
        return labels
    }

    /// The name without its first label; nothing for the root.
    public var parent: Name? {
        guard !isRoot else { return nil }
        return suffix(from: 1 + Int(octet(0)))
    }

    /// The end of the name that begins at an octet.
    ///
    /// - Parameter offset: Where a label begins, or the root label lies.
    public func suffix(from offset: Int) -> Name {
        var result = Name()
        result.setCount(count - offset)
        let words = words.span
        for index in 0..<result.wordCount { result.setWord(index, Self.word(words, at: offset + 8 * index)) }
        return result
    }

    /// Whether the name is the other one or lies below it.
    public func isAtOrBelow(_ other: Name) -> Bool {
        guard count >= other.count else { return false }
        let words = words.span
        var offset = 0
        while count - offset > other.count { offset += 1 + Int(Self.octet(words, offset)) }
        guard count - offset == other.count else { return false }
        let others = other.words.span
        for index in 0..<other.wordCount
        where Self.folded(Self.word(words, at: offset + 8 * index)) != Self.folded(others[index]) { return false }
        return true
    }

    /// Whether the name lies below the other one.
    public func isBelow(_ other: Name) -> Bool { count > other.count && isAtOrBelow(other) }

    /// The name with its end replaced, as a DNAME does (RFC 6672 section 2.2); nothing if that is too long or the
    /// name does not lie below `old`.
    public func replacing(_ old: Name, with new: Name) -> Name? {
        guard isBelow(old), count - old.count + new.count <= 255 else { return nil }
        var result = Name()
        let kept = count - old.count
        for index in 0..<kept { result.setOctet(index, octet(index)) }
        for index in 0..<new.count { result.setOctet(kept + index, new.octet(index)) }
        result.setCount(kept + new.count)
        return result
    }

    /// The name with a label before it; nothing if that is too long.
    ///
    /// - Parameter label: 1 to 63 octets.
    public func prefixed(with label: some Collection<UInt8>) -> Name? {
        guard (1...63).contains(label.count), count + 1 + label.count <= 255 else { return nil }
        var result = Name()
        result.setOctet(0, UInt8(label.count))
        var offset = 1
        for octet in label {
            result.setOctet(offset, octet)
            offset += 1
        }
        for index in 0..<count { result.setOctet(offset + index, octet(index)) }
        result.setCount(offset + count)
        return result
    }

    /// The name with a label before it, given as the first octets of a span.
    ///
    /// - Precondition: The label has 1 to 63 octets and the result no more than 255.
    public func prefixed(with label: borrowing Span<UInt8>, count size: Int) -> Name {
        precondition((1...63).contains(size) && count + 1 + size <= 255, "a label too long for its name")
        var result = Name()
        result.setOctet(0, UInt8(size))
        for index in 0..<size { result.setOctet(1 + index, label[index]) }
        for index in 0..<count { result.setOctet(1 + size + index, octet(index)) }
        result.setCount(1 + size + count)
        return result
    }
}

extension Name: CustomStringConvertible, LosslessStringConvertible {
    /// Reads presentation form: labels joined by dots, with or without a dot at the end; `\.` and `\ddd` as in
    /// RFC 1035 section 5.1. Nothing for empty labels, and for labels and names that are too long.
    public init?(_ text: String) {
        let units = Array(text.utf8)
        self.init()
        guard units != [UInt8(ascii: ".")] else { return }
        guard !units.isEmpty else { return nil }
        var labels: [[UInt8]] = []
        var label: [UInt8] = []
        var index = 0
        var endedByDot = false
        while index < units.count {
            var unit = units[index]
            index += 1
            endedByDot = false
            if unit == UInt8(ascii: ".") {
                labels.append(label)
                label = []
                endedByDot = true
                continue
            }
            if unit == UInt8(ascii: "\\") {
                guard index < units.count else { return nil }
                if (48...57).contains(units[index]) {
                    guard index + 3 <= units.count,
                        let number = UInt8(String(decoding: units[index..<index + 3], as: UTF8.self))
                    else { return nil }
                    unit = number
                    index += 3
                } else {
                    unit = units[index]
                    index += 1
                }
            }
            label.append(unit)
        }
        if !endedByDot { labels.append(label) }
        for label in labels.reversed() {
            guard let longer = prefixed(with: label) else { return nil }
            self = longer
        }
    }

    /// Presentation form with a dot at the end.
    public var description: String {
        guard !isRoot else { return "." }
        var text = ""
        var offset = 0
        while octet(offset) != 0 {
            let length = Int(octet(offset))
            for index in offset + 1..<offset + 1 + length {
                let unit = octet(index)
                switch unit {
                case UInt8(ascii: "."), UInt8(ascii: "\\"):
                    text += "\\"
                    text.unicodeScalars.append(Unicode.Scalar(unit))
                case 33...126: text.unicodeScalars.append(Unicode.Scalar(unit))
                default:
                    let digits = String(unit)
                    text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
            }
            text += "."
            offset += 1 + length
        }
        return text
    }
}
