public import IPAddressing
public import Timing

/// Another resolver that is asked what the cache does not know.
public struct UpstreamAddress: Hashable, Sendable, CustomStringConvertible {
    /// Where it listens, over UDP and TCP alike.
    public var endpoint: TransportAddress

    /// Names an upstream.
    public init(_ endpoint: TransportAddress) { self.endpoint = endpoint }

    /// `192.0.2.53:53` or `[2001:db8::53]:53`.
    public var description: String { endpoint.description }
}

/// What the DNS64 engine can be told. Whom it serves, which prefixes it uses and for which clients it synthesizes is
/// not here but in the Policy, which the data plane reads too.
public struct DNS64Settings: Hashable, Sendable {
    /// The resolvers to ask, in the order of preference while nothing is known about them; without any, only what is
    /// answered locally is answered.
    public var upstreams: [UpstreamAddress] = []
    /// How many octets all cached answers of all workers may take, the index included. At least 1 MiB is used.
    public var cacheSize = 64 << 20
    /// IPv6 prefixes whose AAAA records do not count and are never handed out: RFC 6147 section 5.1.4.
    public var excludeAAAA: [IPv6Prefix] = [
        IPv6Prefix(IPv6Address(high: 0, low: 0xFFFF_0000_0000), length: 96)
    ]
    /// Whether AAAA records are made although the denial of the native ones was signed and the client asked for
    /// signatures (DO=1, CD=0). The client may not be able to validate what it gets: RFC 6147 section 3, case 3.
    public var breakDNSSEC = false

    /// The largest answer sent over UDP, in octets, whatever the client offers (RFC 9715): 512 to 4,096.
    public var largestUDPAnswer = 1232
    /// The UDP payload size offered to upstreams, in octets: 512 to 4,096.
    public var upstreamPayloadSize = 1232

    /// How long an upstream question may take in all before its clients get SERVFAIL.
    public var patience = Moment.Span.milliseconds(4000)
    /// How long the A answer waits for the AAAA answer before the AAAA question counts as failed
    /// (RFC 6147 section 5.1.3); twice the time that the A answer took, if that is longer.
    public var patienceForAAAA = Moment.Span.milliseconds(850)
    /// The shortest time before an unanswered question is sent again, to the next upstream if there is one.
    public var shortestRetry = Moment.Span.milliseconds(400)
    /// The longest time before an unanswered question is sent again for the first time.
    public var longestRetry = Moment.Span.milliseconds(800)
    /// How often one question is sent to one upstream over one transport: RFC 9520 section 3.1 allows three.
    public var sendsPerUpstream = 3

    /// How many upstream questions each worker may have under way.
    public var outstandingQuestions = 16_384
    /// How many clients of each worker may wait for upstreams.
    public var waitingClients = 65_536
    /// How many upstream questions may follow a chain of bare CNAMEs, the first included.
    public var longestChain = 16

    /// The longest time a record is kept: RFC 8767 section 4 recommends a week.
    public var longestTTL = Moment.Span.seconds(604_800)
    /// The longest time a denial is kept: RFC 2308 section 5 recommends one to three hours.
    public var longestNegativeTTL = Moment.Span.seconds(10_800)
    /// How long a failure is remembered: RFC 9520 section 3.2 wants 1 to 300 seconds.
    public var failureTTL = Moment.Span.seconds(3)
    /// Whether an NXDOMAIN in the cache denies every name below as well: RFC 8020 section 2.
    public var denialHoldsBelow = true
    /// TTL of the discovery answers for ipv4only.arpa, in seconds.
    public var discoveryTTL: UInt32 = 3600

    /// The settings of an empty configuration file, without upstreams.
    public init() {}
}
