import IPAddressing
import PacketMemory
import PacketWire
import Timing

// Datagrams and blocks: taken from and given back to their free chains, and counted against the shares.
extension FragmentTable {
    private func bucket(_ key: FragmentKey) -> Int {
        let first = secret(key.source.high, key.source.low, UInt64(key.identification) << 16 | UInt64(key.proto))
        let hash = secret(first, key.destination.high, key.destination.low)
        return Int(truncatingIfNeeded: hash & UInt64(buckets.count - 1))
    }

    func find(_ key: FragmentKey) -> Int {
        var index = buckets[bucket(key)]
        while index >= 0 {
            if datagrams[Int(index)].key == key { return Int(index) }
            index = datagrams[Int(index)].inBucket
        }
        return -1
    }

    /// Follows one more datagram; -1 when there are as many as may be.
    mutating func make(_ key: FragmentKey, at now: Moment) -> Int {
        let share = share(of: key)
        if freeDatagram < 0 {
            displace(for: share, sparing: -1) { $0.datagrams }
            guard freeDatagram >= 0 else { return -1 }
        }
        let index = Int(freeDatagram)
        freeDatagram = datagrams[index].inBucket
        datagrams[index] = Datagram()
        datagrams[index].key = key
        datagrams[index].deadline = now + lifetime
        let bucket = bucket(key)
        datagrams[index].inBucket = buckets[bucket]
        buckets[bucket] = Int32(index)
        datagrams[index].older = newest
        if newest >= 0 { datagrams[Int(newest)].newer = Int32(index) } else { oldest = Int32(index) }
        newest = Int32(index)
        datagramsInUse += 1
        datagrams[index].share = share
        let newestInShare = shares[share].newest
        datagrams[index].olderInShare = newestInShare
        if newestInShare >= 0 {
            datagrams[Int(newestInShare)].newerInShare = Int32(index)
        } else {
            shares[share].oldest = Int32(index)
        }
        shares[share].newest = Int32(index)
        shares[share].datagrams += 1
        return index
    }

    private func share(of key: FragmentKey) -> Int {
        let network =
            key.isIPv6
            ? sources.hash(key.source)
            : sources.hash(IPv4Address(bits: UInt32(truncatingIfNeeded: key.source.low)))
        return Int(truncatingIfNeeded: network) & (shares.count - 1)
    }

    /// Drops the oldest datagram of the share that has most, of one's own among equals.
    ///
    /// - Parameter spared: A datagram that stays.
    /// - Returns: Whether there was one.
    @discardableResult
    private mutating func displace(for own: Int, sparing spared: Int, by measure: (borrowing Share) -> Int) -> Bool {
        var largest = own
        for index in shares.indices where measure(shares[index]) > measure(shares[largest]) { largest = index }
        guard measure(shares[largest]) > 0 else { return false }
        var victim = Int(shares[largest].oldest)
        if victim >= 0, victim == spared { victim = Int(datagrams[victim].newerInShare) }
        guard victim >= 0 else { return false }
        displaced += freePieces(unhang(victim))
        remove(victim)
        return true
    }

    /// Takes the waiting fragments off a datagram.
    mutating func unhang(_ index: Int) -> Int32 {
        let head = datagrams[index].head
        shares[datagrams[index].share].blocks -= datagrams[index].blocks
        datagrams[index].blocks = 0
        datagrams[index].head = -1
        return head
    }

    /// Forgets a datagram whose fragments have been freed or released.
    mutating func remove(_ index: Int) {
        let share = datagrams[index].share
        let (olderInShare, newerInShare) = (datagrams[index].olderInShare, datagrams[index].newerInShare)
        if olderInShare >= 0 {
            datagrams[Int(olderInShare)].newerInShare = newerInShare
        } else {
            shares[share].oldest = newerInShare
        }
        if newerInShare >= 0 {
            datagrams[Int(newerInShare)].olderInShare = olderInShare
        } else {
            shares[share].newest = olderInShare
        }
        shares[share].datagrams -= 1
        let bucket = bucket(datagrams[index].key)
        if buckets[bucket] == Int32(index) {
            buckets[bucket] = datagrams[index].inBucket
        } else {
            var before = Int(buckets[bucket])
            while datagrams[before].inBucket != Int32(index) { before = Int(datagrams[before].inBucket) }
            datagrams[before].inBucket = datagrams[index].inBucket
        }
        let (older, newer) = (datagrams[index].older, datagrams[index].newer)
        if older >= 0 { datagrams[Int(older)].newer = newer } else { oldest = newer }
        if newer >= 0 { datagrams[Int(newer)].older = older } else { newest = older }
        datagrams[index] = Datagram()
        datagrams[index].inBucket = freeDatagram
        freeDatagram = Int32(index)
        datagramsInUse -= 1
    }

    /// Frees what waits and lets the rest of the datagram be refused.
    mutating func refuse(_ index: Int) {
        orphaned += freePieces(unhang(index))
        datagrams[index].route = .refused
    }

    /// How long an identification stays with its datagram: the maximum datagram lifetime of RFC 6864 section 4.3.
    private static var datagramLifetime: Moment.Span { .seconds(120) }

