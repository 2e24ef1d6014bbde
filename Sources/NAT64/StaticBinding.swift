public import IPAddressing

/// A binding that the operator wrote down (RFC 6146 section 3.1), or a run of them with ports side by side: what
/// stands for a client is reached from outside at any time, by everyone the destination rules let through.
public struct StaticBinding: Hashable, Sendable {
    /// The protocol whose BIB it stands in.
    public let transport: TransportProtocol
    /// The external address: T.
    public let external: IPv4Address
    /// The external ports, or the identifiers of ICMP queries: t.
    public let externalPorts: ClosedRange<Port>
    /// The client's address: X'.
    public let client: IPv6Address
    /// The client's ports or identifiers, the first for the first of ``externalPorts``: x.
    public let clientPorts: ClosedRange<Port>

    /// The most bindings, each port of a run counted, that may be in force: each takes the room of any other binding.
    public static let most = 262_144

    /// Describes a run; nothing if both ranges of ports are not of one length.
    public init?(
        transport: TransportProtocol,
        external: IPv4Address,
        externalPorts: ClosedRange<Port>,
        client: IPv6Address,
        clientPorts: ClosedRange<Port>
    ) {
        guard externalPorts.length == clientPorts.length else { return nil }
        self.transport = transport
        self.external = external
        self.externalPorts = externalPorts
        self.client = client
        self.clientPorts = clientPorts
    }

    /// How many bindings it is.
    public var count: Int { externalPorts.length }

    /// The n-th external transport address: (T,t).
    func external(_ index: Int) -> TransportAddress4 {
        TransportAddress4(external, Port(externalPorts.lowerBound.number + UInt16(index)))
    }

    /// The n-th client transport address: (X',x).
    func client(_ index: Int) -> TransportAddress6 {
        TransportAddress6(client, Port(clientPorts.lowerBound.number + UInt16(index)))
    }

    /// The client transport address that an external port stands for; nothing if the port is none of these.
    public func client(of port: Port) -> TransportAddress6? {
        externalPorts.contains(port) ? client(Int(port.number - externalPorts.lowerBound.number)) : nil
    }

    /// Whether both want one external transport address.
    public func overlapsOutside(_ other: StaticBinding) -> Bool {
        transport == other.transport && external == other.external && externalPorts.overlaps(other.externalPorts)
    }

    /// Whether both are for one client transport address, which can have one external address only (RFC 6146
    /// section 5.2).
    public func overlapsInside(_ other: StaticBinding) -> Bool {
        transport == other.transport && client == other.client && clientPorts.overlaps(other.clientPorts)
    }
}
