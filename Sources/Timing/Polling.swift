/// Decides before each sleep of a thread how long it polls: waking a sleeping CPU takes longer than a packet's or a
/// question's whole way, and polling where nothing comes costs a CPU.
///
/// Automatic polling starts after a short sleep, which more time would have covered, and goes on as long as it finds
/// something. Each time in vain doubles the number of short sleeps it waits for before it tries again. When another thread
/// has had the CPU meanwhile, the poll ends and was in vain too: a sender that shares the thread's CPU is served sooner
/// when the thread sleeps.
@frozen
public struct Polling: Sendable {
    /// Between two looks another thread must have run, if they lie further apart.
    @usableFromInline static var interruption: Moment.Span { Moment.Span(nanoseconds: 4_000) }
    /// The most short sleeps between two tries.
    @usableFromInline static var longestPause: Int { 1024 }
    /// So many more polls that found something than sleeps, each of which counts for some, are more than chance.
    @usableFromInline static var steady: Int { 64 }
    /// What a sleep counts.
    @usableFromInline static var sleepWeight: Int { 16 }

    @usableFromInline let setting: PollBeforeSleep
    /// The longest automatic poll.
    @usableFromInline let longest: Moment.Span
    /// A sleep not longer than this, the time to wake up included, would have been covered by a poll.
    @usableFromInline let shortSleep: Moment.Span
    /// Little came last. After much a thread does better to sleep: more gathers meanwhile, which is passed on together,
    /// and the CPU is free for the sender.
    @usableFromInline var isThin = true
    /// Short sleeps to see before the next try.
    @usableFromInline var pause = 1
    /// What ``pause`` becomes when the next try is in vain.
    @usableFromInline var nextPause = 1
    /// Polls that found something, less what sleeps count; at most ``steady``.
    @usableFromInline var finds = 0
    @usableFromInline var lastLook = Moment.start
    @usableFromInline var wasInterrupted = false
    @usableFromInline var hasCPU = false

    /// Makes the rule of a thread that has not slept yet.
    ///
    /// - Parameters:
    ///   - longest: The longest automatic poll.
    ///   - shortSleep: A sleep not longer than this, the time to wake up included, would have been covered by a poll.
    @inlinable
    public init(_ setting: PollBeforeSleep, longest: Moment.Span, shortSleep: Moment.Span) {
        self.setting = setting
        self.longest = longest
        self.shortSleep = shortSleep
    }

    /// How long to poll before the sleep at hand.
    @inlinable @inline(__always)
    public var window: Moment.Span {
        switch setting {
        case .automatic: pause == 0 && isThin && hasCPU && !wasInterrupted ? longest : .zero
        case .always(let span): span
        }
    }

    /// Whether polls have taken the place of sleeps.
    @inlinable @inline(__always)
    public var isSteady: Bool { finds >= Self.steady }

    /// Something has come.
    ///
    /// - Parameter isThin: It was little.
    @inlinable @inline(__always)
    public mutating func came(isThin: Bool) { self.isThin = isThin }

    /// A poll begins; there was nothing just now.
    ///
    /// - Parameter hasCPU: A CPU is left over for it.
    @inlinable @inline(__always)
    public mutating func begin(at now: Moment, hasCPU: Bool) {
        self.hasCPU = hasCPU
        lastLook = now
        wasInterrupted = false
    }

    /// There was still nothing.
    @inlinable @inline(__always)
    public mutating func looked(at now: Moment) {
        if now - lastLook > Self.interruption { wasInterrupted = true }
        lastLook = now
    }

    /// A poll found something.
    @inlinable @inline(__always)
    public mutating func found(at now: Moment) {
        looked(at: now)
        if wasInterrupted { return missed() }
        nextPause = 1
        finds = min(finds &+ 1, Self.steady)
    }

    /// A poll ended without anything.
    @inlinable @inline(__always)
    public mutating func missed() {
        wasInterrupted = false
        pause = nextPause
        nextPause = min(nextPause &* 2, Self.longestPause)
    }

    /// A sleep is over.
    ///
    /// - Parameter didWake: Something that came ended it.
    @inlinable @inline(__always)
    public mutating func slept(_ span: Moment.Span, didWake: Bool) {
        finds = max(finds &- Self.sleepWeight, 0)
        if didWake, span <= shortSleep {
            if pause > 0 { pause &-= 1 }
        } else if pause == 0 {
            pause = 1
        }
    }
}
