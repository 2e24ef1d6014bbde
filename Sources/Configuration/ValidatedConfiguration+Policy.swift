public import IPAddressing
public import Policy

extension ValidatedConfiguration {
    /// Makes the Policy that both halves read.
    ///
    /// - Parameters:
    ///   - generation: Counts up with every Policy made while the process lives.
    ///   - linkNetworks: The networks on this machine's links, for clients allowed by `"links"`.
    ///   - runtimeViews: What was switched at runtime; stronger than the file.
    public func policy(generation: UInt64, linkNetworks: [IPPrefix], runtimeViews: RuntimeViews) -> Policy {
        var networks = clients.networks
        if clients.includesLinks {
            let all = Self.ownNetworks + linkNetworks
            networks += all.filter { !networks.contains($0) && !isUnderPrefix($0) }.uniqued
        }
        return Policy(
            generation: generation,
            prefixes: prefixes,
            clients: ClientAccess(networks: networks),
            destinations: destinations,
            views: Views(
                synthesizeByDefault: synthesize,
                synthesizeOverIPv4: synthesizeOverIPv4,
                views: views + runtimeViews.views
            ),
            maps: PrefixMaps(
                maps.compactMap { map in
                    prefixes.firstIndex(of: map.prefix).map { PrefixMap(ipv4: map.ipv4, prefix: $0) }
                }
            )
        )
    }

    /// What is on a link of ours whatever the addresses are: this machine itself, and neighbours that ask by their
    /// link-local addresses.
    private static let ownNetworks: [IPPrefix] = [
        .v6(IPv6Prefix(.loopback, length: 128)),
        .v4(IPv4Prefix(IPv4Address(127, 0, 0, 0), length: 8)),
        .v6(IPv6Prefix(IPv6Address(high: 0xFE80_0000_0000_0000, low: 0), length: 10)),
    ]

    private func isUnderPrefix(_ network: IPPrefix) -> Bool {
        guard case .v6(let block) = network else { return false }
        return prefixes.contains { $0.block.contains(block) }
    }
}

extension Array where Element: Hashable {
    fileprivate var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
