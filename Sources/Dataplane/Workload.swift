private import Synchronization
internal import Timing

/// How much of the CPUs the workers' own work takes, as far as the workers can tell: the time that passes between two
/// looks at the clock with a burst between them, whoever had the CPU meanwhile.
///
/// A worker that polls instead of sleeping takes a CPU away from whoever else could use it; where the workers
/// themselves are about to use all there are, the others come first.
final class Workload: Sendable {
    /// The most workers there are.
    static let capacity = 256
    /// What a worker that never rests has done in a period.
    static let whole: UInt64 = 256
    /// Periods are nanoseconds shifted right by this: about a millisecond.
    private static let shift: UInt64 = 20

    /// For each worker its last period with work and, in the lowest 16 bits, its work in that.
    private let words: [256 of Atomic<UInt64>] = .init { _ in Atomic(0) }
    private let workers: Int
    private let cpus: Int

    /// - Parameters:
    ///   - workers: How many there are.
    ///   - cpus: How many CPUs they may use.
    init(workers: Int, cpus: Int) {
        self.workers = min(workers, Self.capacity)
        self.cpus = cpus
    }

    /// Whether there is a CPU that none of the workers needs, to poll on.
    @inline(__always)
    func leavesCPU(at now: Moment) -> Bool {
        let period = now.nanoseconds >> Self.shift
        var sum: UInt64 = 0
        var index = 0
        while index < workers {
            let word = words[index].load(ordering: .relaxed)
            if word >> 16 &+ 2 >= period { sum &+= word & 0xFFFF }
            index &+= 1
        }
        return sum &+ Self.whole <= Self.whole &* UInt64(truncatingIfNeeded: cpus)
    }

    /// What one worker has done in the period at hand.
    struct Meter {
        private let worker: Int
        private var period: UInt64 = 0
        private var spent: UInt64 = 0

        init(worker: Int) { self.worker = worker & (Workload.capacity - 1) }

        /// Counts work that has just ended.
        @inline(__always)
        mutating func add(_ span: Moment.Span, at now: Moment, to load: Workload) {
            let current = now.nanoseconds >> Workload.shift
            if current != period {
                let share = min((spent &* Workload.whole) >> Workload.shift, Workload.whole)
                load.words[worker].store(period << 16 | share, ordering: .relaxed)
                period = current
                spent = 0
            }
            spent &+= span.nanoseconds
        }
    }
}
