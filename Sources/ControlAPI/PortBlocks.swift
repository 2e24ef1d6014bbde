/// A block of ports of one pool address that a client network has.
public struct PortBlockEntry: Codable, Equatable, Sendable {
    /// The client network: `2001:db8:6:1::/64`.
    public var client: String
    /// The pool address.
    public var address: String
    /// The ports, the network's for all protocols: `2048-2111`.
    public var ports: String
    /// When the network took it.
    public var since: UTCTime
    /// How many of its ports and identifiers are in use or kept for their last owner, over all protocols.
    public var inUse: UInt64

    /// Describes a block.
    public init(client: String, address: String, ports: String, since: UTCTime, inUse: UInt64) {
        self.client = client
        self.address = address
        self.ports = ports
        self.since = since
        self.inUse = inUse
    }
}

/// A slice of the blocks.
public struct PortBlockPage: Codable, Equatable, Sendable {
    /// The blocks of this slice.
    public var blocks: [PortBlockEntry]
    /// What to send as `cursor` for the next slice; nothing after the last.
    public var next: String?

    /// Describes a slice.
    public init(blocks: [PortBlockEntry], next: String?) {
        self.blocks = blocks
        self.next = next
    }
}

/// Whose an external port is, or was (RFC 6888 section 4, RFC 6302).
public struct PortOwner: Codable, Equatable, Sendable {
    /// Where the answer comes from.
    public enum Source: String, Codable, Sendable {
        /// The blocks that networks have now.
        case block
        /// `nat64.deterministic` of the settings in force (RFC 7422).
        case computed
        /// The lines of the journal.
        case journal
        /// ``PortOwner/staticBindings`` alone: nobody has a block with the port.
        case `static`
    }

    /// The port asked for: `192.0.2.1:2050`.
    public var external: String
    /// The client network.
    public var client: String
    /// The ports that it has there, this one among them: `2048-2111`.
    public var ports: String
    /// Since when, or when that was confirmed; nothing for computed ports, which are always the same network's.
    public var since: UTCTime?
    /// Where the answer comes from.
    public var source: Source
    /// The static bindings that have the port now, each for its protocol; all else holds for the other protocols.
    public var staticBindings: [StaticBindingEntry]?

    /// Describes a holder.
    public init(
        external: String,
        client: String,
        ports: String,
        since: UTCTime? = nil,
        source: Source,
        staticBindings: [StaticBindingEntry]? = nil
    ) {
        self.external = external
        self.client = client
        self.ports = ports
        self.since = since
        self.source = source
        self.staticBindings = staticBindings
    }
}
