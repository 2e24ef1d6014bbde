public import DNSWire
public import IPAddressing

/// Who is asked about the names at and below a domain. Of several rules the one whose domain has the most labels
/// decides.
public struct ForwardingRule: Hashable, Sendable {
    /// Where the answers come from.
    public enum Action: Hashable, Sendable {
        /// These upstreams, in the order of preference while nothing is known about them. At most sixteen are used.
        case ask([UpstreamAddress])
        /// The upstreams of everything that no rule names: takes a part out of a wider rule.
        case askDefault
        /// Nobody: what is not a local record does not exist.
        case local
        /// Nobody: the names do not exist, and the client is told that they are blocked.
        case block
    }

    /// The domain.
    public var domain: Name
    /// What it is for.
    public var action: Action

    /// Writes a rule down.
    public init(domain: Name, action: Action) {
        self.domain = domain
        self.action = action
    }
}

/// What the operator wrote about names for the clients of some networks alone. Of several networks that hold a client the
/// longest decides; what is left open there comes from the next wider one, and at last from the settings for everybody.
public struct ViewNames: Hashable, Sendable {
    /// The networks.
    public var networks: [IPPrefix]
    /// Rules that go before those for everybody: where one of them is for a name, those are not looked at.
    public var rules: [ForwardingRule]?
    /// The domains whose names get no AAAA records made from A records, in the place of those for everybody.
    public var excludedDomains: [Name]?

    /// Writes it down.
    public init(networks: [IPPrefix], rules: [ForwardingRule]? = nil, excludedDomains: [Name]? = nil) {
        self.networks = networks
        self.rules = rules
        self.excludedDomains = excludedDomains
    }
}

/// A record of the operator's own. A name that has one is served here alone: what upstreams know of it is not asked.
public struct LocalRecord: Hashable, Sendable {
    /// The owner.
    public var name: Name
    /// The type.
    public var type: RecordType
    /// The data in wire form.
    public var data: [UInt8]
    /// How long clients may keep it, in seconds.
    public var ttl: UInt32

    /// Writes a record down.
    public init(name: Name, type: RecordType, data: [UInt8], ttl: UInt32 = 3600) {
        self.name = name
        self.type = type
        self.data = data
        self.ttl = ttl
    }
}

/// What a client gets instead of the answer there is.
public enum FilterAction: Hashable, Sendable {
    /// The answer there is, whatever is said of its addresses; takes a part out of a wider filter.
    case allow
    /// NXDOMAIN.
    case nameError
    /// NOERROR without records.
    case noData
    /// These addresses: A and AAAA records, AAAA records made of the IPv4 addresses included.
    case override([IPAddress])
}

/// What clients get that ask for a name or one below it, or for an alias that leads there. Of several filters for a name
/// the one whose name has the most labels decides; of several names the question's own, then that of the first alias.
public struct NameFilter: Hashable, Sendable {
    /// The name.
    public var name: Name
    /// What they get.
    public var action: FilterAction

    /// Writes a filter down.
    public init(name: Name, action: FilterAction) {
        self.name = name
        self.action = action
    }
}

/// What clients get whose answer has an address of a network and no name that is allowed. Of several filters the longest prefix decides; an AAAA
/// record made from an A record counts as both addresses.
public struct AddressFilter: Hashable, Sendable {
    /// The network.
    public var prefix: IPPrefix
    /// What they get.
    public var action: FilterAction

    /// Writes a filter down.
    public init(prefix: IPPrefix, action: FilterAction) {
        self.prefix = prefix
        self.action = action
    }
}
