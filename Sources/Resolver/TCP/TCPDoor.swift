internal import DNS64
internal import Linux
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// DNS over TCP: one thread that keeps all connections, hands their questions to the workers and their answers back.
final class TCPDoor: Sendable {
    private let group: MultiThreadedEventLoopGroup
    /// The thread; also that of the upstreams over TLS.
    let loop: any EventLoop
    private let certificate: ServerCertificate
    private let connections: NIOLoopBoundBox<TCPConnections?>
    private let answers = Mutex<[TCPAnswer]>([])
    private let open = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let counted = Mutex(ConnectionCounts())
    private let heart = Atomic<UInt64>(0)

    /// How often idle connections are looked for.
    private static let sweep = TimeAmount.milliseconds(500)

    /// Starts the thread, from the calling one, so that it lives in the same network namespace.
    ///
    /// - Parameters:
    ///   - certificate: What encrypted connections show.
    ///   - dropsPrivileges: Whether the thread gives up its privileges.
    ///   - question: Takes a question on its way to the worker; called on the thread of the connections.
    init(
        limits: TCPLimits,
        certificate: ServerCertificate,
        dropsPrivileges: Bool,
        ask question: @escaping @Sendable (TCPQuestion) -> Void
    ) {
        self.certificate = certificate
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = group.next()
        let loop = loop
        // Made on its own thread, which alone touches it.
        let connections = NIOLoopBoundBox.makeEmptyBox(valueType: TCPConnections.self, eventLoop: loop)
        self.connections = connections
        loop.execute {
            if dropsPrivileges { Capabilities.dropAll() }
            connections.value = TCPConnections(limits: limits, ask: question)
        }
        loop.scheduleRepeatedTask(initialDelay: Self.sweep, delay: Self.sweep) { [weak self] _ in
            connections.value?.closeIdle(at: .now())
            self?.heart.count()
            self?.publish()
        }
    }

    /// How many connections are open; at most half a second old.
    var connectionCount: Int { open.load(ordering: .relaxed) }

    /// How many connections were closed or refused for want of room.
    var refusedCount: Int { refused.load(ordering: .relaxed) }

    /// What came; at most half a second old.
    var counts: ConnectionCounts { counted.withLock { $0 } }

    /// Counts up twice a second while the thread lives.
    var heartbeat: UInt64 { heart.load(ordering: .relaxed) }

    private func publish() {
        open.store(connections.value?.count ?? 0, ordering: .relaxed)
        refused.store(connections.value?.refused ?? 0, ordering: .relaxed)
        if let counts = connections.value?.counts { counted.withLock { $0 = counts } }
    }

    /// Begins to listen on a bound socket, which then belongs to the channel.
    func listen(on number: Int32, for transport: ListenTransport) throws(SystemError) -> any Channel {
        let (connections, certificate) = (connections, certificate)
        let bootstrap = ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                guard transport != .https else {
                    return HTTPSConnection.configure(channel, connections, certificate)
                }
                return channel.eventLoop.makeCompletedFuture {
                    guard let connections = connections.value else { throw ChannelError.ioOnClosedChannel }
                    let pipeline = channel.pipeline.syncOperations
                    if transport == .tls {
                        guard let contexts = certificate.contexts else { throw ChannelError.ioOnClosedChannel }
                        try pipeline.addHandler(NIOSSLServerHandler(context: contexts.tls))
                    }
                    try pipeline.addHandler(connections.make(transport == .tls ? .tls : .tcp))
                }
            }
        do { return try bootstrap.withBoundSocket(number).wait() } catch {
            throw SystemError(call: "listen TCP", code: (error as? IOError)?.errnoCode ?? 0)
        }
    }

    /// Stops listening. Connections that stand are kept.
    func close(_ channel: any Channel) {
        do { try channel.close().wait() } catch {
            // It was closed before.
        }
    }

    /// Sends an answer; called by workers.
    func post(_ answer: TCPAnswer) {
        let first = answers.withLock { waiting in
            waiting.append(answer)
            return waiting.count == 1
        }
        if first { loop.execute { self.deliver() } }
    }

    private func deliver() {
        let taken = answers.withLock { waiting in
            var taken: [TCPAnswer] = []
            swap(&taken, &waiting)
            return taken
        }
        connections.value?.take(taken)
        publish()
    }

    /// Closes all connections and ends the thread.
    func stop() {
        let connections = connections
        loop.execute { connections.value?.closeAll() }
        do { try group.syncShutdownGracefully() } catch {
            // It was stopped before.
        }
    }
}
