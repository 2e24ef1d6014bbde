public import DNSWire
public import IPAddressing
public import PacketMemory
public import Timing

/// Another resolver that is asked what the cache does not know.
public struct UpstreamAddress: Hashable, Sendable, CustomStringConvertible {
    /// How its messages travel.
    public enum Way: Hashable, Sendable {
        /// Over UDP, and over TCP if they are large.
        case clear
        /// Over TLS to a server that proves this name: RFC 7858.
        case tls(name: String)
        /// To our own recursor, a process of this machine. It has no address; its word on DNSSEC is taken.
        case recursor
    }

    /// Where it listens, over UDP and TCP alike.
    public var endpoint: TransportAddress
    /// How its messages travel.
    public var way = Way.clear
    /// The interface of a link-local address; zero for others.
    public var scope: UInt32 = 0
    /// The address of ours to ask from; the routes decide if there is none.
    public var source: IPAddress?

    /// Names an upstream.
    public init(_ endpoint: TransportAddress, scope: UInt32 = 0, source: IPAddress? = nil, way: Way = .clear) {
        self.endpoint = endpoint
        self.scope = scope
        self.source = source
        self.way = way
    }

    /// The recursor.
    public static let recursor: UpstreamAddress = {
        var address = UpstreamAddress(TransportAddress(.v4(IPv4Address(bits: 0)), Port(0)))
        address.way = .recursor
        return address
    }()

    /// `192.0.2.53:53`, `[2001:db8::53]:53`, `tls://192.0.2.53:853#dns.example` or `recursive`.
    public var description: String {
        switch way {
        case .clear: endpoint.description
        case .tls(let name): "tls://\(endpoint)#\(name)"
        case .recursor: "recursive"
        }
    }
}

/// What the DNS64 engine can be told. Whom it serves, which prefixes it uses and for which clients it synthesizes is
/// not here but in the Policy, which the data plane reads too.
public struct DNS64Settings: Hashable, Sendable {
    /// The resolvers to ask, in the order of preference while nothing is known about them; without any, only what is
    /// answered locally is answered.
    public var upstreams: [UpstreamAddress] = []
    /// Which names are asked elsewhere, or not at all.
    public var rules: [ForwardingRule] = []
    /// What is otherwise for the clients of some networks.
    public var views: [ViewNames] = []
    /// The domains whose names get no AAAA records made from A records.
    public var excludedDomains: [Name] = []
    /// Records of the operator's own.
    public var localRecords: [LocalRecord] = []
    /// Names that clients get other answers for than there are.
    public var nameFilters: [NameFilter] = []
    /// Addresses that clients do not get.
    public var addressFilters: [AddressFilter] = []
    /// How many octets all cached answers of all workers may take, the index included. At least 1 MiB is used.
    public var cacheSize = 64 << 20
    /// IPv6 prefixes whose AAAA records do not count and are never handed out: RFC 6147 section 5.1.4.
    public var excludeAAAA: [IPv6Prefix] = [
        IPv6Prefix(IPv6Address(high: 0, low: 0xFFFF_0000_0000), length: 96)
    ]
    /// Whether AAAA records are made although the denial of the native ones was signed and the client asked for
    /// signatures (DO=1, CD=0). The client may not be able to validate what it gets: RFC 6147 section 3, case 3.
    public var breakDNSSEC = false

    /// Whether answers that are too old are given when no fresh ones are to be had: RFC 8767.
    public var servesStale = false
    /// How long after its time an answer may be given: RFC 8767 section 5 recommends one to three days.
    public var longestStaleness = Moment.Span.seconds(86_400)
    /// How long the first client waits for a fresh answer before it gets a stale one.
    public var patienceBeforeStale = Moment.Span.milliseconds(400)
    /// How long nothing is asked again for an answer that was given stale, once that failed: RFC 8767 section 5.
    public var staleRecheck = Moment.Span.seconds(30)
    /// The TTL of stale records, in seconds: RFC 8767 section 4 recommends 30.
    public var staleTTL: UInt32 = 30
    /// Whether answers in use are asked again before their time is over.
    public var prefetches = false
    /// Whether cookies of clients are answered with ours: RFC 7873.
    public var cookies = true
    /// The secrets of our cookies, the one to make them with first; none lets the transport draw one.
    public var cookieSecrets: [KeyedHash] = []
    /// Whether the letters of names are sent upstream in a random case, which a forger must guess.
    public var randomizesCase = false

    /// How many bits of a client's IPv6 address name its network; all 32 bits of an IPv4 address do.
    public var clientLength = 64
    /// How many questions a client network may ask in a second; zero: no limit.
    public var questionsPerSecond = 0
    /// Whether a question over that limit is left without an answer rather than answered truncated.
    public var dropsOverLimit = false
    /// The part of the tables of waiting clients and outstanding questions that one client network may take once they
    /// are half full, in percent: 1 to 100.
    public var clientShare = 25
    /// How long a connection of a client may be idle; told to clients that ask (RFC 7828).
    public var connectionIdle = Moment.Span.seconds(10)

    /// The largest answer sent over UDP, in octets, whatever the client offers (RFC 9715): 512 to 4,096.
    public var largestUDPAnswer = 1232
    /// The UDP payload size offered to upstreams, in octets: 512 to 4,096.
    public var upstreamPayloadSize = 1232

    /// How long an upstream question may take in all before its clients get SERVFAIL.
    public var patience = Moment.Span.milliseconds(4000)
    /// How long the A answer waits for the AAAA answer before the AAAA question counts as failed
    /// (RFC 6147 section 5.1.3); twice the time that the A answer took, if that is longer; about a round trip while the
    /// upstreams are known to drop AAAA questions.
    public var patienceForAAAA = Moment.Span.milliseconds(850)
    /// The shortest time before an unanswered question is sent again, to the next upstream if there is one.
    public var shortestRetry = Moment.Span.milliseconds(400)
    /// The longest time before an unanswered question is sent again for the first time.
    public var longestRetry = Moment.Span.milliseconds(800)
    /// In what time from its start a question that is not answered has gone to every upstream once, however many they are.
    public var timeToAskAll = Moment.Span.milliseconds(1800)
    /// The shortest time from one upstream to the next, with that aim in view.
    public var shortestStep = Moment.Span.milliseconds(50)
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
    /// The encrypted resolvers that clients are told of (RFC 9462), the one to prefer first; without any, clients are
    /// told that there is none.
    public var designated: [DesignatedResolver] = []

    /// TTL of the discovery answers for ipv4only.arpa, in seconds.
    public var discoveryTTL: UInt32 = 3600

    /// The settings of an empty configuration file, without upstreams.
    public init() {}

    /// How many clients may wait and questions be outstanding for one more client to wait. The last eighth of the places
    /// is for clients that are where they say, so that a flood from forged addresses does not keep them out.
    func places(isProven: Bool) -> (waiting: Int, asking: Int) {
        if isProven { return (waitingClients, outstandingQuestions) }
        return (waitingClients - waitingClients / 8, outstandingQuestions - outstandingQuestions / 8)
    }
}

extension DNS64Settings {
    /// How many rules of their own go before those for everybody for the clients of a network, if it lies in that of a
    /// view: those of the view, or of the next wider one that has any.
    public func ownRuleCount(of network: IPPrefix) -> Int {
        let wider = views.filter { $0.rules != nil }.flatMap { view in
            view.networks.filter { $0.contains(network) }.map { (length: $0.length, rules: view.rules?.count ?? 0) }
        }
        return wider.max { $0.length < $1.length }?.rules ?? 0
    }
}
