/// Octets that are allocated once, aligned to a cache line, and freed with their owner.
@safe
public struct OctetBuffer: ~Copyable, @unchecked Sendable {
    @usableFromInline
    let base: UnsafeMutableRawPointer
    /// How many octets the buffer holds.
    public let count: Int

    /// Allocates this many octets, all zero.
    ///
    /// - Parameter count: At least one.
    public init(count: Int) {
        precondition(count > 0, "an empty buffer has no use")
        self.count = count
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }

    deinit { unsafe base.deallocate() }

    /// The octets, to be read.
    @inlinable @inline(__always)
    public var octets: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The octets, to be written.
    @inlinable @inline(__always)
    public var mutableOctets: MutableRawSpan {
        @_lifetime(&self)
        mutating get {
            let span = unsafe MutableRawSpan(_unsafeStart: base, byteCount: count)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    /// Hands the memory to a system call.
    @unsafe @inlinable @inline(__always)
    public mutating func withUnsafePointer<Result, Failure: Error>(
        _ body: (UnsafeMutableRawPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(base)
    }
}
