private import CLinux
public import Timing

/// Bare reads and writes for loops that keep their own memory.
public enum DescriptorIO {
    /// Reads once. Returns the count, or a negated errno.
    @unsafe
    public static func read(_ number: Int32, into octets: UnsafeMutableRawPointer, count: Int) -> Int {
        unsafe Int(clinux_read(number, octets, count))
    }

    /// Writes once. Returns the count, or a negated errno.
    @unsafe
    public static func write(_ number: Int32, from octets: UnsafeRawPointer, count: Int) -> Int {
        unsafe Int(clinux_write(number, octets, count))
    }

    /// Waits until a descriptor can be read; false if the patience ended first.
    public static func waitReadable(_ number: Int32, atMost patience: Moment.Span) -> Bool {
        clinux_wait_readable(number, Int64(clamping: patience.nanoseconds)) > 0
    }
}
