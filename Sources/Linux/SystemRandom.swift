private import CLinux
public import PacketMemory

/// Random numbers from the kernel, for secrets, ports and identifiers.
public enum SystemRandom {
    /// One random word.
    public static func word() -> UInt64 {
        var word: UInt64 = 0
        let result = unsafe withUnsafeMutableBytes(of: &word) { unsafe clinux_random($0.baseAddress, $0.count) }
        precondition(result == 0, "the kernel gives no random numbers")
        return word
    }

    /// A fresh secret for keyed hashes.
    public static func secret() -> KeyedHash { KeyedHash(key0: word(), key1: word()) }
}
