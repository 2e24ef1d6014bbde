internal import PacketMemory

/// What a recursor says of itself when it is asked whether it lives: a ``RecursionFrame`` without a message.
public struct RecursorPulse: Hashable, Sendable {
    /// How many questions it has refused since its start, because it had as many under way as it may.
    public var refused: UInt64
    /// Whether Landlock keeps it from files; if not, the kernel has none and seccomp does so alone.
    public var hasLandlock: Bool

    private static let withoutLandlock: UInt64 = 1 << 63

    /// What is to be said.
    public init(refused: UInt64, hasLandlock: Bool) {
        self.refused = refused
        self.hasLandlock = hasLandlock
    }

    /// Reads what was said, from at least ``RecursionFrame/start`` octets.
    public init(_ octets: RawSpan) {
        let word = octets.uint64(at: 0)
        self.init(refused: word & ~Self.withoutLandlock, hasLandlock: word & Self.withoutLandlock == 0)
    }

    /// The octets, in network order.
    public var octets: [UInt8] {
        let word = refused & ~Self.withoutLandlock | (hasLandlock ? 0 : Self.withoutLandlock)
        return (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
    }
}
