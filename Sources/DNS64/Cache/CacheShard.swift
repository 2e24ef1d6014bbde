import DNSWire
import PacketMemory
import Synchronization

/// One part of the cache: a ring of images, an index over them, and a lock for both.
///
/// It is a handle, whose copies are the same shard; the cache owns the memory. So no references are counted where a
/// known name is answered.
///
/// New images go to the head of the ring; room is made at its tail, where an image that was used since it was last seen
/// is moved to the head once more and any other is forgotten. So a flood of names that nobody asks twice passes through
/// and leaves the used ones where they are. All of it lies in memory taken at the start.
///
/// Invariants: between tail and head lie whole images and fillers, which are dead; every image that is not dead has
/// exactly one slot in the index, which lies in the unbroken run of slots that begins at its home.
@safe
struct CacheShard: @unchecked Sendable {
    private let ring: UnsafeMutableRawPointer
    private let slots: UnsafeMutablePointer<UInt64>
    private let state: UnsafeMutablePointer<State>
    /// How many octets the ring has.
    let capacity: Int
    private let mask: UInt64

    /// What changes.
    private struct State: ~Copyable {
        let gate = Mutex<Void>(())
        var head = 0
        var tail = 0
        var used = 0
        var images = 0
        var evictions: UInt64 = 0
        var claims = Claims()
    }

    /// How many images of one name are kept, so that a name with thousands of types does not slow others down.
    private static let imagesPerName = 24
    /// How many used images one insertion moves at most.
    private static let secondChances = 16

    /// Takes this many octets, index included; at least 65,536.
    init(size: Int) {
        var slotCount = 1
        while slotCount * 2 <= size / 64 { slotCount *= 2 }
        capacity = (size - slotCount * 8) & ~7
        mask = UInt64(slotCount - 1)
        unsafe ring = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
        unsafe slots = UnsafeMutablePointer<UInt64>.allocate(capacity: slotCount)
        unsafe slots.initialize(repeating: 0, count: slotCount)
        unsafe state = UnsafeMutablePointer<State>.allocate(capacity: 1)
        unsafe state.initialize(to: State())
    }

    /// Gives the memory back; the shard is not used again.
    func deallocate() {
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
        unsafe ring.deallocate()
        unsafe slots.deallocate()
    }

    private var head: Int {
        get { unsafe state.pointee.head }
        nonmutating set { unsafe state.pointee.head = newValue }
    }
    private var tail: Int {
        get { unsafe state.pointee.tail }
        nonmutating set { unsafe state.pointee.tail = newValue }
    }
    private var used: Int {
        get { unsafe state.pointee.used }
        nonmutating set { unsafe state.pointee.used = newValue }
    }
    private var images: Int {
        get { unsafe state.pointee.images }
        nonmutating set { unsafe state.pointee.images = newValue }
    }
    private var evictions: UInt64 {
        get { unsafe state.pointee.evictions }
        nonmutating set { unsafe state.pointee.evictions = newValue }
    }

    /// Takes the shard for this thread; everything below is to be called between `lock` and `unlock`.
    @inline(__always)
    func lock() { unsafe state.pointee.gate._unsafeLock() }

    /// Gives the shard back.
    @inline(__always)
    func unlock() { unsafe state.pointee.gate._unsafeUnlock() }

    /// The ring. Only what ``find(_:hash:_:_:variant:)`` named may be read in it.
    @inline(__always)
    var octets: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = unsafe RawSpan(_unsafeStart: ring, byteCount: capacity)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    @inline(__always)
    private var mutableOctets: MutableRawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = unsafe MutableRawSpan(_unsafeStart: ring, byteCount: capacity)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Where the images of up to two types of a name lie; -1 where there is none.
    ///
    /// An NXDOMAIN of the name itself stands for every type that has no image of its own.
    @inline(__always)
    func find(
        _ name: Name,
        hash: UInt64,
        _ first: RecordType,
        _ second: RecordType,
        variant: AnswerVariant
    ) -> (first: Int, second: Int) {
        find(hash, first, second) { octets, base in
            octets.octet(at: base &+ 29) == variant.rawValue && Self.holds(octets, base, name)
        }
    }

    /// The same for a name in a message, and the answers that are right for who wants no signatures and checks nothing.
    @inline(__always)
    func find(
        _ message: RawSpan,
        _ name: PlacedName,
        hash: UInt64,
        _ first: RecordType,
        _ second: RecordType
    ) -> (first: Int, second: Int) {
        find(hash, first, second) { octets, base in
            octets.octet(at: base &+ 29) == 0 && Self.holds(octets, base, message, name)
        }
    }

