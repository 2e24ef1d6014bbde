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
            do throws(SystemError) {
                state.running = try run(state.settings, automatic: state.automatic)
            } catch {
                throw .system(error)
            }
            state.listen()
            let demanded = state.demanded
            return state.problems.first { demanded.contains($0.address) }
        }
        guard let problem else { return }
        stop()
        throw .cannotListen(problem)
    }

    private func run(
        _ settings: ResolverSettings,
        automatic: Set<ListenAddress>
    ) throws(SystemError) -> Running {
        let count = settings.workers > 0 ? settings.workers : PlainThread.allowedCPUs
        var ports: [WorkerPort] = []
        for number in 0..<count { ports.append(try WorkerPort(number: number)) }
        let workers = ports
        let owner = QuestionOwner(workers: count, secret: secret)
        let door = TCPDoor(limits: settings.tcp, dropsPrivileges: settings.dropsPrivileges) { question in
            workers[owner.index(of: question.message)].mailbox.post(.question(question))
        }
        let choice = UpstreamChoice(settings, listening: settings.demanded.union(automatic))
        announce(choice)
        let engine = EngineSettings(settings, choice, workers: count, cookieSecret: cookieSecret)
        // Each connection, and a few descriptors of the other parts, must find room beside the upstream sockets.
        let sockets = min(8192, max(64, (DescriptorLimit.raise() - settings.tcp.connections - 512) / count))
        var threads: [PlainThread] = []
        do throws(SystemError) {
            for port in ports {
                threads.append(
                    try PlainThread(name: "dns-\(port.number)") { [cache, policies] in
                        if settings.dropsPrivileges { Capabilities.dropAll() }
                        var worker = Worker(
                            port: port,
                            cache: cache,
                            policies: policies,
                            connections: door,
                            settings: engine,
                            sockets: sockets
                        )
                        worker.run()
                    }
                )
            }
            let watch = try Watch { [weak self] in self?.lookAgain() }
            return Running(
                ports: ports,
                door: door,
                threads: threads,
                watch: watch,
                book: ListenBook(ports: ports, door: door, report: report),
                choice: choice,
                routes: engine.routes,
                counters: [engine.counters]
            )
        } catch {
            for port in ports { port.mailbox.post(.stop) }
            for thread in threads { thread.join() }
            door.stop()
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
    }
}

extension EngineSettings {
    /// The settings of the engines with the upstreams that were chosen.
    ///
    /// - Parameters:
    ///   - settings: As the operator wrote them; whatever they leave open is filled in.
    ///   - forgetting: Names whose cached answers must go once every worker has taken these settings up.
    init(
        _ settings: ResolverSettings,
        _ choice: UpstreamChoice,
        workers: Int,
        cookieSecret: KeyedHash,
        forgetting names: [Name] = []
    ) {
        var engine = settings.dns64
        engine.upstreams = choice.upstreams
        engine.rules = choice.rules
        engine.connectionIdle = settings.tcp.idle
        if engine.cookieSecrets.isEmpty { engine.cookieSecrets = [cookieSecret] }
        let rules = NameRules(engine)
        let upstreams = rules.upstreams
        self.init(
            settings: engine,
            rules: rules,
            rates: ClientRates(engine, secret: cookieSecret),
            routes: upstreams.map { UpstreamRoute($0) },
            counters: (0..<workers).map { _ in ResolverCounters(upstreams: upstreams.count) },
            forgetting: Forgetting(names, workers: workers)
        )
    }
}
