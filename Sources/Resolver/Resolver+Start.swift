internal import DNS64
internal import DNSWire
internal import Linux
internal import PacketMemory
internal import Synchronization

extension Resolver {
    /// Starts the threads and listens on the addresses of the settings and of ``listen(on:)``.
    ///
    /// Called by a thread that may bind port 53. Threads and sockets are in that thread's network namespace.
    ///
    /// - Throws: When an address that the operator wrote down is taken; nothing runs then. An automatic one that is
    ///   taken is reported, and the resolver starts.
    public func start() throws(ResolverError) {
        let problem = try state.withLock { state throws(ResolverError) -> ListenProblem? in
            guard state.running == nil else { return nil }
            readCertificates(state.settings)
            if state.wanted.contains(where: \.transport.isEncrypted), let problem = certificate.problem {
                throw .certificate(problem)
            }
            do throws(SystemError) {
                state.running = try run(
                    state.settings,
                    automatic: state.automatic,
                    designated: state.designated(certificate),
                    rules: &state.rules
                )
            } catch {
                throw .system(error)
            }
            state.listen(certificate)
            let demanded = state.demanded
            return state.problems.first { demanded.contains($0.place) }
        }
        guard let problem else { return }
        stop()
        throw .cannotListen(problem)
    }

    private func run(
        _ settings: ResolverSettings,
        automatic: Set<ListenPlace>,
        designated: [DesignatedResolver],
        rules: inout NameRules?
    ) throws(SystemError) -> Running {
        let count = settings.workers > 0 ? settings.workers : PlainThread.allowedCPUs
        var ports: [WorkerPort] = []
        for number in 0..<count { ports.append(try WorkerPort(number: number)) }
        let workers = ports
        let owner = QuestionOwner(workers: count, secret: secret)
        let door = TCPDoor(
            limits: settings.tcp,
            certificate: certificate,
            dropsPrivileges: settings.dropsPrivileges
        ) { question in
            workers[owner.index(of: question.message)].mailbox.post(.question(question))
        }
        let choice = UpstreamChoice(settings, listening: Set(settings.demanded.union(automatic).map(\.address)))
        announce(choice)
        let engine = EngineSettings(
            settings,
            choice,
            designated: designated,
            workers: count,
            cookieSecret: cookieSecret,
            after: rules
        )
        rules = engine.rules
        let encrypted = EncryptedUpstreams(
            on: door.loop,
            routes: engine.routes,
            authorities: authorities,
            report: report
        )
        let queryLog = try QueryLog(
            pages: ports.map(\.queries),
            policies: policies,
            dropsPrivileges: settings.dropsPrivileges,
            report: report
        )
        // Each connection, and a few descriptors of the other parts, must find room beside the upstream sockets.
        let sockets = min(8192, max(64, (DescriptorLimit.raise() - settings.tcp.connections - 512) / count))
        let bell = try WatchBell()
        var keeper = RecursorKeeper(watch: bell)
        keeper.want(choice.recursion, ports)
        for event in keeper.look(ports, at: MonotonicClock.now()) { announce(event) }
        var threads: [PlainThread] = []
        do throws(SystemError) {
            try queryLog.apply(settings.queryLog)
            for port in ports {
                threads.append(
                    try PlainThread(name: "dns-\(port.number)") { [cache, policies] in
                        if settings.dropsPrivileges { Capabilities.dropAll() }
                        var worker = Worker(
                            port: port,
                            peers: workers,
                            cache: cache,
                            policies: policies,
                            connections: door,
                            encrypted: encrypted,
                            queryLog: queryLog,
                            settings: engine,
                            sockets: sockets,
                            poll: settings.pollBeforeSleep
                        )
                        worker.run()
                    }
                )
            }
            let watch = try Watch(bell) { [weak self] in self?.lookAgain() }
            return Running(
                ports: ports,
                door: door,
                threads: threads,
                watch: watch,
                book: ListenBook(ports: ports, door: door, report: report),
                choice: choice,
                keeper: keeper,
                designated: designated,
                encrypted: encrypted,
                queryLog: queryLog,
                routes: engine.routes,
                counters: [engine.counters]
            )
        } catch {
            for port in ports { port.mailbox.post(.stop) }
            for thread in threads { thread.join() }
            door.stop()
            queryLog.stop()
            throw error
        }
    }

    /// Closes all sockets and ends all threads; clients that wait get no answer any more.
    public func stop() {
        // Ended outside the lock, which the watching thread may be waiting for.
        let running = state.withLock { $0.running.take() }
        running?.end()
    }
}

extension Resolver.Running {
    /// Ends what runs, in the reverse order of the start.
    func end() {
        var book = book
        watch.stop()
        book.closeAll()
        for port in ports { port.mailbox.post(.stop) }
        for thread in threads { thread.join() }
        door.stop()
        queryLog.stop()
    }
}

extension EngineSettings {
    /// The settings of the engines with the upstreams that were chosen.
    ///
    /// - Parameters:
    ///   - settings: As the operator wrote them; whatever they leave open is filled in.
    ///   - previous: The rules of the engines before.
    ///   - forgetting: Names whose cached answers must go once every worker has taken these settings up.
    init(
        _ settings: ResolverSettings,
        _ choice: UpstreamChoice,
        designated: [DesignatedResolver],
        workers: Int,
        cookieSecret: KeyedHash,
        after previous: NameRules?,
        forgetting names: [Name] = []
    ) {
        var engine = settings.dns64
        engine.upstreams = choice.upstreams
        engine.rules = choice.rules
        engine.views = choice.views
        engine.designated = designated
        engine.connectionIdle = settings.tcp.idle
        if engine.cookieSecrets.isEmpty { engine.cookieSecrets = [cookieSecret] }
        let rules = NameRules(engine, after: previous)
        let upstreams = rules.upstreams
        self.init(
            settings: engine,
            rules: rules,
            rates: ClientRates(engine, secret: cookieSecret),
            standings: UpstreamStandings(rules),
            routes: upstreams.map { UpstreamRoute($0) },
            counters: (0..<workers).map { _ in ResolverCounters(upstreams: upstreams.count) },
            logsOneIn: settings.queryLog?.oneIn ?? 0,
            forgetting: Forgetting(names, workers: workers)
        )
    }
}
