import DNSWire
import IPAddressing
import PacketMemory
import Policy
public import Timing

/// The DNS64 resolver of one worker thread: it decodes questions, answers from the cache or locally, and asks
/// upstreams.
///
/// It does no input or output, reads no clock and draws no random numbers. What it wants done is fetched with
/// ``nextAction(policy:at:random:message:)`` until there is nothing; that is to be done after every call of a mutating
/// function that can lead to something to do: a query that waits, a reply, a failure, and the passing of time.
///
/// ```
/// client's message ─▶ decode ─▶ access ─▶ local names ─▶ cache ─▶ answer
///                                                          │ not known
///                 inquiry (AAAA and A, or one question) ◀──┘
///                    ├─ transaction AAAA ─▶ exchanges with upstreams ─▶ digest ─▶ cache ─┐
///                    └─ transaction A    ─▶ exchanges with upstreams ─▶ digest ─▶ cache ─┴▶ answers of all waiters
/// ```
///
/// Functions on the way of a question are `mutating` even where they change nothing: to one that is not, the compiler
/// hands a copy of the whole engine.
///
/// Invariants: every waiter is in the chain of exactly one inquiry; every inquiry waits for at least one transaction or
/// is in the line of those that are answered; every transaction ends when its patience does.
public struct ResolverEngine: ~Copyable {
    /// Whether synthesis is suspended because the data plane is down. AAAA questions then get what upstreams answer;
    /// where that is nothing, with the extended error "Not Ready", and the A question is not asked. Set it between calls.
    public var synthesisIsSuspended = false
    /// The Unix time, in seconds, at which the engine's clock began; cookies say when they were made. Set it between
    /// calls.
    public var epoch: UInt64 = 0

    /// Whether questions that give nothing to decide are answered in one piece; set it between calls. The octets are the
    /// same either way, but ``story`` is told on the long way alone.
    public var takesShortWay = true

    /// What is counted by view. Set it between calls, for the views of the Policy that comes with them.
    package var viewCounters = ViewCounters()

    let settings: DNS64Settings
    let worker: Int
    let cache: AnswerCache
    let counters: ResolverCounters
    let decisions: AnswerDecisions
    let answering: Answering
    let local: LocalAnswers
    let known: KnownAnswers
    var digest: AnswerDigest
    let rules: NameRules
    let cookies: CookieJar
    let rates: ClientRates
    /// What all workers know of the upstreams.
    private let standings: UpstreamStandings
    /// What is known of the upstreams of each group.
    var rankings: [UpstreamRanking]
    var shares: ClientShares

    var waiters = Slots(blank: Waiter())
    var inquiries = Slots(blank: Inquiry())
    var transactions = Slots(blank: Transaction())
    var exchanges = Slots(blank: Exchange())
    var inquiryByKey: [PursuitKey: Slots<Inquiry>.Reference] = [:]
    var transactionByKey: [PursuitKey: Slots<Transaction>.Reference] = [:]
    var deadlines = DeadlineQueue<Deadline>()
    var asks = Line<Slots<Exchange>.Reference>()
    var cancels = Line<ExchangeID>()
    /// Answers that other workers wait for.
    var news = Line<(WorkerSet, AnswerNews)>()
    /// Inquiries whose answer is known, under references that nothing else has; the first one is being handed out.
    var settled = Line<Slots<Inquiry>.Reference>()

    /// Makes the engine of one worker.
    ///
    /// - Parameters:
    ///   - settings: The same for all workers. At most sixteen upstreams are used, and as many of each rule.
    ///   - rules: Those of the settings, made ready; nothing makes them ready here.
    ///   - cache: Shared by all workers.
    ///   - counters: What this worker counts; other threads may read it. Made for the same number of upstreams.
    ///   - worker: The worker's number, from zero; another one for each engine that shares the cache.
    ///   - standings: The same for all workers, made for these rules.
    public init(
        settings: DNS64Settings,
        cache: AnswerCache,
        counters: ResolverCounters,
        worker: Int,
        rules: NameRules? = nil,
        rates: ClientRates? = nil,
        standings: UpstreamStandings? = nil
    ) {
        let rules = rules ?? NameRules(settings)
        let standings = standings ?? UpstreamStandings(rules)
        precondition(
            counters.upstreams.count >= rules.groups.reduce(0) { $0 + $1.count },
            "a record for each upstream"
        )
        self.rules = rules
        self.settings = settings
        self.worker = worker
        self.cache = cache
        self.counters = counters
        decisions = AnswerDecisions(counters)
        answering = Answering(payloadSize: UInt16(clamping: max(512, settings.largestUDPAnswer)))
        local = LocalAnswers(
            answering,
            rules: rules,
            discoveryTTL: settings.discoveryTTL,
            designated: settings.designated
        )
        known = KnownAnswers(
            answering: answering,
            local: local,
            rules: rules,
            excludedByDefault: settings.excludeAAAA,
            breakDNSSEC: settings.breakDNSSEC,
            decisions: decisions
        )
        digest = AnswerDigest(settings, rules)
        rankings = rules.groups.indices.map { group in
            let first = rules.firstUpstreams[group]
            let records = counters.upstreams[first..<first + rules.groups[group].count]
            let count = min(records.count, UpstreamRanking.most)
            return UpstreamRanking(standings: standings.group(group, count: count), records: Array(records))
        }
        self.standings = standings
        cookies = CookieJar(secrets: settings.cookieSecrets)
        self.rates = rates ?? ClientRates(settings, secret: cache.secret)
        shares = ClientShares(settings, secret: cache.secret)
    }

    /// How many clients wait, and how many messages to upstreams are under way.
    public var underWay: (clients: Int, exchanges: Int) { (waiters.count, exchanges.count) }

    /// When ``advance(to:)`` must be called at the latest; nothing while nothing is under way.
    public var nextDeadline: Moment? {
        // Mutating, because a caller that holds the engine as a part of itself would copy all of it to read.
        mutating get { deadlines.first }
    }
}
