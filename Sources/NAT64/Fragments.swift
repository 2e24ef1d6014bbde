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
    /// To the IPv4 side, from this address of the pool.
    case outward(IPv4Address)
    /// To a client, from this address: from the IPv4 side or from another client.
    case client(IPv6Address, source: IPv6Address)
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

/// The memory for fragments whose first has not come yet: bounded, allocated at start, shared by all workers.
///
/// Fragments are rare; one lock is enough. What is kept is dropped after ``TranslationSettings/fragmentLifetime``.
final class FragmentStore: Sendable {
    private let table: Mutex<FragmentTable>

    init(settings: TranslationSettings, secret: KeyedHash) {
        table = Mutex(FragmentTable(settings: settings, secret: secret))
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
    ///
    /// - Returns: How many fragments that were.
    func expire(at now: Moment) -> Int { table.withLock { $0.expire(at: now) } }

    /// Blocks of memory in use and datagrams followed.
    var use: (blocks: Int, datagrams: Int) { table.withLock { ($0.blocksInUse, $0.datagramsInUse) } }
}

/// What the lock of ``FragmentStore`` guards. The arrays have their final size from the start.
///
/// A block is on the free chain, or in the chain of exactly one fragment. A fragment hangs at one datagram or has been
/// released to one worker.
struct FragmentTable: ~Copyable {
    static let blockSize = 2048
    static let mostRanges = 8

    struct Datagram {
        var key = FragmentKey(
            source: .unspecified,
            destination: .unspecified,
            identification: 0,
            proto: 0,
            isIPv6: false
        )
        var route = FragmentRoute.unknown
        var mustCollect = false
        var needsChecksum = false
        var isReleased = false
        var deadline = Moment.start
        /// Parts of the datagram that have come, ascending, none touching another.
        var starts: [8 of Int32] = .init(repeating: 0)
        var ends: [8 of Int32] = .init(repeating: 0)
        var ranges = 0
        /// Octets of the whole datagram; 0 until the last fragment has come.
        var total: Int32 = 0
        /// Fragments that were released and have not been seen again.
        var outstanding = 0
        /// The first waiting fragment, in order of offset.
        var head: Int32 = -1
        var inBucket: Int32 = -1
        var older: Int32 = -1
        var newer: Int32 = -1
    }

    struct Block {
        /// The next block of the same fragment, or of the free chain.
        var next: Int32 = -1
        /// The next fragment of the same datagram; in a fragment's first block.
        var nextPiece: Int32 = -1
        /// Octets of the fragment's packet; in its first block.
        var count: Int32 = 0
        var offset: Int32 = 0
        /// Where in the packet the share of the datagram starts.
        var payload: Int32 = 0
    }

    var memory: OctetBuffer
    var blocks: [Block]
    var datagrams: [Datagram]
    var buckets: [Int32]
    var freeBlock: Int32
    var freeDatagram: Int32
    var oldest: Int32 = -1
    var newest: Int32 = -1
    var blocksInUse = 0
    var datagramsInUse = 0
    let lifetime: Moment.Span
    let secret: KeyedHash

    init(settings: TranslationSettings, secret: KeyedHash) {
        let blockCount = max(settings.fragmentMemory / Self.blockSize, 64)
        let datagramCount = max(settings.fragmentedDatagrams, 16)
        memory = OctetBuffer(count: blockCount * Self.blockSize)
        blocks = (0..<blockCount).map { Block(next: $0 + 1 < blockCount ? Int32($0 + 1) : -1) }
        datagrams = (0..<datagramCount).map { index in
            var datagram = Datagram()
            datagram.inBucket = index + 1 < datagramCount ? Int32(index + 1) : -1
            return datagram
        }
        var bucketCount = 16
        while bucketCount < datagramCount { bucketCount *= 2 }
        buckets = [Int32](repeating: -1, count: bucketCount)
        freeBlock = 0
        freeDatagram = 0
        lifetime = settings.fragmentLifetime
        self.secret = secret
    }
}

extension FragmentTable {
    mutating func arrive(
        _ key: FragmentKey,
        _ piece: FragmentPiece,
        _ packet: borrowing RawSpan,
        at now: Moment
    ) throws(DropReason) -> FragmentStanding {
        let found = find(key)
        if piece.isReplay {
            guard found >= 0 else { throw .fragmentTimeout }
            datagrams[found].outstanding -= 1
            return try standing(of: found, piece)
        }
        let index = found >= 0 ? found : make(key, at: now)
        guard index >= 0 else { throw .fragmentMemory }
        if datagrams[index].route == .refused { throw .fragmentOfRefused }
        if datagrams[index].route == .host { return .known(.host) }
        do throws(DropReason) {
            try note(piece, at: index)
        } catch {
            // RFC 5722: with an overlap the whole datagram goes, what is still to come included.
            if error != .duplicateFragment { refuse(index) }
            throw error
        }
        datagrams[index].mustCollect = datagrams[index].mustCollect || piece.mustCollect
        datagrams[index].needsChecksum = datagrams[index].needsChecksum || piece.needsChecksum
        if datagrams[index].mustCollect, !datagrams[index].isReleased {
            try keep(piece, packet, at: index)
            guard isComplete(index) else { return .kept }
            if datagrams[index].needsChecksum { try giveChecksum(index) }
            datagrams[index].isReleased = true
            return .complete(release(index))
        }
        if piece.offset > 0, datagrams[index].route == .unknown {
            try keep(piece, packet, at: index)
            return .kept
        }
        return try standing(of: index, piece)
    }

