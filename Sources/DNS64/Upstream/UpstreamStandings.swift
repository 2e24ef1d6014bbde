import Synchronization
import Timing

/// What all workers know together of the upstreams: who is silent or in error, who does without EDNS, who drops AAAA
/// questions. What one worker finds out, the others go by with their next question.
///
/// Each word is an atomic of its own, read with every question to an upstream and written only when it changes, so that
/// nobody waits for anybody, and the workers do not take the memory from each other. Where two workers change a word at
/// the same moment one of the changes may be lost: they know it one question later. Round trips and cookies, which change
/// with every reply, each worker has for itself.
@safe
public final class UpstreamStandings: @unchecked Sendable {
    private let upstreams: UnsafeMutablePointer<UpstreamStanding>
    private let groups: UnsafeMutablePointer<Atomic<Int>>
    private let firsts: [Int]
    private let count: Int

    /// Nothing is known yet of the upstreams of these rules.
    public init(_ rules: NameRules) {
        firsts = rules.firstUpstreams
        count = rules.upstreams.count
        unsafe upstreams = UnsafeMutablePointer<UpstreamStanding>.allocate(capacity: count)
        for index in 0..<count { unsafe (upstreams + index).initialize(to: UpstreamStanding()) }
        unsafe groups = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: firsts.count)
        for index in firsts.indices { unsafe (groups + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe upstreams.deinitialize(count: count)
        unsafe upstreams.deallocate()
        unsafe groups.deinitialize(count: firsts.count)
        unsafe groups.deallocate()
    }

    /// The upstreams of one group.
    ///
    /// - Parameter count: How many of them, from the first on.
    func group(_ group: Int, count: Int) -> GroupStandings {
        let first = firsts[group]
        precondition(count >= 0 && first + count <= self.count, "as many upstreams as the rules have")
        return unsafe GroupStandings(upstreams: upstreams + first, missesOfAAAA: groups + group, count: count)
    }
}

/// What is known of the upstreams of one group. It is a handle: who has it keeps the ``UpstreamStandings`` it came from, so
/// that no reference is counted where a question is asked.
@safe
struct GroupStandings: @unchecked Sendable {
    private let upstreams: UnsafeMutablePointer<UpstreamStanding>
    private let misses: UnsafeMutablePointer<Atomic<Int>>
    let count: Int

    @unsafe
    fileprivate init(
        upstreams: UnsafeMutablePointer<UpstreamStanding>,
        missesOfAAAA: UnsafeMutablePointer<Atomic<Int>>,
        count: Int
    ) {
        unsafe self.upstreams = upstreams
        unsafe misses = missesOfAAAA
        self.count = count
    }

    subscript(index: Int) -> UpstreamStanding {
        _read {
            precondition(index >= 0 && index < count, "no such upstream")
            yield unsafe upstreams[index]
        }
    }

    /// For how many names in a row A was answered and AAAA was not, by all of the upstreams together.
    var missesOfAAAA: Int {
        get { unsafe misses.pointee.load(ordering: .relaxed) }
        nonmutating set { if newValue != missesOfAAAA { unsafe misses.pointee.store(newValue, ordering: .relaxed) } }
    }
}

/// What is known of one upstream.
struct UpstreamStanding: ~Copyable {
    private let failureCount = Atomic<Int>(0)
    private let errorCount = Atomic<Int>(0)
    private let probe = Atomic<UInt64>(0)
    private let interval = Atomic<UInt64>(UpstreamRanking.shortestProbe.nanoseconds)
    private let plain = Atomic<UInt64>(0)
    private let folding = Atomic<UInt64>(0)

    /// How many messages in a row it did not answer, nor any other meanwhile.
    var failures: Int { failureCount.load(ordering: .relaxed) }

    /// How many of its replies in a row were errors.
    var errors: Int { errorCount.load(ordering: .relaxed) }

    /// When it is asked next to learn whether it is well again.
    var probeAt: Moment {
        get { Self.moment(probe) }
        nonmutating set { Self.set(probe, newValue.nanoseconds) }
    }

    /// How long after that it is asked again.
    var probeInterval: Moment.Span {
        get { Moment.Span(nanoseconds: interval.load(ordering: .relaxed)) }
        nonmutating set { Self.set(interval, newValue.nanoseconds) }
    }

    /// Until when it is asked without EDNS.
    var plainUntil: Moment {
        get { Self.moment(plain) }
        nonmutating set { Self.set(plain, newValue.nanoseconds) }
    }

    /// Until when names are sent to it as they are.
    var foldsUntil: Moment {
        get { Self.moment(folding) }
        nonmutating set { Self.set(folding, newValue.nanoseconds) }
    }

    /// Counts one more failure; how many there are now.
    func addFailure() -> Int { failureCount.add(1, ordering: .relaxed).newValue }

    /// Counts one more error; how many there are now.
    func addError() -> Int { errorCount.add(1, ordering: .relaxed).newValue }

    /// It was heard.
    func forgetFailures() { if failures != 0 { failureCount.store(0, ordering: .relaxed) } }

    /// It answered.
    func forgetErrors() { errorCount.store(0, ordering: .relaxed) }

    private static func moment(_ word: borrowing Atomic<UInt64>) -> Moment {
        Moment(nanoseconds: word.load(ordering: .relaxed))
    }

    private static func set(_ word: borrowing Atomic<UInt64>, _ value: UInt64) {
        if value != word.load(ordering: .relaxed) { word.store(value, ordering: .relaxed) }
    }
}
