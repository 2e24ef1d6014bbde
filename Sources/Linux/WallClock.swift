private import Glibc
public import Timing

/// The clock on the wall, which may be set at any time.
public enum WallClock {
    /// The Unix time, in whole seconds, at which the clock of the engines stood at zero.
    public static func epoch() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &- MonotonicClock.now().seconds
    }

    /// The Unix time, in whole seconds, of a moment of the engines' clock: the same whenever it is asked, unless the
    /// clock is set.
    public static func seconds(at moment: Moment) -> UInt64 {
        seconds(at: moment, wall: microseconds(), now: MonotonicClock.now())
    }

    /// The same when both clocks are known at one time. Each has a fraction of a second of its own, so that whole
    /// seconds of them cannot be added.
    static func seconds(at moment: Moment, wall: UInt64, now: Moment) -> UInt64 {
        let age = Int64(clamping: now.nanoseconds / 1_000) - Int64(clamping: moment.nanoseconds / 1_000)
        return UInt64(max(0, Int64(clamping: wall) - age)) / 1_000_000
    }

    /// The Unix time in microseconds.
    public static func microseconds() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec)) / 1000
    }
}
