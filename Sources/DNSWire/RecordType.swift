/// The type of a question or record: the IANA registry "Resource Record (RR) TYPEs".
@frozen
public struct RecordType: RawRepresentable, Hashable, Sendable {
    /// The number.
    public var rawValue: UInt16

    /// Takes the number.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// An IPv4 address.
    public static let a = RecordType(rawValue: 1)
    /// A server of the zone.
    public static let ns = RecordType(rawValue: 2)
    /// The true name of an alias.
    public static let cname = RecordType(rawValue: 5)
    /// The start of a zone of authority.
    public static let soa = RecordType(rawValue: 6)
    /// The name of an address.
    public static let ptr = RecordType(rawValue: 12)
    /// The kind of a host; RFC 8482 uses it to answer ANY.
    public static let hinfo = RecordType(rawValue: 13)
    /// Text.
    public static let txt = RecordType(rawValue: 16)
    /// An IPv6 address.
    public static let aaaa = RecordType(rawValue: 28)
    /// An alias for a whole tree: RFC 6672.
    public static let dname = RecordType(rawValue: 39)
    /// EDNS: RFC 6891.
    public static let opt = RecordType(rawValue: 41)
    /// The digest of a child zone's key.
    public static let ds = RecordType(rawValue: 43)
    /// A signature.
    public static let rrsig = RecordType(rawValue: 46)
    /// A signed denial.
    public static let nsec = RecordType(rawValue: 47)
    /// A signed denial with hashed names.
    public static let nsec3 = RecordType(rawValue: 50)
    /// How to reach a service: RFC 9460.
    public static let svcb = RecordType(rawValue: 64)
    /// How to reach a web server: RFC 9460.
    public static let https = RecordType(rawValue: 65)
    /// A signed message.
    public static let tsig = RecordType(rawValue: 250)
    /// A whole zone, or what changed in it.
    public static let ixfr = RecordType(rawValue: 251)
    /// A whole zone.
    public static let axfr = RecordType(rawValue: 252)
    /// Every type, in questions only.
    public static let any = RecordType(rawValue: 255)

    /// Whether the type is kept for messages and questions (RFC 6895 section 3.1), so that no record of it can be
    /// looked up: OPT, and 128 to 255.
    @inlinable
    public var isMeta: Bool { self == .opt || rawValue == 0 || (128...255).contains(rawValue) }
}

extension RecordType: CustomStringConvertible {
    private static let names: [(UInt16, String)] = [
        (1, "A"), (2, "NS"), (5, "CNAME"), (6, "SOA"), (12, "PTR"), (13, "HINFO"), (15, "MX"), (16, "TXT"),
        (28, "AAAA"),
        (33, "SRV"), (35, "NAPTR"), (39, "DNAME"), (41, "OPT"), (43, "DS"), (46, "RRSIG"), (47, "NSEC"), (48, "DNSKEY"),
        (50, "NSEC3"), (52, "TLSA"), (64, "SVCB"), (65, "HTTPS"), (250, "TSIG"), (251, "IXFR"), (252, "AXFR"),
        (255, "ANY"), (257, "CAA"),
    ]

    /// Reads a name of the registry or `TYPE123` (RFC 3597 section 5); nothing for any other text.
    public init?(_ text: String) {
        let text = text.uppercased()
        if let known = Self.names.first(where: { $0.1 == text }) {
            self.init(rawValue: known.0)
        } else if text.hasPrefix("TYPE"), let number = UInt16(text.dropFirst(4)) {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }

    /// The name in the registry, or `TYPE123`.
    public var description: String { Self.names.first { $0.0 == rawValue }?.1 ?? "TYPE\(rawValue)" }
}
