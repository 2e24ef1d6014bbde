internal import NAT64

/// Where the packets of one burst lie: one behind the other, each between the margins that the translator may grow
/// into, so that a burst of small packets stays within the CPU's nearest caches.
struct Arena {
    /// Room for the largest super-packet with its margins and its virtio header.
    static let slot = PacketFrame.margin + 65_536 + 64 + PacketFrame.margin
    /// A full-sized packet of an ordinary link with its margins.
    static let ordinary = 1_792
    /// A packet larger than this ends its burst, so that the next takes the same place: writing it at once, while the
    /// caches still hold it, is worth more than what a longer burst could save.
    static let large = 16_384
    /// Room for a burst of ordinary packets.
    static let octets = slot + (TransmitQueue.capacity - 1) * ordinary

    /// A packet of no more octets than this has nothing to be merged.
    static let small = 256
    /// The most small packets of a burst where several workers share the CPUs: those behind wait in the queue instead,
    /// and senders and other workers on the same CPU get their turn sooner.
    static let smallCapacity = 8

    /// A few small packets.
    private static let thin = 2_048

    /// Where the next packet's margin starts.
    private var position = 0
    /// How many more packets fit into the burst, of those larger than ``small``.
    private var rest = TransmitQueue.capacity
    /// For how many of those a small one counts.
    private let smallWeight: Int

    /// - Parameter sharesCPUs: There are several workers.
    @inline(__always)
    init(sharesCPUs: Bool) { smallWeight = sharesCPUs ? TransmitQueue.capacity / Self.smallCapacity : 1 }

    /// Where the next packet's first octet is to lie, behind its virtio header; nil when the burst is full.
    @inline(__always)
    var next: Int? { rest > 0 && position &+ Self.slot <= Self.octets ? position &+ PacketFrame.margin : nil }

    /// Takes the place of a packet of this many octets that lies at ``next``.
    @inline(__always)
    mutating func take(_ count: Int) {
        guard count <= Self.large else {
            rest = 0
            return
        }
        rest &-= count > Self.small ? 1 : smallWeight
        position = (position &+ PacketFrame.margin &+ count &+ PacketFrame.margin &+ 63) & ~63
    }

    /// Whether so little has come that its latency matters more than the rate of what follows.
    @inline(__always)
    var isThin: Bool { position <= Self.thin }
}
