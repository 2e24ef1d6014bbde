public import IPAddressing

/// How DNS64 treats the clients of one network.
public struct View: Hashable, Sendable {
    /// Where a view was written down.
    public enum Origin: String, Hashable, Sendable {
        /// Nobody wrote anything: the setting of the whole resolver.
        case `default`
        /// The configuration file.
        case file
        /// `appliance-ctl dns64 enable` or `disable`.
        case runtime
    }

    /// The network whose clients it is for.
    public let network: IPPrefix
    /// Whether AAAA records are made from A records for them.
    public let synthesize: Bool
    /// Who said so.
    public let origin: Origin

    /// Describes a view.
    public init(network: IPPrefix, synthesize: Bool, origin: Origin) {
        self.network = network
        self.synthesize = synthesize
        self.origin = origin
    }
}

/// All views of the resolver. The most specific network that holds the client decides; for the same network a word
/// at runtime is stronger than the file's.
public struct Views: Hashable, Sendable {
    /// Whether AAAA records are made for clients that no view names.
    public let synthesizeByDefault: Bool
    /// Whether clients that ask over IPv4 get synthetic AAAA records.
    public let synthesizeOverIPv4: Bool
    /// The views, most specific first.
    public let views: [View]

    /// Sorts the views so that the first match is the right one.
    public init(synthesizeByDefault: Bool, synthesizeOverIPv4: Bool, views: [View]) {
        self.synthesizeByDefault = synthesizeByDefault
        self.synthesizeOverIPv4 = synthesizeOverIPv4
        self.views = views.sorted { left, right in
            if left.network.length != right.network.length { return left.network.length > right.network.length }
            return left.origin == .runtime && right.origin != .runtime
        }
    }

    /// Whether AAAA records are made from A records for a client.
    public func synthesizes(for client: IPAddress) -> Bool {
        let client = client.unmapped
        if case .v4 = client, !synthesizeOverIPv4 { return false }
        return views.first { $0.network.contains(client) }?.synthesize ?? synthesizeByDefault
    }
}
