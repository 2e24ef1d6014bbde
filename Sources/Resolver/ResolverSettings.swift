public import DNS64
public import DNSWire
public import IPAddressing
public import Recursion
public import Timing

/// What the resolver can be told besides the settings of its engine.
public struct ResolverSettings: Hashable, Sendable {
    /// The engine's settings. With ``usesSystemUpstreams`` its upstreams are replaced by those of the system.
    public var dns64 = DNS64Settings()
    /// Whether to ask the resolvers that this machine itself uses, followed as they change.
    public var usesSystemUpstreams = true
    /// What the recursor is to do where it is asked: by upstreams that name it, and if it validates instead of all
    /// upstreams that have no rule of their own, which it asks then. Its forwarders are filled in.
    public var recursion = RecursionSettings()
    /// Addresses to listen on that the operator wrote down; every one must be free. The automatic ones are set with
    /// ``Resolver/listen(on:)``.
    public var listen: [TransportAddress] = []
    /// Addresses for DNS over TLS (RFC 7858) that the operator wrote down.
    public var listenTLS: [TransportAddress] = []
    /// Addresses for DNS over HTTPS (RFC 8484) that the operator wrote down.
    public var listenHTTPS: [TransportAddress] = []
    /// The certificate of the encrypted listeners, which are closed without one.
    public var certificate: CertificateFiles?
    /// Whether clients that ask are told of the encrypted listeners (RFC 9462).
    public var discovers = false
    /// The name of this resolver that they are told; nothing means the first of the certificate.
    public var name: Name?
    /// The file of the authorities that certificates of upstreams must come from; nothing means the system's.
    public var upstreamAuthorities: String?
    /// How many threads answer; 0 is as many as there are CPUs. Read at the start only.
    public var workers = 0
    /// How long these threads look for questions before they sleep. Read at the start only.
    public var pollBeforeSleep = PollBeforeSleep.automatic
    /// The limits of DNS over TCP.
    public var tcp = TCPLimits()
    /// Where questions are logged; nothing logs none.
    public var queryLog: QueryLogSettings?
    /// Where the resolvers of this machine are written down.
    public var systemResolvers = SystemResolvers.Paths()
    /// Whether the threads that read what strangers send give up every privilege.
    public var dropsPrivileges = false

    /// The settings of an empty configuration file.
    public init() {}
}

/// The limits of DNS over TCP: RFC 7766 section 6.2 and RFC 9210 section 4.5.
public struct TCPLimits: Hashable, Sendable {
    /// Connections at a time. When there is one more, the one that has been idle longest is closed.
    public var connections = 1000
    /// Connections from one address at a time, treated likewise.
    public var connectionsPerClient = 25
    /// Questions of one connection under way at a time; more are read when some are answered.
    public var questionsPerConnection = 100
    /// Octets of answers that clients have not taken yet, in all. Whoever lets more pile up is cut off.
    public var unsentOctets = 64 << 20
    /// How long a connection may be silent: no whole question came and none is being answered. Also how long a client
    /// may not take what it asked for.
    public var idle = Moment.Span.seconds(10)
    /// How long the handshake of an encrypted connection may take.
    public var handshake = Moment.Span.seconds(5)

    /// The limits of an empty configuration file.
    public init() {}
}
