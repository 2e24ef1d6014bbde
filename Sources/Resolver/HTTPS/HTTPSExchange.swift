internal import NIOCore
internal import NIOHTTP1

/// The requests of one stream of HTTP, one after the other: a single one on a stream of HTTP/2, many on a connection of
/// HTTP/1.1.
final class HTTPSExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// A request is awaited.
        case idle
        /// Its body is.
        case reading(HTTPSRequest, ByteBuffer)
        /// It is refused already; the rest of it is read and not looked at.
        case refused
        /// The answer to its question is awaited.
        case asking(TCPConnectionID)
        /// The last answer was given.
        case over
    }

    private let connection: HTTPSConnection
    /// Whether the channel is the connection itself.
    private let endsConnection: Bool
    private var phase = Phase.idle
    private var isLast = false
    private var context: ChannelHandlerContext?

    init(on connection: HTTPSConnection, endsConnection: Bool) {
        self.connection = connection
        self.endsConnection = endsConnection
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let octets): add(octets)
        case .end: finish()
        }
    }

    // MARK: The request

    private func begin(_ head: HTTPRequestHead) {
        guard case .idle = phase else { return }
        isLast = endsConnection && !head.isKeepAlive
        let request = HTTPSRequest(head)
        let awaitsWord = HTTPSRequest.awaitsWord(head)
        if case .refused(let status) = request {
            // Who waited may send the body all the same, or go on without it.
            isLast = isLast || endsConnection && awaitsWord
            refuse(status)
        } else {
            phase = .reading(request, ByteBuffer())
            if awaitsWord {
                let word = HTTPResponseHead(version: .http1_1, status: .continue)
                context?.writeAndFlush(wrapOutboundOut(.head(word)), promise: nil)
            }
        }
    }

    private func add(_ octets: ByteBuffer) {
        guard case .reading(let request, var body) = phase else { return }
        guard connection.mayHold(octets.readableBytes) else {
            connection.holdsNoLonger(octets.readableBytes + body.readableBytes)
            phase = .over
            connection.close()
            return
        }
        body.writeImmutableBuffer(octets)
        guard body.readableBytes <= HTTPSRequest.mostBodyOctets else {
            connection.holdsNoLonger(body.readableBytes)
            // There may be much more of it.
            isLast = true
            refuse(.payloadTooLarge)
            return
        }
        phase = .reading(request, body)
    }

    private func finish() {
        switch phase {
        case .reading(let request, let body):
            connection.holdsNoLonger(body.readableBytes)
            guard let message = request.message(body) else {
                phase = .refused
                return refuse(.badRequest, isWhole: true)
            }
            phase = .asking(connection.ask(message, for: self))
        case .refused: phase = .idle
        case .idle, .asking, .over: break
        }
    }

    // MARK: The answer

    /// Sends the answer to the question, with its length in front; nothing if it was none.
    func take(_ answer: ByteBuffer?) {
        guard case .asking(let id) = phase else { return }
        connection.hasSettled(id)
        phase = .idle
        guard let answer, let message = answer.getSlice(at: answer.readerIndex + 2, length: answer.readableBytes - 2)
        else { return refuse(.badRequest, isWhole: true) }
        respond(
            .ok,
            [
                ("content-type", HTTPSRequest.mediaType), ("content-length", "\(message.readableBytes)"),
                ("cache-control", "max-age=\(Freshness.seconds(of: message))"),
            ],
            message
        )
    }

    /// - Parameter isWhole: Whether the request has been read to its end.
    private func refuse(_ status: HTTPResponseStatus, isWhole: Bool = false) {
        phase = isWhole ? .idle : .refused
        connection.countRefusedRequest()
        var headers = [("content-length", "0")]
        if status == .methodNotAllowed { headers.append(("allow", "GET, POST")) }
        respond(status, headers, nil)
    }

    private func respond(_ status: HTTPResponseStatus, _ headers: [(String, String)], _ body: ByteBuffer?) {
        guard let context else { return }
        var head = HTTPResponseHead(version: .http1_1, status: status, headers: HTTPHeaders(headers))
        if isLast, endsConnection { head.headers.add(name: "connection", value: "close") }
        let count = 64 + (body?.readableBytes ?? 0)
        connection.writes(count)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        let closes = isLast
        if closes { phase = .over }
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            connection.hasWritten(count)
            if closes { self.context?.close(promise: nil) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    // MARK: The end

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    private func leave() {
        switch phase {
        case .asking(let id): connection.hasSettled(id)
        case .reading(_, let body): connection.holdsNoLonger(body.readableBytes)
        case .idle, .refused, .over: break
        }
        phase = .over
        context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
