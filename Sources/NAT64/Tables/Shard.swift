import CPrefetch
import IPAddressing

/// What one shard of the tables holds. There are 64; everything in one is read and written under its lock.
///
/// Invariants: a live or held binding is in ``clients``; a further session, a peer address and an unbound session are in
/// ``further``; a session, and a held binding, hang in the bucket of the wheel that their record names.
@safe
struct ShardState: ~Copyable {
    /// From client transport address and protocol to bindings.
    var clients: KeyedIndex
    /// From binding and peer to further sessions and peer addresses, and from both ends to unbound sessions.
    var further: KeyedIndex
    var wheel: ExpiryWheel
    var bindingNumbers: SlotNumbers
    var furtherNumbers: SlotNumbers
    var counts = ShardCounts()
    let bindings: UnsafeMutablePointer<Binding>
    let furtherSessions: UnsafeMutablePointer<Session>

    /// Sets up a shard in the memory of the tables.
    init(_ index: Int, in memory: borrowing TableMemory) {
        clients = KeyedIndex(memory.clients, shard: index)
        further = KeyedIndex(memory.further, shard: index)
        wheel = unsafe ExpiryWheel(memory: memory.wheel(of: index))
        bindingNumbers = SlotNumbers(memory.bindings, shard: index)
        furtherNumbers = SlotNumbers(memory.sessions, shard: index)
        unsafe bindings = memory.bindings.slots.assumingMemoryBound(to: Binding.self)
        unsafe furtherSessions = memory.sessions.slots.assumingMemoryBound(to: Session.self)
    }
}

/// What a shard counts.
struct ShardCounts {
    /// Live bindings, by protocol.
    var bindings: [3 of Int] = [0, 0, 0]
    /// Sessions of bindings, by protocol.
    var sessions: [3 of Int] = [0, 0, 0]
    /// Bindings whose port is held.
    var held = 0
    /// Live bindings whose port is overloaded.
    var sharing = 0
    /// Sessions without a binding.
    var unbound = 0
    /// Words of masks and summaries that were looked at to find ports.
    var portLooks: UInt64 = 0
    var bindingsMade: UInt64 = 0
    var sessionsMade: UInt64 = 0
    var sessionsEnded: UInt64 = 0
    /// How often somebody had to wait for the lock.
    var lockWaits: UInt64 = 0
}

/// A shard in the memory of the tables: its lock, and behind it in the same cache line what the lock guards.
@safe
struct Shard {
    /// Octets that a shard takes: whole pairs of cache lines, which processors fetch together.
    static var octets: Int { (stateOffset + MemoryLayout<ShardState>.stride + 127) & ~127 }
    static var stateOffset: Int { 16 }

    private let base: UnsafeMutableRawPointer

    @unsafe @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    @inline(__always)
    var state: UnsafeMutablePointer<ShardState> {
        unsafe (base + Shard.stateOffset).assumingMemoryBound(to: ShardState.self)
    }

    private var guardian: UnsafeMutablePointer<ShardLock> {
        @inline(__always) get { unsafe base.assumingMemoryBound(to: ShardLock.self) }
    }

    /// Whether both are one.
    func isSame(as other: Shard) -> Bool { unsafe base == other.base }

    /// Makes the shard, in memory that holds nothing yet.
    func initialize(_ index: Int, in memory: borrowing TableMemory) {
        unsafe guardian.initialize(to: ShardLock())
        unsafe state.initialize(to: ShardState(index, in: memory))
    }

    /// Gives up what the shard holds.
    func deinitialize() {
        unsafe state.deinitialize(count: 1)
        unsafe guardian.deinitialize(count: 1)
    }

    @inline(__always)
    func lock() {
        if unsafe guardian.pointee.lock() { unsafe state.pointee.counts.lockWaits &+= 1 }
    }

    @inline(__always)
    func tryLock() -> Bool { unsafe guardian.pointee.tryLock() }

    @inline(__always)
    func unlock() { unsafe guardian.pointee.unlock() }

    /// A binding.
    @inline(__always)
    subscript(id: BindingID) -> Binding {
        unsafeAddress { unsafe UnsafePointer(state.pointee.bindings + Int(id.index)) }
        nonmutating unsafeMutableAddress { unsafe state.pointee.bindings + Int(id.index) }
    }

    /// A session.
    @inline(__always)
    subscript(id: SessionID) -> Session {
        unsafeAddress { unsafe UnsafePointer(address(of: id)) }
        nonmutating unsafeMutableAddress { unsafe address(of: id) }
    }

    @inline(__always)
    private func address(of id: SessionID) -> UnsafeMutablePointer<Session> {
        if id.isFurther { return unsafe state.pointee.furtherSessions + Int(id.index) }
        return unsafe first(of: state.pointee.bindings + Int(id.index))
    }

    @inline(__always)
    private func first(of binding: UnsafeMutablePointer<Binding>) -> UnsafeMutablePointer<Session> {
        let offset = MemoryLayout<Binding>.stride - MemoryLayout<Session>.stride
        return unsafe (UnsafeMutableRawPointer(binding) + offset).assumingMemoryBound(to: Session.self)
    }

    /// The first session of a binding, to be worked on.
    @inline(__always)
    func found(firstOf binding: BindingID) -> FoundSession {
        let place = unsafe state.pointee.bindings + Int(binding.index)
        return unsafe FoundSession(SessionID(firstOf: binding), at: first(of: place))
    }

    /// A further session, to be worked on.
    @inline(__always)
    func found(further id: SessionID) -> FoundSession {
        unsafe FoundSession(id, at: state.pointee.furtherSessions + Int(id.index))
    }

    /// Asks for the cache line of the lock, which somebody is about to take.
    @inline(__always)
    func prefetch() { unsafe cprefetch_line(base) }

