public import IPAddressing

/// Which IPv4 addresses may be reached through the appliance.
///
/// By default every globally reachable address may; the special-purpose ranges may not be paired with 64:ff9b::/96
/// (RFC 6052 section 3.1) and are open under an operator's own prefix (RFC 8215 section 5), save for those that name
/// no host on any network. `allow` opens special-purpose ranges, under the well-known prefix too when there is no
/// other; `refuse` closes any range and is stronger.
public struct DestinationRules: Hashable, Sendable {
    /// Special-purpose ranges the operator opened.
    public let allow: [IPv4Prefix]
    /// Ranges the operator closed.
    public let refuse: [IPv4Prefix]

    /// The first octets of addresses that some range may hold, a bit each: nearly every address is done with here.
    private let ranged: SIMD4<UInt64>
    /// Where, in ascending order, addresses begin to stand otherwise than those before; the first is 0.
    private let starts: [UInt32]
    /// How addresses stand from each of ``starts`` on.
    private let standings: [Standing]

    /// Takes the operator's lists.
    public init(allow: [IPv4Prefix] = [], refuse: [IPv4Prefix] = []) {
        self.allow = allow
        self.refuse = refuse
        var ranged = SIMD4<UInt64>()
        for prefix in allow + refuse + SpecialPurpose.all {
            let first = Int(prefix.address.bits >> 24)
            for octet in first..<min(256, first + 1 << max(0, 8 - prefix.length)) {
                ranged[octet >> 6] |= 1 << UInt64(octet & 63)
            }
        }
        self.ranged = ranged
        (starts, standings) = Self.steps(allow: allow, refuse: refuse)
    }

    /// Goes up through all addresses and notes where what counts most of their ranges changes.
    private static func steps(allow: [IPv4Prefix], refuse: [IPv4Prefix]) -> (starts: [UInt32], standings: [Standing]) {
        let layers: [(ranges: [IPv4Prefix], standing: Standing)] = [
            (refuse, .refused), (allow, .allowed), (SpecialPurpose.neverRouted, .refused),
            (SpecialPurpose.notGlobal, .notGlobal),
        ]
        var borders: [(at: UInt64, layer: Int, step: Int)] = [(0, 0, 0)]
        for (layer, ranges) in layers.map(\.ranges).enumerated() {
            for ends in ranges.map(\.range) {
                borders.append((UInt64(ends.lowerBound.bits), layer, 1))
                borders.append((UInt64(ends.upperBound.bits) + 1, layer, -1))
            }
        }
        borders.sort { $0.at < $1.at }
        var open = layers.map { _ in 0 }
        var starts: [UInt32] = []
        var standings: [Standing] = []
        for (index, border) in borders.enumerated() {
            open[border.layer] += border.step
            guard let at = UInt32(exactly: border.at), index + 1 == borders.count || borders[index + 1].at > border.at
            else { continue }
            let standing = open.firstIndex { $0 > 0 }.map { layers[$0].standing } ?? .global
            guard standing != standings.last else { continue }
            starts.append(at)
            standings.append(standing)
        }
        return (starts, standings)
    }

    /// How an address stands towards the rules.
    @frozen
    public enum Standing: Hashable, Sendable {
        /// Closed by the operator, or an address that no network delivers.
        case refused
        /// Opened by the operator.
        case allowed
        /// Reachable everywhere.
        case global
        /// Special-purpose and not opened: right only under an operator's own prefix.
        case notGlobal
    }

    /// How an address stands towards the rules.
    public func standing(of address: IPv4Address) -> Standing {
        let octet = Int(address.bits &>> 24)
        if ranged[octet &>> 6] &>> UInt64(octet & 63) & 1 == 0 { return .global }
        return standingInRanges(address)
    }

    private func standingInRanges(_ address: IPv4Address) -> Standing {
        var (low, high) = (0, starts.count)
        while high &- low > 1 {
            let middle = (low &+ high) / 2
            if starts[middle] <= address.bits { low = middle } else { high = middle }
        }
        return standings[low]
    }

    /// Whether the address lies in a special-purpose range, opened or not.
    public func isSpecial(_ address: IPv4Address) -> Bool {
        SpecialPurpose.all.contains { $0.contains(address) }
    }
}
