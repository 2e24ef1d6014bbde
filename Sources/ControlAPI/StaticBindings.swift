/// The bindings that the operator wrote down.
public struct StaticBindingList: Codable, Equatable, Sendable {
    /// The bindings, a run of ports as one: those of the file first.
    public var bindings: [StaticBindingEntry]

    /// Describes all static bindings.
    public init(bindings: [StaticBindingEntry]) { self.bindings = bindings }
}

/// A static binding, or a run of them with ports side by side.
public struct StaticBindingEntry: Codable, Equatable, Sendable {
    /// Where a static binding was written down.
    public enum Origin: String, Codable, CaseIterable, Sendable {
        /// The configuration file.
        case file
        /// `appliance-ctl bindings add`.
        case runtime
    }

    /// `tcp`, `udp` or `icmp`.
    public var transport: String
    /// What stands for the client on the IPv4 side: `203.0.113.1:8000-8010`.
    public var external: String
    /// The IPv6 host: `[2001:db8::5]:8000-8010`.
    public var client: String
    /// Who said so.
    public var origin: Origin
    /// Why it is not in force, or not all of it; nothing if it is.
    public var problem: String?

    /// Describes a static binding.
    public init(transport: String, external: String, client: String, origin: Origin, problem: String? = nil) {
        self.transport = transport
        self.external = external
        self.client = client
        self.origin = origin
        self.problem = problem
    }
}

/// The wish to have a static binding.
public struct StaticBindingChange: Codable, Equatable, Sendable {
    /// `tcp`, `udp` or `icmp`.
    public var transport: String
    /// An address of the pool with a port or a range of ports: `203.0.113.1:8000-8010`.
    public var external: String
    /// The IPv6 host with as many ports: `[2001:db8::5]:8000-8010`.
    public var client: String
    /// Whether bindings made by traffic that stand in the way end; without it they are a reason to refuse.
    public var replace: Bool?

    /// Describes a wish.
    public init(transport: String, external: String, client: String, replace: Bool? = nil) {
        self.transport = transport
        self.external = external
        self.client = client
        self.replace = replace
    }
}
