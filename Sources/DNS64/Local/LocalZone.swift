import DNSWire
import IPAddressing

/// A zone that is served here without asking anybody, and is empty but for its apex.
struct LocalZone {
    let apex: Name
    /// The private IPv4 range whose addresses the zone names, if it is one: the zone is not served here when the
    /// operator opened the range, because then somebody there knows the names.
    let range: IPv4Prefix?

    init(_ apex: Name, range: IPv4Prefix? = nil) {
        self.apex = apex
        self.range = range
    }

    /// `localhost.`: RFC 6761 section 6.3.
    static let localhost = LocalZone.named("localhost.")

    /// Names that exist nowhere: RFC 6761 section 6.4, RFC 7686 section 2.
    static let nowhere = [LocalZone.named("invalid."), LocalZone.named("onion.")]

    /// RFC 8375 section 4.
    static let home = LocalZone.named("home.arpa.")

    /// RFC 9462 section 6.4: never asked elsewhere.
    static let designated = LocalZone.named("resolver.arpa.")

    /// RFC 8880.
    static let discovery = LocalZone.named("ipv4only.arpa.")

    /// Reverse zones of IPv4 ranges that mean something else on every network: RFC 6303 section 4, RFC 7793.
    static let reverse4: [LocalZone] = {
        var ranges: [IPv4Prefix] = [
            IPv4Prefix(IPv4Address(0, 0, 0, 0), length: 8), IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 8),
            IPv4Prefix(IPv4Address(127, 0, 0, 0), length: 8), IPv4Prefix(IPv4Address(169, 254, 0, 0), length: 16),
            IPv4Prefix(IPv4Address(192, 0, 2, 0), length: 24), IPv4Prefix(IPv4Address(192, 168, 0, 0), length: 16),
            IPv4Prefix(IPv4Address(198, 51, 100, 0), length: 24), IPv4Prefix(IPv4Address(203, 0, 113, 0), length: 24),
            IPv4Prefix(IPv4Address(255, 255, 255, 255), length: 32),
        ]
        for second in 16...31 { ranges.append(IPv4Prefix(IPv4Address(172, UInt8(second), 0, 0), length: 16)) }
        for second in 64...127 { ranges.append(IPv4Prefix(IPv4Address(100, UInt8(second), 0, 0), length: 16)) }
        return ranges.map { range in
            var apex = Name("in-addr.arpa.") ?? .root
            for octet in 0..<range.length / 8 {
                let number = range.address.bits >> UInt32(24 - 8 * octet) & 255
                apex = apex.prefixed(with: String(number).utf8) ?? apex
            }
            return LocalZone(apex, range: range)
        }
    }()

    /// Reverse zones of the IPv6 ranges of RFC 6303 sections 4.4 to 4.6: unspecified, loopback, unique local with the
    /// bit for local assignment, link-local and documentation addresses.
    static let reverse6: [LocalZone] = {
        let zeros = String(repeating: "0.", count: 31)
        return ["0." + zeros, "1." + zeros, "d.f.", "8.e.f.", "9.e.f.", "a.e.f.", "b.e.f.", "8.b.d.0.1.0.0.2."].map {
            LocalZone.named($0 + "ip6.arpa.")
        }
    }()

    private static func named(_ text: String) -> LocalZone { LocalZone(Name(text) ?? .root) }
}
