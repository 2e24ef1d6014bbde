import Synchronization
import Timing

/// How many ICMP errors of our own may go out: a token bucket shared by all workers (RFC 4443 section 2.4 (f)).
///
/// Kept as one number, the moment at which the bucket would be full again, so that taking a token is one exchange.
final class ErrorLimit: Sendable {
    private let fullAt = Atomic<UInt64>(0)
    private let interval: UInt64
    private let depth: UInt64
    private let isUnlimited: Bool

    init(perSecond: Int, burst: Int) {
        isUnlimited = perSecond <= 0
        interval = 1_000_000_000 / UInt64(max(perSecond, 1))
        depth = interval &* UInt64(max(burst, 1))
    }

    /// Whether one more error may go out now; takes a token if so.
    func admits(at now: Moment) -> Bool {
        if isUnlimited { return true }
        let present = now.nanoseconds
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let next = max(seen, present) &+ interval
            guard next &- present <= depth else { return false }
            let (exchanged, original) = fullAt.compareExchange(
                expected: seen,
                desired: next,
                ordering: .relaxed
            )
            if exchanged { return true }
            seen = original
        }
    }
}
