public import DNSWire
public import IPAddressing

/// An encrypted way to this resolver that clients are told of: RFC 9462, in the words of RFC 9461.
public struct DesignatedResolver: Hashable, Sendable {
    /// The name that its certificate is for.
    public var name: Name
    /// What it speaks, the one to prefer first: `dot`, `h2`.
    public var protocols: [String]
    /// Where it listens.
    public var port: UInt16
    /// Its addresses.
    public var ipv4: [IPv4Address]
    /// Its addresses.
    public var ipv6: [IPv6Address]
    /// The template of the path for HTTP: RFC 9461 section 5.
    public var path: String?

    /// Describes a resolver.
    public init(
        name: Name,
        protocols: [String],
        port: UInt16,
        ipv4: [IPv4Address] = [],
        ipv6: [IPv6Address] = [],
        path: String? = nil
    ) {
        self.name = name
        self.protocols = protocols
        self.port = port
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.path = path
    }

    /// Its SVCB data: RFC 9460 section 2.2, the keys in rising order.
    func data(priority: UInt16) -> [UInt8] {
        var data = Self.octets(priority)
        for index in 0..<name.count { data.append(name.octet(index)) }
        func add(_ key: UInt16, _ value: [UInt8]) {
            data += Self.octets(key) + Self.octets(UInt16(truncatingIfNeeded: value.count)) + value
        }
        add(1, protocols.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8) })
        add(3, Self.octets(port))
        if !ipv4.isEmpty { add(4, ipv4.flatMap { Self.octets($0.bits) }) }
        if !ipv6.isEmpty { add(6, ipv6.flatMap { Self.octets($0.high) + Self.octets($0.low) }) }
        if let path { add(7, Array(path.utf8)) }
        return data
    }

    private static func octets<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        stride(from: Number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}

extension UpstreamAddress {
    /// Whether it is asked over TLS alone.
    var isEncrypted: Bool {
        guard case .tls = way else { return false }
        return true
    }
}
