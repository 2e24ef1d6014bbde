private import Glibc
public import Timing

/// The clock that the engines' moments come from: it goes forward only and stands still while the machine sleeps.
public enum MonotonicClock {
    /// The moment now.
    @inline(__always)
    public static func now() -> Moment {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(
            nanoseconds: UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000
                &+ UInt64(bitPattern: Int64(time.tv_nsec))
        )
    }
}
