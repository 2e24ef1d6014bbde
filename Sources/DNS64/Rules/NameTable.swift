import DNSWire
import PacketMemory

/// Names with a number each, found by the longest end of another name, at the cost of one pass over that name's octets
/// and one look per depth at which there are names: ten thousand of them cost what ten do.
///
/// Nothing here allocates but the making.
struct NameTable: Sendable {
    /// What was found.
    struct Match {
        /// The place of the name in the order in which the table was made; -1 if there is none.
        var place = -1
        /// Where in the name that was looked up the found one begins.
        var offset = 0
    }

    /// Place and low half of the hash; the place is one more, so that zero is free.
    private var slots: [UInt64]
    private let mask: UInt64
    /// The names in lower case, as words one behind the other; where each begins, and how many octets it has.
    private var words: [UInt64] = []
    private var firsts: [Int32] = []
    private var counts: [UInt8] = []
    /// At which depths there are names, a bit each.
    private var depths: (UInt64, UInt64) = (0, 0)
    private var deepest = 0

    /// Takes names, none of which may occur twice.
    init(_ names: [Name]) {
        for name in names {
            firsts.append(Int32(words.count))
            counts.append(UInt8(name.count))
            for index in 0..<name.wordCount { words.append(name.foldedWord(index)) }
        }
        var size = 16
        while size < names.count * 2 { size *= 2 }
        slots = [UInt64](repeating: 0, count: size)
        mask = UInt64(size - 1)
        for (place, name) in names.enumerated() {
            var hash = Self.begin
            var depth = 0
            var starts = [128 of UInt8](repeating: 0)
            let labels = Self.starts(of: name, &starts)
            while depth < labels {
                Self.absorb(&hash, name, at: Int(starts[labels - 1 - depth]))
                depth += 1
            }
            var index = hash & mask
            while slots[Int(index)] != 0 { index = (index + 1) & mask }
            slots[Int(index)] = hash << 32 | UInt64(place + 1)
            if depth < 64 { depths.0 |= 1 << UInt64(depth) } else { depths.1 |= 1 << UInt64(depth - 64) }
            deepest = max(deepest, depth)
        }
    }

    /// Whether there are no names.
    var isEmpty: Bool { counts.isEmpty }

    /// The longest of the names that the other one is or lies below.
    func longest(_ name: borrowing Name) -> Match {
        var match = Match()
        guard !isEmpty else { return match }
        var starts = [128 of UInt8](repeating: 0)
        let labels = Self.starts(of: name, &starts)
        var hash = Self.begin
        var depth = 0
        var offset = name.count &- 1
        while true {
            if has(depth) {
                let place = find(hash, name, from: offset)
                if place >= 0 { match = Match(place: place, offset: offset) }
            }
            guard depth < labels, depth < deepest else { return match }
            depth &+= 1
            offset = Int(starts[labels &- depth])
            Self.absorb(&hash, name, at: offset)
        }
    }

    /// The longest of the names that one is or lies below which lies in a message.
    @inline(__always)
    func longest(_ message: borrowing RawSpan, _ name: PlacedName) -> Match {
        var match = Match()
        guard !isEmpty else { return match }
        var starts = [128 of UInt8](repeating: 0)
        var labels = 0
        var offset = 0
        while offset < name.count &- 1 {
            starts[labels] = UInt8(truncatingIfNeeded: offset)
            labels &+= 1
            offset &+= 1 &+ Int(message.octet(at: name.start &+ offset))
        }
        var hash = Self.begin
        var depth = 0
        while true {
            if has(depth) {
                let place = find(hash, message, name, from: offset)
                if place >= 0 { match = Match(place: place, offset: offset) }
            }
            guard depth < labels, depth < deepest else { return match }
            depth &+= 1
            offset = Int(starts[labels &- depth])
            var left = 1 &+ Int(message.octet(at: name.start &+ offset))
            var index = name.start &+ offset
            while left > 0 {
                Self.absorb(&hash, PlacedName.folded(message, at: index, min(left, 8)))
                index &+= 8
                left &-= 8
            }
        }
    }

    @inline(__always)
    private func has(_ depth: Int) -> Bool {
        depth < 64 ? depths.0 >> UInt64(depth) & 1 != 0 : depths.1 >> UInt64(depth - 64) & 1 != 0
    }

    private func find(_ hash: UInt64, _ name: borrowing Name, from offset: Int) -> Int {
        var index = hash & mask
        while true {
            let slot = slots[Int(truncatingIfNeeded: index)]
            if slot == 0 { return -1 }
            if slot >> 32 == hash & 0xFFFF_FFFF {
                let place = Int(slot & 0xFFFF_FFFF) &- 1
                if isEnd(place, of: name, from: offset) { return place }
            }
            index = (index &+ 1) & mask
        }
    }

    @inline(__always)
    private func find(_ hash: UInt64, _ message: borrowing RawSpan, _ name: PlacedName, from offset: Int) -> Int {
        var index = hash & mask
        while true {
            let slot = slots[Int(truncatingIfNeeded: index)]
            if slot == 0 { return -1 }
            if slot >> 32 == hash & 0xFFFF_FFFF {
                let place = Int(slot & 0xFFFF_FFFF) &- 1
                if isEnd(place, message, name, from: offset) { return place }
            }
            index = (index &+ 1) & mask
        }
    }

    /// Whether a name ends in one of ours from an octet on.
    private func isEnd(_ place: Int, of name: borrowing Name, from offset: Int) -> Bool {
        let count = Int(counts[place])
        guard name.count &- offset == count else { return false }
        let first = Int(firsts[place])
        for index in 0..<(count &+ 7) &>> 3
        where words[first &+ index] != name.foldedPiece(at: offset &+ 8 &* index, min(8, count &- 8 &* index)) {
            return false
        }
        return true
    }

    @inline(__always)
    private func isEnd(_ place: Int, _ message: borrowing RawSpan, _ name: PlacedName, from offset: Int) -> Bool {
        let count = Int(counts[place])
        guard name.count &- offset == count else { return false }
        let first = Int(firsts[place])
        let start = name.start &+ offset
        for index in 0..<(count &+ 7) &>> 3
        where words[first &+ index]
            != PlacedName.folded(message, at: start &+ 8 &* index, min(8, count &- 8 &* index))
        {
            return false
        }
        return true
    }

    private static let begin: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Where the labels begin; how many there are.
    private static func starts(of name: borrowing Name, _ starts: inout [128 of UInt8]) -> Int {
        var labels = 0
        var offset = 0
        while name.octet(offset) != 0 {
            starts[labels] = UInt8(truncatingIfNeeded: offset)
            labels &+= 1
            offset &+= 1 &+ Int(name.octet(offset))
        }
        return labels
    }

    /// Adds a label to the hash of those behind it.
    private static func absorb(_ hash: inout UInt64, _ name: borrowing Name, at start: Int) {
        var left = 1 &+ Int(name.octet(start))
        var index = start
        while left > 0 {
            absorb(&hash, name.foldedPiece(at: index, min(left, 8)))
            index &+= 8
            left &-= 8
        }
    }

    /// Adds up to eight octets of a label.
    @inline(__always)
    private static func absorb(_ hash: inout UInt64, _ word: UInt64) {
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash &>> 32
    }
}

extension Name {
    /// Some octets in lower case, as the first of a word; the rest of it is zero.
    ///
    /// - Parameter size: 1 to 8.
    fileprivate func foldedPiece(at offset: Int, _ size: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<size { word |= UInt64(octet(offset &+ index)) &<< UInt64(56 &- 8 &* index) }
        return Name.folded(word)
    }
}
