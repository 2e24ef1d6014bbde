internal import DNS64
internal import IPAddressing
internal import Linux
internal import NIOCore
internal import PacketMemory
internal import Policy
internal import Recursion
internal import Synchronization
internal import Timing

/// One thread of the resolver: it hears questions on its listening sockets, answers from the cache batch in, batch
/// out, and asks upstreams over sockets of its own.
///
/// ```
/// listening sockets ─▶ inbox ─▶ engine ─▶ outbox ─▶ the same sockets
/// connections ─▶ mailbox ─▶ engine ─▶ connections      engine ◀─▶ upstream sockets
/// ```
struct Worker: ~Copyable {
    let port: WorkerPort
    /// All workers, this one too.
    let peers: [WorkerPort]
    let cache: AnswerCache
    let policies: PolicyInForce
    let connections: TCPDoor
    let encrypted: EncryptedUpstreams
    let queryLog: QueryLog
    /// One in so many questions is logged; none if it is zero.
    var logsOneIn: Int
    /// Counts the engines, so that a reply for one is not taken by the next.
    var era: UInt64 = 0

    var engine: ResolverEngine
    var routes: [UpstreamRoute]
    /// From where they are asked, for the query log.
    var sources = UpstreamSources()
    var policy: Policy
    var policyGeneration: UInt64
    var random = RandomWords(secret: SystemRandom.secret())
    var now = MonotonicClock.now()

    var inbox = UDPInbox()
    var outbox = UDPOutbox()
    /// Through which socket the sealed datagrams of the outbox leave.
    var outboxListener = -1
    /// Questions that leave together, through the socket to an upstream that has this number as long as it is open.
    var questions = UDPQuestions()
    var questionsLine: UpstreamPort?
    var questionsPort = -1
    /// The exchanges of these questions, one for one.
    var questionsSealed: [ExchangeID] = []
    private var portsRetiredAt = MonotonicClock.now()
    /// Where the engine writes messages that are longer than a datagram may be.
    var message = OctetBuffer(count: 65_535)
    /// Where messages of the recursor arrive.
    var arrival = OctetBuffer(count: RecursionFrame.most)

    var listeners = Listeners()
    var waiters = Waiters()
    var exchanges: Exchanges
    /// The way to the recursor, while there is one.
    var recursor: RecursorDoor?
    /// Whether another recursor will be there in a moment: its predecessor has only just ended.
    var awaitsRecursor = false
    var isStopping = false
    /// How long it looks for events before it sleeps.
    var polling: Polling
    private var events = ReadyEvents()
    private var heartbeatsUntilClock = 1024

    /// The longest sleep, so that the supervisor sees a heartbeat.
    private static let longestSleep = Moment.Span.milliseconds(1000)
    /// The longest automatic poll: where tens of thousands of questions come in a second, the next one comes within it.
    private static let longestPoll = Moment.Span(nanoseconds: 20_000)
    /// A sleep that such a poll would have covered, the time to wake up included.
    private static let shortSleep = Moment.Span(nanoseconds: 40_000)

    /// Takes its place on the calling thread.
    ///
    /// - Parameters:
    ///   - sockets: How many upstream sockets it may have open.
    ///   - poll: How long it looks for events before it sleeps.
    init(
        port: WorkerPort,
        peers: [WorkerPort],
        cache: AnswerCache,
        policies: PolicyInForce,
        connections: TCPDoor,
        encrypted: EncryptedUpstreams,
        queryLog: QueryLog,
        settings: EngineSettings,
        sockets: Int,
        poll: PollBeforeSleep
    ) {
        self.port = port
        self.peers = peers
        self.cache = cache
        self.policies = policies
        self.connections = connections
        self.encrypted = encrypted
        self.queryLog = queryLog
        logsOneIn = settings.logsOneIn
        exchanges = Exchanges(limit: sockets)
        polling = Polling(poll, longest: Self.longestPoll, shortSleep: Self.shortSleep)
        engine = ResolverEngine(
            settings: settings.settings,
            cache: cache,
            counters: settings.counters[port.number],
            worker: port.number,
            rules: settings.rules,
            rates: settings.rates,
            standings: settings.standings
        )
        engine.epoch = WallClock.epoch()
        routes = settings.routes
        (policy, engine.synthesisIsSuspended, policyGeneration) = policies.current()
        countByView(after: ViewCounters())
        port.adopted.store(policyGeneration, ordering: .releasing)
    }

