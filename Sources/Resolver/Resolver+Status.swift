internal import DNS64
public import IPAddressing
internal import Linux
internal import Synchronization
internal import Timing

extension Resolver {
    /// How the resolver does.
    public var status: ResolverStatus {
        var status = ResolverStatus(cache: cache.measures)
        status.suspendsSynthesis = policies.suspendsSynthesis
        let settings = state.withLock { state in
            state.running?.add(to: &status)
            return state.settings
        }
        status.certificate = certificate.snapshot.map { now in
            ResolverStatus.Certificate(
                files: now.files,
                expires: now.expires,
                renewals: now.renewals,
                problem: now.problem,
                gaps: now.names.map { names in
                    CertificateGaps(
                        of: names,
                        name: settings.name,
                        addresses: settings.discovers ? status.listening : []
                    )
                }
            )
        }
        return status
    }
}

extension Resolver {
    /// How many questions were served to clients for whom the view of each network decides, and to those of no view, since
    /// the view is there.
    public func questions(of networks: [IPPrefix]) -> (byNetwork: [UInt64], ofNoView: UInt64) {
        let counters = state.withLock { state in
            (state.running?.ports ?? []).map { port in port.views.withLock { $0 } }
        }
        let byNetwork = networks.map { network in counters.reduce(0) { $0 + $1[network] } }
        return (byNetwork, counters.reduce(0) { $0 + $1.ofNoView })
    }
}

extension Resolver.Running {
    func add(to status: inout ResolverStatus) {
        status.listening = book.addresses.sorted { $0.description < $1.description }
        status.places = book.places
        status.sockets = book.count
        status.problems = book.problems.values.sorted { $0.description < $1.description }
        status.leftOutOurselves = choice.ourselves
        status.queryLogProblem = queryLog.problem
        status.recursor = keeper.settings.map { _ in
            ResolverStatus.Recursor(
                process: keeper.number,
                restarts: keeper.ends,
                restartsOfLate: keeper.endsOfLate(at: MonotonicClock.now()),
                hangs: keeper.hangs,
                refused: keeper.refused,
                hasLandlock: keeper.hasLandlock
            )
        }
        status.connectionsHeartbeat = door.heartbeat
        let counts = door.counts
        status.questionsOverTCP = counts.questions
        status.questionsOverTLS = counts.questionsOverTLS
        status.questionsOverHTTPS = counts.questionsOverHTTPS
        status.failedHandshakes = counts.failedHandshakes
        status.refusedRequests = counts.refusedRequests
        status.endedFloods = counts.endedFloods
        status.connectionsOverTLS = counts.open[.tls] ?? 0
        status.connectionsOverHTTPS = counts.open[.https] ?? 0
        status.connections = door.connectionCount
        status.connectionsRefused = door.refusedCount
        for port in ports { port.add(to: &status) }
        for name in ResolverCount.allCases {
            status.counts[name] = counters.joined().reduce(retired[name] ?? 0) { $0 + $1[name] }
        }
        let now = counters.last ?? []
        for index in routes.indices {
            var record = now.first?.upstreams[index].snapshot ?? UpstreamRecord.Snapshot()
            for worker in now.dropFirst() { record.add(worker.upstreams[index].snapshot) }
            // The upstreams of rules may be thousands: those that were asked are shown, and not many of them.
            let isOfRule = index >= choice.upstreams.count
            guard !isOfRule || record.queries > 0 && status.upstreams.count < ResolverStatus.mostUpstreams else {
                continue
            }
            status.upstreams.append(
                ResolverStatus.Upstream(
                    endpoint: routes[index].endpoint,
                    isRecursor: routes[index].way == .recursor,
                    way: routes[index].way,
                    isOfRule: isOfRule,
                    record: record
                )
            )
        }
    }
}

extension WorkerPort {
    func add(to status: inout ResolverStatus) {
        status.workers.append(
            ResolverStatus.Worker(
                heartbeat: heartbeat.load(ordering: .relaxed),
                waitingClients: counters.waiting.load(ordering: .relaxed),
                upstreamQuestions: counters.asking.load(ordering: .relaxed)
            )
        )
        status.datagramsReceived += counters.datagramsReceived.load(ordering: .relaxed)
        status.repliesLost += counters.repliesLost.load(ordering: .relaxed)
        status.questionsGivenUp += counters.socketsGivenUp.load(ordering: .relaxed)
        status.socketsRefused += counters.socketsRefused.load(ordering: .relaxed)
    }
}
