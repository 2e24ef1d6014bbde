internal import Configuration
internal import ControlAPI
internal import DNS64
internal import IPAddressing
internal import Linux
internal import Resolver
internal import Timing

/// The resolving half of the report.
extension Appliance {
    func resolverStatus() -> ControlAPI.ResolverStatus {
        let status = resolver.status
        let count = { (name: ResolverCount) in status.counts[name] ?? 0 }
        return ControlAPI.ResolverStatus(
            state: status.workers.isEmpty ? .stopped : status.sockets == 0 ? .failed : .running,
            workers: status.workers.count,
            sockets: status.places.map { place in
                ListeningSocket(address: "\(place.address)", transport: place.transport.rawValue.lowercased())
            },
            listenProblems: status.problems.map { problem in
                ControlAPI.ListenProblem(
                    address: "\(problem.address)",
                    transport: problem.transport.rawValue.lowercased(),
                    problem: "\(problem)"
                )
            },
            upstreams: status.upstreams.map { upstream in
                UpstreamStatus(
                    address: "\(UpstreamAddress(upstream.endpoint, way: upstream.way))",
                    health: upstream.record.queries == 0 ? .untried : upstream.record.isWell ? .well : .failing,
                    roundTripMilliseconds: upstream.record.roundTrip.map { Double($0) / 1000 },
                    asked: upstream.record.queries,
                    failures: upstream.record.failures + upstream.record.errors
                )
            },
            queries: count(.queries),
            queriesPerSecond: rates[4],
            fromCache: count(.fromCache),
            synthesized: count(.synthesized),
            native: count(.native),
            failed: count(.failedQuestions),
            refused: ResolverCount.refusals.map { refusal in
                ReasonCount(name: refusal.name, count: count(refusal), explanation: refusal.explanation)
            },
            counts: ResolverCount.others.map { other in
                ReasonCount(name: other.name, count: count(other), explanation: other.explanation)
            },
            cache: CacheStatus(
                entries: UInt64(status.cache.answers),
                octets: UInt64(status.cache.octets),
                limitOctets: UInt64(status.cache.capacity)
            ),
            tcpConnections: UInt64(status.connections),
            connectionsRefused: UInt64(status.connectionsRefused),
            transports: transports(status),
            encryption: encryption(status),
            recursor: status.recursor.map { recursor in
                RecursorStatus(
                    process: recursor.process.map { Int($0) },
                    restarts: recursor.restarts,
                    restartsOfLate: recursor.restartsOfLate,
                    hangs: recursor.hangs,
                    refused: recursor.refused,
                    landlock: recursor.hasLandlock
                )
            }
        )
    }

    private func transports(_ status: ResolverSnapshot) -> [TransportUse] {
        let encrypted = status.connectionsOverTLS + status.connectionsOverHTTPS
        return [
            TransportUse(transport: "udp", questions: status.datagramsReceived),
            TransportUse(
                transport: "tcp",
                questions: status.questionsOverTCP,
                connections: UInt64(max(0, status.connections - encrypted))
            ),
            TransportUse(
                transport: "tls",
                questions: status.questionsOverTLS,
                connections: UInt64(status.connectionsOverTLS)
            ),
            TransportUse(
                transport: "https",
                questions: status.questionsOverHTTPS,
                connections: UInt64(status.connectionsOverHTTPS)
            ),
        ]
    }

    private func encryption(_ status: ResolverSnapshot) -> EncryptionStatus? {
        guard let certificate = status.certificate else { return nil }
        let now = Int64(bitPattern: WallClock.seconds(at: MonotonicClock.now()))
        return EncryptionStatus(
            failedHandshakes: status.failedHandshakes,
            refusedRequests: status.refusedRequests,
            endedFloods: status.endedFloods,
            certificate: CertificateStatus(
                file: certificate.files.chain,
                expires: certificate.expires,
                secondsLeft: certificate.expires.map { $0 - now },
                renewals: certificate.renewals,
                problem: certificate.problem.map { "\($0)" },
                missingName: certificate.gaps?.name,
                missingAddresses: certificate.gaps?.addresses.map(\.description) ?? []
            )
        )
    }
}

extension ResolverCount {
    /// What is refused, with why.
    static let refusals: [ResolverCount] = [
        .refusedClient, .refusedMalformed, .refusedQuestionCount, .refusedOperation, .refusedVersion, .refusedClass,
        .refusedType, .refusedRecursion, .refusedOverload, .refusedShare, .refusedNoUpstream, .refusedLoop, .overRate,
        .silence,
    ]

