internal import DNS64
internal import IPAddressing
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOSSL
internal import NIOTLS

/// One client's connection for DNS over HTTPS: RFC 8484. It stands between TLS and HTTP, lets all through, and knows
/// what the requests on it have under way; each of those is an ``HTTPSExchange``.
final class HTTPSConnection: ChannelInboundHandler, ClientConnection {
    typealias InboundIn = ByteBuffer

    /// The most octets of the bodies of requests that are not whole.
    private static let mostHeld = 256 << 10

    let id: TCPConnectionID
    private(set) var client = IPAddress.v6(.unspecified)
    private var port: UInt16 = 0
    private let connections: TCPConnections
    private var context: ChannelHandlerContext?
    let transport = Client.Transport.https
    private(set) var isReady = false
    private(set) var underWay = 0
    private(set) var unsent = 0
    private(set) var lastProgress = NIODeadline.now()
    private var held = 0

    /// HTTP has a word of its own for the end.
    var peerHasEnded: Bool { false }

    init(id: TCPConnectionID, connections: TCPConnections) {
        self.id = id
        self.connections = connections
    }

    /// Makes a new channel one that speaks TLS, then HTTP/2 or HTTP/1.1 as the client likes.
    static func configure(
        _ channel: any Channel,
        _ connections: NIOLoopBoundBox<TCPConnections?>,
        _ certificate: ServerCertificate
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture { () throws -> NIOLoopBound<HTTPSConnection> in
            guard let connections = connections.value, let contexts = certificate.contexts else {
                throw ChannelError.ioOnClosedChannel
            }
            let connection = HTTPSConnection(id: connections.nextID(), connections: connections)
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: contexts.https))
            try channel.pipeline.syncOperations.addHandler(connection)
            return NIOLoopBound(connection, eventLoop: channel.eventLoop)
        }
        .flatMap { connection in
            channel.configureHTTP2SecureUpgrade(
                h2ChannelConfigurator: { channel in speakHTTP2(channel, connection) },
                http1ChannelConfigurator: { channel in
                    channel.pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true).flatMapThrowing {
                        try channel.pipeline.syncOperations.addHandler(
                            HTTPSExchange(on: connection.value, endsConnection: true)
                        )
                    }
                }
            )
        }
    }

    private static func speakHTTP2(
        _ channel: any Channel,
        _ connection: NIOLoopBound<HTTPSConnection>
    ) -> EventLoopFuture<Void> {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.maximumBufferedControlFrames = HTTPSLimits.bufferedControlFrames
        configuration.maximumRecentlyResetStreams = HTTPSLimits.resets
        configuration.maximumConnectionGlitches = HTTPSLimits.glitches
        configuration.controlFrameRateLimit.maximumCount = HTTPSLimits.controlFrames
        configuration.controlFrameRateLimit.windowLength = HTTPSLimits.window
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: connection.value.mostRequests),
            HTTP2Setting(parameter: .maxHeaderListSize, value: HTTPSRequest.mostHeaderOctets),
        ]
        var streams = NIOHTTP2Handler.StreamConfiguration()
        streams.streamResetFrameRateLimit.maximumCount = HTTPSLimits.resets
        streams.streamResetFrameRateLimit.windowLength = HTTPSLimits.window
        streams.streamErrorRateLimit.maximumCount = HTTPSLimits.resets
        streams.streamErrorRateLimit.windowLength = HTTPSLimits.window
        return channel.configureHTTP2Pipeline(
            mode: .server,
            connectionConfiguration: configuration,
            streamConfiguration: streams
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandlers([
                    HTTP2FramePayloadToHTTP1ServerCodec(),
                    HTTPSExchange(on: connection.value, endsConnection: false),
                ])
            }
        }
        .flatMapThrowing { _ in
            try channel.pipeline.syncOperations.addHandler(HTTPSFloodGate(on: connection.value))
        }
    }

    // MARK: What its requests tell it

    /// How many requests may be under way at a time.
    var mostRequests: Int { connections.limits.questionsPerConnection }

    /// Asks the question of a request, which hears the answer.
    func ask(_ message: ByteBuffer, for exchange: HTTPSExchange) -> TCPConnectionID {
        underWay += 1
        lastProgress = .now()
        let id = connections.nextID()
        connections.ask(
            TCPQuestion(connection: id, client: client, port: port, message: message, transport: .https),
            for: exchange
        )
        return id
    }

    /// A question was answered, or nobody waits for its answer any more.
    func hasSettled(_ id: TCPConnectionID) {
        underWay -= 1
        connections.forgetRequest(id)
    }

    /// The peer has sent what no client would, or too much of it.
    func endFlood() {
        guard context != nil else { return }
        connections.countEndedFlood()
        close()
    }

    func countRefusedRequest() { connections.countRefusedRequest() }

    /// Counts octets of a request that is not whole. False if the connection must be cut off.
    func mayHold(_ count: Int) -> Bool {
        held += count
        return held <= Self.mostHeld
    }

    func holdsNoLonger(_ count: Int) { held -= count }

    /// Counts octets of an answer that is to be written.
    func writes(_ count: Int) {
        unsent += count
        if !connections.mayKeep(count, for: self) { close() }
    }

    /// The octets have left, or never will.
    func hasWritten(_ count: Int) {
        unsent -= count
        connections.hasSent(count)
        lastProgress = .now()
    }

    // MARK: The channel

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        if let text = context.remoteAddress?.ipAddress, let address = IPAddress(text) { client = address.unmapped }
        port = UInt16(clamping: context.remoteAddress?.port ?? 0)
        guard connections.admit(self) else {
            context.close(promise: nil)
            return
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { isReady = true }
        context.fireUserInboundEventTriggered(event)
        // Who has ended its side has said all it wanted; the answers that are awaited still go out.
        if let event = event as? ChannelEvent, event == .inputClosed, isIdle { close() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isReady { connections.countFailedHandshake() }
        connections.forget(self)
        self.context = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func take(_ answer: ByteBuffer?) {
        // Answers go to the requests.
    }

    func flush() {
        // So does this.
    }

    func close() { context?.close(promise: nil) }
}
