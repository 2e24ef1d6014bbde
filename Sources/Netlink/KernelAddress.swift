internal import CNetlink
internal import Glibc
internal import IPAddressing

/// The two families as the kernel numbers them.
enum Family {
    static let v4 = UInt8(AF_INET)
    static let v6 = UInt8(AF_INET6)
}

extension IPAddress {
    init(_ words: cnetlink_ip, family: UInt8) {
        self =
            family == Family.v4
            ? .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: words.low)))
            : .v6(IPv6Address(high: words.high, low: words.low))
    }

    var words: cnetlink_ip {
        switch self {
        case .v4(let address): cnetlink_ip(high: 0, low: UInt64(address.bits))
        case .v6(let address): cnetlink_ip(high: address.high, low: address.low)
        }
    }

    var family: UInt8 {
        switch self {
        case .v4: Family.v4
        case .v6: Family.v6
        }
    }
}

extension IPPrefix {
    /// The prefix of an entry, or nothing when the kernel tells a length its family has not.
    init?(_ words: cnetlink_ip, length: UInt8, family: UInt8) {
        switch IPAddress(words, family: family) {
        case .v4(let address):
            guard length <= 32 else { return nil }
            self = .v4(IPv4Prefix(address, length: Int(length)))
        case .v6(let address):
            guard length <= 128 else { return nil }
            self = .v6(IPv6Prefix(address, length: Int(length)))
        }
    }

    var address: IPAddress {
        switch self {
        case .v4(let prefix): .v4(prefix.address)
        case .v6(let prefix): .v6(prefix.address)
        }
    }
}
