private import Glibc
private import Timing

/// The clock on the wall, which may be set at any time.
public enum WallClock {
    /// The Unix time, in whole seconds, at which the clock of the engines stood at zero.
    public static func epoch() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &- MonotonicClock.now().seconds
    }

    /// The Unix time in microseconds.
    public static func microseconds() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec)) / 1000
    }
}
