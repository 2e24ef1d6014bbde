/// The listening sockets of one worker.
struct Listeners {
    private var entries: [Entry?] = []

    private struct Entry {
        var number: Int
        var listener: Listener
    }

    /// For how many sockets there is room: for as many as were open at once.
    var slots: Int { entries.count }

    /// The socket of this number, or nil: it may be closed, and its slot belong to another.
    subscript(number: Int) -> Listener? {
        let slot = ListenerNumbers.slot(of: number)
        guard slot < entries.count, let entry = entries[slot], entry.number == number else { return nil }
        return entry.listener
    }

    /// Keeps a socket.
    mutating func add(_ listener: Listener, as number: Int) {
        let slot = ListenerNumbers.slot(of: number)
        if slot >= entries.count {
            entries.append(contentsOf: repeatElement(nil, count: slot + 1 - entries.count))
        }
        entries[slot] = Entry(number: number, listener: listener)
    }

    /// Lets the socket of this number go.
    mutating func remove(_ number: Int) {
        guard self[number] != nil else { return }
        entries[ListenerNumbers.slot(of: number)] = nil
    }
}
