/// Where DNS64 is on and off.
public struct ViewList: Codable, Equatable, Sendable {
    /// Whether AAAA records are made for clients that no view names.
    public var synthesizeByDefault: Bool
    /// Whether clients that ask over IPv4 get synthetic AAAA records.
    public var synthesizeOverIPv4: Bool
    /// The views, most specific network first; the first that holds the client decides.
    public var views: [ViewEntry]
    /// Questions of clients that no view names, since the start.
    public var otherQuestions: UInt64

    /// Describes all views.
    public init(
        synthesizeByDefault: Bool,
        synthesizeOverIPv4: Bool,
        views: [ViewEntry],
        otherQuestions: UInt64 = 0
    ) {
        self.synthesizeByDefault = synthesizeByDefault
        self.synthesizeOverIPv4 = synthesizeOverIPv4
        self.views = views
        self.otherQuestions = otherQuestions
    }
}

/// How DNS64 treats the clients of one network.
public struct ViewEntry: Codable, Equatable, Sendable {
    /// Where a view was written down.
    public enum Origin: String, Codable, CaseIterable, Sendable {
        /// Nobody wrote anything: the setting of the whole resolver.
        case `default`
        /// The configuration file.
        case file
        /// `appliance-ctl dns64 enable` or `disable`.
        case runtime
    }

    /// The network: `2001:db8:6:2::/64`.
    public var network: String
    /// Whether AAAA records are made from A records for its clients.
    public var synthesize: Bool
    /// Who said so.
    public var origin: Origin
    /// Forwarding rules of its own, or of the next wider view that has any; those for everybody come after them.
    public var rules: Int
    /// Filters that hold for its clients.
    public var filters: Int
    /// Questions of its clients since it is there; of the 63 most specific views.
    public var questions: UInt64

    /// Describes a view.
    public init(
        network: String,
        synthesize: Bool,
        origin: Origin,
        rules: Int = 0,
        filters: Int = 0,
        questions: UInt64 = 0
    ) {
        self.network = network
        self.synthesize = synthesize
        self.origin = origin
        self.rules = rules
        self.filters = filters
        self.questions = questions
    }
}

/// The wish to switch DNS64 for a network.
public struct ViewChange: Codable, Equatable, Sendable {
    /// The network: `2001:db8:6:2::/64`.
    public var network: String
    /// Whether AAAA records shall be made from A records for its clients.
    public var synthesize: Bool

    /// Describes a change.
    public init(network: String, synthesize: Bool) {
        self.network = network
        self.synthesize = synthesize
    }
}
