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

    /// Takes the operator's lists.
    public init(allow: [IPv4Prefix] = [], refuse: [IPv4Prefix] = []) {
        self.allow = allow
        self.refuse = refuse
        var ranged = SIMD4<UInt64>()
        for prefix in allow + refuse + SpecialPurpose.neverRouted + SpecialPurpose.notGlobal {
            let first = Int(prefix.address.bits >> 24)
            for octet in first..<min(256, first + 1 << max(0, 8 - prefix.length)) {
                ranged[octet >> 6] |= 1 << UInt64(octet & 63)
            }
        }
        self.ranged = ranged
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
        if refuse.contains(where: { $0.contains(address) }) { return .refused }
        if allow.contains(where: { $0.contains(address) }) { return .allowed }
        if SpecialPurpose.neverRouted.contains(where: { $0.contains(address) }) { return .refused }
        if SpecialPurpose.notGlobal.contains(where: { $0.contains(address) }) { return .notGlobal }
        return .global
    }

    /// Whether the address lies in a special-purpose range, opened or not.
    public func isSpecial(_ address: IPv4Address) -> Bool {
        SpecialPurpose.all.contains { $0.contains(address) }
    }
}
