import PacketMemory
import Synchronization

/// What each client network has taken, for the limits of RFC 6888, requirements 4 and 5.
///
/// A fixed number of cells in lines of eight, found by the keyed hash of the network and told apart by 24 more bits of
/// it. A cell is one atomic word: tag, ports, sessions; it is free again when both counts are zero. Only new and ended
/// bindings and sessions come here, never packets. A network whose line is full of others is not counted, nor held to
/// its limits: nobody loses anything to a flood from many networks, which ``uncounted`` shows. With half a million cells
/// that takes some two hundred thousand active networks.
@safe
struct ClientNetworks: ~Copyable, @unchecked Sendable {
    private static let lineCount: UInt64 = 1 << 16

    /// Whether any limit is set; if not, nothing is counted.
    let isCounting: Bool
    /// How often a network could not be counted because its line was full of others.
    let uncounted = Atomic<UInt64>(0)
    private let limits: Limits
    private let memory: ReservedMemory
    private let rates: ReservedMemory

    /// Sets up the cells.
    init(_ limits: Limits) {
        isCounting =
            limits.portsPerClient > 0 || limits.sessionsPerClient > 0 || limits.newBindingsPerSecond > 0
            || limits.portsForNewClients > 0
        self.limits = limits
        memory = .mustReserve(Int(Self.lineCount) * 64, for: "the counters of client networks")
        rates = .mustReserve(Int(Self.lineCount) * 64, for: "the counters of client networks")
    }

    /// Counts a new session, and a new binding if there is one.
    ///
    /// - Parameters:
    ///   - network: The keyed hash of the network.
    ///   - isFromOutside: Whether a host outside begins the session.
    /// - Throws: ``DropReason/clientLimit`` or ``DropReason/newBindingRate``; nothing is counted then.
    func take(
        _ network: UInt64,
        sessions: UInt64,
        ports: UInt64,
        second: UInt32,
        isFromOutside: Bool = false
    ) throws(DropReason) {
        guard isCounting else { return }
        let all = limits.sessionsPerClient
        let mostSessions = UInt64(isFromOutside ? Limits.outsidePart(of: all) : all)
        let tag = (network >> 40) | 1
        let line = network & (Self.lineCount &- 1)
        while true {
            guard let place = find(tag, line) ?? claim(tag, line) else {
                uncounted.wrappingAdd(1, ordering: .relaxed)
                return
            }
            let cell = unsafe cells(line) + place
            let old = unsafe cell.pointee.load(ordering: .relaxed)
            guard old >> 40 == tag else { continue }
            let newPorts = (old >> 20 & 0xF_FFFF) + ports
            let newSessions = (old & 0xF_FFFF) + sessions
            let refused =
                limits.portsPerClient > 0 && ports > 0 && newPorts > UInt64(limits.portsPerClient)
                || mostSessions > 0 && sessions > 0 && newSessions > mostSessions
                || newPorts > 0xF_FFFF || newSessions > 0xF_FFFF
            if refused {
                release(tag, line, sessions: 0, ports: 0)
                throw .clientLimit
            }
            if ports > 0, !mayBind(line, place, second) {
                release(tag, line, sessions: 0, ports: 0)
                throw .newBindingRate
            }
            let new = tag << 40 | newPorts << 20 | newSessions
            if unsafe cell.pointee.compareExchange(expected: old, desired: new, ordering: .relaxed).exchanged { return }
        }
    }

    /// Counts ended sessions and freed ports.
    func give(back network: UInt64, sessions: UInt64, ports: UInt64) {
        guard isCounting else { return }
        release((network >> 40) | 1, network & (Self.lineCount &- 1), sessions: sessions, ports: ports)
    }

    /// What a network has now.
    func taken(_ network: UInt64) -> (sessions: Int, ports: Int) {
        let line = network & (Self.lineCount &- 1)
        guard let place = find((network >> 40) | 1, line) else { return (0, 0) }
        let word = unsafe cells(line)[place].load(ordering: .relaxed)
        return (Int(word & 0xF_FFFF), Int(word >> 20 & 0xF_FFFF))
    }

    /// Takes counts away, and frees a cell that has none left.
    private func release(_ tag: UInt64, _ line: UInt64, sessions: UInt64, ports: UInt64) {
        guard let place = find(tag, line) else { return }
        let cell = unsafe cells(line) + place
        while true {
            let old = unsafe cell.pointee.load(ordering: .relaxed)
            guard old >> 40 == tag else { return }
            let newPorts = max(old >> 20 & 0xF_FFFF, ports) - ports
            let newSessions = max(old & 0xF_FFFF, sessions) - sessions
            let new = newPorts == 0 && newSessions == 0 ? 0 : tag << 40 | newPorts << 20 | newSessions
            if unsafe cell.pointee.compareExchange(expected: old, desired: new, ordering: .relaxed).exchanged { return }
        }
    }

    /// Counts one binding more in this second, if it is allowed.
    private func mayBind(_ line: UInt64, _ place: Int, _ second: UInt32) -> Bool {
        guard limits.newBindingsPerSecond > 0 else { return true }
        let cell = unsafe rates.base.assumingMemoryBound(to: Atomic<UInt64>.self) + (Int(line) << 3 | place)
        while true {
            let old = unsafe cell.pointee.load(ordering: .relaxed)
            let count = UInt32(truncatingIfNeeded: old >> 32) == second ? old & 0xFFFF_FFFF : 0
            guard count < UInt64(limits.newBindingsPerSecond) else { return false }
            let new = UInt64(second) << 32 | (count + 1)
            if unsafe cell.pointee.compareExchange(expected: old, desired: new, ordering: .relaxed).exchanged {
                return true
            }
        }
    }

    private func cells(_ line: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe memory.base.assumingMemoryBound(to: Atomic<UInt64>.self) + Int(line << 3)
    }

    private func find(_ tag: UInt64, _ line: UInt64) -> Int? {
        for place in 0..<8 where unsafe cells(line)[place].load(ordering: .relaxed) >> 40 == tag { return place }
        return nil
    }

    /// Takes a free cell of a line. Two that do so at the same moment for one network both see it and one gives way.
    private func claim(_ tag: UInt64, _ line: UInt64) -> Int? {
        for place in 0..<8 {
            let cell = unsafe cells(line) + place
            let exchanged = unsafe cell.pointee.compareExchange(
                expected: 0,
                desired: tag << 40,
                ordering: .sequentiallyConsistent
            ).exchanged
            guard exchanged else { continue }
            if let first = find(tag, line), first < place {
                unsafe cell.pointee.store(0, ordering: .sequentiallyConsistent)
                return first
            }
            return place
        }
        return nil
    }
}
