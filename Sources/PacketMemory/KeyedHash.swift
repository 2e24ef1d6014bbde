/// SipHash-1-3 over a few 64-bit words, under a key that strangers do not know.
///
/// Keys of tables come from the network; without a secret a stranger could choose them so that they collide.
/// Written out for one, two and three words, which is what transport addresses take, so that nothing loops.
@frozen
public struct KeyedHash: Sendable, Hashable {
    /// The first half of the secret.
    public let key0: UInt64
    /// The second half of the secret.
    public let key1: UInt64

    /// Takes the secret, which must come from the system's random source or from the state folder.
    @inlinable @inline(__always)
    public init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// The hash of one word.
    @inlinable @inline(__always)
    public func callAsFunction(_ a: UInt64) -> UInt64 {
        var state = State(self)
        state.absorb(a)
        return state.finish(length: 8)
    }

    /// The hash of two words.
    @inlinable @inline(__always)
    public func callAsFunction(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var state = State(self)
        state.absorb(a)
        state.absorb(b)
        return state.finish(length: 16)
    }

    /// The hash of three words.
    @inlinable @inline(__always)
    public func callAsFunction(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
        var state = State(self)
        state.absorb(a)
        state.absorb(b)
        state.absorb(c)
        return state.finish(length: 24)
    }

    @usableFromInline @frozen
    struct State {
        @usableFromInline var v0: UInt64
        @usableFromInline var v1: UInt64
        @usableFromInline var v2: UInt64
        @usableFromInline var v3: UInt64

        @inlinable @inline(__always)
        init(_ hash: KeyedHash) {
            v0 = hash.key0 ^ 0x736F_6D65_7073_6575
            v1 = hash.key1 ^ 0x646F_7261_6E64_6F6D
            v2 = hash.key0 ^ 0x6C79_6765_6E65_7261
            v3 = hash.key1 ^ 0x7465_6462_7974_6573
        }

        @inlinable @inline(__always)
        mutating func round() {
            v0 &+= v1
            v1 = (v1 << 13 | v1 >> 51) ^ v0
            v0 = v0 << 32 | v0 >> 32
            v2 &+= v3
            v3 = (v3 << 16 | v3 >> 48) ^ v2
            v0 &+= v3
            v3 = (v3 << 21 | v3 >> 43) ^ v0
            v2 &+= v1
            v1 = (v1 << 17 | v1 >> 47) ^ v2
            v2 = v2 << 32 | v2 >> 32
        }

        @inlinable @inline(__always)
        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        @inlinable @inline(__always)
        mutating func finish(length: Int) -> UInt64 {
            absorb(UInt64(truncatingIfNeeded: length) << 56)
            v2 ^= 0xFF
            round()
            round()
            round()
            return v0 ^ v1 ^ v2 ^ v3
        }
    }
}
