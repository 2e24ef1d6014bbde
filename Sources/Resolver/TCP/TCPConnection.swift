internal import DNS64
internal import IPAddressing
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// The name of a connection; never used twice.
struct TCPConnectionID: Hashable, Sendable {
    var number: UInt64
}

/// An answer, or the news that there will be none, for a connection.
struct TCPAnswer: Sendable {
    var connection: TCPConnectionID
    /// The message with its length in front; nil if the question gets no answer.
    var octets: ByteBuffer?
}

/// One client's connection: RFC 7766. Questions are taken as they come, many at a time, and answered in whatever order
/// the answers come; each message has its length in front (RFC 1035 section 4.2.2).
///
/// A peer that breaks the framing, or sends what is no question, is let finish what it asked and then closed.
final class TCPConnection: ChannelDuplexHandler, ClientConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// A message shorter than its header is no DNS.
    private static let shortestMessage = 12

    let id: TCPConnectionID
    private(set) var client = IPAddress.v6(.unspecified)
    private var port: UInt16 = 0
    private let connections: TCPConnections
    let transport: Client.Transport
    /// Whether the handshake is over; without TLS there is none.
    private(set) var isReady: Bool
    private var context: ChannelHandlerContext?
    /// Octets of messages that are not whole, or that wait until others are answered.
    private var arrived = ByteBuffer()
    /// Questions that have not been answered.
    private(set) var underWay = 0
    /// Octets that were written and not taken by the peer.
    private(set) var unsent = 0
    /// The peer has ended its side; what it sent before is still answered.
    private(set) var peerHasEnded = false
    /// The peer is not worth reading; what it asked before is still answered.
    private var isDisregarded = false
    private var readIsHeld = false
    private var needsFlush = false
    /// When the last whole message came or the last answer was taken. Part of a message is no progress, or one octet
    /// now and then would hold the connection for ever.
    private(set) var lastProgress = NIODeadline.now()

    init(id: TCPConnectionID, connections: TCPConnections, transport: Client.Transport) {
        self.id = id
        self.transport = transport
        isReady = !transport.isEncrypted
        self.connections = connections
    }

    // MARK: Octets from the peer

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

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var octets = unwrapInboundIn(data)
        guard !isDisregarded else { return }
        arrived.writeBuffer(&octets)
        takeMessages()
    }

    func read(context: ChannelHandlerContext) {
        if mayTakeMore { context.read() } else { readIsHeld = true }
    }

    private var mayTakeMore: Bool {
        underWay < connections.limits.questionsPerConnection && context?.channel.isWritable ?? false
    }

    private func takeMessages() {
        while !isDisregarded, mayTakeMore, let length = arrived.getInteger(at: arrived.readerIndex, as: UInt16.self) {
            guard length >= Self.shortestMessage else {
                disregard()
                return
            }
            guard arrived.readableBytes >= 2 + Int(length) else { break }
            arrived.moveReaderIndex(forwardBy: 2)
            guard let slice = arrived.readSlice(length: Int(length)) else { break }
            // A slice would hold the whole of what was read for as long as the question waits.
            let message = ByteBuffer(bytes: slice.readableBytesView)
            underWay += 1
            lastProgress = .now()
            connections.ask(
                TCPQuestion(connection: id, client: client, port: port, message: message, transport: transport)
            )
        }
        if arrived.readableBytes == 0 {
            arrived = ByteBuffer()
        } else if arrived.capacity > 4096, arrived.readableBytes < arrived.capacity / 4 {
            // The begin of a message does not hold the room of all before it.
            arrived = ByteBuffer(bytes: arrived.readableBytesView)
        } else {
            arrived.discardReadBytes()
        }
    }

    private func disregard() {
        isDisregarded = true
        arrived = ByteBuffer()
        closeWhenDone()
    }

    // MARK: Answers

    /// Writes an answer; ``flush()`` sends it.
    func take(_ answer: ByteBuffer?) {
        guard let context, underWay > 0 else { return }
        underWay -= 1
        guard let answer else {
            disregard()
            return
        }
        let count = answer.readableBytes
        unsent += count
        needsFlush = true
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            unsent -= count
            connections.hasSent(count)
            lastProgress = .now()
            closeWhenDone()
        }
        context.write(wrapOutboundOut(answer), promise: written)
        if !connections.mayKeep(count, for: self) { context.close(promise: nil) }
    }

    /// Sends what was written and takes the messages that have waited for that.
    func flush() {
        guard let context else { return }
        if needsFlush {
            needsFlush = false
            context.flush()
        }
        goOn()
    }

    private func goOn() {
        guard let context else { return }
        takeMessages()
        if readIsHeld, mayTakeMore, !isDisregarded {
            readIsHeld = false
            context.read()
        }
        closeWhenDone()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        goOn()
        context.fireChannelWritabilityChanged()
    }

    // MARK: The end

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The peer has ended its side and still listens (RFC 7766 section 6.2.4 wants nobody harmed by that).
        if let event = event as? ChannelEvent, event == .inputClosed {
            peerHasEnded = true
            closeWhenDone()
        }
        if case .handshakeCompleted = event as? TLSUserEvent { isReady = true }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isReady { connections.countFailedHandshake() }
        connections.forget(self)
        self.context = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A peer that ends its side without the word for it; the event that follows is enough.
        if let error = error as? NIOSSLError, error == .uncleanShutdown { return }
        context.close(promise: nil)
    }

    private func closeWhenDone() {
        guard peerHasEnded || isDisregarded else { return }
        takeMessages()
        if isIdle { close() }
    }

    /// Closes the connection, whatever is under way.
    func close() { context?.close(promise: nil) }
}
