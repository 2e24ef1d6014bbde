/// A session: client, peer, external and how long it still lives (RFC 6146 section 3.2).
public struct SessionEntry: Codable, Equatable, Sendable {
    /// `tcp`, `udp` or `icmp`.
    public var transport: String
    /// The IPv6 host: `[2001:db8::5]:40000`; for ICMP the identifier stands for the port.
    public var client: String
    /// The IPv4 host: `192.0.2.1:443`; for ICMP the address alone.
    public var peer: String
    /// What stands for the client on the IPv4 side: `203.0.113.1:1024`.
    public var external: String
    /// The state in RFC 6146's spelling, `ESTABLISHED`; nothing but for TCP.
    public var state: String?
    /// Whole seconds it lives if no packet comes.
    public var secondsLeft: UInt64

    /// Describes a session.
    public init(
        transport: String,
        client: String,
        peer: String,
        external: String,
        state: String? = nil,
        secondsLeft: UInt64
    ) {
        self.transport = transport
        self.client = client
        self.peer = peer
        self.external = external
        self.state = state
        self.secondsLeft = secondsLeft
    }
}

/// A slice of the sessions.
public struct SessionPage: Codable, Equatable, Sendable {
    /// The sessions of this slice.
    public var sessions: [SessionEntry]
    /// What to send as `cursor` for the next slice; nothing after the last.
    public var next: String?

    /// Describes a slice.
    public init(sessions: [SessionEntry], next: String?) {
        self.sessions = sessions
        self.next = next
    }
}

/// A binding: what stands for a client on the IPv4 side (RFC 6146 section 3.1).
public struct BindingEntry: Codable, Equatable, Sendable {
    /// `tcp`, `udp` or `icmp`.
    public var transport: String
    /// The IPv6 host: `[2001:db8::5]:40000`; for ICMP the identifier stands for the port.
    public var client: String
    /// What stands for it on the IPv4 side: `203.0.113.1:1024`.
    public var external: String
    /// Sessions that use it.
    public var sessions: UInt64
    /// Whether the operator wrote it down; such a binding stays without sessions.
    public var isStatic: Bool

    /// Describes a binding.
    public init(transport: String, client: String, external: String, sessions: UInt64, isStatic: Bool = false) {
        self.transport = transport
        self.client = client
        self.external = external
        self.sessions = sessions
        self.isStatic = isStatic
    }
}

/// A slice of the bindings.
public struct BindingPage: Codable, Equatable, Sendable {
    /// The bindings of this slice.
    public var bindings: [BindingEntry]
    /// What to send as `cursor` for the next slice; nothing after the last.
    public var next: String?

    /// Describes a slice.
    public init(bindings: [BindingEntry], next: String?) {
        self.bindings = bindings
        self.next = next
    }
}
