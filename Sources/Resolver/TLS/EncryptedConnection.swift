internal import DNS64
internal import Linux
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// A connection to an upstream over TLS. Questions go out as they come, under identifiers of the connection's own,
/// because those of several workers may be the same; answers come in any order.
final class EncryptedConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Keeps it until it has ended, and is not told anything after that.
    private unowned let upstream: EncryptedUpstream
    private var context: ChannelHandlerContext?
    private var arrived = ByteBuffer()
    private var unanswered = UnansweredQuestions()
    /// Questions that wait for the end of the handshake.
    private var waiting: [EncryptedQuestion] = []
    private let began: NIODeadline
    private var lastHeard: NIODeadline
    private var reason = "the connection was closed during the handshake"
    private var hasEnded = false
    private var isRetired = false
    /// Whether the handshake has succeeded and the upstream is the one that is meant.
    private(set) var wasReady = false
    /// Whether it gave any answer.
    private(set) var hasAnswered = false

    /// The most questions on one connection.
    private static let most = 4096
    /// How long a question may be without an answer, while nothing else comes either, before the connection counts as
    /// dead; also how long a handshake may take.
    private static let patience = TimeAmount.seconds(4)
    /// How long a connection without questions is kept.
    private static let idle = TimeAmount.seconds(20)

    init(of upstream: EncryptedUpstream, at now: NIODeadline) {
        self.upstream = upstream
        began = now
        lastHeard = now
    }

    /// How many questions are under way.
    var count: Int { unanswered.count + waiting.count }

    /// Whether it may be given questions.
    var takesQuestions: Bool { !hasEnded && !isRetired && count < Self.most }

    /// Asks a question, as soon as the upstream has shown who it is.
    func ask(_ question: EncryptedQuestion) {
        guard wasReady, let context else {
            waiting.append(question)
            return
        }
        send(question, context)
        context.flush()
    }

    private func send(_ question: EncryptedQuestion, _ context: ChannelHandlerContext) {
        guard let identifier = question.message.getInteger(at: question.message.readerIndex, as: UInt16.self) else {
            question.settle(.failure(.local))
            return
        }
        let own = unanswered.insert(question, identifier, at: .now())
        var frame = context.channel.allocator.buffer(capacity: question.message.readableBytes + 2)
        frame.writeInteger(UInt16(truncatingIfNeeded: question.message.readableBytes))
        frame.writeInteger(own)
        frame.writeImmutableBuffer(
            question.message.getSlice(
                at: question.message.readerIndex + 2,
                length: question.message.readableBytes - 2
            ) ?? ByteBuffer()
        )
        context.write(wrapOutboundOut(frame), promise: nil)
    }

    // MARK: What happens on the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !hasEnded, case .handshakeCompleted = event as? TLSUserEvent {
            wasReady = true
            lastHeard = .now()
            reason = "the connection was closed"
            upstream.isReady(self)
            for question in waiting { send(question, context) }
            waiting.removeAll()
            context.flush()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var octets = unwrapInboundIn(data)
        arrived.writeBuffer(&octets)
        lastHeard = .now()
        while let length = arrived.getInteger(at: arrived.readerIndex, as: UInt16.self),
            arrived.readableBytes >= 2 + Int(length)
        {
            arrived.moveReaderIndex(forwardBy: 2)
            guard let message = arrived.readSlice(length: Int(length)) else { break }
            take(message)
        }
        arrived.discardReadBytes()
        if isRetired, count == 0 { context.close(promise: nil) }
    }

    private func take(_ message: ByteBuffer) {
        // Whoever answers what was not asked is ignored.
        guard message.readableBytes >= 12,
            let own = message.getInteger(at: message.readerIndex, as: UInt16.self),
            let asked = unanswered.remove(own)
        else { return }
        hasAnswered = true
        var whole = ByteBuffer(bytes: message.readableBytesView)
        whole.setInteger(asked.identifier, at: whole.readerIndex)
        asked.question.settle(.message(whole))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? NIOSSLError, error == .uncleanShutdown { return }
        reason = wasReady ? "\(error)" : "the TLS handshake failed: \(error)"
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(wasReady ? .closed : .refused, reason)
        context.fireChannelInactive()
    }

    // MARK: The end

    /// Takes no more questions, and ends when those under way are answered.
    func retire() {
        isRetired = true
        if count == 0 { context?.close(promise: nil) }
    }

    /// Is over, whatever was under way.
    func end(_ failure: ExchangeFailure, _ reason: String) {
        guard !hasEnded else { return }
        hasEnded = true
        context = nil
        let left = unanswered.questions + waiting
        unanswered.removeAll()
        waiting.removeAll()
        upstream.ended(self, left, failure, reason)
    }

    /// Ends if nobody needs it, or if nothing comes although something should.
    func sweep(at now: NIODeadline) {
        guard !hasEnded else { return }
        unanswered.forgetOld(at: now)
        if !wasReady {
            guard now - began >= Self.patience else { return }
            close("the TLS handshake takes too long")
        } else if let oldest = unanswered.oldest {
            guard now - max(oldest, lastHeard) >= Self.patience else { return }
            close("no answer came")
        } else if now - lastHeard >= Self.idle {
            close("idle")
        }
    }

    private func close(_ reason: String) {
        let context = context
        end(.unreachable, reason)
        context?.close(promise: nil)
    }
}
