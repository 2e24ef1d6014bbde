public import IPAddressing

/// The networks whose hosts are served by both halves; everyone else is served by neither.
public struct ClientAccess: Hashable, Sendable {
    /// The networks, of either family.
    public let networks: [IPPrefix]

    /// Takes the networks; `links` must have been replaced by the networks on this machine's links.
    public init(networks: [IPPrefix]) { self.networks = networks }

    /// Whether a host is served. IPv4-mapped addresses count as IPv4.
    public func admits(_ client: IPAddress) -> Bool {
        let client = client.unmapped
        return networks.contains { $0.contains(client) }
    }

    /// The hosts that both serve.
    public func intersection(_ other: ClientAccess) -> ClientAccess {
        ClientAccess(
            networks: networks.filter { mine in other.networks.contains { $0.contains(mine) } }
                + other.networks.filter { theirs in networks.contains { $0 != theirs && $0.contains(theirs) } }
        )
    }
}
