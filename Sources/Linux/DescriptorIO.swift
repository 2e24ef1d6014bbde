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

    /// A part of some memory, as `struct clinux_piece`.
    @frozen
    public struct Piece: BitwiseCopyable {
        /// Where it starts.
        public var offset: UInt32
        /// How many octets it has.
        public var count: UInt32

        /// Names a part; its numbers fit.
        @inlinable @inline(__always)
        public init(offset: Int, count: Int) {
            self.offset = UInt32(truncatingIfNeeded: offset)
            self.count = UInt32(truncatingIfNeeded: count)
        }
    }

    /// Writes pieces of the memory at `base` as one packet. Returns the count, or a negated errno.
    @unsafe
    public static func write(_ number: Int32, from base: UnsafeRawPointer, pieces: Span<Piece>) -> Int {
        unsafe pieces.withUnsafeBytes { octets in
            unsafe Int(clinux_write_pieces(number, base, octets.baseAddress, Int32(clamping: pieces.count)))
        }
    }

    /// Waits until a descriptor can be read; false if the patience ended first.
    public static func waitReadable(_ number: Int32, atMost patience: Moment.Span) -> Bool {
        clinux_wait_readable(number, Int64(clamping: patience.nanoseconds)) > 0
    }
}
