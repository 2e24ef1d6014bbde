internal import ControlAPI
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// One client of the control socket: gathers a request, has it answered by the worker, writes the reply, again.
///
/// There is a deadline for what the client has to do, never for what we have to do: until a request is complete, and until
/// a reply is fetched. So whoever is slow or silent, in whatever way, costs a place for a while and nothing else.
final class ControlConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What the connection waits for.
    private enum Phase {
        /// The client's next request.
        case request
        /// The rest of a request.
        case body(HTTPRequestHead, ByteBuffer)
        /// The worker.
        case worker
        /// The client fetching the reply.
        case fetching
        /// Nothing more: the connection ends.
        case end
    }

    private let settings: ControlSettings
    private let routes: Routes
    private let worker: NIOThreadPool
    private let peer: Peer
    private let register: ConnectionRegister
    private let ticket: UInt64
    private var phase = Phase.request
    private var deadline: Scheduled<Void>?
    private var hasSpoken = false

    init(
        settings: ControlSettings,
        routes: Routes,
        worker: NIOThreadPool,
        peer: Peer,
        register: ConnectionRegister,
        ticket: UInt64
    ) {
        self.settings = settings
        self.routes = routes
        self.worker = worker
        self.peer = peer
        self.register = register
        self.ticket = ticket
    }

    func handlerAdded(context: ChannelHandlerContext) { awaitRequest(context) }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        phase = .end
        deadline?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), phase) {
        case (.head(let head), .request):
            register.occupy(ticket)
            if let length = head.headers.first(name: "content-length").flatMap(Int.init), length > settings.bodyLimit {
                refuse(tooLarge, of: head, context)
            } else {
                phase = .body(head, ByteBuffer())
            }
        case (.body(var part), .body(let head, var gathered)):
            phase = .worker  // lets go of the buffer, so that it grows in place
            guard gathered.readableBytes + part.readableBytes <= settings.bodyLimit else {
                return refuse(tooLarge, of: head, context)
            }
            gathered.writeBuffer(&part)
            phase = .body(head, gathered)
        case (.end, .body(let head, let body)):
            ask(head, body, context)
        default:
            break  // what follows a refusal
        }
    }

    /// The client has said everything: `printf ... | nc -U` for one. It still gets what it asked for.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        hasSpoken = true
        switch phase {
        case .request, .body: context.close(promise: nil)
        case .worker, .fetching, .end: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        switch phase {
        case .request, .body:
            let problem =
                error == .headerOverflow
                ? Problem(
                    status: 431,
                    title: "Header too large",
                    detail: "The header fields may be \(settings.headerLimit) octets long together."
                ) : .badRequest("This is not HTTP/1.1 as RFC 9112 has it.")
            // The decoder closes the connection as soon as this returns, so the reply goes out now or never.
            write(Reply(problem), keepAlive: false, omitBody: false, context)
        case .worker, .fetching, .end:
            context.close(promise: nil)
        }
    }

    // MARK: the steps

    private func awaitRequest(_ context: ChannelHandlerContext) {
        phase = .request
        register.rest(ticket)
        arm(settings.requestTime, context)
    }

    private func ask(_ head: HTTPRequestHead, _ body: ByteBuffer, _ context: ChannelHandlerContext) {
        phase = .worker
        deadline?.cancel()
        let request = Request(
            method: head.method.rawValue,
            target: head.uri,
            body: Array(body.readableBytesView),
            peer: peer
        )
        // After an offer to upgrade, which we pass over, the decoder reads no further.
        let keepAlive = head.isKeepAlive && head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        let omitBody = head.method == .HEAD
        let answered =
            switch routes.answer(to: request) {
            // Not at once: a thousand requests in one go would be a thousand calls deep.
            case .now(let reply): context.eventLoop.submit { reply }
            case .later(let work): worker.runIfActive(eventLoop: context.eventLoop, work)
            }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        answered.whenComplete { result in
            let (connection, context) = bound.value
            guard case .worker = connection.phase else { return }
            switch result {
            case .success(let reply): connection.write(reply, keepAlive: keepAlive, omitBody: omitBody, context)
            case .failure: context.close(promise: nil)
            }
        }
    }

    private var tooLarge: Problem {
        Problem(status: 413, title: "Body too large", detail: "A body may be \(settings.bodyLimit) octets long.")
    }

    private func refuse(_ problem: Problem, of head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        write(Reply(problem), keepAlive: false, omitBody: head.method == .HEAD, context)
    }

    private func write(_ reply: Reply, keepAlive: Bool, omitBody: Bool, _ context: ChannelHandlerContext) {
        phase = .fetching
        arm(settings.replyTime, context)
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status))
        head.headers.add(name: "content-type", value: reply.contentType)
        head.headers.add(name: "content-length", value: "\(reply.body.count)")
        head.headers.add(name: "cache-control", value: "no-store")
        if !reply.allow.isEmpty { head.headers.add(name: "allow", value: reply.allow.joined(separator: ", ")) }
        head.headers.add(name: "connection", value: keepAlive ? "keep-alive" : "close")
        let fetched = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        fetched.futureResult.whenComplete { result in
            let (connection, context) = bound.value
            guard case .fetching = connection.phase else { return }
            guard case .success = result, keepAlive, !connection.hasSpoken else {
                connection.phase = .end
                return context.close(promise: nil)
            }
            connection.awaitRequest(context)
            // The end of the reply lets the next request in, which may be here already: so it is told last.
            context.writeAndFlush(connection.wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.write(wrapOutboundOut(.head(head)), promise: omitBody ? fetched : nil)
        if !omitBody {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: fetched)
        }
        context.flush()
    }

    /// Ends the connection when the time is up, in whatever phase it then is.
    private func arm(_ time: Duration, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(time)) { bound.value.close(promise: nil) }
    }
}
