import IPAddressing
import Synchronization

/// How many SYNs from the IPv4 side wait for their client, in all and by the network they come from.
///
/// A network may hold as many as are still free: the first half of them, then a quarter beside another network, and so
/// on; but a few in any case, as long as there is room. Whoever sends many SYNs never takes the last place, and nobody's SYN
/// has to go for another's (RFC 6146 section 5.3).
struct HeldSYNShares: ~Copyable, Sendable {
    private let all = Atomic<Int>(0)
    private let shares: [4096 of Atomic<Int32>]
    /// What a network may hold however little is free: no flood, and all there is where an operator wants only a few.
    private static let few = 16
    private let limit: Int
    private let networks: SourceNetwork

    init(limit: Int, networks: SourceNetwork) {
        self.limit = limit
        self.networks = networks
        shares = InlineArray { _ in Atomic<Int32>(0) }
    }

    /// How many there are.
    var total: Int { all.load(ordering: .relaxed) }

    /// Counts one more.
    ///
    /// - Throws: ``DropReason/heldSYNLimit``.
    func take(from peer: IPv4Address) throws(DropReason) {
        let share = share(of: peer)
        let (before, count) = all.wrappingAdd(1, ordering: .relaxed)
        let mine = shares[share].wrappingAdd(1, ordering: .relaxed).oldValue
        guard count <= limit, Int(mine) < max(limit - before, Self.few) else {
            giveBack(share)
            throw .heldSYNLimit
        }
    }

    /// Counts one less.
    func giveBack(from peer: IPv4Address) { giveBack(share(of: peer)) }

    /// One in thousands, so that few share theirs with a network that floods.
    private func share(of peer: IPv4Address) -> Int { Int(networks.hash(peer) & 4095) }

    private func giveBack(_ share: Int) {
        all.wrappingSubtract(1, ordering: .relaxed)
        shares[share].wrappingSubtract(1, ordering: .relaxed)
    }
}
