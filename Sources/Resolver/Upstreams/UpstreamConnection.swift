private import DNS64
private import Glibc
internal import Linux
internal import NIOCore
internal import PacketMemory

/// One question over TCP: RFC 1035 section 4.2.2, a message each way with its length in front.
///
/// A step of the connection says what to wait for next; the worker waits.
final class UpstreamConnection {
    /// What comes next.
    enum Step {
        /// Wait until there is room to write.
        case awaitRoom
        /// Wait for octets.
        case awaitOctets
        /// A whole message lies in ``UpstreamConnection/message``; take it, then call ``UpstreamConnection/resume()``.
        case message
        /// The connection is of no use any more.
        case failed(SystemError)
    }

    private let descriptor: OwnedDescriptor
    private var question: ByteBuffer
    private var isConnected = false
    private var arrived = ByteBuffer()
    /// The message that came last.
    private(set) var message = ByteBuffer()

    /// Whether the question has not been written to its end.
    var isAsking: Bool { !isConnected || question.readableBytes > 0 }

    /// What a poll watches.
    var number: Int32 { descriptor.number }

    /// Begins to connect.
    init(to route: UpstreamRoute, question: borrowing RawSpan) throws(SystemError) {
        descriptor = try TCPSocket.connecting(to: route.endpoint, scope: route.scope, from: route.source)
        self.question = ByteBuffer()
        self.question.writeInteger(UInt16(truncatingIfNeeded: question.byteCount))
        self.question.writeBytes(copy question)
    }

    /// The socket has room to write, or the attempt to connect has failed.
    func write() -> Step {
        if !isConnected {
            let code = -SocketIO.error(on: number)
            guard code == 0 else { return .failed(SystemError(call: "connect TCP", code: code)) }
            isConnected = true
        }
        while question.readableBytes > 0 {
            let sent = SocketIO.send(question.readableBytesSpan, on: number)
            if SocketIO.isTryAgain(sent) { return .awaitRoom }
            guard sent > 0 else { return .failed(SystemError(call: "send TCP", code: sent == 0 ? EPIPE : -sent)) }
            question.moveReaderIndex(forwardBy: Int(sent))
        }
        return .awaitOctets
    }

    /// There are octets to read, or the connection has ended.
    ///
    /// - Parameter memory: Where they may be put for a moment.
    func read(through memory: inout OctetBuffer) -> Step {
        var octets = memory.mutableOctets
        let got = SocketIO.receive(into: &octets, on: number)
        if SocketIO.isTryAgain(got) { return .awaitOctets }
        // The end of the stream before the message is whole: as if it had been reset.
        guard got > 0 else { return .failed(SystemError(call: "receive TCP", code: got == 0 ? ECONNRESET : -got)) }
        arrived.writeBytes(memory.octets.extracting(0..<Int(got)))
        return resume()
    }

    /// Looks for a further message among the octets that have come.
    func resume() -> Step {
        guard let length = arrived.getInteger(at: arrived.readerIndex, as: UInt16.self),
            arrived.readableBytes >= 2 + Int(length)
        else { return .awaitOctets }
        arrived.moveReaderIndex(forwardBy: 2)
        guard let whole = arrived.readSlice(length: Int(length)) else { return .awaitOctets }
        message = whole
        return .message
    }
}
