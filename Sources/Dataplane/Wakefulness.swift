internal import Linux
internal import Timing

/// Keeps the CPUs of the machine from sleeping while a worker's polls go on finding packets.
///
/// A worker that polls is awake when a packet comes. Who sent it, and who gets it, sleeps on another CPU meanwhile, and to
/// wake that takes longer than all the rest of the way.
struct Wakefulness: ~Copyable {
    /// How long after the last sign of such traffic they are kept awake: to ask the kernel wakes all of them, and so must
    /// be rare.
    static let pause = Moment.Span.milliseconds(10)

    private var cpus: WakefulCPUs?
    /// Whether they are kept awake now.
    private(set) var isKept = false
    /// Up to when the time of the request at hand is counted.
    private var counted = Moment.start
    private var until = Moment.start

    /// - Parameter cpus: The request to make; nil if none is to be made.
    init(_ cpus: consuming WakefulCPUs?) { self.cpus = cpus }

    /// The traffic is such that it pays.
    @inline(__always)
    mutating func keep(at now: Moment, pulse: WorkerPulse) {
        until = now + Self.pause
        if isKept { count(to: now, pulse: pulse) } else { begin(at: now) }
    }

    /// Lets them sleep again when that time is over.
    @inline(__always)
    mutating func look(at now: Moment, pulse: WorkerPulse) {
        if isKept, now >= until { end(at: now, pulse: pulse) }
    }

    /// Traffic may last for days: its time is counted as it passes.
    @inline(__always)
    private mutating func count(to now: Moment, pulse: WorkerPulse) {
        pulse.countAwake(now - counted)
        counted = now
    }

    @inline(never)
    private mutating func begin(at now: Moment) {
        isKept = cpus?.want(true) ?? false
        counted = now
        // Who is refused does not ask again for each packet.
        if !isKept { cpus = nil }
    }

    @inline(never)
    private mutating func end(at now: Moment, pulse: WorkerPulse) {
        _ = cpus?.want(false)
        count(to: now, pulse: pulse)
        isKept = false
    }
}
