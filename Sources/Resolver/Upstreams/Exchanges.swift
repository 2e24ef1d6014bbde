internal import DNS64

/// The lines of the questions that are under way at upstreams, by the engine's name for the exchange.
///
/// Invariant: a slot holds the exchange whose name ends in the slot's number, or nothing; `open` counts those held.
struct Exchanges {
    /// How a question went out.
    enum Line {
        /// Through the datagram socket of this number, which it may share.
        case udp(port: Int)
        case tcp(UpstreamConnection)
        /// Through the door of the recursor, which all such questions share.
        case recursor(RecursorQuestion)
    }

    private struct Entry {
        let exchange: ExchangeID
        let line: Line
    }

    /// How many questions may be under way at a time, and how many datagram sockets may be open.
    let limit: Int
    /// How many questions are under way.
    private(set) var open = 0
    /// The datagram sockets.
    var ports: UpstreamPorts
    private var slots: [Entry?] = []
    /// Every exchange in the order of opening; those that are over are passed by.
    private var order: [ExchangeID] = []
    private var oldest = 0

    init(limit: Int) {
        self.limit = limit
        ports = UpstreamPorts(limit: limit)
    }

    var isFull: Bool { open >= limit }

    /// The line of an exchange that is under way.
    subscript(exchange: ExchangeID) -> Line? {
        let slot = exchange.slot
        guard slot < slots.count, let entry = slots[slot], entry.exchange == exchange else { return nil }
        return entry.line
    }

    /// Keeps the line of a new exchange.
    mutating func insert(_ exchange: ExchangeID, _ line: Line) {
        let slot = exchange.slot
        if slot >= slots.count { slots.append(contentsOf: repeatElement(nil, count: slot + 1 - slots.count)) }
        if slots[slot] == nil { open += 1 }
        slots[slot] = Entry(exchange: exchange, line: line)
        passByEnded()
        order.append(exchange)
    }

    /// Closes the line of an exchange that is over.
    mutating func remove(_ exchange: ExchangeID) {
        guard let line = self[exchange] else { return }
        slots[exchange.slot] = nil
        open -= 1
        if case .udp(let number) = line { ports.leave(number) }
    }

    /// Closes the line that has waited longest. The engine is not told: for it the upstream is silent, as it has been
    /// for longer than for every other question.
    ///
    /// - Returns: Whether there was one.
    mutating func removeOldest() -> Bool {
        passByEnded()
        guard oldest < order.count else { return false }
        remove(order[oldest])
        return true
    }

    /// The exchanges that are under way at the recursor.
    var atRecursor: [ExchangeID] {
        slots.compactMap { entry in
            guard let entry, case .recursor = entry.line else { return nil }
            return entry.exchange
        }
    }

    /// Closes every line.
    mutating func removeAll() {
        slots.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
        oldest = 0
        open = 0
        ports.removeAll()
    }

    private mutating func passByEnded() {
        while oldest < order.count, self[order[oldest]] == nil { oldest += 1 }
        // The memory of those passed by is given back now and then, not each time.
        guard oldest >= 1024, oldest >= order.count / 2 else { return }
        order.removeFirst(oldest)
        oldest = 0
    }
}

extension ExchangeID {
    /// The slot in the engine's table.
    var slot: Int { Int(number & 0xFFFF_FFFF) }
}