    /// The counters.
    var counts: ShardCounts {
        _read { yield unsafe state.pointee.counts }
        nonmutating _modify { yield unsafe &state.pointee.counts }
    }

    /// The expiry wheel, to be looked at.
    var wheel: ExpiryWheel { unsafe state.pointee.wheel }

    /// The binding a session belongs to; it must be one of a binding.
    @inline(__always)
    func binding(of id: SessionID) -> BindingID { BindingID(id.isFurther ? self[id].owner : id.index) }
}

// MARK: Bindings

extension Shard {
    /// The binding of a client, live or held.
    @inline(__always)
    func findBinding(_ hash: UInt32, _ client: TransportAddress6, _ transport: TransportProtocol) -> BindingID? {
        let index = unsafe state.pointee.clients.find(hash) { self[BindingID($0)].belongs(to: client, transport) }
        return index.map { BindingID($0) }
    }

    /// The same, where `guess` is what ``IndexSpace/guess(_:of:)`` said of the hash, which saves the way through the
    /// index.
    // A guess was made without the lock, so that since then the slot may have become free or another client's. But it
    // stood in the index of this shard once, and a slot never leaves its shard: what is in it is written under the lock
    // that the caller has. A client has one live binding at most and each live one is in the index, so that a live
    // binding of the client's is the one that the index leads to.
    @inline(__always)
    func findBinding(
        _ hash: UInt32,
        _ client: TransportAddress6,
        _ transport: TransportProtocol,
        _ guess: UInt32
    ) -> BindingID? {
        if guess != 0 {
            let id = BindingID(guess &- 1)
            if self[id].belongs(to: client, transport), self[id].isLive { return id }
        }
        return findBinding(hash, client, transport)
    }

    /// Takes a slot and stores a binding in it; nothing if there is no room.
    func add(_ binding: Binding) -> BindingID? {
        guard
            let index = unsafe state.pointee.bindingNumbers.take(
                MemoryLayout<Binding>.stride,
                { self[BindingID($0)].session.extra }
            )
        else {
            return nil
        }
        let id = BindingID(index)
        guard unsafe state.pointee.clients.insert(binding.hash, index) else {
            self[id].session.extra = unsafe state.pointee.bindingNumbers.give(back: index)
            return nil
        }
        self[id] = binding
        return id
    }

    /// Forgets a binding, whose record must hang in no bucket.
    func remove(_ id: BindingID) {
        unsafe state.pointee.clients.remove(self[id].hash, id.index)
        self[id].standing = .free
        self[id].session.extra = unsafe state.pointee.bindingNumbers.give(back: id.index)
    }
}

// MARK: Further sessions

extension Shard {
    /// The record under this hash for which `matches` says yes.
    @inline(__always)
    func findFurther(_ hash: UInt32, where matches: (borrowing Session) -> Bool) -> SessionID? {
        let index = unsafe state.pointee.further.find(hash) { matches(self[SessionID(further: $0)]) }
        return index.map { SessionID(further: $0) }
    }

    /// Takes a slot and stores a record in it; nothing if there is no room.
    func addFurther(_ hash: UInt32, _ session: Session) -> SessionID? {
        guard
            let index = unsafe state.pointee.furtherNumbers.take(
                MemoryLayout<Session>.stride,
                { self[SessionID(further: $0)].extra }
            )
        else {
            return nil
        }
        let id = SessionID(further: index)
        guard unsafe state.pointee.further.insert(hash, index) else {
            self[id].extra = unsafe state.pointee.furtherNumbers.give(back: index)
            return nil
        }
        self[id] = session
        return id
    }

    /// Forgets a record, which must hang in no bucket.
    func removeFurther(_ hash: UInt32, _ id: SessionID) {
        unsafe state.pointee.further.remove(hash, id.index)
        self[id].kind = .free
        self[id].extra = unsafe state.pointee.furtherNumbers.give(back: id.index)
    }
}

// MARK: Expiry

extension Shard {
    /// Hangs a session, which hangs nowhere, into the bucket where its lifetime ends.
    @inline(__always)
    func hang(_ id: SessionID, endingAt end: Tick, now: Tick) {
        let bucket = unsafe state.pointee.wheel.bucket(forEnd: end, now: now)
        let head = unsafe state.pointee.wheel.head(of: bucket)
        self[id].bucket = UInt16(truncatingIfNeeded: bucket & (ExpiryWheel.bucketCount &- 1))
        self[id].previous = .none
        self[id].next = head
        if head != .none { self[head].previous = id }
        unsafe state.pointee.wheel.setHead(of: bucket, id)
        unsafe state.pointee.wheel.added()
    }

    /// Takes a session out of its bucket.
    @inline(__always)
    func unhang(_ id: SessionID) {
        let previous = self[id].previous
        let next = self[id].next
        if previous == .none {
            unsafe state.pointee.wheel.setHead(of: UInt32(self[id].bucket), next)
        } else {
            self[previous].next = next
        }
        if next != .none { self[next].previous = previous }
        unsafe state.pointee.wheel.removed()
    }

    /// Sees to it that a hanging session is looked at no later than when its lifetime ends.
    func rehangIfSooner(_ id: SessionID, endingAt end: Tick, now: Tick) {
        let bucket = unsafe state.pointee.wheel.bucket(forEnd: end, now: now)
        let wheel = unsafe state.pointee.wheel
        guard
            wheel.distance(to: UInt16(truncatingIfNeeded: bucket & (ExpiryWheel.bucketCount &- 1)))
                < wheel.distance(to: self[id].bucket)
        else { return }
        unhang(id)
        hang(id, endingAt: end, now: now)
    }
}
