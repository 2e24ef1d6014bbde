/// Reads in network order. Every read is checked against the span's end; a decoder checks the length it needs once,
/// before it reads, so that hostile octets are refused and never reach the trap.
extension RawSpan {
    /// The octet at this offset.
    @inlinable @inline(__always)
    public func octet(at offset: Int) -> UInt8 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    /// The 16-bit number at this offset.
    @inlinable @inline(__always)
    public func uint16(at offset: Int) -> UInt16 {
        unsafe UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The 32-bit number at this offset.
    @inlinable @inline(__always)
    public func uint32(at offset: Int) -> UInt32 {
        unsafe UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The 64-bit number at this offset.
    @inlinable @inline(__always)
    public func uint64(at offset: Int) -> UInt64 {
        unsafe UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension MutableRawSpan {
    /// The octet at this offset.
    @inlinable @inline(__always)
    public func octet(at offset: Int) -> UInt8 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    /// The 16-bit number at this offset, in network order.
    @inlinable @inline(__always)
    public func uint16(at offset: Int) -> UInt16 {
        unsafe UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The 32-bit number at this offset, in network order.
    @inlinable @inline(__always)
    public func uint32(at offset: Int) -> UInt32 {
        unsafe UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The 64-bit number at this offset, in network order.
    @inlinable @inline(__always)
    public func uint64(at offset: Int) -> UInt64 {
        unsafe UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Writes one octet.
    @inlinable @inline(__always)
    public mutating func store(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Writes a 16-bit number in network order.
    @inlinable @inline(__always)
    public mutating func store(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Writes a 32-bit number in network order.
    @inlinable @inline(__always)
    public mutating func store(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Writes a 64-bit number in network order.
    @inlinable @inline(__always)
    public mutating func store(_ value: UInt64, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
    }

    /// Moves octets inside the span; source and target may overlap.
    ///
    /// - Precondition: Both ranges lie inside the span.
    @inlinable @inline(__always)
    public mutating func move(from source: Int, to target: Int, count: Int) {
        precondition(source >= 0 && target >= 0 && count >= 0)
        precondition(source &+ count <= byteCount && target &+ count <= byteCount)
        unsafe withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress, count > 0 else { return }
            unsafe (base + target).copyMemory(from: base + source, byteCount: count)
        }
    }

    /// Copies octets of another span into this one.
    ///
    /// - Precondition: Both ranges lie inside their spans.
    @inlinable @inline(__always)
    public mutating func copy(_ source: borrowing RawSpan, from: Int, to target: Int, count: Int) {
        precondition(from >= 0 && target >= 0 && count >= 0)
        precondition(from &+ count <= source.byteCount && target &+ count <= byteCount)
        unsafe withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress, count > 0 else { return }
            unsafe source.withUnsafeBytes { other in
                guard let origin = other.baseAddress else { return }
                unsafe (base + target).copyMemory(from: origin + from, byteCount: count)
            }
        }
    }
}
