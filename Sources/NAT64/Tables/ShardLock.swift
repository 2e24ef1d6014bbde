import Glibc
import Synchronization

/// A lock for a few dozen instructions, in memory that the tables own.
///
/// Taken without contention it costs one atomic exchange. A holder may have lost its processor, so a waiter spins only
/// for about a microsecond, then lets others run, and then sleeps between looks.
struct ShardLock: ~Copyable {
    private let word = Atomic<UInt32>(0)

    /// Waits for the lock and takes it.
    ///
    /// - Returns: Whether it had to wait.
    @inline(__always)
    borrowing func lock() -> Bool {
        if tryLock() { return false }
        wait()
        return true
    }

    /// Takes the lock if nobody has it.
    @inline(__always)
    borrowing func tryLock() -> Bool {
        word.compareExchange(expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed).exchanged
    }

    /// Gives the lock back.
    @inline(__always)
    borrowing func unlock() { word.store(0, ordering: .releasing) }

    // The system calls are the point here, so the check for calls that may allocate is told to look away.
    @_semantics("no_performance_analysis")
    @inline(never)
    private borrowing func wait() {
        var looks = 0
        while true {
            for _ in 0..<64 where word.load(ordering: .relaxed) == 0 {
                if tryLock() { return }
            }
            looks &+= 1
            if looks < 32 {
                _ = sched_yield()
            } else {
                var pause = timespec(tv_sec: 0, tv_nsec: 20_000)
                _ = unsafe nanosleep(&pause, nil)
            }
        }
    }
}
