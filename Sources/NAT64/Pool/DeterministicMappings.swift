import IPAddressing

/// The deterministic mappings there are, found by the client.
@safe
struct DeterministicMappings: ~Copyable, @unchecked Sendable {
    /// How many there are.
    let count: Int
    /// The lowest client first.
    private let mappings: UnsafeMutablePointer<DeterministicMapping>

    /// - Parameter mappings: None overlaps another.
    init(_ mappings: [DeterministicMapping]) {
        count = mappings.count
        unsafe self.mappings = .allocate(capacity: max(count, 1))
        let sorted = mappings.sorted { $0.clients.address < $1.clients.address }
        for (index, mapping) in sorted.enumerated() { unsafe (self.mappings + index).initialize(to: mapping) }
    }

    deinit {
        unsafe mappings.deinitialize(count: count)
        unsafe mappings.deallocate()
    }

    /// The mapping of a client, and the number of its network in it.
    func find(_ client: IPv6Address) -> (mapping: DeterministicMapping, number: UInt64)? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) >> 1
            if unsafe mappings[middle].clients.address <= client { low = middle + 1 } else { high = middle }
        }
        guard low > 0, let number = unsafe mappings[low - 1].number(of: client) else { return nil }
        return (unsafe mappings[low - 1], number)
    }

    /// How many blocks all addresses have.
    var blockCount: Int {
        (0..<count).reduce(0) { sum, index in unsafe sum + mappings[index].addressCount * mappings[index].blockCount }
    }
}
