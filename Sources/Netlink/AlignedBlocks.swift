public import IPAddressing

/// A range of numbers as the fewest blocks whose length is a power of two and whose start is a multiple of it.
///
/// Kernel tables hold nothing else: prefixes of addresses, values under masks for ports.
///
/// - Parameter bits: How many bits the numbers have, 1 to 32; the range must lie in them.
func alignedBlocks(_ range: ClosedRange<UInt32>, bits: Int) -> [(start: UInt32, length: Int)] {
    var blocks: [(start: UInt32, length: Int)] = []
    var next = UInt64(range.lowerBound)
    let end = UInt64(range.upperBound)
    while next <= end {
        var size = next == 0 ? bits : min(next.trailingZeroBitCount, bits)
        while next + (1 << UInt64(size)) - 1 > end { size -= 1 }
        blocks.append((UInt32(next), bits - size))
        next += 1 << UInt64(size)
    }
    return blocks
}

extension IPv4Prefix {
    /// The fewest prefixes that hold a range of addresses and nothing else, lowest first.
    public static func covering(_ range: ClosedRange<IPv4Address>) -> [IPv4Prefix] {
        alignedBlocks(range.lowerBound.bits...range.upperBound.bits, bits: 32).map {
            IPv4Prefix(IPv4Address(bits: $0.start), length: $0.length)
        }
    }

    /// The fewest prefixes that hold what these ranges hold together, lowest first; overlaps and neighbours are joined.
    public static func covering(_ ranges: [ClosedRange<IPv4Address>]) -> [IPv4Prefix] {
        var joined: [ClosedRange<IPv4Address>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = joined.last, UInt64(range.lowerBound.bits) <= UInt64(last.upperBound.bits) + 1 else {
                joined.append(range)
                continue
            }
            joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
        }
        return joined.flatMap { covering($0) }
    }
}
