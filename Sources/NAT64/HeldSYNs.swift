import IPAddressing
import PacketMemory
import Synchronization
import Timing

/// Copies of SYNs from the IPv4 side that wait for a SYN of the client: RFC 6146 section 3.5.2.2, CLOSED and V4 INIT.
///
/// Only as much is kept as the ICMP error that ends the waiting quotes. The tables say when it ends; a copy nobody asks
/// for, because the client has answered, makes room after ``lifetime``. Every step takes the same time, however many
/// there are.
final class HeldSYNs: Sendable {
    /// Octets kept of each; a SYN with all its options fits.
    static let octets = 128
    /// A little longer than TCP_INCOMING_SYN, so that the tables ask first.
    static let lifetime = Moment.Span.seconds(10)

    private let state: Mutex<HeldSYNTable>

    init(capacity: Int, secret: KeyedHash) {
        state = Mutex(HeldSYNTable(capacity: max(capacity, 1), secret: secret))
    }

    /// Keeps a copy; a repeated SYN changes nothing.
    ///
    /// - Returns: False when there is no room.
    func keep(_ flow: InwardFlow, _ packet: borrowing RawSpan, from start: Int, to end: Int, at now: Moment) -> Bool {
        state.withLock { state in
            let found = state.find(flow.external, flow.peer)
            if found >= 0 {
                if state.slots[found].deadline > now { return true }
                state.remove(found)
            }
            guard let slot = state.make(flow, at: now) else { return false }
            let count = min(end - start, Self.octets)
            state.slots[slot].count = count
            var octets = state.memory.mutableOctets
            octets.copy(packet, from: start, to: slot * Self.octets, count: count)
            return true
        }
    }

    /// Copies a SYN out and forgets it.
    ///
    /// - Returns: How many octets were copied; nothing if there is no such SYN.
    func take(
        external: TransportAddress4,
        peer: TransportAddress4,
        into memory: inout MutableRawSpan,
        at target: Int
    ) -> Int? {
        state.withLock { state in
            let found = state.find(external, peer)
            guard found >= 0 else { return nil }
            let count = state.slots[found].count
            state.remove(found)
            guard target + count <= memory.byteCount else { return nil }
            memory.copy(state.memory.octets, from: found * Self.octets, to: target, count: count)
            return count
        }
    }
}

/// What the lock of ``HeldSYNs`` guards. A slot is on the free chain, or in a bucket and in the order of age.
private struct HeldSYNTable: ~Copyable {
    struct Slot {
        var external = TransportAddress4(IPv4Address(bits: 0), Port(0))
        var peer = TransportAddress4(IPv4Address(bits: 0), Port(0))
        var deadline = Moment.start
        var count = 0
        /// The next of the same bucket, or of the free chain.
        var next: Int32 = -1
        var older: Int32 = -1
        var newer: Int32 = -1
    }

    var slots: [Slot]
    var memory: OctetBuffer
    private var buckets: [Int32]
    private var free: Int32 = 0
    private var oldest: Int32 = -1
    private var newest: Int32 = -1
    private let secret: KeyedHash

    init(capacity: Int, secret: KeyedHash) {
        self.secret = secret
        memory = OctetBuffer(count: capacity * HeldSYNs.octets)
        slots = (0..<capacity).map { Slot(next: $0 + 1 < capacity ? Int32($0 + 1) : -1) }
        var count = 16
        while count < capacity { count *= 2 }
        buckets = [Int32](repeating: -1, count: count)
    }

    private func bucket(_ external: TransportAddress4, _ peer: TransportAddress4) -> Int {
        let addresses = UInt64(external.address.bits) << 32 | UInt64(peer.address.bits)
        let hash = secret(addresses, UInt64(external.port.number) << 16 | UInt64(peer.port.number))
        return Int(truncatingIfNeeded: hash) & (buckets.count - 1)
    }

    /// The slot of a SYN; -1 when there is none.
    func find(_ external: TransportAddress4, _ peer: TransportAddress4) -> Int {
        var index = buckets[bucket(external, peer)]
        while index >= 0 {
            let slot = slots[Int(index)]
            if slot.external == external, slot.peer == peer { break }
            index = slot.next
        }
        return Int(index)
    }

    /// A slot for one more SYN: a free one, or the oldest if that has waited too long.
    mutating func make(_ flow: InwardFlow, at now: Moment) -> Int? {
        if free < 0, oldest >= 0, slots[Int(oldest)].deadline <= now { remove(Int(oldest)) }
        guard free >= 0 else { return nil }
        let index = Int(free)
        free = slots[index].next
        let bucket = bucket(flow.external, flow.peer)
        slots[index] = Slot(
            external: flow.external,
            peer: flow.peer,
            deadline: now + HeldSYNs.lifetime,
            next: buckets[bucket],
            older: newest
        )
        buckets[bucket] = Int32(index)
        if newest >= 0 { slots[Int(newest)].newer = Int32(index) } else { oldest = Int32(index) }
        newest = Int32(index)
        return index
    }

    /// Frees a slot.
    mutating func remove(_ index: Int) {
        let bucket = bucket(slots[index].external, slots[index].peer)
        if buckets[bucket] == Int32(index) {
            buckets[bucket] = slots[index].next
        } else {
            var before = Int(buckets[bucket])
            while slots[before].next != Int32(index) { before = Int(slots[before].next) }
            slots[before].next = slots[index].next
        }
        let (older, newer) = (slots[index].older, slots[index].newer)
        if older >= 0 { slots[Int(older)].newer = newer } else { oldest = newer }
        if newer >= 0 { slots[Int(newer)].older = older } else { newest = older }
        slots[index] = Slot(next: free)
        free = Int32(index)
    }
}