    @inline(__always)
    private func find(
        _ hash: UInt64,
        _ first: RecordType,
        _ second: RecordType,
        where isSought: (borrowing RawSpan, Int) -> Bool
    ) -> (first: Int, second: Int) {
        let octets = octets
        var result = (first: -1, second: -1)
        var nameError = -1
        var index = hash & mask
        while true {
            let slot = unsafe slots[Int(truncatingIfNeeded: index)]
            if slot == 0 { break }
            if slot &>> 32 == hash & 0xFFFF_FFFF {
                let base = Self.base(slot)
                if isSought(octets, base) {
                    let type = octets.uint16(at: base &+ 24)
                    if type == first.rawValue { result.first = base }
                    if type == second.rawValue { result.second = base }
                    if octets.octet(at: base &+ 30) & AnswerImage.holdsForEveryType != 0 { nameError = base }
                }
            }
            index = (index &+ 1) & mask
        }
        if result.first < 0 { result.first = nameError }
        if result.second < 0 { result.second = nameError }
        return result
    }

    @inline(__always)
    private static func holds(
        _ octets: borrowing RawSpan,
        _ base: Int,
        _ message: borrowing RawSpan,
        _ name: PlacedName
    ) -> Bool {
        guard Int(octets.uint16(at: base &+ 26)) == name.count else { return false }
        let start = base &+ AnswerImage.fixedSize &+ MessageHeader.size
        var index = 0
        while index < name.count {
            let size = min(8, name.count &- index)
            guard
                octets.uint64(at: start &+ index &+ size &- 8) &<< UInt64(64 &- 8 &* size)
                    == PlacedName.folded(message, at: name.start &+ index, size)
            else { return false }
            index &+= 8
        }
        return true
    }

    /// Remembers that an image was used.
    @inline(__always)
    func touch(_ base: Int) {
        let flags = octets.octet(at: base &+ 30)
        guard flags & AnswerImage.referenced == 0 else { return }
        var ring = mutableOctets
        ring.store(flags | AnswerImage.referenced, at: base &+ 30)
    }

    /// Remembers that an image's question was asked again, and not to do so before a second of the engine's clock.
    func postponeRefresh(_ base: Int, until: UInt32) {
        var ring = mutableOctets
        ring.store(max(until, 1), at: base &+ 48)
    }

    /// Forgets every image whose name is one of these or lies below, or has an alias that leads there.
    func forget(_ names: NameTable) {
        var offset = tail
        var left = used
        while left > 0 {
            let word = octets.uint32(at: offset)
            let size = Int(word & ~AnswerImage.deadBit)
            if word & AnswerImage.deadBit == 0 {
                if isAbout(names, octets.extracting(offset..<offset + size)) {
                    var ring = mutableOctets
                    ring.store(word | AnswerImage.deadBit, at: offset)
                    unlink(offset, hash: octets.uint64(at: offset + 40))
                    images -= 1
                }
            }
            offset += size
            left -= size
            if offset == capacity { offset = 0 }
        }
    }

    private func isAbout(_ names: NameTable, _ octets: borrowing RawSpan) -> Bool {
        let image = AnswerImage(octets, at: 0)
        let message = octets.extracting(image.message..<image.message + image.messageCount)
        var end = 0
        if let name = try? Name(uncompressedIn: message, at: MessageHeader.size, end: &end),
            names.longest(name).place >= 0
        {
            return true
        }
        guard image.flags & AnswerImage.hasChain != 0 else { return false }
        var targets = AliasTargets(message)
        while let target = targets.next(in: message) {
            if names.longest(target).place >= 0 { return true }
        }
        return false
    }

    /// Puts an image in, in the place of the one that answered the same question.
    func insert(_ answer: StoredAnswer) {
        let size = answer.count
        guard size <= capacity / 4 else { return }
        let image = answer.octets
        let hash = image.uint64(at: 40)
        guard remove(like: image, hash: hash) else { return }
        var chances = Self.secondChances
        while images * 4 >= Int(mask + 1) * 3 { evict(&chances) }
        while !makeContiguous(size) { evict(&chances) }
        var ring = mutableOctets
        ring.copy(image, from: 0, to: head, count: size)
        link(hash, head)
        advanceHead(size)
        images += 1
    }

    /// Who pursues the questions of this shard.
    var claims: Claims {
        get { unsafe state.pointee.claims }
        nonmutating _modify { yield unsafe &state.pointee.claims }
    }

    /// How many images there are, octets in use, and how often room had to be made.
    var measures: (images: Int, octets: Int, evictions: UInt64) { (images, used, evictions) }

    /// Checks the invariants; for tests.
    func checkInvariants() -> Bool {
        var offset = tail
        var left = used
        var live = 0
        while left > 0 {
            let word = octets.uint32(at: offset)
            let size = Int(word & ~AnswerImage.deadBit)
            guard size >= 8, size <= left, size & 7 == 0 else { return false }
            if word & AnswerImage.deadBit == 0 {
                guard slot(of: offset, hash: octets.uint64(at: offset + 40)) != nil else { return false }
                live += 1
            }
            offset += size
            left -= size
            if offset == capacity { offset = 0 }
        }
        return live == images && offset == head
    }

    // MARK: The ring

    /// Whether the head now has this much room in one piece.
    private func makeContiguous(_ size: Int) -> Bool {
        if used == 0 {
            head = 0
            tail = 0
            return true
        }
        guard head != tail else { return false }
        if head < tail { return tail - head >= size }
        if capacity - head >= size { return true }
        guard tail >= size else { return false }
        fillToEnd()
        return true
    }

