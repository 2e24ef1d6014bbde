import Synchronization

/// Where tables say that they will soon want memory that the kernel has not given them yet.
///
/// A page costs whoever touches it first a trap and the time in which the kernel clears it. So a thread that no packet waits
/// for touches pages before the packets come to them: ``Translator/layInMemory()``. They are small, because a huge one
/// that is touched while packets come costs a fifth of a millisecond, and several in a virtual machine whose host has yet to
/// find the memory; only when growth rests are full ones joined, for look-ups: ``Translator/joinPages()``. Nothing depends
/// on either.
@safe
struct MemoryAhead: @unchecked Sendable {
    private let flag: UnsafeMutablePointer<Atomic<Bool>>?

    /// For tables that nobody lays memory in for.
    init() { unsafe flag = nil }

    /// In memory that is all zero, and must outlive it.
    init(_ memory: borrowing ReservedMemory) { unsafe flag = memory.base.assumingMemoryBound(to: Atomic<Bool>.self) }

    /// Says that memory is wanted.
    func want() { unsafe flag?.pointee.store(true, ordering: .releasing) }

    /// Whether memory is wanted, and nobody was told before.
    @inline(__always)
    func take() -> Bool {
        guard let flag = unsafe flag, unsafe flag.pointee.load(ordering: .relaxed) else { return false }
        return unsafe flag.pointee.exchange(false, ordering: .acquiringAndReleasing)
    }
}

extension Translator {
    /// Has the kernel clear the memory that bindings and sessions will want next, which may take some milliseconds. To be
    /// called by one thread at a time, when ``TranslatorWorker/takeMemoryNeed()`` says so.
    public func layInMemory() {
        tables.memory.layIn()
        tables.pool.layIn()
    }

    /// Has the kernel put pages of the tables that are full into a huge one, which takes about a millisecond. To be called
    /// by the same thread when ``layInMemory()`` was not wanted for a while, until there is nothing left to do.
    ///
    /// - Returns: Whether there were any.
    public func joinPages() -> Bool { tables.memory.joinPages() }
}

extension TranslatorWorker {
    /// Whether ``Translator/layInMemory()`` should be called; says so once.
    @inline(__always)
    public mutating func takeMemoryNeed() -> Bool { tables.memory.ahead.take() }
}
