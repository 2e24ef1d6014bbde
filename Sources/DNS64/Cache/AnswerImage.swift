import DNSWire
import PacketMemory

/// How an upstream's answer ended, as far as synthesis must know.
enum AnswerKind: UInt8 {
    /// There are records of the type asked for.
    case positive = 1
    /// The name exists, but has no record of the type.
    case noData = 2
    /// The name does not exist.
    case nameError = 3
    /// No upstream gave an answer that could be used.
    case failure = 4
}

/// Which of the answers to one question is meant: upstreams answer otherwise when DO or CD is set.
struct AnswerVariant: OptionSet, Hashable {
    var rawValue: UInt8
    /// The client wants signatures.
    static let dnssec = AnswerVariant(rawValue: 1)
    /// The client validates for itself.
    static let checkingDisabled = AnswerVariant(rawValue: 2)
}

/// An answer as it lies in memory: a fixed part, the message that a client gets but for its own identifier, flags,
/// spelling and ages, and the places of its TTLs. All numbers are in network order.
///
/// ```
///  0 size, multiple of 8; the highest bit says that the image is dead     4 stored, seconds of the engine's clock
///  8 lifetime, seconds            12 octets of the message               14 count of TTLs
/// 16 first address record         18 count of address records            20 begin of the authority section
/// 22 begin of the additional      24 type asked for                      26 octets of the name
/// 28 kind  29 variant  30 flags   31 octets of an address record's owner 32 TTL of the address records
/// 36 TTL of the denial            40 hash of the name                    48 when it may be asked again, 0 at any time
/// 52 extended error               54 nothing                             56 the message; TTL places; padding
/// ```
///
/// Offsets of records count from the message. Address records are those of an answer to A or AAAA; they are all equally
/// long, and nothing behind them has a pointer to anything behind the first of them, so their number can change.
struct AnswerImage {
    static let fixedSize = 56
    static let deadBit: UInt32 = 0x8000_0000
    /// The flag of an image that was used since it was last looked at by the eviction.
    static let referenced: UInt8 = 1
    /// The flag of a denial with signatures.
    static let signed: UInt8 = 2
    /// The flag of an NXDOMAIN of the asked name itself, which therefore holds for every type (RFC 2308 section 5).
    static let holdsForEveryType: UInt8 = 4
    /// The flag of an answer to which a chain of aliases led.
    static let hasChain: UInt8 = 8
    /// The flag of an answer that our own recursor found to be secure (RFC 4035 section 4.3), and of a failure that is
    /// its finding that there are only bogus ones.
    static let validated: UInt8 = 16
    /// The flag of an answer in which an alias leads to a name that the operator wrote something about.
    static let leadsToNamed: UInt8 = 32
    /// The flag of a failure, and of a denial of which the upstream said more: there is an extended error.
    static let hasError: UInt8 = 64
    /// No SOA record was in the denial.
    static let noDenialTTL = UInt32.max

    let base: Int
    let stored: UInt32
    let lifetime: UInt32
    let messageCount: Int
    let ttlCount: Int
    let firstAddress: Int
    let addressCount: Int
    let authority: Int
    let additional: Int
    let kind: AnswerKind
    let flags: UInt8
    let addressOwnerCount: Int
    let addressTTL: UInt32
    let denialTTL: UInt32
    let refreshAt: UInt32
    private let errorCode: UInt16

    /// Reads the fixed part; the octets were written by ``StoredAnswer``.
    @inline(__always)
    init(_ octets: borrowing RawSpan, at base: Int) {
        self.base = base
        stored = octets.uint32(at: base &+ 4)
        lifetime = octets.uint32(at: base &+ 8)
        messageCount = Int(octets.uint16(at: base &+ 12))
        ttlCount = Int(octets.uint16(at: base &+ 14))
        firstAddress = Int(octets.uint16(at: base &+ 16))
        addressCount = Int(octets.uint16(at: base &+ 18))
        authority = Int(octets.uint16(at: base &+ 20))
        additional = Int(octets.uint16(at: base &+ 22))
        kind = AnswerKind(rawValue: octets.octet(at: base &+ 28)) ?? .failure
        flags = octets.octet(at: base &+ 30)
        addressOwnerCount = Int(octets.octet(at: base &+ 31))
        addressTTL = octets.uint32(at: base &+ 32)
        denialTTL = octets.uint32(at: base &+ 36)
        refreshAt = octets.uint32(at: base &+ 48)
        errorCode = octets.uint16(at: base &+ 52)
    }

    /// The extended error that comes with the answer.
    var error: ExtendedError? { flags & Self.hasError == 0 ? nil : ExtendedError(rawValue: errorCode) }

    /// Whether our recursor vouches for what the image says.
    @inline(__always)
    var isValidated: Bool { flags & Self.validated != 0 }

    /// Where the message begins.
    @inline(__always)
    var message: Int { base &+ Self.fixedSize }

    /// Where the places of the TTLs begin.
    @inline(__always)
    var ttls: Int { message &+ (messageCount &+ 1) & ~1 }

    /// How many seconds the image is old. One that another worker made a moment after ours began is new.
    @inline(__always)
    func age(at now: UInt32) -> UInt32 {
        let age = now &- stored
        return age < 0x8000_0000 ? age : 0
    }

    /// How many octets an image takes.
    static func size(message: Int, ttls: Int, name: Int) -> Int {
        let end = max((message + 1) & ~1 + 2 * ttls, MessageHeader.size + name + 8)
        return (fixedSize + end + 7) & ~7
    }
}
