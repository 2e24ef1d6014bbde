public import DNS64
public import DNSWire
public import IPAddressing
public import NAT64
public import Policy
public import Timing

/// A configuration that has passed every check. Nothing else makes parts of the appliance.
public struct ValidatedConfiguration: Hashable, Sendable {
    /// Whom the appliance serves.
    public struct Clients: Hashable, Sendable {
        /// The networks written in the file.
        public var networks: [IPPrefix] = []
        /// Whether the networks on this machine's own links are served as well.
        public var includesLinks = true
    }

    /// Where the resolver listens.
    public struct Listeners: Hashable, Sendable {
        /// Whether it listens on port 53 of each of this machine's own addresses and follows their changes.
        public var automatic = true
        /// Transport addresses written in the file.
        public var addresses: [TransportAddress] = []
    }

    /// Whom the resolver asks.
    public enum Upstreams: Hashable, Sendable {
        /// The resolvers of this machine, from resolv.conf.
        case system
        /// These, in the order of preference; or ``UpstreamAddress/recursor`` alone.
        case addresses([UpstreamAddress])
    }

    /// The least severe messages that are logged.
    public enum LogLevel: String, Hashable, Sendable, CaseIterable {
        /// What stops the appliance or a part of it.
        case error
        /// What works less well than it should.
        case warning
        /// What an operator wants to read later: starts, stops, reloads, switches.
        case notice
        /// What helps to follow what happens.
        case info
        /// Everything.
        case debug
    }

    /// What connections to the resolver may take, the encrypted ones included.
    public struct ConnectionLimits: Hashable, Sendable {
        /// Connections at a time.
        public var connections = 1000
        /// Connections from one address at a time.
        public var perClient = 25
        /// Questions of one connection under way at a time; also the streams of one connection of HTTP/2.
        public var questions = 100
        /// How long a connection may be silent.
        public var idle = Moment.Span.seconds(10)
        /// How long the handshake of an encrypted connection may take.
        public var handshake = Moment.Span.seconds(5)
    }

    /// The files it was read from, the main file first; empty for a text.
    public var files: [String] = []

    /// The name of the TUN device.
    public var device = "nat64"
    /// The translation prefixes, the one to prefer first; none overlaps another.
    public var prefixes: [TranslationPrefix] = [.wellKnown]
    /// Which of them stands for which IPv4 range, in the order of the file; no range twice.
    public var maps: [MappedRange] = []
    /// The bindings of the file, one for each protocol and run of ports; none overlaps another.
    public var staticBindings: [StaticBinding] = []
    /// The IPv4 addresses and ports that stand for clients.
    public var pool = PoolSpecification()
    /// How long addresses that were taken out of the pool may drain; zero: until their last session ends.
    public var drainTime = Moment.Span.zero
    /// How long a worker of the TUN polls before it sleeps.
    public var pollBeforeSleep = PollBeforeSleep.automatic
    /// Whether CPUs are kept from sleeping while such polls go on finding packets.
    public var keepCPUsAwake = KeepCPUsAwake.automatic
    /// The settings of the NAT64 engine; its pool is filled in when the interfaces are known.
    public var nat64 = NAT64Settings()

    /// Whom both halves serve.
    public var clients = Clients()
    /// Which IPv4 addresses may be reached.
    public var destinations = DestinationRules()

    /// Where the resolver listens.
    public var listen = Listeners()
    /// Where it listens for DNS over TLS.
    public var listenTLS = Listeners(automatic: false, addresses: [])
    /// Where it listens for DNS over HTTPS.
    public var listenHTTPS = Listeners(automatic: false, addresses: [])
    /// The file of the certificate that encrypted listeners show.
    public var certificate: String?
    /// The file of its key.
    public var certificateKey: String?
    /// The name that the certificate is for.
    public var resolverName: Name?
    /// Whether clients are told of the encrypted listeners: RFC 9462.
    public var discovery = true
    /// The file of the authorities for upstreams over TLS; nothing means the system's.
    public var upstreamAuthorities: String?
    /// Whom the resolver asks.
    public var upstreams = Upstreams.system
    /// Whether what has no rule is validated: RFC 4035 section 5.
    public var validates = false
    /// The trust anchors for that, as DS or DNSKEY records.
    public var trustAnchorFile = "/usr/share/dns/root.key"
    /// A zone file of the root's name servers; those that libunbound knows if it is empty.
    public var rootHintsFile = ""
    /// How many octets of memory the process that resolves and validates may have.
    public var recursionMemory = 256 << 20
    /// The limits of connections to the resolver.
    public var connectionLimits = ConnectionLimits()
    /// Resolver threads; nothing means as many as the process may use CPUs.
    public var resolverWorkers: Int?
    /// How long a resolver thread polls before it sleeps.
    public var resolverPollBeforeSleep = PollBeforeSleep.automatic
    /// Where and how questions are logged.
    public var queryLog = QueryLog()
    /// The settings of the DNS64 engine; with upstreams of the system, those are filled in at start.
    public var dns64 = DNS64Settings()
    /// Whether AAAA records are made for clients that no view names.
    public var synthesize = true
    /// Whether clients that ask over IPv4 get synthetic AAAA records.
    public var synthesizeOverIPv4 = true
    /// The views of the file, in its order.
    public var views: [View] = []

    /// The path of the control socket.
    public var controlSocket = "/run/nat64-appliance/control.sock"
    /// The group whose members may read from the control socket; nothing means the group of the process.
    public var controlGroup: String?
    /// The folder for what must survive a restart.
    public var stateDirectory = "/var/lib/nat64-appliance"
    /// What is logged.
    public var logLevel = LogLevel.notice

    /// The configuration of an empty file.
    public init() {}
}
