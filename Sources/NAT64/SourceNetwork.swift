import IPAddressing
import PacketMemory

/// The network a packet comes from, as a keyed hash: what memory and ICMP errors are shared out by, so that nobody takes
/// all of it. An IPv6 network is as long as that of a client, an IPv4 network 24 bits.
struct SourceNetwork: Sendable {
    private let mask: IPv6Address
    private let secret: KeyedHash

    /// - Parameter clientLength: ``Limits/clientLength``.
    init(clientLength: Int, secret: KeyedHash) {
        mask = IPv6Prefix.mask(clientLength)
        self.secret = secret
    }

    /// The hash of the network of an IPv6 source.
    func hash(_ source: IPv6Address) -> UInt64 { secret(source.high & mask.high, source.low & mask.low, 6 << 32) }

    /// The hash of the network of an IPv4 source.
    func hash(_ source: IPv4Address) -> UInt64 { secret(UInt64(source.bits >> 8), 4 << 32) }

    /// The hash of an IPv6 source itself.
    func hostHash(_ source: IPv6Address) -> UInt64 { secret(source.high, source.low, 7 << 32) }

    /// The hash of an IPv4 source itself.
    func hostHash(_ source: IPv4Address) -> UInt64 { secret(UInt64(source.bits), 5 << 32) }
}
