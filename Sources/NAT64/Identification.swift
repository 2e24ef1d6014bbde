import IPAddressing
import PacketMemory
import Synchronization

/// The identification of IPv4 packets that may be fragmented: RFC 7915 section 5.1, RFC 6864 section 4.3.
///
/// Packets of one source, destination and protocol take consecutive numbers from a counter that a keyed hash chooses,
/// so that none repeats within 65,536 of them, whatever the worker; only pairs whose hashes meet share a counter.
final class Identification: Sendable {
    private let counters: [1024 of Atomic<UInt32>]
    private let secret: KeyedHash

    init(secret: KeyedHash) {
        counters = InlineArray { _ in Atomic<UInt32>(0) }
        self.secret = secret
    }

    /// The first of `count` identifications that nobody else gets.
    @inline(__always)
    func next(_ source: IPv4Address, _ destination: IPv4Address, _ proto: UInt8, count: Int) -> UInt16 {
        let hash = secret(UInt64(source.bits) << 32 | UInt64(destination.bits), UInt64(proto))
        let step = UInt32(truncatingIfNeeded: count)
        let before = counters[Int(hash & 1023)].wrappingAdd(step, ordering: .relaxed).oldValue
        // The upper bits of the hash give each pair a start of its own, which tells observers less.
        return UInt16(truncatingIfNeeded: before &+ UInt32(truncatingIfNeeded: hash >> 32))
    }
}
