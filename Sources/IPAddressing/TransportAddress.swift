/// An IPv4 transport address: what RFC 6146 writes as (T,t) or (Z,z).
@frozen
public struct TransportAddress4: Hashable, Sendable, CustomStringConvertible {
    /// The IPv4 address.
    public var address: IPv4Address
    /// The port beside it.
    public var port: Port

    /// Puts an address and a port together.
    @inlinable @inline(__always)
    public init(_ address: IPv4Address, _ port: Port) {
        self.address = address
        self.port = port
    }

    /// `192.0.2.1:80`.
    public var description: String { "\(address):\(port)" }
}

/// An IPv6 transport address: what RFC 6146 writes as (X',x) or (Y',y).
@frozen
public struct TransportAddress6: Hashable, Sendable, CustomStringConvertible {
    /// The IPv6 address.
    public var address: IPv6Address
    /// The port beside it.
    public var port: Port

    /// Puts an address and a port together.
    @inlinable @inline(__always)
    public init(_ address: IPv6Address, _ port: Port) {
        self.address = address
        self.port = port
    }

    /// `[2001:db8::1]:80`.
    public var description: String { "[\(address)]:\(port)" }
}

/// A transport address of either family.
@frozen
public enum TransportAddress: Hashable, Sendable {
    /// An IPv4 transport address.
    case v4(TransportAddress4)
    /// An IPv6 transport address.
    case v6(TransportAddress6)

    /// Puts an address and a port together.
    @inlinable
    public init(_ address: IPAddress, _ port: Port) {
        switch address {
        case .v4(let address): self = .v4(TransportAddress4(address, port))
        case .v6(let address): self = .v6(TransportAddress6(address, port))
        }
    }

    /// The address without the port.
    @inlinable
    public var address: IPAddress {
        switch self {
        case .v4(let pair): .v4(pair.address)
        case .v6(let pair): .v6(pair.address)
        }
    }

    /// The port without the address.
    @inlinable
    public var port: Port {
        switch self {
        case .v4(let pair): pair.port
        case .v6(let pair): pair.port
        }
    }
}

extension TransportAddress: CustomStringConvertible {
    /// Reads `192.0.2.1:53`, `[2001:db8::1]:53`, or an address alone, which then gets the default port.
    ///
    /// - Parameter defaultPort: The port of an address written without one; without it such a text is refused.
    public init?(_ text: some StringProtocol, defaultPort: Port? = nil) {
        if let address = IPAddress(text) {
            guard let defaultPort else { return nil }
            self.init(address, defaultPort)
            return
        }
        let octets = Array(text.utf8)
        guard let colon = octets.lastIndex(of: UInt8(ascii: ":")) else {
            guard let defaultPort, let address = Self.bracketed(octets[...]) else { return nil }
            self.init(.v6(address), defaultPort)
            return
        }
        let digits = octets[(colon + 1)...]
        if octets.last == UInt8(ascii: "]") {
            guard let defaultPort, let address = Self.bracketed(octets[...]) else { return nil }
            self.init(.v6(address), defaultPort)
            return
        }
        guard !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }),
            let number = UInt16(String(decoding: digits, as: UTF8.self))
        else { return nil }
        let host = octets[..<colon]
        if let address = Self.bracketed(host) {
            self.init(.v6(address), Port(number))
        } else if let address = IPv4Address(String(decoding: host, as: UTF8.self)) {
            self.init(.v4(address), Port(number))
        } else {
            return nil
        }
    }

    private static func bracketed(_ octets: ArraySlice<UInt8>) -> IPv6Address? {
        guard octets.first == UInt8(ascii: "["), octets.last == UInt8(ascii: "]") else { return nil }
        return IPv6Address(String(decoding: octets.dropFirst().dropLast(), as: UTF8.self))
    }

    /// `192.0.2.1:53` or `[2001:db8::1]:53`.
    public var description: String {
        switch self {
        case .v4(let pair): pair.description
        case .v6(let pair): pair.description
        }
    }
}
