public import Timing

/// How long a worker looks for packets before it sleeps.
@frozen
public enum PollBeforeSleep: Hashable, Sendable {
    /// A short while, and only while that finds packets.
    case automatic
    /// Always this long; zero sleeps at once.
    case always(Moment.Span)
}

/// Decides before each sleep of a worker how long it polls: waking a sleeping CPU takes longer than the packet's whole
/// way, and polling an idle queue costs a CPU.
///
/// Automatic polling starts after a short sleep, which more time would have covered, and goes on as long as it finds
/// packets. Each time in vain doubles the number of short sleeps it waits for before it tries again. When another thread
/// has had the CPU meanwhile, the poll ends and was in vain too: a sender that shares the worker's CPU is served sooner
/// when the worker sleeps. And it needs a CPU that the workers leave over: see ``Workload``.
struct Polling {
    /// The longest automatic poll: an answer of a near host comes within it.
    static let longest = Moment.Span(nanoseconds: 50_000)
    /// A sleep not longer than this, the time to wake up included, would have been covered by a poll.
    static let shortSleep = Moment.Span(nanoseconds: 120_000)
    /// Between two looks at the queue another thread must have run, if they lie further apart.
    static let interruption = Moment.Span(nanoseconds: 4_000)
    /// The most short sleeps between two tries.
    static let longestPause = 1024

    private let setting: PollBeforeSleep
    /// The last burst was of few octets. After others a worker does better to sleep: more gathers meanwhile, which is
    /// merged and written together, and the CPU is free for the sender.
    private var isThin = true
    /// Short sleeps to see before the next try.
    private var pause = 1
    /// What ``pause`` becomes when the next try is in vain.
    private var nextPause = 1
    private var lastLook = Moment.start
    private var wasInterrupted = false
    private var hasCPU = false

    init(_ setting: PollBeforeSleep) { self.setting = setting }

    /// How long to poll before the sleep at hand.
    @inline(__always)
    var window: Moment.Span {
        switch setting {
        case .automatic: pause == 0 && isThin && hasCPU && !wasInterrupted ? Self.longest : .zero
        case .always(let span): span
        }
    }

    /// A burst of packets has come.
    @inline(__always)
    mutating func came(isThin: Bool) { self.isThin = isThin }

    /// A poll begins; the queue was empty just now.
    ///
    /// - Parameter hasCPU: A CPU is left over for it.
    @inline(__always)
    mutating func begin(at now: Moment, hasCPU: Bool) {
        self.hasCPU = hasCPU
        lastLook = now
        wasInterrupted = false
    }

    /// The queue was still empty.
    @inline(__always)
    mutating func looked(at now: Moment) {
        if now - lastLook > Self.interruption { wasInterrupted = true }
        lastLook = now
    }

    /// A poll found packets.
    @inline(__always)
    mutating func found(at now: Moment) {
        looked(at: now)
        if wasInterrupted { missed() } else { nextPause = 1 }
    }

    /// A poll ended without any.
    @inline(__always)
    mutating func missed() {
        wasInterrupted = false
        pause = nextPause
        nextPause = min(nextPause &* 2, Self.longestPause)
    }

    /// A sleep is over.
    ///
    /// - Parameter didWake: A packet ended it.
    @inline(__always)
    mutating func slept(_ span: Moment.Span, didWake: Bool) {
        if didWake, span <= Self.shortSleep {
            if pause > 0 { pause &-= 1 }
        } else if pause == 0 {
            pause = 1
        }
    }
}