    /// Writes down which datagram has an identification, if no other has. What was written down is forgotten when
    /// another takes its place, so that this is as good as the memory for it.
    mutating func claim(_ flow: UInt64, for key: FragmentKey, at now: Moment) -> Bool {
        let datagram = secret(key.source.high, key.source.low, UInt64(key.identification))
        let place = Int(truncatingIfNeeded: flow) & (claims.count - 1)
        let old = claims[place]
        if old.flow == flow, old.datagram != datagram, old.deadline > now { return false }
        claims[place] = Claim(flow: flow, datagram: datagram, deadline: now + Self.datagramLifetime)
        return true
    }

    /// Copies a fragment into blocks and hangs it at its datagram, in order of offset.
    mutating func keep(_ piece: FragmentPiece, _ packet: borrowing RawSpan, at index: Int) throws(DropReason) {
        let count = piece.end - piece.start
        let needed = (count + Self.blockSize - 1) / Self.blockSize
        while blocks.count - blocksInUse < needed {
            guard displace(for: datagrams[index].share, sparing: index, by: { $0.blocks }) else {
                refuse(index)
                throw .fragmentMemory
            }
        }
        guard needed > 0 else { throw .malformed }
        let first = freeBlock
        var last = first
        var done = 0
        for number in 0..<needed {
            if number > 0 { last = blocks[Int(last)].next }
            let part = min(Self.blockSize, count - done)
            var octets = memory.mutableOctets
            octets.copy(packet, from: piece.start + done, to: Int(last) * Self.blockSize, count: part)
            done += part
        }
        freeBlock = blocks[Int(last)].next
        blocks[Int(last)].next = -1
        blocksInUse += needed
        datagrams[index].blocks += needed
        shares[datagrams[index].share].blocks += needed
        blocks[Int(first)].count = Int32(count)
        blocks[Int(first)].offset = Int32(piece.offset)
        blocks[Int(first)].payload = Int32(piece.payload - piece.start)

        var before: Int32 = -1
        var after = datagrams[index].head
        while after >= 0, blocks[Int(after)].offset < Int32(piece.offset) {
            before = after
            after = blocks[Int(after)].nextPiece
        }
        blocks[Int(first)].nextPiece = after
        if before >= 0 { blocks[Int(before)].nextPiece = first } else { datagrams[index].head = first }
    }

    /// Copies the first of some released fragments out, frees it and moves on to the next.
    mutating func take(_ head: inout Int32, into target: inout MutableRawSpan, at offset: Int) -> Int {
        let first = head
        let count = Int(blocks[Int(first)].count)
        guard offset + count + PacketFrame.margin <= target.byteCount else {
            head = blocks[Int(first)].nextPiece
            freeBlocks(of: first)
            return 0
        }
        var block = first
        var done = 0
        while block >= 0 {
            let part = min(Self.blockSize, count - done)
            target.copy(memory.octets, from: Int(block) * Self.blockSize, to: offset + done, count: part)
            done += part
            block = blocks[Int(block)].next
        }
        head = blocks[Int(first)].nextPiece
        freeBlocks(of: first)
        return count
    }

    /// Frees a chain of fragments and says how many they were.
    mutating func freePieces(_ head: Int32) -> Int {
        var piece = head
        var count = 0
        while piece >= 0 {
            let next = blocks[Int(piece)].nextPiece
            freeBlocks(of: piece)
            piece = next
            count += 1
        }
        return count
    }

    private mutating func freeBlocks(of first: Int32) {
        var last = first
        var count = 1
        while blocks[Int(last)].next >= 0 {
            last = blocks[Int(last)].next
            count += 1
        }
        blocks[Int(last)].next = freeBlock
        freeBlock = first
        blocksInUse -= count
    }

    /// Sums up a UDP datagram over IPv4 that came in fragments and without a checksum, and writes the checksum into
    /// its first fragment: RFC 6146 section 3.4.
    mutating func giveChecksum(_ index: Int) throws(DropReason) {
        let key = datagrams[index].key
        let head = Int(datagrams[index].head)
        let header = head * Self.blockSize + Int(blocks[head].payload)
        let length = Int(memory.octets.uint16(at: header + UDPField.length))
        // What comes behind the datagram's own length is no part of it, and passes with it (RFC 9868).
        guard length >= UDPField.headerLength, length <= Int(datagrams[index].total) else {
            refuse(index)
            throw .malformed
        }
        var sum = Checksum.pseudoHeader(
            IPv4Address(bits: UInt32(truncatingIfNeeded: key.source.low)),
            IPv4Address(bits: UInt32(truncatingIfNeeded: key.destination.low)),
            length: length,
            proto: IPProtocol.udp
        )
        var piece = datagrams[index].head
        var uncovered = length
        while piece >= 0 {
            var skip = Int(blocks[Int(piece)].payload)
            var left = Int(blocks[Int(piece)].count)
            var block = piece
            while block >= 0 {
                let part = min(Self.blockSize, left)
                // Blocks and headers have even lengths, so words never straddle a border.
                let covered = min(max(part - skip, 0), uncovered)
                sum.add(memory.octets, from: Int(block) * Self.blockSize + skip, count: covered)
                uncovered -= covered
                skip = max(skip - part, 0)
                left -= part
                block = blocks[Int(block)].next
            }
            piece = blocks[Int(piece)].nextPiece
        }
        var octets = memory.mutableOctets
        octets.store(Checksum.udp(sum.checksum), at: header + UDPField.checksum)
    }
}
