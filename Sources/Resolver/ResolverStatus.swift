public import DNS64
public import IPAddressing
public import Linux

/// A snapshot of the resolver.
public struct ResolverStatus: Sendable {
    /// The life of one worker.
    public struct Worker: Hashable, Sendable {
        /// Counts up at least once a second while the thread lives.
        public var heartbeat: UInt64 = 0
        /// Clients whose questions an upstream must answer first.
        public var waitingClients: UInt64 = 0
        /// Questions under way at upstreams.
        public var upstreamQuestions: UInt64 = 0
    }

    /// An upstream as all workers together know it.
    public struct Upstream: Hashable, Sendable {
        /// Where it listens.
        public var endpoint: TransportAddress
        /// Whether it is our own recursor, which listens nowhere.
        public var isRecursor = false
        /// How it is reached.
        public var way = UpstreamAddress.Way.clear
        /// Whether it is asked about the names of a rule only.
        public var isOfRule = false
        /// What became of the questions asked of it since the last change of upstreams. It is well if it is for any
        /// worker; the round trip is the shortest of theirs.
        public var record: UpstreamRecord.Snapshot
    }

    /// The child process that resolves and validates.
    public struct Recursor: Hashable, Sendable {
        /// Its number; nothing while it is to be started again.
        public var process: Int32?
        /// How often it has ended by itself, or was ended because it did not answer.
        public var restarts: UInt64
        /// How many of these fell into the last ten minutes.
        public var restartsOfLate: UInt64
        /// How often it was ended because it did not answer.
        public var hangs: UInt64
        /// How many questions it has refused, because it had as many under way as it may.
        public var refused: UInt64
        /// Whether Landlock keeps it from files; if not, this kernel has none and seccomp does so alone. Nothing before it
        /// has said so.
        public var hasLandlock: Bool?
    }

    /// The certificate of the encrypted listeners.
    public struct Certificate: Hashable, Sendable {
        /// Where it comes from.
        public var files: CertificateFiles
        /// When the first of its chain expires, in seconds since 1970; nothing before one could be read.
        public var expires: Int64?
        /// How often another one was read since the start.
        public var renewals: UInt64
        /// What is wrong with the files as they are now.
        public var problem: CertificateProblem?
        /// What clients may expect of it that it does not say; nothing before one could be read.
        public var gaps: CertificateGaps?
    }

    /// Addresses on which something listens, sorted.
    public var listening: [ListenAddress] = []
    /// Sockets that listen, sorted, one counted for all workers.
    public var places: [ListenPlace] = []
    /// How many these are.
    public var sockets = 0
    /// Sockets that should listen and cannot.
    public var problems: [ListenProblem] = []
    /// How many upstreams are shown at most.
    static let mostUpstreams = 64

    /// The upstreams, in the order of the settings; of those of rules the ones that were asked.
    public var upstreams: [Upstream] = []
    /// Upstreams left out because they are this resolver.
    public var leftOutOurselves: [TransportAddress] = []
    /// Why the query log cannot be written, if it is to be and cannot.
    public var queryLogProblem: SystemError?
    /// The recursor, if there is to be one.
    public var recursor: Recursor?
    /// The certificate, if one is wanted.
    public var certificate: Certificate?
    /// The workers, by number.
    public var workers: [Worker] = []
    /// Counts up twice a second while the thread of the TCP connections lives.
    public var connectionsHeartbeat: UInt64 = 0
    /// Connections that are open.
    public var connections = 0
    /// Of those, the ones over TLS.
    public var connectionsOverTLS = 0
    /// Of those, the ones over HTTPS.
    public var connectionsOverHTTPS = 0
    /// TCP connections closed or refused because of a limit.
    public var connectionsRefused = 0
    /// Whether no AAAA records are made although the Policy would have it.
    public var suspendsSynthesis = false

    /// What the workers' engines counted since the start.
    public var counts: [ResolverCount: UInt64] = [:]
    /// What the cache holds.
    public var cache: AnswerCache.Measures

    /// Datagrams received on listening sockets.
    public var datagramsReceived: UInt64 = 0
    /// Questions received over TCP, the encrypted ones besides.
    public var questionsOverTCP: UInt64 = 0
    /// Questions received over TLS.
    public var questionsOverTLS: UInt64 = 0
    /// Questions received over HTTPS.
    public var questionsOverHTTPS: UInt64 = 0
    /// Encrypted connections that ended before their handshake did.
    public var failedHandshakes: UInt64 = 0
    /// Requests of HTTP that were answered with a status other than 200.
    public var refusedRequests: UInt64 = 0
    /// Connections of HTTP/2 ended because of what they sent.
    public var endedFloods: UInt64 = 0
    /// Answers over UDP that could not be sent.
    public var repliesLost: UInt64 = 0
    /// Upstream questions given up early because too many were under way.
    public var questionsGivenUp: UInt64 = 0
    /// Upstream sockets the kernel refused for want of descriptors.
    public var socketsRefused: UInt64 = 0

    init(cache: AnswerCache.Measures) { self.cache = cache }
}

extension UpstreamRecord.Snapshot {
    /// Adds what another worker knows of the same upstream.
    mutating func add(_ other: UpstreamRecord.Snapshot) {
        isWell = isWell || other.isWell
        roundTrip = [roundTrip, other.roundTrip].compactMap(\.self).min()
        queries += other.queries
        replies += other.replies
        failures += other.failures
        errors += other.errors
    }
}
