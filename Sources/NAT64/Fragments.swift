import IPAddressing
import PacketMemory
import Synchronization
import Timing

/// What the fragments of one datagram have in common; IPv4 addresses stand in the low words.
struct FragmentKey: Hashable {
    var source: IPv6Address
    var destination: IPv6Address
    var identification: UInt32
    var proto: UInt8
    var isIPv6: Bool
}

/// Where the fragments of a datagram go, once its first one has been seen: RFC 6146 section 3.4.
enum FragmentRoute: Hashable {
    /// The first fragment has not been seen.
    case unknown
    /// To the IPv4 side, from this address of the pool and under this identification.
    case outward(IPv4Address, identification: UInt16)
    /// From the IPv4 side to a client, from this address.
    case client(IPv6Address, source: IPv6Address)
    /// From another client to a client, from this address and under this identification.
    case hairpin(IPv6Address, source: IPv6Address, identification: UInt32)
    /// Back to the host, whose datagram it is.
    case host
    /// Nowhere.
    case refused
}

/// One fragment on its way through the store.
struct FragmentPiece {
    /// Where its first octet belongs in the datagram.
    var offset: Int
    /// Octets of the datagram it brings.
    var count: Int
    /// Whether another follows.
    var more: Bool
    /// Where the packet starts in memory, headers included.
    var start: Int
    /// Where its share of the datagram starts in memory.
    var payload: Int
    /// Where the packet ends in memory.
    var end: Int
    /// All fragments of the datagram must be there before one is translated: the checksum wants it.
    var mustCollect: Bool
    /// The datagram is UDP without a checksum and gets one when it is complete.
    var needsChecksum: Bool
    /// The store gave it out itself.
    var isReplay: Bool
}

/// What the store says to a fragment.
enum FragmentStanding {
    /// It is the first: find the route and ``FragmentStore/settle(_:_:)`` it. The total is 0 when it is not known.
    case first(total: Int)
    /// The route is known.
    case known(FragmentRoute)
    /// A copy was kept.
    case kept
    /// A copy was kept, and with it the datagram is complete: take these and translate them in their order.
    case complete(ReleasedFragments)
}

/// Fragments that left the store to be translated now; they still lie in its memory.
struct ReleasedFragments {
    /// The block of the first one; negative when there is none.
    var head: Int32 = -1
}

/// What the end of its time makes of the fragments that waited.
struct ExpiredFragments {
    /// How many were dropped.
    var late = 0
    /// How many have been dropped since the last time to make room for others.
    var displaced = 0
    /// How many have been dropped since the last time because another of their datagram was refused.
    var orphaned = 0
    /// The first fragments of IPv6 datagrams that were to be put together: their senders are told.
    var first = ReleasedFragments()
}

/// The memory for fragments whose first has not come yet: bounded, allocated at start, shared by all workers.
///
/// Fragments are rare; one lock is enough. What is kept is dropped after ``TranslationSettings/fragmentLifetime``, or
/// before that when there is no room left: then the oldest datagram goes of the network that has most, so that lone
/// fragments, however many, stop no others.
final class FragmentStore: Sendable {
    private let table: Mutex<FragmentTable>

    init(settings: TranslationSettings, sources: SourceNetwork, secret: KeyedHash) {
        table = Mutex(FragmentTable(settings: settings, sources: sources, secret: secret))
    }

    /// Registers a fragment.
    ///
    /// - Throws: Why it is refused; the rest of the datagram is refused with it if it overlaps.
    func arrive(
        _ key: FragmentKey,
        _ piece: FragmentPiece,
        _ memory: borrowing RawSpan,
        at now: Moment
    ) throws(DropReason) -> FragmentStanding {
        let result = table.withLock { table -> Result<FragmentStanding, DropReason> in
            do throws(DropReason) {
                return .success(try table.arrive(key, piece, memory, at: now))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Whether the fragments of a datagram may go out under an identification: not if another datagram with the same
    /// ends did so within the time it may live (RFC 6864 section 4.3; between clients RFC 8200 section 4.5 has no bound).
    ///
    /// - Parameter flow: A keyed hash of the identification and of all within which it has to be the only one.
    func claim(_ flow: UInt64, for key: FragmentKey, at now: Moment) -> Bool {
        table.withLock { $0.claim(flow, for: key, at: now) }
    }

    /// Says where the datagram goes; gives out the fragments that waited for this.
    func settle(_ key: FragmentKey, _ route: FragmentRoute) -> ReleasedFragments {
        table.withLock { $0.settle(key, route) }
    }

    /// Copies a released fragment and frees its memory; nothing when there is none left.
    func take(
        _ released: inout ReleasedFragments,
        into memory: inout MutableRawSpan,
        at target: Int
    ) -> Int? {
        guard released.head >= 0 else { return nil }
        var head = released.head
        let count = table.withLock { $0.take(&head, into: &memory, at: target) }
        released.head = head
        return count
    }

    /// Forgets released fragments.
    func discard(_ released: inout ReleasedFragments) -> Int {
        guard released.head >= 0 else { return 0 }
        let head = released.head
        released.head = -1
        return table.withLock { $0.freePieces(head) }
    }

    /// Drops what has waited too long.
    func expire(at now: Moment) -> ExpiredFragments { table.withLock { $0.expire(at: now) } }

    /// Blocks of memory in use and datagrams followed.
    var use: (blocks: Int, datagrams: Int) { table.withLock { ($0.blocksInUse, $0.datagramsInUse) } }
}
