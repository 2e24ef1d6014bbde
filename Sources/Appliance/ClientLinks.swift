internal import IPAddressing
internal import Timing

/// The networks whose hosts `clients.allow = ["links"]` makes clients: those on this machine's links, and for a while those
/// that have gone from there.
///
/// Whoever sets an interface up anew takes its addresses away first. A network that is no client's has no sessions, and all of
/// them would end for that moment.
struct ClientLinks {
    /// How long a network that has gone stays, which is as long as a UDP session lives (RFC 6146 section 4): an interface
    /// may be without addresses for as long as the switch behind it takes to start.
    static let patience = Moment.Span.seconds(300)
    /// How many that have gone are kept, where networks come and go all the time.
    static let most = 256

    private var present: [IPPrefix]
    /// Those that have gone, and when they are to be forgotten, the first to be so in front.
    private var gone: [(network: IPPrefix, until: Moment)] = []

    init(_ networks: [IPPrefix]) { present = networks }

    /// All of them.
    var networks: [IPPrefix] { present + gone.map(\.network) }

    /// Takes the networks on the links as they are now.
    ///
    /// - Returns: Whether others than before are clients.
    mutating func follow(_ fresh: [IPPrefix], at now: Moment) -> Bool {
        let before = Set(networks)
        gone += present.filter { !fresh.contains($0) }.map { ($0, now + Self.patience) }
        gone.removeAll { fresh.contains($0.network) }
        gone.removeFirst(max(gone.count - Self.most, 0))
        present = fresh
        return Set(networks) != before
    }

    /// Forgets those that have been gone for long enough, and says which.
    mutating func forget(at now: Moment) -> [IPPrefix] {
        let over = gone.prefix { $0.until <= now }.map(\.network)
        gone.removeFirst(over.count)
        return over
    }
}
