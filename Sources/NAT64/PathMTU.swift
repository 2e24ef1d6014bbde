/// The arithmetic of path MTU discovery between the families: RFC 7915 sections 4.2 and 5.2.
enum PathMTU {
    /// What IPv6 gains over IPv4 in every packet.
    static let growth = 20

    /// The MTU of a Packet Too Big made from Fragmentation Needed.
    ///
    /// - Parameters:
    ///   - announced: What the IPv4 router said; 0 from one that is older than RFC 1191.
    ///   - quotedLength: Total length of the packet it could not forward.
    /// - Returns: Never below 1280, so that no client makes atomic fragments (RFC 8021).
    static func toIPv6(announced: Int, quotedLength: Int, ipv6MTU: Int, ipv4MTU: Int) -> Int {
        let usable = announced == 0 ? plateau(below: quotedLength) : announced
        return max(1280, min(usable + growth, ipv6MTU, ipv4MTU + growth))
    }

    /// The MTU of a Fragmentation Needed made from Packet Too Big.
    ///
    /// We count less than 1280 as 1280, because no IPv6 link is smaller and hosts need not believe it (RFC 8200
    /// section 5); the IPv4 host could otherwise be talked into tiny packets.
    ///
    /// - Parameter hasFragmentHeader: The packet it is about carried a fragment header, which the IPv4 packet had not:
    ///   the difference is 28. The formula of RFC 7915 section 5.2 subtracts 20 only, though its text asks for this.
    static func toIPv4(announced: Int, hasFragmentHeader: Bool, ipv6MTU: Int, ipv4MTU: Int) -> Int {
        let shrinks = hasFragmentHeader ? growth + 8 : growth
        return min(max(announced, 1280) - shrinks, ipv4MTU, ipv6MTU - shrinks)
    }

    /// The largest plateau of RFC 1191 section 7.1 below the length that is worth trying for IPv6; 0 if there is none.
    static func plateau(below length: Int) -> Int {
        switch length {
        case 65_536...: 65_535
        case 32_001...: 32_000
        case 17_915...: 17_914
        case 8_167...: 8_166
        case 4_353...: 4_352
        case 2_003...: 2_002
        case 1_493...: 1_492
        default: 0
        }
    }
}
