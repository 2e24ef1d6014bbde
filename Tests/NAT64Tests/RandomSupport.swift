import NAT64
import PacketMemory
import PacketWire

#if canImport(Glibc)
import Glibc
#endif

/// SplitMix64: small, quick and the same everywhere, so that a seed tells the whole run.
struct RandomNumbers {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number from 0 to one less than `bound`.
    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() % UInt64(max(bound, 1))) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// How many packets a run has: NAT64_RANDOM_PACKETS, else a million where the compiler optimizes and 50,000 where not.
func randomPacketCount() -> Int {
    if let count = environment("NAT64_RANDOM_PACKETS") { return count }
    #if DEBUG
    return 50_000
    #else
    return 1_000_000
    #endif
}

/// Whether lengths and checksums of a packet in memory are right, without allocating.
func isWellFormed(_ memory: borrowing RawSpan, at start: Int, count: Int, _ offload: Offload) -> Bool {
    guard let layout = try? PacketLayout(reading: memory, at: start, count: count), layout.end == start + count else {
        return false
    }
    if layout.isFragment { return !offload.needsChecksum && offload.segmentation == .none }
    var sum = OnesComplementSum()
    let field: Int
    switch layout.proto {
    case 6:
        guard layout.payloadCount >= 20 else { return false }
        field = 16
    case 17:
        guard layout.payloadCount >= 8 else { return false }
        field = 6
    default:
        guard layout.payloadCount >= 8 else { return false }
        field = 2
    }
    var count = layout.payloadCount
    if layout.proto == 17, !offload.needsChecksum {
        guard memory.uint16(at: layout.payload + 6) != 0 else { return false }
        let length = Int(memory.uint16(at: layout.payload + 4))
        guard length >= 8, length <= count else { return false }
        count = length
    }
    if layout.isIPv6 {
        sum.add(memory, from: start + 8, count: 32)
    } else {
        sum.add(memory, from: start + 12, count: 8)
    }
    sum.add(UInt32(count))
    sum.add(UInt16(layout.proto))
    if !layout.isIPv6, layout.proto == 1 { sum = OnesComplementSum() }
    if offload.needsChecksum {
        return Int(offload.checksumStart) == layout.payload - start && Int(offload.checksumOffset) == field
            && memory.uint16(at: layout.payload + field) == sum.folded
    }
    sum.add(memory, from: layout.payload, count: count)
    return sum.folded == 0xFFFF
}

/// A number in the environment.
func environment(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
