import IPAddressing
import PacketMemory
import Synchronization

/// The identification of IPv4 packets that may be fragmented: RFC 7915 section 5.1, RFC 6864 section 4.3.
///
/// Packets of one source, destination and protocol take consecutive numbers from a counter that a keyed hash chooses,
/// so that none repeats within 65,536 of them, whatever the worker; only pairs whose hashes meet share a counter.
final class Identification: Sendable {
    private let counters: [1024 of Atomic<UInt32>]
    let secret: KeyedHash

    init(secret: KeyedHash) {
        counters = InlineArray { _ in Atomic<UInt32>(0) }
        self.secret = secret
    }

    /// The first of `count` identifications that nobody else gets.
    ///
    /// - Parameter pair: What ``RecentPairs`` says of the packet's ends.
    @inline(__always)
    func next(_ pair: UInt64, count: Int) -> UInt16 {
        let step = UInt32(truncatingIfNeeded: count)
        let before = counters[Int(truncatingIfNeeded: pair >> 8) & 1023].wrappingAdd(step, ordering: .relaxed).oldValue
        // The upper bits of the hash give each pair a start of its own, which tells observers less.
        return UInt16(truncatingIfNeeded: before &+ UInt32(truncatingIfNeeded: pair >> 32))
    }
}

extension TranslatorWorker {
    /// The first of `count` identifications of packets from a pool address to a peer, of a protocol that is not 0.
    @inline(__always)
    func nextIdentification(
        _ source: IPv4Address,
        _ destination: IPv4Address,
        _ proto: UInt8,
        count: Int
    ) -> UInt16 {
        let addresses = UInt64(source.bits) << 32 | UInt64(destination.bits)
        let pair = recentPairs.hash(of: addresses, proto, translator.identification.secret)
        return translator.identification.next(pair, count: count)
    }
}

/// The pairs that one worker has had packets for lately, with their hashes: many clients talk to few hosts, and a hash
/// takes longer than to find it here. Written and read by that worker alone.
final class RecentPairs: Sendable {
    private let addresses: [64 of Atomic<UInt64>]
    /// The hash of the pair of the same place, with the protocol in the lowest octet; zero is none.
    private let hashes: [64 of Atomic<UInt64>]

    init() {
        addresses = InlineArray { _ in Atomic<UInt64>(0) }
        hashes = InlineArray { _ in Atomic<UInt64>(0) }
    }

    /// The hash of a pair of addresses, with the protocol in its lowest octet.
    @inline(__always)
    func hash(of pair: UInt64, _ proto: UInt8, _ secret: KeyedHash) -> UInt64 {
        let place = Self.place(pair)
        let known = hashes[place].load(ordering: .relaxed)
        if addresses[place].load(ordering: .relaxed) == pair, UInt8(truncatingIfNeeded: known) == proto { return known }
        let hash = secret(pair, UInt64(proto)) & ~0xFF | UInt64(proto)
        addresses[place].store(pair, ordering: .relaxed)
        hashes[place].store(hash, ordering: .relaxed)
        return hash
    }

    /// 2^64 by the golden ratio spreads the differences of addresses over the upper bits.
    @inline(__always)
    private static func place(_ pair: UInt64) -> Int { Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> 58) }
}