    /// What is counted besides refusals and what has a field of its own in the status.
    static let others: [ResolverCount] = allCases.filter { count in
        let fields: [ResolverCount] = [.queries, .fromCache, .synthesized, .native, .failedQuestions]
        return !refusals.contains(count) && !fields.contains(count)
    }

    /// One sentence for the operator.
    var explanation: String {
        switch self {
        case .local: "Answered at once without the cache: a name that is served here."
        case .synthesizedExcluded: "Synthesized, because all AAAA records there are are excluded; see exclude-aaaa."
        case .synthesizedFailed: "Synthesized, because the AAAA question failed or was not answered in time."
        case .synthesizedOwn: "Synthesized from addresses of the operator: of [[dns64.local]] or [[dns64.filter]]."
        case .noAddresses: "A AAAA question about a name without A records; nothing could be made."
        case .reverse: "A PTR question for a synthetic address, answered as that for the IPv4 address in it."
        case .nothingReachable: "A AAAA question of whose A records none may be reached; nothing was made of them."
        case .notSynthesized: "A AAAA question without synthesis, by the client's view or its wish for signatures."
        case .excludedDomain: "A AAAA question without synthesis, by exclude-domains for the name or an alias."
        case .suspended: "A AAAA question without synthesis, because the data plane was down."
        case .truncated: "The answer was cut to the client's size; it asks again over TCP."
        case .waited: "The question waited for an upstream."
        case .merged: "The question waited for what was asked for another client already."
        case .mergedAcross: "A question that was not asked upstream because another worker asked the same."
        case .operatorAnswers: "Answered by [[dns64.local]], or by a rule that asks nobody."
        case .filtered: "The answer was changed by [[dns64.filter]]."
        case .filteredAlias: "Filtered, because an alias led to a name with a filter or to a blocked one."
        case .stale: "The answer was too old, because no fresh one was to be had; see serve-stale."
        case .refreshed: "An answer was asked for again before it was too old, or behind one that was; see prefetch."
        case .serviceAddresses: "AAAA records were added to an answer about services (HTTPS and SVCB records)."
        case .logged: "The answer was put down for the query log."
        case .notLogged: "The answer is not in the query log, which was not written as fast; see [dns64.query-log]."
        case .goodCookies: "The question had a cookie that was made here."
        case .badCookies: "The client got a cookie instead of an answer, and is served when it asks with it (RFC 7873)."
        case .upstreamQueries: "A message to an upstream."
        case .upstreamQueriesTCP: "A message to an upstream over TCP."
        case .upstreamQueriesEncrypted: "A message to an upstream over TLS."
        case .upstreamTimeouts: "An upstream did not answer in time."
        case .upstreamErrors: "An upstream answered with an error, or with what is no answer."
        case .upstreamMalformed: "The reply of an upstream could not be read."
        case .ignoredLate: "A reply to nothing that was asked, or was asked any more."
        case .ignoredForm: "A reply that was not believed: too short, no reply, or of another kind of message."
        case .ignoredIdentifier: "A reply that was not believed: its identifier was another one."
        case .ignoredQuestion: "A reply that was not believed: its question was another one."
        case .ignoredSpelling: "A reply that was not believed: the letters of the name were of another case."
        case .ignoredCookie: "A reply that was not believed: its cookie was another one, or was missing."
        case .upstreamCookies: "A message to an upstream, with a cookie that it had given us."
        case .upstreamBadCookies: "An upstream wanted to be asked again with another cookie."
        case .refusedClient: "The client's network is not among those served; see [clients] allow."
        case .refusedMalformed: "The message is not well-formed."
        case .refusedQuestionCount: "The message has not exactly one question."
        case .refusedOperation: "The message is another kind than a query."
        case .refusedVersion: "The message has a version of EDNS other than 0."
        case .refusedClass: "The question is of another class than IN."
        case .refusedType: "The question is for a zone transfer, or for a type that is none."
        case .refusedRecursion: "The answer is not in the cache, and the client did not want it pursued."
        case .refusedOverload: "Too many questions are under way, or too many clients wait."
        case .refusedShare: "One client network has its share of the tables; see [dns64.limits] client-share."
        case .refusedNoUpstream: "No upstream is known for the name."
        case .refusedLoop: "A question of this resolver came back to it; see the upstreams and [[dns64.rule]]."
        case .overRate: "The client's network asks more than [dns64.limits] questions-per-second."
        case .silence: "The message is no query, and answering it could make two servers talk for ever."
        default: "Counted."
        }
    }
}
