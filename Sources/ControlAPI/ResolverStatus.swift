/// The resolving half of the report.
public struct ResolverStatus: Codable, Equatable, Sendable {
    /// What it is doing.
    public var state: PartState
    /// Worker threads.
    public var workers: Int
    /// Addresses that are listened on.
    public var sockets: [ListeningSocket]
    /// Addresses that should be listened on and are not.
    public var listenProblems: [ListenProblem]
    /// The resolvers we ask, the one to prefer first.
    public var upstreams: [UpstreamStatus]
    /// Queries received since the start.
    public var queries: UInt64
    /// Queries per second of late; nothing until two samples were taken.
    public var queriesPerSecond: Double?
    /// Queries answered from the cache.
    public var fromCache: UInt64
    /// Answers with AAAA records made from A records (RFC 6147 section 5.1.6).
    public var synthesized: UInt64
    /// Answers to AAAA questions that carried AAAA records of the name itself.
    public var native: UInt64
    /// Queries answered SERVFAIL, because no upstream gave an answer.
    public var failed: UInt64
    /// Queries refused or left without an answer, by reason, in a fixed order, also reasons never met.
    public var refused: [ReasonCount]
    /// Everything else that is counted, by name, in a fixed order, also what never happened.
    public var counts: [ReasonCount]
    /// The answer cache.
    public var cache: CacheStatus
    /// Connections of clients open now, the encrypted ones included.
    public var tcpConnections: UInt64
    /// Connections closed or refused because of a limit.
    public var connectionsRefused: UInt64
    /// What came by each way of asking.
    public var transports: [TransportUse]
    /// The encrypted listeners, if any are wanted.
    public var encryption: EncryptionStatus?
    /// The child process that resolves and validates, if one is wanted.
    public var recursor: RecursorStatus?

    /// Puts the half together.
    public init(
        state: PartState,
        workers: Int,
        sockets: [ListeningSocket],
        listenProblems: [ListenProblem] = [],
        upstreams: [UpstreamStatus],
        queries: UInt64,
        queriesPerSecond: Double? = nil,
        fromCache: UInt64,
        synthesized: UInt64,
        native: UInt64,
        failed: UInt64,
        refused: [ReasonCount],
        counts: [ReasonCount] = [],
        cache: CacheStatus,
        tcpConnections: UInt64,
        connectionsRefused: UInt64 = 0,
        transports: [TransportUse] = [],
        encryption: EncryptionStatus? = nil,
        recursor: RecursorStatus? = nil
    ) {
        self.state = state
        self.workers = workers
        self.sockets = sockets
        self.listenProblems = listenProblems
        self.upstreams = upstreams
        self.queries = queries
        self.queriesPerSecond = queriesPerSecond.finite
        self.fromCache = fromCache
        self.synthesized = synthesized
        self.native = native
        self.failed = failed
        self.refused = refused
        self.counts = counts
        self.cache = cache
        self.tcpConnections = tcpConnections
        self.connectionsRefused = connectionsRefused
        self.transports = transports
        self.encryption = encryption
        self.recursor = recursor
    }
}

/// An address the resolver listens on.
public struct ListeningSocket: Codable, Equatable, Sendable {
    /// Address and port: `[2001:db8::1]:53`.
    public var address: String
    /// `udp`, `tcp`, `tls` or `https`.
    public var transport: String

    /// Describes a listening socket.
    public init(address: String, transport: String) {
        self.address = address
        self.transport = transport
    }
}

/// An address the resolver should listen on and cannot.
public struct ListenProblem: Codable, Equatable, Sendable {
    /// Address and port: `[2001:db8::1]:53`.
    public var address: String
    /// `udp`, `tcp`, `tls` or `https`.
    public var transport: String
    /// Why not: a sentence.
    public var problem: String

    /// Describes a problem.
    public init(address: String, transport: String, problem: String) {
        self.address = address
        self.transport = transport
        self.problem = problem
    }
}

/// A resolver we ask, and how it does.
public struct UpstreamStatus: Codable, Equatable, Sendable {
    /// How an upstream does.
    public enum Health: String, Codable, CaseIterable, Sendable {
        /// It answers.
        case well
        /// It does not answer, or only with failures.
        case failing
        /// It was not asked yet.
        case untried
    }

    /// Address and port, or the URL of the configuration.
    public var address: String
    /// How it does.
    public var health: Health
    /// Smoothed time from question to answer, in milliseconds.
    public var roundTripMilliseconds: Double?
    /// Questions put to it since the start.
    public var asked: UInt64
    /// Questions it left unanswered or failed.
    public var failures: UInt64
    /// What went wrong last: a sentence.
    public var lastProblem: String?

    /// Describes an upstream.
    public init(
        address: String,
        health: Health,
        roundTripMilliseconds: Double? = nil,
        asked: UInt64,
        failures: UInt64,
        lastProblem: String? = nil
    ) {
        self.address = address
        self.health = health
        self.roundTripMilliseconds = roundTripMilliseconds.finite
        self.asked = asked
        self.failures = failures
        self.lastProblem = lastProblem
    }
}

/// The answer cache.
public struct CacheStatus: Codable, Equatable, Sendable {
    /// Answers kept.
    public var entries: UInt64
    /// Octets they take.
    public var octets: UInt64
    /// Octets they may take.
    public var limitOctets: UInt64

    /// Describes the cache.
    public init(entries: UInt64, octets: UInt64, limitOctets: UInt64) {
        self.entries = entries
        self.octets = octets
        self.limitOctets = limitOctets
    }
}
