import IPAddressing
import PacketMemory
import Synchronization
import Timing

/// Copies of SYNs from the IPv4 side that wait for a SYN of the client: RFC 6146 section 3.5.2.2, CLOSED and V4 INIT.
///
/// Only as much is kept as the ICMP error that ends the waiting quotes. The tables say when it ends; a copy nobody asks
/// for, because the client has answered, makes room after ``lifetime``.
final class HeldSYNs: Sendable {
    /// Octets kept of each; a SYN with all its options fits.
    static let octets = 128
    /// A little longer than TCP_INCOMING_SYN, so that the tables ask first.
    static let lifetime = Moment.Span.seconds(10)

    private struct Slot {
        var flow: InwardFlow?
        var deadline = Moment.start
        var count = 0
    }

    private struct State: ~Copyable {
        var slots: [Slot]
        var memory: OctetBuffer
    }

    private let state: Mutex<State>

    init(capacity: Int) {
        let capacity = max(capacity, 1)
        state = Mutex(
            State(slots: [Slot](repeating: Slot(), count: capacity), memory: OctetBuffer(count: capacity * Self.octets))
        )
    }

    /// Keeps a copy; a repeated SYN changes nothing.
    ///
    /// - Returns: False when there is no room.
    func keep(_ flow: InwardFlow, _ packet: borrowing RawSpan, from start: Int, to end: Int, at now: Moment) -> Bool {
        state.withLock { state in
            var free: Int?
            for index in state.slots.indices {
                guard let held = state.slots[index].flow, state.slots[index].deadline > now else {
                    free = free ?? index
                    continue
                }
                if held.external == flow.external, held.peer == flow.peer { return true }
            }
            guard let free else { return false }
            let count = min(end - start, Self.octets)
            state.slots[free] = Slot(flow: flow, deadline: now + Self.lifetime, count: count)
            var octets = state.memory.mutableOctets
            octets.copy(packet, from: start, to: free * Self.octets, count: count)
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
            for index in state.slots.indices {
                guard let held = state.slots[index].flow, held.external == external, held.peer == peer else { continue }
                let count = state.slots[index].count
                state.slots[index].flow = nil
                guard target + count <= memory.byteCount else { return nil }
                memory.copy(state.memory.octets, from: index * Self.octets, to: target, count: count)
                return count
            }
            return nil
        }
    }

    /// How many are kept.
    func count(at now: Moment) -> Int {
        state.withLock { state in state.slots.count { $0.flow != nil && $0.deadline > now } }
    }
}
