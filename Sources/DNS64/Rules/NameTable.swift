import DNSWire

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
    private let names: [Name]
    /// At which depths there are names, a bit each.
    private var depths: (UInt64, UInt64) = (0, 0)
    private var deepest = 0

    /// Takes names, none of which may occur twice.
    init(_ names: [Name]) {
        self.names = names.map(\.folded)
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
    var isEmpty: Bool { names.isEmpty }

    /// The longest of the names that the other one is or lies below.
    func longest(_ name: borrowing Name) -> Match {
        var match = Match()
        guard !names.isEmpty else { return match }
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
                if names[place].isEnd(of: name, from: offset) { return place }
            }
            index = (index &+ 1) & mask
        }
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
        let end = start &+ 1 &+ Int(name.octet(start))
        for index in start..<end {
            let octet = name.octet(index)
            hash = (hash ^ UInt64(octet >= 65 && octet <= 90 ? octet | 32 : octet)) &* 0x0000_0100_0000_01B3
        }
        hash ^= hash >> 29
    }
}

extension Name {
    /// Whether another name ends in this one, which is in lower case, from an octet on.
    fileprivate func isEnd(of other: borrowing Name, from offset: Int) -> Bool {
        guard other.count &- offset == count else { return false }
        for index in 0..<count {
            let octet = other.octet(offset &+ index)
            guard (octet >= 65 && octet <= 90 ? octet | 32 : octet) == self.octet(index) else { return false }
        }
        return true
    }
}