    private func fillToEnd() {
        let rest = capacity - head
        var ring = mutableOctets
        ring.store(UInt32(rest) | AnswerImage.deadBit, at: head)
        advanceHead(rest)
    }

    private func advanceHead(_ size: Int) {
        head += size
        used += size
        if head == capacity { head = 0 }
    }

    /// Frees the image at the tail, or moves it to the head if it was used and there are chances left.
    private func evict(_ chances: inout Int) {
        guard used > 0 else { return }
        let base = tail
        let word = octets.uint32(at: base)
        let size = Int(word & ~AnswerImage.deadBit)
        tail += size
        used -= size
        if tail == capacity { tail = 0 }
        guard word & AnswerImage.deadBit == 0 else { return }
        let hash = octets.uint64(at: base + 40)
        let flags = octets.octet(at: base + 30)
        guard flags & AnswerImage.referenced != 0, chances > 0 else {
            unlink(base, hash: hash)
            images -= 1
            evictions += 1
            return
        }
        chances -= 1
        if used == 0 {
            head = base
            tail = base
        } else if head >= base, capacity - head < size {
            // The room is in two pieces: the end of the ring, and its begin up to the end of the image itself.
            fillToEnd()
        }
        guard let index = slot(of: base, hash: hash) else { return }
        var ring = mutableOctets
        ring.move(from: base, to: head, count: size)
        ring.store(flags & ~AnswerImage.referenced, at: head + 30)
        unsafe slots[index] = Self.entry(hash, head)
        advanceHead(size)
    }

    // MARK: The index

    /// Forgets the image that answered the same question; false if the name has too many images already.
    private func remove(like image: borrowing RawSpan, hash: UInt64) -> Bool {
        var sameHash = 0
        var index = hash & mask
        while true {
            let slot = unsafe slots[Int(index)]
            if slot == 0 { break }
            if slot &>> 32 == hash & 0xFFFF_FFFF {
                sameHash += 1
                let base = Self.base(slot)
                if isLike(image, base) {
                    var ring = mutableOctets
                    ring.store(ring.uint32(at: base) | AnswerImage.deadBit, at: base)
                    unlink(base, hash: hash)
                    images -= 1
                    return true
                }
            }
            index = (index + 1) & mask
        }
        return sameHash < Self.imagesPerName
    }

    private func isLike(_ image: borrowing RawSpan, _ base: Int) -> Bool {
        let ring = octets
        // Type and the name's length lie side by side.
        guard ring.uint32(at: base + 24) == image.uint32(at: 24), ring.octet(at: base + 29) == image.octet(at: 29)
        else {
            return false
        }
        let name = AnswerImage.fixedSize + MessageHeader.size
        for offset in 0..<Int(image.uint16(at: 26))
        where ring.octet(at: base + name + offset) != image.octet(at: name + offset) { return false }
        return true
    }

    private func link(_ hash: UInt64, _ base: Int) {
        var index = hash & mask
        while unsafe slots[Int(index)] != 0 { index = (index + 1) & mask }
        unsafe slots[Int(index)] = Self.entry(hash, base)
    }

    private func slot(of base: Int, hash: UInt64) -> Int? {
        let wanted = Self.entry(hash, base)
        var index = hash & mask
        while true {
            let slot = unsafe slots[Int(index)]
            if slot == wanted { return Int(index) }
            if slot == 0 { return nil }
            index = (index + 1) & mask
        }
    }

    /// Takes a slot out and moves later ones of the run forward, so that no run is broken.
    private func unlink(_ base: Int, hash: UInt64) {
        guard let found = slot(of: base, hash: hash) else { return }
        var hole = UInt64(found)
        var index = (hole + 1) & mask
        while true {
            let slot = unsafe slots[Int(index)]
            if slot == 0 { break }
            let home = slot &>> 32 & mask
            if (index &- home) & mask >= (index &- hole) & mask {
                unsafe slots[Int(hole)] = slot
                hole = index
            }
            index = (index + 1) & mask
        }
        unsafe slots[Int(hole)] = 0
    }

    @inline(__always)
    private static func entry(_ hash: UInt64, _ base: Int) -> UInt64 {
        hash &<< 32 | UInt64(truncatingIfNeeded: base &>> 3 &+ 1)
    }

    @inline(__always)
    private static func base(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: (slot & 0xFFFF_FFFF) &- 1) &<< 3 }

    /// Whether the image is of this name; images hold names in lower case.
    @inline(__always)
    private static func holds(_ octets: borrowing RawSpan, _ base: Int, _ name: borrowing Name) -> Bool {
        let count = name.count
        guard Int(octets.uint16(at: base &+ 26)) == count else { return false }
        let start = base &+ AnswerImage.fixedSize &+ MessageHeader.size
        var index = 0
        while index &+ 8 <= count {
            guard octets.uint64(at: start &+ index) == name.foldedWord(index &>> 3) else { return false }
            index &+= 8
        }
        guard index < count else { return true }
        let unused = UInt64(8 &* (8 &- (count &- index)))
        return octets.uint64(at: start &+ index) &>> unused == name.foldedWord(index &>> 3) &>> unused
    }
}
