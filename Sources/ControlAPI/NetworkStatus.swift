/// What stands in the kernel on our behalf, and the way to the IPv4 internet.
public struct NetworkStatus: Codable, Equatable, Sendable {
    /// What the watch over the kernel's tables is doing.
    public var state: PartState
    /// A route for each translation prefix.
    public var routes: [InstalledEntry]
    /// The pool addresses, or the share of the host's own address.
    public var poolAddresses: [InstalledEntry]
    /// How often something of ours was missing and put back.
    public var repairs: UInt64
    /// How often the data plane has followed links and addresses that changed: a share that moved, a pool that came, went
    /// or became another.
    public var followed: UInt64
    /// What is wrong with the host's forwarding settings; the same findings stand in the report's own list.
    public var forwarding: [Finding]
    /// The way to the IPv4 internet; nothing if there is none.
    public var uplink: Uplink?

    /// Puts the part together.
    public init(
        state: PartState,
        routes: [InstalledEntry],
        poolAddresses: [InstalledEntry],
        repairs: UInt64,
        followed: UInt64 = 0,
        forwarding: [Finding],
        uplink: Uplink?
    ) {
        self.state = state
        self.routes = routes
        self.poolAddresses = poolAddresses
        self.repairs = repairs
        self.followed = followed
        self.forwarding = forwarding
        self.uplink = uplink
    }
}

/// Something we put into the kernel's tables.
public struct InstalledEntry: Codable, Equatable, Sendable {
    /// What it is for: a prefix, an address.
    public var name: String
    /// The interface it leads to or stands on.
    public var device: String
    /// Whether it stands there now.
    public var inPlace: Bool
    /// Why not: a sentence.
    public var problem: String?

    /// Describes an entry.
    public init(name: String, device: String, inPlace: Bool, problem: String? = nil) {
        self.name = name
        self.device = device
        self.inPlace = inPlace
        self.problem = problem
    }
}

/// The interface that the default route of IPv4 leads to.
public struct Uplink: Codable, Equatable, Sendable {
    /// The name of the interface.
    public var interface: String
    /// Its own IPv4 addresses.
    public var addresses: [String]
    /// Its MTU in octets.
    public var mtu: Int?

    /// Describes the uplink.
    public init(interface: String, addresses: [String], mtu: Int? = nil) {
        self.interface = interface
        self.addresses = addresses
        self.mtu = mtu
    }
}
