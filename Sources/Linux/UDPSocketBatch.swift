private import CLinux
public import PacketMemory

/// Memory for a batch of datagrams that come in together (recvmmsg), allocated once.
@safe
public struct UDPInbox: ~Copyable, @unchecked Sendable {
    private let box: OpaquePointer
    /// How many datagrams the last filling brought.
    public private(set) var count = 0

    /// How many datagrams a batch holds at most.
    public static let capacity = Int(CLINUX_UDP_BATCH)
    /// Octets of a datagram that are kept; a query has far fewer.
    public static let largest = Int(CLINUX_UDP_SLOT)

    /// Allocates an empty box.
    public init() {
        guard let box = unsafe clinux_udp_inbox_make() else { preconditionFailure("no memory for datagrams") }
        unsafe self.box = box
    }

    deinit { unsafe clinux_udp_inbox_free(box) }

    /// Takes the datagrams that wait on a socket, at most a batch.
    public mutating func fill(from socket: borrowing UDPSocket) throws(SystemError) {
        count = 0
        let result = unsafe clinux_udp_inbox_fill(box, socket.number)
        count = Int(try SystemError.check(result, "recvmmsg"))
    }

    /// Sets the TC bit of DNS messages that were longer than ``largest``: what was cut is not believed to be whole.
    public mutating func markCutMessages() { unsafe clinux_udp_inbox_mark_cut(box, UInt32(count)) }

    /// One datagram of the last filling.
    ///
    /// - Parameter index: Below ``count``.
    @_lifetime(borrow self)
    public borrowing func datagram(_ index: Int) -> RawSpan {
        precondition(index >= 0 && index < count, "no such datagram")
        let start = unsafe clinux_udp_inbox_octets(box, UInt32(index))
        let length = unsafe Int(clinux_udp_inbox_count(box, UInt32(index)))
        guard let start = unsafe start else { preconditionFailure("a box without memory") }
        let span = unsafe RawSpan(_unsafeStart: start, byteCount: length)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// Both ends of a datagram of the last filling.
    ///
    /// - Parameter index: Below ``count``.
    public borrowing func ends(_ index: Int) -> UDPEnds {
        precondition(index >= 0 && index < count, "no such datagram")
        var ends = clinux_udp_ends()
        unsafe clinux_udp_inbox_ends(box, UInt32(index), &ends)
        return UDPEnds(ends)
    }
}

/// Memory for a batch of datagrams that leave together (sendmmsg), allocated once.
///
/// An answer is written into ``next``, sealed with the ends of the question, and sent with its batch.
@safe
public struct UDPOutbox: ~Copyable, @unchecked Sendable {
    private let box: OpaquePointer
    /// How many datagrams are sealed and not sent.
    public private(set) var count = 0

    /// Octets a datagram may have.
    public static let largest = Int(CLINUX_UDP_SLOT)

    /// Allocates an empty box.
    public init() {
        guard let box = unsafe clinux_udp_outbox_make() else { preconditionFailure("no memory for datagrams") }
        unsafe self.box = box
    }

    deinit { unsafe clinux_udp_outbox_free(box) }

    /// Whether the box must be sent before another datagram is written.
    public var isFull: Bool { count >= Int(CLINUX_UDP_BATCH) }

    /// The memory of the next datagram, ``largest`` octets.
    public var next: MutableRawSpan {
        @_lifetime(&self)
        mutating get {
            precondition(!isFull, "the box must be sent first")
            guard let start = unsafe clinux_udp_outbox_next(box) else { preconditionFailure("a box without memory") }
            let span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: Self.largest)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    /// Seals what was written into ``next`` as the answer to a datagram.
    ///
    /// - Parameters:
    ///   - octets: How many octets were written, at most ``largest``.
    ///   - ends: The ends of the question; the answer goes to its peer from the address it was sent to.
    public mutating func seal(_ octets: Int, to ends: UDPEnds) {
        precondition(!isFull && octets >= 0 && octets <= Self.largest, "no such datagram")
        var ends = ends.ends
        count = unsafe Int(clinux_udp_outbox_seal(box, &ends, UInt32(octets)))
    }

    /// Copies and seals an answer that lies at the front of other memory.
    ///
    /// - Parameter octets: How many octets it has, at most ``largest``.
    public mutating func seal(_ octets: Int, copiedFrom memory: borrowing OctetBuffer, to ends: UDPEnds) {
        precondition(octets >= 0 && octets <= Self.largest && octets <= memory.count, "no such datagram")
        var datagram = next
        datagram.copy(memory.octets, from: 0, to: 0, count: octets)
        seal(octets, to: ends)
    }

    /// Empties the box without sending.
    public mutating func forget() {
        count = 0
        unsafe clinux_udp_outbox_clear(box)
    }

    /// Sends what is sealed; the box is empty then.
    ///
    /// - Returns: How many datagrams could not be sent, for want of room in the socket or of a way to the peer.
    public mutating func send(on socket: borrowing UDPSocket) -> Int {
        guard count > 0 else { return 0 }
        count = 0
        return unsafe Int(clinux_udp_outbox_send(box, socket.number))
    }
}
