package import IPAddressing
package import Policy
import Synchronization

/// How many questions the clients of each view asked of one worker: those that were served, whatever the answer. One
/// thread writes, any thread reads.
package final class ViewCounters: Sendable {
    /// How many views are counted: the most specific ones. Clients of others count as those of no view.
    package static let most = 63

    private let networks: [IPPrefix]
    /// The last is for clients of no view.
    private let counts: [64 of Atomic<UInt64>]

    /// Nothing is counted by view.
    package convenience init() { self.init(nil, after: nil) }

    /// Goes on with what was counted for the networks that have a view still.
    package convenience init(_ views: Views, after previous: ViewCounters) { self.init(.some(views), after: previous) }

    private init(_ views: Views?, after previous: ViewCounters?) {
        let networks = views.map { $0.views.prefix(Self.most).map(\.network) } ?? []
        self.networks = networks
        counts = [64 of Atomic<UInt64>] { place in
            guard let previous, place < networks.count || place == Self.most else { return Atomic(0) }
            return Atomic(place == Self.most ? previous.ofNoView : previous[networks[place]])
        }
    }

    /// The questions of clients of no view.
    package var ofNoView: UInt64 { counts[Self.most].load(ordering: .relaxed) }

    /// The questions of clients for whom the view of a network decides.
    package subscript(network: IPPrefix) -> UInt64 {
        networks.firstIndex(of: network).map { counts[$0].load(ordering: .relaxed) } ?? 0
    }

    /// Counts a question.
    ///
    /// - Parameter place: Of the view among ``Views/views``.
    @inline(__always)
    func add(_ place: Int) {
        let slot = place < networks.count ? place : Self.most
        counts[slot].store(counts[slot].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }
}
