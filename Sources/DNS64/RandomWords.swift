public import PacketMemory

/// Unpredictable numbers out of a secret that the caller draws from the system's random source.
///
/// A keyed hash over a counter: who does not know the secret cannot tell the numbers from random ones. The caller makes
/// a new one from time to time; a test makes one from a known secret and gets the same numbers each time.
public struct RandomWords: RandomNumberGenerator, Sendable {
    private let hash: KeyedHash
    private var counter: UInt64 = 0

    /// Takes the secret.
    public init(secret: KeyedHash) { hash = secret }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        counter &+= 1
        return hash(counter)
    }
}
