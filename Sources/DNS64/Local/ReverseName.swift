import DNSWire
import IPAddressing

/// A name below ip6.arpa, read from its end: RFC 3596 section 2.5.
struct ReverseName6 {
    /// The address so far; nibbles that the name does not have are zero.
    private(set) var address = IPv6Address.unspecified
    /// How many nibbles the labels before ip6.arpa give, at most 32.
    private(set) var nibbles = 0
    /// How many labels stand before ip6.arpa.
    private(set) var labels = 0
    /// Where in the name the label of each nibble begins, the first nibble of the address first.
    private var starts = [32 of UInt8](repeating: 0)

    /// Reads a name that ends in ip6.arpa; nothing for any other.
    init?(_ name: borrowing Name) {
        guard Self.endsInIP6(name) else { return nil }
        var offsets = [128 of UInt8](repeating: 0)
        var count = 0
        var offset = 0
        while name.octet(offset) != 0 {
            offsets[count] = UInt8(truncatingIfNeeded: offset)
            count += 1
            offset += 1 + Int(name.octet(offset))
        }
        labels = count - 2
        var index = labels - 1
        while index >= 0, nibbles < 32 {
            let start = Int(offsets[index])
            guard name.octet(start) == 1, let nibble = Self.nibble(name.octet(start + 1)) else { break }
            let shift = UInt64(60 - 4 * (nibbles & 15))
            if nibbles < 16 { address.high |= nibble << shift } else { address.low |= nibble << shift }
            starts[nibbles] = UInt8(truncatingIfNeeded: start)
            nibbles += 1
            index -= 1
        }
    }

    /// Where in the name the zone of a prefix begins.
    func apex(nibbles: Int) -> Int { Int(starts[nibbles - 1]) }

    private static let ip6: [UInt8] = [3, 105, 112, 54, 4, 97, 114, 112, 97, 0]

    static func endsInIP6(_ name: borrowing Name) -> Bool {
        let start = name.count - ip6.count
        guard start > 0 else { return false }
        for index in ip6.indices {
            let octet = name.octet(start + index)
            guard (octet >= 65 && octet <= 90 ? octet | 32 : octet) == ip6[index] else { return false }
        }
        return true
    }

    private static func nibble(_ octet: UInt8) -> UInt64? {
        switch octet {
        case 48...57: UInt64(octet - 48)
        case 65...70: UInt64(octet - 55)
        case 97...102: UInt64(octet - 87)
        default: nil
        }
    }
}

extension Name {
    /// The name below in-addr.arpa of an IPv4 address: RFC 1035 section 3.5.
    static func reverse(of address: IPv4Address) -> Name {
        var name = inAddr
        for octet in 0..<4 {
            let number = UInt8(truncatingIfNeeded: address.bits >> UInt32(24 - 8 * octet))
            var digits = [3 of UInt8](repeating: 0)
            var count = 0
            if number >= 100 {
                digits[count] = 48 + number / 100
                count += 1
            }
            if number >= 10 {
                digits[count] = 48 + number / 10 % 10
                count += 1
            }
            digits[count] = 48 + number % 10
            name = name.prefixed(with: digits.span, count: count + 1)
        }
        return name
    }

    private static let inAddr = Name("in-addr.arpa.") ?? .root
}

/// What a name below ip6.arpa is under one of our prefixes: RFC 6147 section 5.3.1.
enum ReversePlace: Equatable {
    /// Not ours.
    case outside
    /// The name of an IPv6 address that stands for this IPv4 address.
    case address(IPv4Address, apex: Int)
    /// The zone of the prefix itself; the offset of its name.
    case apex(Int)
    /// A name between the zone's and those of addresses; it exists, but has no records.
    case between(apex: Int)
    /// A name below that of an address; there is none.
    case below(apex: Int)
}
