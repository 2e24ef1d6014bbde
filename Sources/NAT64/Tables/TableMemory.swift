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
    /// Where all of them say that they need memory soon.
    let ahead: MemoryAhead
    private let bindingMemory: ReservedMemory
    private let sessionMemory: ReservedMemory
    private let clientMemory: ReservedMemory
    private let furtherMemory: ReservedMemory
    private let wheels: ReservedMemory
    private let aheadMemory: ReservedMemory

    /// Reserves memory for so many bindings and so many further sessions. A further session may need a second slot for
    /// its peer's address, and each of `waiting` SYNs needs one.
    init(bindings bindingCount: Int, further: Int, waiting: Int) {
        let records = 2 * further + waiting
        bindingMemory = Slab.memory(for: bindingCount, of: MemoryLayout<Binding>.stride)
        sessionMemory = Slab.memory(for: records, of: MemoryLayout<Session>.stride)
        clientMemory = IndexSpace.memory(for: bindingCount)
        furtherMemory = IndexSpace.memory(for: records)
        wheels = .mustReserve(Tables.shardCount * ExpiryWheel.octets, for: "the expiry wheels")
        aheadMemory = .mustReserve(4096, for: "a word")
        ahead = MemoryAhead(aheadMemory)
        bindings = Slab(bindingMemory, for: bindingCount, ahead)
        sessions = Slab(sessionMemory, for: records, ahead)
        clients = IndexSpace(clientMemory, for: bindingCount, ahead)
        self.further = IndexSpace(furtherMemory, for: records, ahead)
    }

    /// Lays memory in for all that have said that they need it.
    func layIn() {
        bindings.layIn(MemoryLayout<Binding>.stride)
        sessions.layIn(MemoryLayout<Session>.stride)
        clients.layIn()
        further.layIn()
    }

    /// Makes a huge page of small ones that are full.
    ///
    /// - Returns: Whether there were any.
    func joinPages() -> Bool {
        bindings.joinPages(MemoryLayout<Binding>.stride) || clients.joinPages()
            || sessions.joinPages(MemoryLayout<Session>.stride) || further.joinPages()
    }

    /// The memory of a shard's wheel.
    @unsafe
    func wheel(of shard: Int) -> UnsafeMutableRawPointer { unsafe wheels.base + shard * ExpiryWheel.octets }
}
