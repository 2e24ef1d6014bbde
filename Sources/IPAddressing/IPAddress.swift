/// An address of either family.
@frozen
public enum IPAddress: Hashable, Sendable {
    /// An IPv4 address.
    case v4(IPv4Address)
    /// An IPv6 address.
    case v6(IPv6Address)

    /// An IPv4-mapped IPv6 address as the IPv4 address it stands for, every other address as it is.
    ///
    /// A dual-stack socket shows IPv4 clients as ::ffff:0:0/96; to access rules and views they are IPv4 clients.
    @inlinable
    public var unmapped: IPAddress {
        guard case .v6(let address) = self, address.isIPv4Mapped else { return self }
        return .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: address.low)))
    }

    /// The address in the 128-bit space that holds both families, IPv4 under ::ffff:0:0/96.
    @inlinable
    public var mapped: IPv6Address {
        switch self {
        case .v4(let address): IPv6Address(high: 0, low: 0xFFFF_0000_0000 | UInt64(address.bits))
        case .v6(let address): address
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Reads an address of either family.
    public init?(_ text: some StringProtocol) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// Dotted decimal, or the text of RFC 5952.
    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}
