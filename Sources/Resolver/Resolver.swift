public import DNS64
internal import DNSWire
internal import IPAddressing
internal import Linux
public import PacketMemory
public import Policy
internal import Recursion
internal import Synchronization
internal import Timing

/// The resolver's sockets and threads around the DNS64 engine.
///
/// One plain thread per worker for datagrams and upstreams, one for all TCP connections, one that follows resolv.conf
/// and tries again to listen where it could not. ``stop()`` must be called before the resolver is let go.
public final class Resolver: Sendable {
    let cache: AnswerCache
    let secret: KeyedHash
    /// Makes cookies where the settings name no secret; drawn at start.
    let cookieSecret = SystemRandom.secret()
    let policies: PolicyInForce
    let report: @Sendable (ResolverEvent) -> Void
    let state: Mutex<State>
    let certificate = ServerCertificate()
    let authorities = UpstreamAuthorities()

    /// What calls of other threads change.
    struct State: ~Copyable {
        var settings: ResolverSettings
        var automatic: Set<ListenPlace> = []
        /// Those of the engines made last: they say whose which part of the cache is.
        var rules: NameRules?
        var running: Running?
    }

    /// What there is between start and stop.
    struct Running {
        let ports: [WorkerPort]
        let door: TCPDoor
        let threads: [PlainThread]
        let watch: Watch
        var book: ListenBook
        var choice: UpstreamChoice
        var keeper: RecursorKeeper
        /// The encrypted listeners that clients are told of.
        var designated: [DesignatedResolver]
        let encrypted: EncryptedUpstreams
        let queryLog: QueryLog
        /// How the upstreams of the engines of now are reached.
        var routes: [UpstreamRoute]
        /// The counters of the engines made last, those at the end for the engines of now.
        var counters: [[ResolverCounters]]
        /// What engines counted that no worker can have any more.
        var retired: [ResolverCount: UInt64] = [:]

        /// So many changes no worker is behind.
        static let countersKept = 16
    }

    /// Makes a resolver that does nothing yet.
    ///
    /// - Parameters:
    ///   - cache: Outlives changes of the settings.
    ///   - policy: Whom to serve, and which prefixes to use.
    ///   - secret: Decides which worker pursues a question that came over TCP; drawn at start.
    ///   - report: Hears what an operator may want to read; called on any thread, and must not call the resolver.
    public init(
        settings: ResolverSettings,
        cache: AnswerCache,
        policy: Policy,
        secret: KeyedHash,
        report: @escaping @Sendable (ResolverEvent) -> Void = { _ in }
    ) {
        self.cache = cache
        self.secret = secret
        self.report = report
        policies = PolicyInForce(policy)
        state = Mutex(State(settings: settings))
    }

    /// What clients may miss in the certificate of the settings, as far as the settings tell; nothing if none is wanted.
    ///
    /// - Throws: If the files cannot be used.
    public static func certificateGaps(_ settings: ResolverSettings) throws(CertificateProblem) -> CertificateGaps? {
        guard let files = settings.certificate else { return nil }
        let names = try ServerCertificate.names(in: files)
        return CertificateGaps(
            of: names,
            name: settings.name,
            addresses: settings.discovers ? settings.demanded.map(\.address) : []
        )
    }

    // MARK: Changes

    /// Answers by another Policy. When this returns, so does every worker.
    ///
    /// - Returns: Whether all workers have taken it up; false after two seconds, when one must have died.
    @discardableResult
    public func apply(policy: Policy) -> Bool { awaitAdoption(of: policies.change(to: policy)) }

    /// Stops the making of AAAA records, because nothing would translate what they lead to, or starts it again.
    ///
    /// - Returns: As ``apply(policy:)``.
    @discardableResult
    public func suspendSynthesis(_ suspends: Bool) -> Bool {
        awaitAdoption(of: policies.change(suspendingSynthesis: suspends))
    }

