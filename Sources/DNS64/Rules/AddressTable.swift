import IPAddressing

/// Networks of both families with a number each; the longest that holds an address is found by halving.
struct AddressTable: Sendable {
    /// Where a stretch of addresses begins to which the same network is the longest.
    private struct Edge {
        var first: IPv6Address
        var place: Int32
    }

    private var edges: [Edge] = []
    /// How many edges lie before each 4096th part of the IPv4 addresses, which ``IPAddress/mapped`` lays into ::ffff:0:0/96,
    /// and before the end of them.
    private var before = [Int](repeating: 0, count: 4097)
    /// Whether there is a network of IPv6 addresses.
    private(set) var namesIPv6 = false

    /// Takes networks; of one that occurs twice the first counts.
    init(_ prefixes: [IPPrefix]) {
        // The wider network before those inside it, and each painted over what was there.
        let sorted = prefixes.enumerated().map { (place: Int32($0.offset), range: Self.range($0.element)) }
            .sorted {
                if $0.range.first != $1.range.first { return $0.range.first < $1.range.first }
                if $0.range.last != $1.range.last { return $1.range.last < $0.range.last }
                return $0.place < $1.place
            }
        var open: [(place: Int32, last: IPv6Address)] = []
        func close(before next: IPv6Address?) {
            while let top = open.last, next.map({ top.last < $0 }) ?? true {
                open.removeLast()
                if let after = Self.successor(top.last) { add(after, open.last?.place ?? -1) }
            }
        }
        func add(_ first: IPv6Address, _ place: Int32) {
            if edges.last?.first == first { edges.removeLast() }
            if edges.last?.place != place { edges.append(Edge(first: first, place: place)) }
        }
        for (place, range) in sorted {
            close(before: range.first)
            if let top = open.last, top.last == range.last, edges.last?.first == range.first { continue }
            add(range.first, place)
            open.append((place, range.last))
        }
        close(before: nil)
        var count = 0
        for part in 0...4096 {
            let first = IPv6Address(high: 0, low: 0xFFFF_0000_0000 + UInt64(part) << 20)
            while count < edges.count, edges[count].first < first { count += 1 }
            before[part] = count
        }
        namesIPv6 = prefixes.contains { if case .v6 = $0 { true } else { false } }
    }

    /// Whether there are no networks.
    var isEmpty: Bool { edges.isEmpty }

    /// The place of the longest network that holds an address; -1 if none does.
    func longest(_ address: IPv6Address) -> Int {
        var low = 0
        var high = edges.count
        if address.high == 0, address.low &>> 32 == 0xFFFF {
            let part = Int(address.low &>> 20 & 0xFFF)
            low = before[part]
            high = before[part &+ 1]
        }
        while low < high {
            let middle = (low &+ high) &>> 1
            if address < edges[middle].first { high = middle } else { low = middle &+ 1 }
        }
        return low == 0 ? -1 : Int(edges[low &- 1].place)
    }

    private static func successor(_ address: IPv6Address) -> IPv6Address? {
        if address.low != .max { return IPv6Address(high: address.high, low: address.low + 1) }
        return address.high == .max ? nil : IPv6Address(high: address.high + 1, low: 0)
    }

    /// The first and last address in the space that holds both families.
    private static func range(_ prefix: IPPrefix) -> (first: IPv6Address, last: IPv6Address) {
        let (first, length) =
            switch prefix {
            case .v4(let prefix): (IPAddress.v4(prefix.address).mapped, prefix.length + 96)
            case .v6(let prefix): (prefix.address, prefix.length)
            }
        let mask = IPv6Prefix.mask(length)
        return (first, IPv6Address(high: first.high | ~mask.high, low: first.low | ~mask.low))
    }
}
