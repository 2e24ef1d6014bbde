internal import DNS64
internal import IPAddressing
internal import Linux
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// One upstream over TLS: few connections that are kept and carry many questions each (RFC 7858 section 3.4), and
/// none for a while after one could not be made.
final class EncryptedUpstream {
    private let route: UpstreamRoute
    private let loop: any EventLoop
    private let authorities: UpstreamAuthorities
    private let report: @Sendable (ResolverEvent) -> Void
    private var connections: [EncryptedConnection] = []
    private var notBefore = NIODeadline.uptimeNanoseconds(0)
    private var pause = shortestPause
    private var lastFailure = ExchangeFailure.unreachable
    private var reported: String?
    private var generation = 0

    /// Connections to one upstream at a time.
    private static let most = 4
    /// Questions on each before another one is made.
    private static let crowd = 64
    /// How long none is tried after one could not be made; doubled each time.
    private static let shortestPause = TimeAmount.milliseconds(250)
    private static let longestPause = TimeAmount.seconds(8)
    /// On how many connections a question may be lost.
    private static let mostLosses = 5

    init(
        _ route: UpstreamRoute,
        on loop: any EventLoop,
        authorities: UpstreamAuthorities,
        report: @escaping @Sendable (ResolverEvent) -> Void
    ) {
        self.route = route
        self.loop = loop
        self.authorities = authorities
        self.report = report
    }

    private var name: String {
        guard case .tls(let name) = route.way else { return "" }
        return name
    }

    /// Asks on the connection that has least to do, or on a new one.
    func ask(_ question: EncryptedQuestion) {
        let now = NIODeadline.now()
        guard let authorities = authorities.current else {
            note("no authorities to verify its certificate with")
            question.settle(.failure(.local))
            return
        }
        if generation != authorities.generation {
            // Whoever vouched for those that stand may not be believed any more.
            generation = authorities.generation
            retire()
        }
        let open = connections.filter { $0.takesQuestions }
        if let idlest = open.min(by: { $0.count < $1.count }), idlest.count < Self.crowd || open.count >= Self.most {
            idlest.ask(question)
            return
        }
        guard now >= notBefore else {
            // Others may still be served by those that there are.
            if let any = open.first { any.ask(question) } else { question.settle(.failure(lastFailure)) }
            return
        }
        let connection = EncryptedConnection(of: self, at: now)
        connections.append(connection)
        connection.ask(question)
        connect(connection, authorities.context)
    }

    private func connect(_ connection: EncryptedConnection, _ context: NIOSSLContext) {
        do {
            let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
            let remote = try SocketAddress(
                ipAddress: route.endpoint.address.description,
                port: Int(route.endpoint.port.number)
            )
            let parts = NIOLoopBound((handler, connection), eventLoop: loop)
            var bootstrap = ClientBootstrap(group: loop)
                .connectTimeout(.seconds(3))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(parts.value.0)
                        try channel.pipeline.syncOperations.addHandler(parts.value.1)
                    }
                }
            if let source = route.source {
                bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source.description, port: 0))
            }
            bootstrap.connect(to: remote).hop(to: loop).assumeIsolated().whenFailure { error in
                connection.end(ExchangeFailure(connecting: error), "\(error)")
            }
        } catch {
            connection.end(.local, "\(error)")
        }
    }

    /// A connection has become usable.
    func isReady(_ connection: EncryptedConnection) {
        pause = Self.shortestPause
        notBefore = .now()
        reported = nil
    }

    /// A connection is over. What it left unanswered is asked once more elsewhere if it was of use before (RFC 7766
    /// section 6.2.4); an upstream may end its connections as it likes.
    func ended(
        _ connection: EncryptedConnection,
        _ unanswered: [EncryptedQuestion],
        _ failure: ExchangeFailure,
        _ reason: String
    ) {
        connections.removeAll { $0 === connection }
        if !connection.wasReady {
            lastFailure = failure
            notBefore = .now() + pause
            pause = min(pause + pause, Self.longestPause)
            note(reason)
        }
        for var question in unanswered {
            question.losses += 1
            if connection.hasAnswered, question.losses <= Self.mostLosses {
                ask(question)
            } else {
                question.settle(.failure(failure))
            }
        }
    }

    private func note(_ reason: String) {
        guard reported != reason else { return }
        reported = reason
        let upstream = "tls://\(route.endpoint)#\(name)"
        report(.encryptedUpstreamFails(upstream, reason: reason))
    }

    /// Whether there are connections, which must not outlive it.
    var hasConnections: Bool { !connections.isEmpty }

    /// Lets the connections end as soon as nothing is under way on them.
    func retire() { for connection in connections { connection.retire() } }

    /// Ends connections that nobody needs or that are dead.
    func sweep(at now: NIODeadline) {
        for connection in connections { connection.sweep(at: now) }
    }
}

extension ExchangeFailure {
    /// What a failure to connect says about the upstream.
    fileprivate init(connecting error: any Error) {
        let cause = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
        guard let code = (cause as? IOError)?.errnoCode else {
            self = .unreachable
            return
        }
        self.init(SystemError(call: "connect TLS", code: code))
    }
}