    private mutating func standing(of index: Int, _ piece: FragmentPiece) throws(DropReason) -> FragmentStanding {
        if piece.offset == 0 {
            return .first(total: datagrams[index].isReleased ? Int(datagrams[index].total) : 0)
        }
        let route = datagrams[index].route
        switch route {
        case .unknown, .refused: throw .fragmentOfRefused
        default: break
        }
        if isComplete(index), datagrams[index].outstanding <= 0 { remove(index) }
        return .known(route)
    }

    mutating func settle(_ key: FragmentKey, _ route: FragmentRoute) -> ReleasedFragments {
        let index = find(key)
        guard index >= 0 else { return ReleasedFragments() }
        if route == .refused {
            refuse(index)
            return ReleasedFragments()
        }
        datagrams[index].route = route
        return release(index)
    }

    /// Gives out what waits.
    private mutating func release(_ index: Int) -> ReleasedFragments {
        let head = datagrams[index].head
        datagrams[index].head = -1
        var piece = head
        while piece >= 0 {
            datagrams[index].outstanding += 1
            piece = blocks[Int(piece)].nextPiece
        }
        return ReleasedFragments(head: head)
    }

    mutating func expire(at now: Moment) -> Int {
        var dropped = 0
        while oldest >= 0, datagrams[Int(oldest)].deadline <= now {
            let index = Int(oldest)
            dropped += freePieces(datagrams[index].head)
            datagrams[index].head = -1
            remove(index)
        }
        return dropped
    }

    /// Writes down which part of the datagram has come.
    ///
    /// - Throws: If the part overlaps another, or more parts are apart than are followed. A part that has come
    ///   before is a duplicate: it is dropped and nothing else.
    private mutating func note(_ piece: FragmentPiece, at index: Int) throws(DropReason) {
        let start = Int32(truncatingIfNeeded: piece.offset)
        let end = start &+ Int32(truncatingIfNeeded: piece.count)
        guard end > start else { throw .duplicateFragment }
        let total = datagrams[index].total
        if !piece.more {
            guard total == 0 || total == end else { throw .overlappingFragment }
            let count = datagrams[index].ranges
            guard count == 0 || datagrams[index].ends[count - 1] <= end else { throw .overlappingFragment }
            datagrams[index].total = end
        } else if total != 0, end > total {
            throw .overlappingFragment
        }
        var position = 0
        let count = datagrams[index].ranges
        while position < count, datagrams[index].ends[position] < start { position += 1 }
        if position < count {
            let (low, high) = (datagrams[index].starts[position], datagrams[index].ends[position])
            if low <= start, end <= high { throw .duplicateFragment }
            if low < end, start < high { throw .overlappingFragment }
        }
        // Now it touches the range at `position` at most at an end.
        let touchesLeft = position < count && datagrams[index].ends[position] == start
        let right = touchesLeft ? position + 1 : position
        if right < count, datagrams[index].starts[right] < end { throw .overlappingFragment }
        let touchesRight = right < count && datagrams[index].starts[right] == end
        switch (touchesLeft, touchesRight) {
        case (true, true):
            datagrams[index].ends[position] = datagrams[index].ends[right]
            removeRange(right, at: index)
        case (true, false): datagrams[index].ends[position] = end
        case (false, true): datagrams[index].starts[right] = start
        case (false, false):
            guard count < Self.mostRanges else { throw .fragmentMemory }
            var slot = count
            while slot > position {
                datagrams[index].starts[slot] = datagrams[index].starts[slot - 1]
                datagrams[index].ends[slot] = datagrams[index].ends[slot - 1]
                slot -= 1
            }
            datagrams[index].starts[position] = start
            datagrams[index].ends[position] = end
            datagrams[index].ranges = count + 1
        }
    }

    private mutating func removeRange(_ position: Int, at index: Int) {
        var slot = position
        while slot + 1 < datagrams[index].ranges {
            datagrams[index].starts[slot] = datagrams[index].starts[slot + 1]
            datagrams[index].ends[slot] = datagrams[index].ends[slot + 1]
            slot += 1
        }
        datagrams[index].ranges -= 1
    }

    private func isComplete(_ index: Int) -> Bool {
        datagrams[index].total != 0 && datagrams[index].ranges == 1 && datagrams[index].starts[0] == 0
            && datagrams[index].ends[0] == datagrams[index].total
    }
}