    /// Goes on with other settings and the same cache; clients that wait are answered by the new ones. The number of
    /// workers and the limits of TCP stay as they were at the start.
    ///
    /// - Returns: The addresses of the settings that cannot be listened on; they are tried again every second.
    @discardableResult
    public func apply(settings: ResolverSettings) -> [ListenProblem] {
        state.withLock { state in
            let (before, recursion) = (state.settings.dns64, state.settings.recursion)
            let logsOtherwise = state.settings.queryLog != settings.queryLog
            state.settings = settings
            logQueries(settings.queryLog, state.running)
            readCertificates(settings)
            state.listen(certificate)
            var names = NameRules.changed(from: before, to: settings.dns64)
            // What was believed under other trust anchors, or without any, is not believed any longer.
            if recursion != settings.recursion { names = [.root] }
            chooseUpstreams(
                &state,
                always: before != settings.dns64 || recursion != settings.recursion || logsOtherwise,
                forgetting: names
            )
            return state.problems.filter { state.demanded.contains($0.place) }
        }
    }

    /// Listens on these addresses of this machine, besides those of the settings, and no longer on others.
    ///
    /// To be called with every change of the addresses, by a thread that may bind port 53. Sockets of addresses that
    /// stay are not touched.
    ///
    /// - Parameters:
    ///   - addresses: For UDP and TCP; without tentative addresses and those of the TUN.
    ///   - tls: For DNS over TLS.
    ///   - https: For DNS over HTTPS.
    /// - Returns: The addresses that cannot be listened on; they are tried again every second.
    @discardableResult
    public func listen(
        on addresses: [ListenAddress],
        tls: [ListenAddress] = [],
        https: [ListenAddress] = []
    ) -> [ListenProblem] {
        state.withLock { state in
            state.automatic = ListenPlace.all(clear: addresses, tls: tls, https: https)
            state.listen(certificate)
            chooseUpstreams(&state, always: false)
            return state.problems
        }
    }

    // MARK: What follows from changes

    /// What the watching thread does every second.
    func lookAgain() {
        state.withLock { state in
            guard let running = state.running else { return }
            let isRenewed = readCertificates(state.settings)
            if isRenewed || !running.book.problems.isEmpty { state.listen(certificate) }
            chooseUpstreams(&state, always: false)
            keepRecursor(&state)
        }
    }

    private func logQueries(_ settings: QueryLogSettings?, _ running: Running?) {
        do throws(SystemError) {
            try running?.queryLog.apply(settings)
        } catch {
            report(.cannotWriteQueryLog(error))
        }
    }

    private func keepRecursor(_ state: inout State) {
        guard let ports = state.running?.ports else { return }
        let events = state.running?.keeper.look(ports, at: MonotonicClock.now()) ?? []
        for event in events { announce(event) }
    }

    func announce(_ event: RecursorKeeper.Event) {
        switch event {
        case .started(let process): report(.recursorStarted(process: process))
        case .ended: report(.recursorEnded)
        case .hung: report(.recursorHung)
        case .cannotStart(let error): report(.cannotStartRecursor(error))
        case .withoutLandlock: report(.recursorWithoutLandlock)
        }
    }

    /// Hands new settings to the workers if the upstreams have changed, or in any case.
    private func chooseUpstreams(_ state: inout State, always: Bool, forgetting names: [Name] = []) {
        guard let running = state.running else { return }
        let choice = UpstreamChoice(state.settings, listening: Set(state.wanted.map(\.address)))
        let designated = state.designated(certificate)
        guard always || choice != running.choice || designated != running.designated else { return }
        if choice != running.choice { announce(choice) }
        let engine = EngineSettings(
            state.settings,
            choice,
            designated: designated,
            workers: running.ports.count,
            cookieSecret: cookieSecret,
            after: state.rules,
            forgetting: names
        )
        state.rules = engine.rules
        state.running?.adopt(choice, engine, designated)
        state.running?.keeper.want(choice.recursion, running.ports)
        keepRecursor(&state)
        for port in running.ports { port.mailbox.post(.settings(engine)) }
    }

