private import Synchronization
internal import Timing

/// What others may see of a worker while it works.
final class WorkerPulse: Sendable {
    private let beats = Atomic<UInt64>(0)
    private let unreadable = Atomic<UInt64>(0)
    private let unwritten = Atomic<UInt64>(0)
    private let lastWriteError = Atomic<Int32>(0)
    private let merged = Atomic<UInt64>(0)
    private let awake = Atomic<UInt64>(0)
    private let hits = Atomic<UInt64>(0)
    private let misses = Atomic<UInt64>(0)
    private let lossCode = Atomic<Int32>(0)
    private let onRecords: @Sendable () -> Void
    private let onMemory: @Sendable () -> Void
    private let onLoss: @Sendable () -> Void

    init(
        onRecords: @escaping @Sendable () -> Void,
        onMemory: @escaping @Sendable () -> Void,
        onLoss: @escaping @Sendable () -> Void
    ) {
        self.onRecords = onRecords
        self.onMemory = onMemory
        self.onLoss = onLoss
    }

    /// Rounds the worker has made; one that stands still is stuck.
    var heartbeat: UInt64 { beats.load(ordering: .relaxed) }
    /// Packets whose virtio header could not be read.
    var unreadableCount: UInt64 { unreadable.load(ordering: .relaxed) }
    /// Packets the kernel did not take, with its last reason.
    var unwrittenCount: UInt64 { unwritten.load(ordering: .relaxed) }
    /// The error number of the last packet the kernel did not take.
    var lastWriteErrorCode: Int32 { lastWriteError.load(ordering: .relaxed) }
    /// Segments that left together with others.
    var mergedCount: UInt64 { merged.load(ordering: .relaxed) }
    /// Nanoseconds for which the CPUs were kept awake.
    var awakeTime: UInt64 { awake.load(ordering: .relaxed) }
    /// Packets of shards that are this worker's own, and of others.
    var steeringCounts: (hits: UInt64, misses: UInt64) {
        (hits.load(ordering: .relaxed), misses.load(ordering: .relaxed))
    }
    /// Why the queue was lost; 0 while it is not.
    var loss: Int32 { lossCode.load(ordering: .relaxed) }

    @inline(__always)
    func beat() { Self.add(1, to: beats) }

    @inline(__always)
    func countMerged(_ segments: Int) { Self.add(UInt64(truncatingIfNeeded: segments), to: merged) }

    func countAwake(_ span: Moment.Span) { Self.add(span.nanoseconds, to: awake) }

    @inline(__always)
    func countSteering(hits: Int, misses: Int) {
        Self.add(UInt64(truncatingIfNeeded: hits), to: self.hits)
        Self.add(UInt64(truncatingIfNeeded: misses), to: self.misses)
    }

    /// Only the worker itself writes, so no bus lock is needed.
    @inline(__always)
    private static func add(_ number: UInt64, to counter: borrowing Atomic<UInt64>) {
        counter.store(counter.load(ordering: .relaxed) &+ number, ordering: .relaxed)
    }

    func countUnreadable() { unreadable.wrappingAdd(1, ordering: .relaxed) }

    func countUnwritten(code: Int32) {
        unwritten.wrappingAdd(1, ordering: .relaxed)
        lastWriteError.store(code, ordering: .relaxed)
    }

    /// Says that there is something to be put on record.
    func tell() { onRecords() }

    /// Says that memory should be laid in.
    func wantMemory() { onMemory() }

    func lose(code: Int32) {
        lossCode.store(code == 0 ? -1 : code, ordering: .relaxed)
        onLoss()
    }
}
