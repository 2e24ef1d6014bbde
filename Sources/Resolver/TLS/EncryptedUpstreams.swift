internal import DNS64
internal import Linux
internal import NIOCore
internal import NIOSSL

/// A question of a worker to an upstream over TLS.
struct EncryptedQuestion: Sendable {
    let port: WorkerPort
    let era: UInt64
    let exchange: ExchangeID
    let message: ByteBuffer
    /// On how many connections it was lost.
    var losses = 0

    /// Tells the worker what came of it.
    func settle(_ outcome: EncryptedReply.Outcome) {
        port.mailbox.post(.reply(EncryptedReply(era: era, exchange: exchange, outcome: outcome)))
    }
}

/// The upstreams that are asked over TLS (RFC 7858), with their connections, which the questions of all workers share.
/// They live on the thread of the clients' connections.
///
/// Nothing is ever sent in the clear: an upstream that cannot be authenticated is one that does not answer (RFC 8310
/// section 5, strict).
final class EncryptedUpstreams: Sendable {
    private let loop: any EventLoop
    private let upstreams: NIOLoopBoundBox<[UpstreamRoute: EncryptedUpstream]>
    private let wanted: NIOLoopBoundBox<Set<UpstreamRoute>>
    private let authorities: UpstreamAuthorities
    private let report: @Sendable (ResolverEvent) -> Void

    private static let sweep = TimeAmount.milliseconds(500)

    /// - Parameter routes: Those that may be asked.
    init(
        on loop: any EventLoop,
        routes: [UpstreamRoute],
        authorities: UpstreamAuthorities,
        report: @escaping @Sendable (ResolverEvent) -> Void
    ) {
        self.loop = loop
        self.authorities = authorities
        self.report = report
        upstreams = NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: loop)
        wanted = NIOLoopBoundBox.makeBoxSendingValue(Set(routes), eventLoop: loop)
        let (upstreams, wanted) = (upstreams, wanted)
        loop.scheduleRepeatedTask(initialDelay: Self.sweep, delay: Self.sweep) { _ in
            let now = NIODeadline.now()
            for (route, upstream) in upstreams.value {
                upstream.sweep(at: now)
                guard !wanted.value.contains(route) else { continue }
                upstream.retire()
                if !upstream.hasConnections { upstreams.value[route] = nil }
            }
        }
    }

    /// How many are known; asked on their thread.
    var count: Int { upstreams.value.count }

    /// Other settings hold. Connections by other routes than these end when the questions under way are answered, also
    /// those of a worker that has not taken the settings up yet.
    func want(_ routes: [UpstreamRoute]) {
        let routes = Set(routes)
        loop.execute { [wanted] in wanted.value = routes }
    }

    /// Asks an upstream; the worker gets a letter. Called by workers.
    func ask(_ question: EncryptedQuestion, _ route: UpstreamRoute) {
        loop.execute { self.upstream(route).ask(question) }
    }

    private func upstream(_ route: UpstreamRoute) -> EncryptedUpstream {
        if let known = upstreams.value[route] { return known }
        let fresh = EncryptedUpstream(route, on: loop, authorities: authorities, report: report)
        upstreams.value[route] = fresh
        return fresh
    }
}
