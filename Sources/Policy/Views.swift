public import IPAddressing

/// How DNS64 treats the clients of one network.
public struct View: Hashable, Sendable {
    /// Where a view was written down.
    public enum Origin: String, Hashable, Sendable {
        /// The configuration file.
        case file
        /// `appliance-ctl dns64 enable` or `disable`.
        case runtime
    }

    /// The network whose clients it is for.
    public let network: IPPrefix
    /// Whether AAAA records are made from A records for them.
    public let synthesize: Bool
    /// Under which prefixes they are made, in this order; nothing leaves that to the next wider view.
    public let prefixes: [TranslationPrefix]?
    /// Prefixes whose AAAA records do not count for them; nothing leaves that to the next wider view.
    public let excludeAAAA: [IPv6Prefix]?
    /// Whether the filter holds for them; nothing leaves that to the next wider view.
    public let filter: Bool?
    /// Who said so.
    public let origin: Origin

    /// Describes a view.
    public init(
        network: IPPrefix,
        synthesize: Bool,
        prefixes: [TranslationPrefix]? = nil,
        excludeAAAA: [IPv6Prefix]? = nil,
        filter: Bool? = nil,
        origin: Origin
    ) {
        self.network = network
        self.synthesize = synthesize
        self.prefixes = prefixes
        self.excludeAAAA = excludeAAAA
        self.filter = filter
        self.origin = origin
    }
}

/// What holds for a client once everything that was left open has come from wider views.
public struct Treatment: Hashable, Sendable {
    /// Whether AAAA records are made from A records.
    public var synthesizes: Bool
    /// Under which prefixes, as indices into those of the Policy; nothing means all of them.
    public var prefixes: [Int]?
    /// Prefixes whose AAAA records do not count; nothing means the setting of the whole resolver.
    public var excludeAAAA: [IPv6Prefix]?
    /// Whether the filter holds.
    public var filters = true

    /// The treatment of clients that no view names.
    public init(synthesizes: Bool) { self.synthesizes = synthesizes }
}

/// All views of the resolver. The most specific network that holds the client decides; for the same network a word
/// at runtime is stronger than the file's. What a view leaves open is taken from the next wider one that holds its
/// network, so a switch at runtime keeps the prefixes and exclusions of the file.
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

    /// The place of the view that decides for a client; the count of the views if none does.
    @inline(__always)
    public func place(of client: IPAddress) -> Int {
        let client = client.unmapped
        for index in views.indices where views[index].network.contains(client) { return index }
        return views.count
    }

    /// The treatment of each view's clients, and behind the last that of all others.
    ///
    /// - Parameter prefixes: Those of the Policy.
    func treatments(under prefixes: [TranslationPrefix]) -> [Treatment] {
        var all = views.indices.map { index in
            let wider = views[index...].filter { $0.network.contains(views[index].network) }
            var treatment = Treatment(synthesizes: views[index].synthesize)
            if case .v4 = views[index].network, !synthesizeOverIPv4 { treatment.synthesizes = false }
            treatment.prefixes = wider.lazy.compactMap(\.prefixes).first?.compactMap { prefixes.firstIndex(of: $0) }
            treatment.excludeAAAA = wider.lazy.compactMap(\.excludeAAAA).first
            treatment.filters = wider.lazy.compactMap(\.filter).first ?? true
            return treatment
        }
        all.append(Treatment(synthesizes: synthesizeByDefault))
        return all
    }
}
