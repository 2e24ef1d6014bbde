private import CLinux
public import PacketMemory

/// Memory for a batch of datagrams to the peer of a connected socket that leave together (sendmmsg), allocated once.
@safe
public struct UDPQuestions: ~Copyable, @unchecked Sendable {
    private let box: OpaquePointer
    /// How many datagrams there are.
    public private(set) var count = 0

    /// Octets a datagram may have; a question has fewer.
    public static let largest = Int(CLINUX_UDP_QUESTION)

    /// Allocates an empty box.
    public init() {
        guard let box = unsafe clinux_udp_questions_make() else { preconditionFailure("no memory for datagrams") }
        unsafe self.box = box
    }

    deinit { unsafe clinux_udp_questions_free(box) }

    /// Whether the box must be emptied before another datagram is added.
    public var isFull: Bool { count >= Int(CLINUX_UDP_BATCH) }

    /// Adds a copy of what lies at the front of some memory.
    ///
    /// - Parameter octets: How many octets, at most ``largest``.
    public mutating func add(_ octets: Int, of memory: borrowing OctetBuffer) {
        precondition(!isFull && octets >= 0 && octets <= Self.largest && octets <= memory.count, "no such datagram")
        guard let start = unsafe clinux_udp_questions_octets(box, UInt32(count)) else { return }
        var datagram = unsafe MutableRawSpan(_unsafeStart: start, byteCount: Self.largest)
        datagram.copy(memory.octets, from: 0, to: 0, count: octets)
        unsafe clinux_udp_questions_seal(box, UInt32(count), UInt32(octets))
        count += 1
    }

    /// Sends from one datagram on; the box stays as it is.
    ///
    /// - Parameter place: Below ``count``.
    /// - Returns: How many were sent.
    /// - Throws: Why the first could not be sent. It may be what the network says of an earlier datagram.
    public borrowing func post(from place: Int, on socket: borrowing UDPSocket) throws(SystemError) -> Int {
        precondition(place >= 0 && place < count, "no such datagram")
        let result = unsafe clinux_udp_questions_post(box, socket.number, UInt32(place), UInt32(count))
        return Int(try SystemError.check(result, "sendmmsg"))
    }

    /// Empties the box.
    public mutating func clear() { count = 0 }
}
