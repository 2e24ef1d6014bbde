import IPAddressing
import PacketMemory
import Timing

/// What the lock of ``FragmentStore`` guards. The arrays have their final size from the start.
///
/// A block is on the free chain, or in the chain of exactly one fragment. A fragment hangs at one datagram or has been
/// released to one worker.
struct FragmentTable: ~Copyable {
    static let blockSize = 2048
    static let mostRanges = 32

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
        var starts: [32 of Int32] = .init(repeating: 0)
        var ends: [32 of Int32] = .init(repeating: 0)
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
        /// Blocks of the fragments that wait.
        var blocks = 0
        /// The share it counts against, and its neighbours in age there.
        var share = 0
        var olderInShare: Int32 = -1
        var newerInShare: Int32 = -1
    }

    /// What the networks of one hash take.
    struct Share {
        var datagrams = 0
        var blocks = 0
        var oldest: Int32 = -1
        var newest: Int32 = -1
    }

    /// An identification under which fragments went out.
    struct Claim {
        /// The hash of both ends, protocol and identification.
        var flow: UInt64 = 0
        /// The hash of the datagram.
        var datagram: UInt64 = 0
        var deadline = Moment.start
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
    var shares = [Share](repeating: Share(), count: 256)
    var claims = [Claim](repeating: Claim(), count: 4096)
    /// Fragments dropped to make room, not yet told.
    var displaced = 0
    /// Fragments that waited for one that was refused, not yet told.
    var orphaned = 0
    let sources: SourceNetwork
    let lifetime: Moment.Span
    let secret: KeyedHash

    init(settings: TranslationSettings, sources: SourceNetwork, secret: KeyedHash) {
        self.sources = sources
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
            guard found >= 0 else { throw .fragmentMemory }
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
            if error == .duplicateFragment, !isOverlap(piece, at: index) { throw error }
            // RFC 5722: with an overlap the whole datagram goes, what is still to come included.
            refuse(index)
            throw error == .duplicateFragment ? .overlappingFragment : error
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
        let head = unhang(index)
        var piece = head
        while piece >= 0 {
            datagrams[index].outstanding += 1
            piece = blocks[Int(piece)].nextPiece
        }
        return ReleasedFragments(head: head)
    }

    mutating func expire(at now: Moment) -> ExpiredFragments {
        var expired = ExpiredFragments(displaced: displaced, orphaned: orphaned)
        displaced = 0
        orphaned = 0
        while oldest >= 0, datagrams[Int(oldest)].deadline <= now {
            let index = Int(oldest)
            // RFC 8200 section 4.5: who sent the first fragment of a datagram that cannot be put together is told.
            let isTold = datagrams[index].key.isIPv6 && datagrams[index].mustCollect
            var head = unhang(index)
            remove(index)
            if isTold, head >= 0, blocks[Int(head)].offset == 0 {
                let rest = blocks[Int(head)].nextPiece
                blocks[Int(head)].nextPiece = expired.first.head
                expired.first.head = head
                head = rest
            }
            expired.late += freePieces(head)
        }
        return expired
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
        }
        // A range that ends where the part begins is its neighbour on the left; the next must not begin before it ends.
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

    /// Whether a part that has come before came as another fragment: RFC 8200 section 4.5 lets only the very same one
    /// come twice. That can be seen while all of the datagram is kept, to be put together; where its fragments are sent
    /// on, who puts them together sees it.
    private func isOverlap(_ piece: FragmentPiece, at index: Int) -> Bool {
        guard piece.count > 0, datagrams[index].mustCollect, !datagrams[index].isReleased else { return false }
        var kept = datagrams[index].head
        while kept >= 0 {
            let block = blocks[Int(kept)]
            if Int(block.offset) == piece.offset { return Int(block.count - block.payload) != piece.count }
            kept = block.nextPiece
        }
        return true
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
