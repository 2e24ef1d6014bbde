import DNSWire
import IPAddressing
import Policy

extension ReversePlace {
    /// Finds a name among the prefixes of the Policy and the well-known prefix, which RFC 6147 section 5.3.1 wants
    /// recognised even when it is not the site's.
    ///
    /// Addresses that no embedding makes, and those whose IPv4 address may not be reached, are like any other name.
    init(_ name: borrowing Name, policy: Policy) {
        self = .outside
        guard let reverse = ReverseName6(name) else { return }
        for index in policy.prefixes.indices {
            let prefix = policy.prefixes[index]
            if let place = Self.place(reverse, under: prefix, mayReach: { policy.mayReach($0, under: index) }) {
                self = place
                return
            }
        }
        if let place = Self.place(
            reverse,
            under: .wellKnown,
            mayReach: { policy.destinations.standing(of: $0) == .global }
        ) {
            self = place
        }
    }

    private static func place(
        _ reverse: borrowing ReverseName6,
        under prefix: TranslationPrefix,
        mayReach: (IPv4Address) -> Bool
    ) -> ReversePlace? {
        let needed = prefix.length.rawValue / 4
        guard reverse.nibbles >= needed, prefix.contains(reverse.address) else { return nil }
        let apex = reverse.apex(nibbles: needed)
        if reverse.labels == needed { return .apex(apex) }
        if reverse.nibbles < 32 {
            // What is not made of nibbles, such as _dns-sd labels, may have been given records by somebody.
            return reverse.nibbles == reverse.labels ? .between(apex: apex) : nil
        }
        let address = prefix.extract(reverse.address)
        guard prefix.embed(address) == reverse.address, Discovery.isWellKnown(address) || mayReach(address) else {
            return nil
        }
        return reverse.labels == 32 ? .address(address, apex: apex) : .below(apex: apex)
    }
}

/// The addresses by which hosts discover the prefix: RFC 7050 section 2.2.
enum Discovery {
    static let first = IPv4Address(192, 0, 0, 170)
    static let second = IPv4Address(192, 0, 0, 171)

    static func isWellKnown(_ address: IPv4Address) -> Bool { address == first || address == second }
}
