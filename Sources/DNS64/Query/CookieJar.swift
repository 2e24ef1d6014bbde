import IPAddressing
import PacketMemory

/// Server cookies: RFC 7873 section 5.2, made as RFC 9018 section 4 says so that servers with one secret know each
/// other's.
struct CookieJar: Sendable {
    /// A server cookie: version, reserved octets and time; then the hash.
    struct Cookie: Equatable {
        var first: UInt64
        var second: UInt64
    }

    private let secrets: [KeyedHash]

    /// How long a cookie is good, how far ahead of our clock it may be, and after how long it is made anew, in seconds:
    /// RFC 9018 section 4.3.
    private static let (age, lead, renewal): (Int64, Int64, Int64) = (3600, 300, 1800)
    private static let version: UInt64 = 1 << 56

    /// Takes the secrets; new cookies are made with the first.
    init(secrets: [KeyedHash]) { self.secrets = secrets }

    /// Whether there are any cookies.
    var isEmpty: Bool { secrets.isEmpty }

    /// A cookie for a client.
    ///
    /// - Parameter time: Unix time in seconds.
    func make(for client: UInt64, _ address: IPAddress, at time: UInt32) -> Cookie {
        let first = Self.version | UInt64(time)
        return Cookie(first: first, second: secrets.isEmpty ? 0 : Self.hash(secrets[0], client, first, address))
    }

    /// What a client's cookie is worth.
    ///
    /// - Returns: Whether it is one of ours and still good, and whether it should be made anew.
    func check(_ cookie: Cookie, of client: UInt64, _ address: IPAddress, at time: UInt32) -> (
        isOurs: Bool, isOld: Bool
    ) {
        let made = UInt32(truncatingIfNeeded: cookie.first)
        // Serial numbers: RFC 1982.
        let age = Int64(Int32(bitPattern: time &- made))
        guard cookie.first >> 56 == 1, age <= Self.age, age >= -Self.lead else { return (false, true) }
        for index in secrets.indices where Self.hash(secrets[index], client, cookie.first, address) == cookie.second {
            return (true, age > Self.renewal || index > 0)
        }
        return (false, true)
    }

    /// SipHash-2-4 over client cookie, the first half of the server's, and the client's address.
    private static func hash(_ key: KeyedHash, _ client: UInt64, _ first: UInt64, _ address: IPAddress) -> UInt64 {
        var state = SipHash24(key)
        state.absorb(client.byteSwapped)
        state.absorb(first.byteSwapped)
        switch address.unmapped {
        case .v4(let address): return state.finish(UInt64(address.bits.byteSwapped) | 20 << 56).byteSwapped
        case .v6(let address):
            state.absorb(address.high.byteSwapped)
            state.absorb(address.low.byteSwapped)
            return state.finish(32 << 56).byteSwapped
        }
    }
}

/// SipHash with two rounds a word and four at the end, word by word.
private struct SipHash24 {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    init(_ key: KeyedHash) {
        v0 = key.key0 ^ 0x736F_6D65_7073_6575
        v1 = key.key1 ^ 0x646F_7261_6E64_6F6D
        v2 = key.key0 ^ 0x6C79_6765_6E65_7261
        v3 = key.key1 ^ 0x7465_6462_7974_6573
    }

    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    /// - Parameter last: What is left of the octets, and how many there were in all in the highest octet.
    mutating func finish(_ last: UInt64) -> UInt64 {
        absorb(last)
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
        v0 = v0 &+ v1
        v2 = v2 &+ v3
        v1 = Self.rotated(v1, 13) ^ v0
        v3 = Self.rotated(v3, 16) ^ v2
        v0 = Self.rotated(v0, 32)
        v2 = v2 &+ v1
        v0 = v0 &+ v3
        v1 = Self.rotated(v1, 17) ^ v2
        v3 = Self.rotated(v3, 21) ^ v0
        v2 = Self.rotated(v2, 32)
    }

    private static func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }
}
