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
/// exactly one slot in the index.
@safe
struct CacheShard: @unchecked Sendable {
    private let ring: UnsafeMutableRawPointer
    private let index: CacheIndex
    /// Apart from what it guards, so that nothing that changes the whole state touches it.
    private let gate: UnsafeMutablePointer<Mutex<Void>>
    private let memory: UnsafeMutablePointer<State>
    /// How many octets the ring has.
    let capacity: Int

    /// What changes.
    private struct State: ~Copyable {
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
        unsafe ring = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
        index = CacheIndex(slotCount: slotCount)
        unsafe gate = UnsafeMutablePointer<Mutex<Void>>.allocate(capacity: 1)
        unsafe gate.initialize(to: Mutex(()))
        unsafe memory = UnsafeMutablePointer<State>.allocate(capacity: 1)
        unsafe memory.initialize(to: State())
    }

    /// Gives the memory back; the shard is not used again.
    func deallocate() {
        unsafe memory.deinitialize(count: 1)
        unsafe memory.deallocate()
        unsafe gate.deinitialize(count: 1)
        unsafe gate.deallocate()
        unsafe ring.deallocate()
        index.deallocate()
    }

    private var state: State {
        _read { yield unsafe memory.pointee }
        nonmutating _modify { yield unsafe &memory.pointee }
    }

    /// Takes the shard for this thread; everything below is to be called between `lock` and `unlock`.
    @inline(__always)
    func lock() { unsafe gate.pointee._unsafeLock() }

    /// Gives the shard back.
    @inline(__always)
    func unlock() { unsafe gate.pointee._unsafeUnlock() }

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

    /// Whether there may be an image of a name with this hash.
    func mayHold(_ hash: UInt64) -> Bool {
        var isThere = false
        index.visit(hash) { _ in
            isThere = true
            return false
        }
        return isThere
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
        index.visit(hash) { base in
            if isSought(octets, base) {
                let type = octets.uint16(at: base &+ 24)
                if type == first.rawValue { result.first = base }
                if type == second.rawValue { result.second = base }
                if octets.octet(at: base &+ 30) & AnswerImage.holdsForEveryType != 0 { nameError = base }
            }
            return true
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
        var offset = state.tail
        var left = state.used
        while left > 0 {
            let word = octets.uint32(at: offset)
            let size = Int(word & ~AnswerImage.deadBit)
            if word & AnswerImage.deadBit == 0, isAbout(names, octets.extracting(offset..<offset + size)) {
                kill(offset)
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
        while state.images * 4 >= index.slotCount * 3 { evict(&chances) }
        while !makeContiguous(size) { evict(&chances) }
        var ring = mutableOctets
        ring.copy(image, from: 0, to: state.head, count: size)
        index.link(hash, state.head)
        advanceHead(size)
        state.images += 1
    }

    /// Who pursues the questions of this shard.
    var claims: Claims {
        get { state.claims }
        nonmutating _modify { yield &state.claims }
    }

    /// How many images there are, octets in use, and how often room had to be made.
    var measures: (images: Int, octets: Int, evictions: UInt64) { (state.images, state.used, state.evictions) }

    /// Checks the invariants; for tests.
    func checkInvariants() -> Bool {
        var offset = state.tail
        var left = state.used
        var live = 0
        while left > 0 {
            let word = octets.uint32(at: offset)
            let size = Int(word & ~AnswerImage.deadBit)
            guard size >= 8, size <= left, size & 7 == 0 else { return false }
            if word & AnswerImage.deadBit == 0 {
                guard index.slot(of: offset, hash: octets.uint64(at: offset + 40)) != nil else { return false }
                live += 1
            }
            offset += size
            left -= size
            if offset == capacity { offset = 0 }
        }
        return live == state.images && offset == state.head
    }

    // MARK: The ring

    /// Whether the head now has this much room in one piece.
    private func makeContiguous(_ size: Int) -> Bool {
        if state.used == 0 {
            state.head = 0
            state.tail = 0
            return true
        }
        guard state.head != state.tail else { return false }
        if state.head < state.tail { return state.tail - state.head >= size }
        if capacity - state.head >= size { return true }
        guard state.tail >= size else { return false }
        fillToEnd()
        return true
    }

    private func fillToEnd() {
        let rest = capacity - state.head
        var ring = mutableOctets
        ring.store(UInt32(rest) | AnswerImage.deadBit, at: state.head)
        advanceHead(rest)
    }

    private func advanceHead(_ size: Int) {
        state.head += size
        state.used += size
        if state.head == capacity { state.head = 0 }
    }

    /// Frees the image at the tail, or moves it to the head if it was used and there are chances left.
    private func evict(_ chances: inout Int) {
        guard state.used > 0 else { return }
        let base = state.tail
        let word = octets.uint32(at: base)
        let size = Int(word & ~AnswerImage.deadBit)
        state.tail += size
        state.used -= size
        if state.tail == capacity { state.tail = 0 }
        guard word & AnswerImage.deadBit == 0 else { return }
        let hash = octets.uint64(at: base + 40)
        let flags = octets.octet(at: base + 30)
        guard flags & AnswerImage.referenced != 0, chances > 0 else {
            index.unlink(base, hash: hash)
            state.images -= 1
            state.evictions += 1
            return
        }
        chances -= 1
        if state.used == 0 {
            state.head = base
            state.tail = base
        } else if state.head >= base, capacity - state.head < size {
            // The room is in two pieces: the end of the ring, and its begin up to the end of the image itself.
            fillToEnd()
        }
        guard let slot = index.slot(of: base, hash: hash) else { return }
        var ring = mutableOctets
        ring.move(from: base, to: state.head, count: size)
        ring.store(flags & ~AnswerImage.referenced, at: state.head + 30)
        index.set(slot, hash, state.head)
        advanceHead(size)
    }

    // MARK: Names

    /// Forgets the image that answered the same question; false if the name has too many images already.
    private func remove(like image: borrowing RawSpan, hash: UInt64) -> Bool {
        var sameHash = 0
        var same = -1
        index.visit(hash) { base in
            sameHash += 1
            if isLike(image, base) { same = base }
            return same < 0
        }
        guard same >= 0 else { return sameHash < Self.imagesPerName }
        kill(same)
        return true
    }

    /// Takes an image out of the index; its place is free when the tail comes by.
    private func kill(_ base: Int) {
        var ring = mutableOctets
        ring.store(ring.uint32(at: base) | AnswerImage.deadBit, at: base)
        index.unlink(base, hash: ring.uint64(at: base + 40))
        state.images -= 1
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