    /// Reads the files of certificates again, and says what became of those that have changed.
    ///
    /// - Returns: Whether there is another certificate for clients.
    @discardableResult
    func readCertificates(_ settings: ResolverSettings) -> Bool {
        let news = certificate.look(at: settings.certificate)
        switch news {
        case .taken(let files): report(.certificate(files))
        case .refused(let problem): report(.badCertificate(problem))
        case nil: break
        }
        switch authorities.look(at: settings.upstreamAuthorities, areNeeded: settings.hasEncryptedUpstreams) {
        case .refused(let problem): report(.badAuthorities(problem))
        case .taken, nil: break
        }
        guard case .taken = news else { return false }
        return true
    }

    func announce(_ choice: UpstreamChoice) {
        for endpoint in choice.ourselves { report(.leftOutOurselves(endpoint)) }
        let forwarders = choice.recursion?.forwarders ?? []
        report(
            .upstreams(
                forwarders.isEmpty ? choice.upstreams : forwarders.map { UpstreamAddress($0.endpoint, scope: $0.scope) }
            )
        )
    }

    private func awaitAdoption(of generation: UInt64) -> Bool {
        let ports = state.withLock { $0.running?.ports ?? [] }
        for port in ports { port.mailbox.post(.policy) }
        let end = MonotonicClock.now() + .seconds(2)
        for port in ports {
            while port.adopted.load(ordering: .acquiring) < generation {
                guard MonotonicClock.now() < end else { return false }
                port.adoption.await(atMost: .milliseconds(5))
            }
        }
        return true
    }
}

extension Resolver.Running {
    /// Takes note of other upstreams. Keeps the counters of their engines, and sums up those that are too old to change:
    /// upstreams may change every second for months.
    mutating func adopt(_ choice: UpstreamChoice, _ engine: EngineSettings, _ designated: [DesignatedResolver]) {
        self.choice = choice
        self.designated = designated
        routes = engine.routes
        encrypted.want(engine.routes)
        counters.append(engine.counters)
        guard counters.count > Self.countersKept else { return }
        for old in counters.removeFirst() {
            for name in ResolverCount.allCases { retired[name, default: 0] += old[name] }
        }
    }
}

extension ResolverSettings {
    /// The sockets that the operator wrote down.
    var demanded: Set<ListenPlace> {
        ListenPlace.all(
            clear: listen.map { ListenAddress($0) },
            tls: listenTLS.map { ListenAddress($0) },
            https: listenHTTPS.map { ListenAddress($0) }
        )
    }

    /// Whether any upstream is asked over TLS.
    var hasEncryptedUpstreams: Bool {
        let isEncrypted = { (upstream: UpstreamAddress) -> Bool in
            guard case .tls = upstream.way else { return false }
            return true
        }
        let rules = dns64.rules + dns64.views.flatMap { $0.rules ?? [] }
        return dns64.upstreams.contains(where: isEncrypted)
            || rules.contains {
                guard case .ask(let upstreams) = $0.action else { return false }
                return upstreams.contains(where: isEncrypted)
            }
    }
}

extension ListenPlace {
    static func all(clear: [ListenAddress], tls: [ListenAddress], https: [ListenAddress]) -> Set<ListenPlace> {
        Set(
            clear.flatMap { [ListenPlace($0, .udp), ListenPlace($0, .tcp)] } + tls.map { ListenPlace($0, .tls) }
                + https.map { ListenPlace($0, .https) }
        )
    }
}

extension Resolver.State {
    var demanded: Set<ListenPlace> { settings.demanded }
    var wanted: Set<ListenPlace> { demanded.union(automatic) }
    var problems: [ListenProblem] {
        (running?.book.problems.values.map(\.self) ?? []).sorted { $0.description < $1.description }
    }

    /// Brings the sockets in line with the addresses. Those that need a certificate wait for one.
    mutating func listen(_ certificate: ServerCertificate) {
        let hasNone = certificate.contexts == nil
        let demanded = demanded.filter { !(hasNone && $0.transport.isEncrypted) }
        let automatic = automatic.filter { !(hasNone && $0.transport.isEncrypted) }
        running?.book.reconcile(demanded: demanded, automatic: automatic)
    }
}
