internal import ControlAPI
private import Glibc
private import Linux
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The server behind the control socket: HTTP/1.1 with JSON under `/v1`, and Prometheus text under `/metrics`.
///
/// It has two threads of its own, made by the thread that starts it and thus in its network namespace: one serves
/// the sockets, reads what comes and never blocks; the other asks the appliance. Both give up every privilege first.
public final class ControlServer: Sendable {
    private let file: SocketFile
    private let group: MultiThreadedEventLoopGroup
    private let worker: NIOThreadPool
    private let channel: any Channel

    /// Opens the socket and serves it until ``stop()``.
    ///
    /// Not to be called on an event loop or from a task: it waits.
    ///
    /// - Throws: Why the socket cannot be opened; nothing is left behind then.
    public init(settings: ControlSettings, appliance: any ControlledAppliance) throws(ControlSocketError) {
        let file = try SocketFile.make(at: settings.socketPath, group: settings.group)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let worker = NIOThreadPool(numberOfThreads: 1)
        worker.start()
        worker.submit { _ in Capabilities.dropAll() }
        let routes = Routes(appliance: appliance, daemonUser: geteuid())
        do {
            channel = try Self.listen(file.descriptor, group, settings: settings, routes: routes, worker: worker)
        } catch {
            try? worker.syncShutdownGracefully()
            try? group.syncShutdownGracefully()
            file.remove()
            throw .server("the server cannot be started: \(error)")
        }
        self.file = file
        self.group = group
        self.worker = worker
    }

    /// Ends all connections, waits for the request that the appliance is just answering, and takes the socket away.
    ///
    /// To be called once, and not by the appliance while it answers.
    public func stop() {
        file.remove()
        try? channel.close().wait()
        try? worker.syncShutdownGracefully()
        try? group.syncShutdownGracefully()
    }

    private static func listen(
        _ descriptor: Int32,
        _ group: MultiThreadedEventLoopGroup,
        settings: ControlSettings,
        routes: Routes,
        worker: NIOThreadPool
    ) throws -> any Channel {
        let register = NIOLoopBoundBox.makeBoxSendingValue(
            ConnectionRegister(limit: settings.connections),
            eventLoop: group.next()
        )
        try group.next().submit { Capabilities.dropAll() }.wait()
        return try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                Peer.of(channel).flatMapThrowing { peer in
                    guard let ticket = register.value.enter(channel) else { return turnAway(channel) }
                    channel.closeFuture.whenComplete { _ in register.value.leave(ticket) }
                    let connection = ControlConnection(
                        settings: settings,
                        routes: routes,
                        worker: worker,
                        peer: peer,
                        register: register.value,
                        ticket: ticket
                    )
                    try channel.pipeline.syncOperations.addHandlers(handlers(settings) + [connection])
                }
            }
            .withBoundSocket(descriptor)
            .wait()
    }

    /// What lies between the octets and the connection.
    private static func handlers(_ settings: ControlSettings) -> [any ChannelHandler] {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = settings.headerLimit
        limits.maxHeaderListSize = settings.headerLimit
        limits.maxHeaderFieldCount = 64
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        return [HTTPResponseEncoder(), ByteToMessageHandler(decoder), HTTPServerPipelineHandler()]
    }

    /// Says that all places are taken, and closes.
    private static func turnAway(_ channel: any Channel) {
        let body = Reply(
            Problem(status: 503, title: "Busy", detail: "All places of the control socket are taken; try again.")
        ).body
        var octets = ByteBuffer(
            string: "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
                + "content-length: \(body.count)\r\nconnection: close\r\n\r\n"
        )
        octets.writeBytes(body)
        channel.writeAndFlush(octets).whenComplete { _ in channel.close(promise: nil) }
    }
}
