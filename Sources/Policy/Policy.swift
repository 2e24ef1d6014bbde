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
    /// Which prefix stands for which IPv4 range; without any, every prefix stands for all of IPv4.
    public let maps: PrefixMaps
    /// The treatment of each view's clients, and behind the last that of clients that no view names.
    public let treatments: [Treatment]
    /// Whether no view has prefixes or exclusions of its own, so that nobody has to look.
    public let treatsAlike: Bool
    /// A second Policy that must agree to every destination, while one takes the place of the other.
    private let narrowing: Policy?

    /// Puts a Policy together.
    ///
    /// - Parameters:
    ///   - prefixes: At least one; none overlaps another.
    ///   - maps: Which prefix stands for which IPv4 range, by index into `prefixes`.
    public convenience init(
        generation: UInt64,
        prefixes: [TranslationPrefix],
        clients: ClientAccess,
        destinations: DestinationRules,
        views: Views,
        maps: PrefixMaps = PrefixMaps()
    ) {
        self.init(
            generation: generation,
            prefixes: prefixes,
            clients: clients,
            destinations: destinations,
            views: views,
            maps: maps,
            narrowing: nil
        )
    }

    private init(
        generation: UInt64,
        prefixes: [TranslationPrefix],
        clients: ClientAccess,
        destinations: DestinationRules,
        views: Views,
        maps: PrefixMaps,
        narrowing: Policy?
    ) {
        precondition(!prefixes.isEmpty, "a NAT64 without a prefix translates nothing (RFC 6146 section 3)")
        self.generation = generation
        self.prefixes = prefixes
        self.clients = clients
        self.destinations = destinations
        self.views = views
        self.maps = maps
        treatments = views.treatments(under: prefixes)
        treatsAlike = treatments.allSatisfy { $0.prefixes == nil && $0.excludeAAAA == nil }
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
            maps: maps,
            narrowing: other
        )
    }

    /// Whether an IPv4 address may be reached under one of the prefixes: what NAT64 translates.
    ///
    /// An address that a map names is reached under the prefix named there and no other. One that no map names is
    /// reached under every prefix, because hosts that discovered the prefixes may take any of them (RFC 7050
    /// section 3).
    ///
    /// - Parameter prefix: An index into ``prefixes``.
    public func mayReach(_ address: IPv4Address, under prefix: Int) -> Bool {
        let mapped = maps.prefix(for: address)
        return (mapped == nil || mapped == prefix) && opens(address, under: prefix, mapped: mapped == prefix)
    }

    /// Whether DNS64 stands an address under one of the prefixes in for an IPv4 address. What this hands out the data
    /// plane translates.
    ///
    /// - Parameter prefix: An index into ``prefixes``.
    public func handsOut(_ address: IPv4Address, under prefix: Int) -> Bool {
        if maps.isEmpty { return mayReach(address, under: prefix) }
        return (maps.prefix(for: address) != nil || maps.leavesOpen(prefix, of: prefixes.count))
            && mayReach(address, under: prefix)
    }

    /// The prefix that a map names for an address, as an index into ``prefixes``; nothing if none does.
    public func mappedPrefix(for address: IPv4Address) -> Int? { maps.prefix(for: address) }

    /// The prefix under which a client that has not chosen one itself sees an IPv4 host: the one mapped for it, or the
    /// first under which it may be reached.
    ///
    /// - Returns: An index into ``prefixes``; nothing if the host may not be reached.
    public func prefix(for address: IPv4Address) -> Int? {
        prefixes.indices.first { handsOut(address, under: $0) }
    }

    /// Whether destinations and prefix fit, whatever the maps say of other prefixes.
    ///
    /// While a Policy takes the place of another, the older one is asked for its destinations and not for its maps:
    /// both would agree on no prefix for a range that is moved, and the empty answer would be remembered.
    private func opens(_ address: IPv4Address, under prefix: Int, mapped: Bool) -> Bool {
        if let narrowing {
            guard let same = narrowing.prefixes.firstIndex(of: prefixes[prefix]),
                narrowing.opens(address, under: same, mapped: mapped)
            else { return false }
        }
        return switch destinations.standing(of: address) {
        case .refused: false
        case .allowed:
            !prefixes[prefix].isWellKnown || prefixes.count == 1 || mapped || !destinations.isSpecial(address)
        case .global: true
        case .notGlobal: !prefixes[prefix].isWellKnown
        }
    }

    /// Which of ``treatments`` holds for a client.
    ///
    /// A client over IPv4 that no view names is treated as `synthesize-over-ipv4` says, see ``synthesizes(_:for:)``.
    @inline(__always)
    public func treatment(of client: IPAddress) -> Int { views.place(of: client) }

    /// Whether AAAA records are made from A records for a client of one of the ``treatments``.
    @inline(__always)
    public func synthesizes(_ treatment: Int, for client: IPAddress) -> Bool {
        if !views.synthesizeOverIPv4, case .v4 = client.unmapped { return false }
        return treatments[treatment].synthesizes
    }

    /// How many prefixes AAAA records are made under for the clients of one of the ``treatments``.
    public func prefixCount(for treatment: Int) -> Int {
        treatsAlike ? prefixes.count : treatments[treatment].prefixes?.count ?? prefixes.count
    }

    /// One of the prefixes that AAAA records are made under, in the order of preference, as an index into ``prefixes``.
    ///
    /// - Parameter number: Less than ``prefixCount(for:)``.
    public func prefix(_ number: Int, for treatment: Int) -> Int {
        treatsAlike ? number : treatments[treatment].prefixes?[number] ?? number
    }

    /// The prefix an IPv6 address lies under, as an index into ``prefixes``, with the IPv4 address it stands for.
    public func extract(_ address: IPv6Address) -> (prefix: Int, address: IPv4Address)? {
        for index in prefixes.indices where prefixes[index].contains(address) {
            return (index, prefixes[index].extract(address))
        }
        return nil
    }
}
