private import CLinux
private import Glibc
private import PacketMemory

/// One end of a pair of connected sockets that keep messages apart (SOCK_SEQPACKET). Nothing waits.
public struct MessageSocket: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// What came of looking for a message.
    public enum Arrival: Equatable, Sendable {
        /// A message of this many octets.
        case message(count: Int)
        /// None yet.
        case nothing
        /// The other end is closed, and nothing will come any more.
        case ended
    }

    /// Takes charge of a descriptor that was handed over.
    public init(adopting number: Int32) throws(SystemError) {
        descriptor = try OwnedDescriptor(adopting: number, from: "adopt a socket")
    }

    /// Makes a pair.
    public static func pair() throws(SystemError) -> MessagePair {
        var ends = [2 of Int32](repeating: -1)
        var span = ends.mutableSpan
        let code = unsafe span.withUnsafeMutableBufferPointer { unsafe clinux_message_pair($0.baseAddress) }
        try SystemError.check(code, "socketpair")
        return MessagePair(
            ours: try MessageSocket(adopting: ends[0]),
            theirs: try MessageSocket(adopting: ends[1])
        )
    }

    /// The descriptor's number, for a poll.
    public var number: Int32 { descriptor.number }

    /// Sends a message.
    ///
    /// - Returns: Whether there was room for it; what is lost is lost, as a datagram is.
    /// - Throws: When the other end is closed.
    public func send(_ message: borrowing RawSpan) throws(SystemError) -> Bool {
        let code = unsafe message.withUnsafeBytes { unsafe clinux_message_send(number, $0.baseAddress, $0.count) }
        if code == -Int64(EAGAIN) || code == -Int64(ENOBUFS) || code == -Int64(EINTR) { return false }
        guard code >= 0 else { throw SystemError(call: "send a message", code: Int32(clamping: -code)) }
        return true
    }

    /// Looks for a message. One that is longer than the memory is cut.
    public func receive(into memory: inout MutableRawSpan) -> Arrival {
        let code = unsafe memory.withUnsafeMutableBytes {
            unsafe clinux_message_receive(number, $0.baseAddress, $0.count)
        }
        if code > 0 { return .message(count: Int(code)) }
        return code == -Int64(EAGAIN) || code == -Int64(EINTR) ? .nothing : .ended
    }
}

/// Both ends of a pair.
public struct MessagePair: ~Copyable, Sendable {
    /// The end that stays.
    public let ours: MessageSocket
    /// The end to be handed over.
    public let theirs: MessageSocket

    /// Hands both ends on.
    public consuming func split<Both>(
        _ body: (_ ours: consuming MessageSocket, _ theirs: consuming MessageSocket) -> Both
    ) -> Both { body(ours, theirs) }
}