    /// Works until told to stop.
    mutating func run() {
        while !isStopping {
            port.heartbeat.count()
            waitForEvents()
            if heartbeatsUntilClock == 0 {
                // The clock may have been set meanwhile.
                engine.epoch = WallClock.epoch()
                heartbeatsUntilClock = 1024
            }
            heartbeatsUntilClock -= 1
            if engine.nextDeadline.map({ $0 <= now }) ?? false { engine.advance(to: now) }
            act()
            flush()
            if now - portsRetiredAt >= UpstreamPorts.lifetime {
                exchanges.ports.retire(openedBefore: portsRetiredAt)
                portsRetiredAt = now
            }
            port.counters.waiting.store(UInt64(waiters.count), ordering: .relaxed)
            port.counters.asking.store(UInt64(exchanges.open), ordering: .relaxed)
        }
    }

    /// Takes up a changed Policy; the next question is answered by it.
    mutating func adoptPolicy() {
        guard policies.generation != policyGeneration else { return }
        (policy, engine.synthesisIsSuspended, policyGeneration) = policies.current()
        countByView(after: engine.viewCounters)
        port.adopted.store(policyGeneration, ordering: .releasing)
        port.adoption.tell()
    }

    /// Counts by the views of the Policy from now on.
    private mutating func countByView(after previous: ViewCounters) {
        let counters = ViewCounters(policy.views, after: previous)
        engine.viewCounters = counters
        port.views.withLock { $0 = counters }
    }

    private mutating func waitForEvents() {
        now = MonotonicClock.now()
        var end = now + Self.longestSleep
        if let deadline = engine.nextDeadline { end = min(end, deadline) }
        events.removeAll()
        do throws(SystemError) {
            try pollForEvents(until: end)
            if events.count == 0 { try sleep(until: end) }
        } catch {
            // Nothing can be waited for: rather than to spin, let the supervisor see that the heart has stopped.
            isStopping = true
            return
        }
        adoptPolicy()
        for index in 0..<events.count { take(events[index]) }
    }

    /// Looks for events again and again, as long as that is worth it.
    private mutating func pollForEvents(until end: Moment) throws(SystemError) {
        polling.begin(at: now, hasCPU: true)
        guard polling.window > .zero else { return }
        let start = now
        while true {
            try collectEvents(atMost: .zero)
            if events.count > 0 { return polling.found(at: now) }
            polling.looked(at: now)
            guard now < end, now - start < polling.window else { return polling.missed() }
        }
    }

    private mutating func sleep(until end: Moment) throws(SystemError) {
        let asleep = now
        try collectEvents(atMost: end - now)
        polling.slept(now - asleep, didWake: events.count > 0)
    }

    private mutating func collectEvents(atMost patience: Moment.Span) throws(SystemError) {
        let port = port
        try port.poll.wait(atMost: patience) { token, _ in events.add(token) }
        now = MonotonicClock.now()
    }

    private mutating func take(_ token: UInt64) {
        switch Token.kind(of: token) {
        case .mailbox: readLetters()
        case .listener: hear(Token.number(of: token))
        case .exchange: hearUpstream(Token.exchange(of: token))
        case .upstreamPort: hearUpstreamPort(Token.number(of: token), Token.generation(of: token))
        case .recursor: hearRecursor()
        }
    }

    /// The tokens of one wait.
    private struct ReadyEvents {
        private var tokens = [64 of UInt64](repeating: 0)
        private(set) var count = 0

        mutating func removeAll() { count = 0 }

        mutating func add(_ token: UInt64) {
            guard count < 64 else { return }
            tokens[count] = token
            count += 1
        }

        subscript(index: Int) -> UInt64 { tokens[index] }
    }
}

/// What an event of the poll is about, in one word.
enum Token {
    enum Kind {
        case mailbox
        case listener
        case exchange
        case upstreamPort
        case recursor
    }

    static let mailbox: UInt64 = 0
    static let recursor: UInt64 = 3 << 60

    static func listener(_ number: Int) -> UInt64 { 1 << 60 | UInt64(number) }

    /// The exchange's slot in the middle, its generation below; the engine has fewer slots than 2^28.
    static func exchange(_ exchange: ExchangeID) -> UInt64 {
        2 << 60 | (exchange.number & 0x0FFF_FFFF) << 32 | exchange.number >> 32
    }

    /// The socket's generation, of 28 bits, in the middle.
    static func upstreamPort(_ number: Int, _ generation: UInt32) -> UInt64 {
        4 << 60 | UInt64(generation) << 32 | UInt64(number)
    }

    static func kind(of token: UInt64) -> Kind {
        switch token >> 60 {
        case 1: .listener
        case 2: .exchange
        case 3: .recursor
        case 4: .upstreamPort
        default: .mailbox
        }
    }

    static func number(of token: UInt64) -> Int { Int(token & 0xFFFF_FFFF) }

    static func generation(of token: UInt64) -> UInt32 { UInt32(token >> 32 & 0x0FFF_FFFF) }

    static func exchange(of token: UInt64) -> ExchangeID {
        ExchangeID((token & 0xFFFF_FFFF) << 32 | token >> 32 & 0x0FFF_FFFF)
    }
}
