/// The memory of all shards: slots, indices and expiry wheels.
@safe
struct TableMemory: ~Copyable, Sendable {
    /// The bindings, each with its first session.
    let bindings: Slab
    /// Further sessions, peer addresses and unbound sessions.
    let sessions: Slab
    /// The indices of clients.
    let clients: IndexSpace
    /// The indices of what is in ``sessions``.
    let further: IndexSpace
    private let bindingMemory: ReservedMemory
    private let sessionMemory: ReservedMemory
    private let clientMemory: ReservedMemory
    private let furtherMemory: ReservedMemory
    private let wheels: ReservedMemory

    /// Reserves memory for so many bindings and so many further sessions. A further session may need a second slot for
    /// its peer's address, and each of `waiting` SYNs needs one.
    init(bindings bindingCount: Int, further: Int, waiting: Int) {
        let records = 2 * further + waiting
        bindingMemory = Slab.memory(for: bindingCount, of: MemoryLayout<Binding>.stride)
        sessionMemory = Slab.memory(for: records, of: MemoryLayout<Session>.stride)
        clientMemory = IndexSpace.memory(for: bindingCount)
        furtherMemory = IndexSpace.memory(for: records)
        wheels = .mustReserve(Tables.shardCount * ExpiryWheel.octets, for: "the expiry wheels")
        bindings = Slab(bindingMemory, for: bindingCount)
        sessions = Slab(sessionMemory, for: records)
        clients = IndexSpace(clientMemory, for: bindingCount)
        self.further = IndexSpace(furtherMemory, for: records)
    }

    /// The memory of a shard's wheel.
    @unsafe
    func wheel(of shard: Int) -> UnsafeMutableRawPointer { unsafe wheels.base + shard * ExpiryWheel.octets }
}
