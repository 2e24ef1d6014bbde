public import IPAddressing

/// Who may ask and send, which IPv4 addresses may be reached, and under which prefixes: the one object that the
/// resolver, the data plane, the netlink module and the control socket all read, so that none can drift apart.
///
/// Immutable. A reload or a switch at runtime makes a new Policy and swaps it in everywhere.
public final class Policy: Sendable {
    /// Counts up with every Policy made while the process lives; two parts hold the same Policy if the numbers agree.
    public let generation: UInt64
    /// The prefixes of the NAT64, the one to prefer first; never empty.
    public let prefixes: [TranslationPrefix]
    /// The networks whose hosts are served.
    public let clients: ClientAccess
    /// The IPv4 addresses that may be reached.
    public let destinations: DestinationRules
    /// Where DNS64 is on and off, most specific network first.
    public let views: Views
    /// A second Policy that must agree to every destination, while one takes the place of the other.
    private let narrowing: Policy?

    /// Puts a Policy together.
    ///
    /// - Parameter prefixes: At least one; none overlaps another.
    public convenience init(
        generation: UInt64,
        prefixes: [TranslationPrefix],
        clients: ClientAccess,
        destinations: DestinationRules,
        views: Views
    ) {
        self.init(
            generation: generation,
            prefixes: prefixes,
            clients: clients,
            destinations: destinations,
            views: views,
            narrowing: nil
        )
    }

    private init(
        generation: UInt64,
        prefixes: [TranslationPrefix],
        clients: ClientAccess,
        destinations: DestinationRules,
        views: Views,
        narrowing: Policy?
    ) {
        precondition(!prefixes.isEmpty, "a NAT64 without a prefix translates nothing (RFC 6146 section 3)")
        self.generation = generation
        self.prefixes = prefixes
        self.clients = clients
        self.destinations = destinations
        self.views = views
        self.narrowing = narrowing
    }

    /// This Policy as long as another is still in force somewhere: it serves whom both serve, and reaches what both
    /// reach.
    ///
    /// When a Policy takes the place of another, DNS64 goes by this one until NAT64 has changed. So what it hands out
    /// is translated before, while and after the change.
    public func narrowed(to other: Policy) -> Policy {
        Policy(
            generation: generation,
            prefixes: prefixes,
            clients: clients.intersection(other.clients),
            destinations: destinations,
            views: views,
            narrowing: other
        )
    }

    /// Whether an IPv4 address may be reached under one of the prefixes.
    ///
    /// - Parameter prefix: An index into ``prefixes``.
    public func mayReach(_ address: IPv4Address, under prefix: Int) -> Bool {
        if let narrowing {
            guard let same = narrowing.prefixes.firstIndex(of: prefixes[prefix]),
                narrowing.mayReach(address, under: same)
            else { return false }
        }
        return switch destinations.standing(of: address) {
        case .refused: false
        case .allowed:
            !prefixes[prefix].isWellKnown || prefixes.count == 1 || !destinations.isSpecial(address)
        case .global: true
        case .notGlobal: !prefixes[prefix].isWellKnown
        }
    }

    /// The prefix an IPv6 address lies under, as an index into ``prefixes``, with the IPv4 address it stands for.
    public func extract(_ address: IPv6Address) -> (prefix: Int, address: IPv4Address)? {
        for index in prefixes.indices where prefixes[index].contains(address) {
            return (index, prefixes[index].extract(address))
        }
        return nil
    }

    /// Every IPv6 address that stands for an IPv4 address, in the order of preference; none if it may not be reached.
    ///
    /// What this hands out the data plane translates, because both ask ``mayReach(_:under:)``.
    public func embed(_ address: IPv4Address) -> [IPv6Address] {
        prefixes.indices.filter { mayReach(address, under: $0) }.map { prefixes[$0].embed(address) }
    }
}
