internal import PacketMemory

/// A message between the resolver and the recursor: eight octets that the resolver chose and the recursor only sends
/// back, then a DNS message. Without a message it is a pulse, which is answered at once while the recursor lives, by a
/// ``RecursorPulse``.
public enum RecursionFrame {
    /// Where the DNS message begins.
    public static let start = 8
    /// The most octets of a frame.
    public static let most = start + 65_535
}
