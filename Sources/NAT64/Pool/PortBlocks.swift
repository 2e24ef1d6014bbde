import IPAddressing
import Synchronization
import Timing

/// Which client networks have which blocks of ports, so that the log needs a line for a block and not for a session.
///
/// A block is its network's for all protocols. Each address has up to 1,024 of them: a bit says that one is taken, and a
/// record whose it is. The records of a network are found by the keyed hash of the network, in one of 2^18 buckets; a
/// sixty-fourth of the buckets has a lock, which is only ever taken last. Only bindings that are made or end come here.
///
/// Who takes a block allocates nothing and writes nothing: ``takeNews()`` tells the worker after its burst to wake whoever
/// calls ``collect(at:holdDown:clientLength:returned:)``, which also comes by every second, tells of new blocks, and gives
/// back those that were empty for a while.
@safe
struct PortBlocks: ~Copyable, @unchecked Sendable {
    /// The most blocks of an address.
    static let most = 1024
    /// Octets for each address: the bits, how its ports are cut, the records.
    private static let octets = 192 + most * 64
    private static let partCount = 64
    private static let bucketsOfPart = 1 << 12

    /// A line of blocks, the first come first.
    private struct Line: BitwiseCopyable {
        var head = PortBlockID.none.rawValue
        var tail = PortBlockID.none.rawValue
    }

    private struct Part: ~Copyable {
        let lock = ShardLock()
        /// Blocks that nobody was told of yet, or that have become empty since the last look.
        var changed = Line()
        /// Blocks that were found empty, the earliest first.
        var empty = Line()
    }

    /// Whether a block was taken that nobody has been told to collect.
    private let news = Atomic<Bool>(false)
    /// How many blocks are taken, and how many of these lie beyond computed ports.
    private let total = Atomic<Int>(0)
    private let computed = Atomic<Int>(0)
    private let addresses: ReservedMemory
    private let buckets: ReservedMemory
    private let parts: UnsafeMutablePointer<Part>

    init() {
        precondition(MemoryLayout<PortBlockRecord>.stride <= 64, "the layout of port blocks")
        addresses = .mustReserve(addressSpace: NAT64Settings.mostPoolAddresses * Self.octets, for: "port blocks")
        buckets = .mustReserve(Self.partCount * Self.bucketsOfPart * 4, for: "port blocks")
        let parts = UnsafeMutablePointer<Part>.allocate(capacity: Self.partCount)
        for index in 0..<Self.partCount { unsafe (parts + index).initialize(to: Part()) }
        unsafe self.parts = parts
    }

    deinit {
        unsafe parts.deinitialize(count: Self.partCount)
        unsafe parts.deallocate()
    }

    /// Makes the memory of the numbers below `end` usable.
    ///
    /// - Returns: Whether the kernel gave it.
    func open(numbersTo end: Int, opened: Int) -> Bool { addresses.open(opened * Self.octets..<end * Self.octets) }

    /// How many blocks are taken.
    var count: Int { total.load(ordering: .relaxed) }
    /// How many of them clients have that share the pool.
    var countOfPool: Int { count - computed.load(ordering: .relaxed) }

    // MARK: The bits of an address

    /// The first free block of an address, of some places.
    func firstFree(_ number: Int, of candidates: ClosedRange<Int>) -> Int? {
        for word in candidates.lowerBound >> 6...candidates.upperBound >> 6 {
            let places = Self.places(ofWord: word, candidates.lowerBound, candidates.upperBound)
            let free = unsafe ~bits(number, word).pointee.load(ordering: .relaxed) & places
            if free != 0 { return word << 6 | free.trailingZeroBitCount }
        }
        return nil
    }

    /// Takes a block of an address.
    ///
    /// - Returns: Whether it was free.
    func claim(_ number: Int, _ place: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(place & 63)
        return unsafe bits(number, place >> 6).pointee.bitwiseOr(bit, ordering: .sequentiallyConsistent).oldValue & bit
            == 0
    }

    /// Gives up a block that was claimed and not added.
    func giveUp(_ number: Int, _ place: Int) {
        _ = unsafe bits(number, place >> 6).pointee.bitwiseAnd(
            ~(1 << UInt64(place & 63)),
            ordering: .sequentiallyConsistent
        )
    }

    /// How many blocks of an address are taken, of some places.
    func taken(_ number: Int, of candidates: ClosedRange<Int> = 0...most - 1) -> Int {
        var count = 0
        for word in candidates.lowerBound >> 6...candidates.upperBound >> 6 {
            let places = Self.places(ofWord: word, candidates.lowerBound, candidates.upperBound)
            let taken = unsafe bits(number, word).pointee.load(ordering: .sequentiallyConsistent)
            count += (taken & places).nonzeroBitCount
        }
        return count
    }

    private static func places(ofWord word: Int, _ first: Int, _ last: Int) -> UInt64 {
        var places: UInt64 = ~0
        if word == first >> 6 { places &= ~0 << UInt64(first & 63) }
        if word == last >> 6 { places &= ~0 >> UInt64(63 - (last & 63)) }
        return places
    }

    // MARK: The blocks of a network

    /// Waits for the lock of a network, by its keyed hash; what follows is to be called under it.
    func lock(_ network: UInt64) { _ = unsafe part(network).pointee.lock.lock() }
    /// Gives the lock back.
    func unlock(_ network: UInt64) { unsafe part(network).pointee.lock.unlock() }

    /// The first block in the bucket of a network; others follow by ``PortBlockRecord/next``, also of other networks.
    func first(_ network: UInt64) -> PortBlockID { PortBlockID(rawValue: unsafe bucket(network).pointee) }

    /// A block.
    subscript(_ id: PortBlockID) -> PortBlockRecord {
        @inline(__always) get { unsafe record(id).pointee }
        @inline(__always) nonmutating set { unsafe record(id).pointee = newValue }
    }

    /// Makes a claimed block a network's.
    ///
    /// - Parameters:
    ///   - base: The first port of the address's first block; zero unless its ports are computed.
    ///   - size: How many ports a block has, the same for all blocks of an address.
    func add(_ id: PortBlockID, _ block: PortBlockRecord, _ network: UInt64, base: Int, size: Int) {
        let cut = UInt32(truncatingIfNeeded: base << 16 | size)
        unsafe self.cut(id.number).pointee.store(cut, ordering: .relaxed)
        let bucket = unsafe bucket(network)
        var block = block
        block.next = unsafe bucket.pointee
        block.isListed = true
        self[id] = block
        unsafe bucket.pointee = id.rawValue
        unsafe append(id, to: &part(network).pointee.changed)
        total.wrappingAdd(1, ordering: .relaxed)
        if base > 0 { computed.wrappingAdd(1, ordering: .relaxed) }
        news.store(true, ordering: .releasing)
    }

    /// Whether a block was taken since this was asked last.
    @inline(__always)
    func takeNews() -> Bool {
        news.load(ordering: .relaxed) && news.exchange(false, ordering: .acquiring)
    }

    /// Takes note of a port that has been given back, under no lock of ours.
    ///
    /// - Parameter network: The hash of the network that had the port, which has the block if there is one.
    func gaveBack(_ port: Port, _ number: Int, _ transport: TransportProtocol, _ network: UInt64) {
        let cut = unsafe self.cut(number).pointee.load(ordering: .relaxed)
        let (base, size) = (Int(cut >> 16), Int(cut & 0xFFFF))
        guard size > 0, Int(port.number) >= base else { return }
        let place = (Int(port.number) - base) / size
        guard place < Self.most else { return }
        let id = PortBlockID(number, place)
        lock(network)
        defer { unlock(network) }
        let record = unsafe record(id)
        guard unsafe record.pointee[transport] > 0 else { return }
        unsafe record.pointee[transport] -= 1
        guard unsafe record.pointee.isEmpty else { return }
        unsafe record.pointee.isSeenEmpty = false
        guard unsafe !record.pointee.isListed else { return }
        unsafe record.pointee.isListed = true
        unsafe append(id, to: &part(network).pointee.changed)
    }

    // MARK: The lines

    /// Tells of blocks that were taken, and gives back those that have been empty for a while. One thread at a time.
    ///
    /// - Parameters:
    ///   - holdDown: How long a block is its network's after its last port.
    ///   - clientLength: How many bits name a client network.
    ///   - returned: Is told the numbers of the addresses that have a free block again.
    func collect(
        at moment: Moment,
        holdDown: Moment.Span,
        clientLength: Int,
        returned: (Int) -> Void
    ) -> [PortBlockEvent] {
        var events: [PortBlockEvent] = []
        let rest = Int32(Tick.count(covering: holdDown))
        for index in 0..<Self.partCount {
            var isDone = false
            while !isDone {
                events.reserveCapacity(events.count + 256)
                _ = unsafe parts[index].lock.lock()
                isDone = collect(from: index, at: moment, rest, clientLength, &events, returned)
                unsafe parts[index].lock.unlock()
            }
        }
        return events
    }

    /// Looks at a few blocks of a part, so that nobody waits long for the lock.
    ///
    /// - Returns: Whether there is nothing left to do.
    private func collect(
        from index: Int,
        at moment: Moment,
        _ holdDown: Int32,
        _ clientLength: Int,
        _ events: inout [PortBlockEvent],
        _ returned: (Int) -> Void
    ) -> Bool {
        for _ in 0..<128 {
            if let id = unsafe takeFirst(of: &parts[index].changed) {
                if self[id].isNew {
                    let block = told(id, clientLength)
                    events.append(PortBlockEvent(isTaken: true, block: block, moment: block.taken))
                }
                unsafe record(id).pointee.isNew = false
                putBack(id, index, moment)
            } else {
                let head = PortBlockID(rawValue: unsafe parts[index].empty.head)
                guard head != .none else { return true }
                let block = self[head]
                let rests = block.isEmpty && block.isSeenEmpty
                if rests, Tick(moment).since(block.emptied) < holdDown { return true }
                _ = unsafe takeFirst(of: &parts[index].empty)
                if rests {
                    events.append(PortBlockEvent(isTaken: false, block: told(head, clientLength), moment: moment))
                    remove(head)
                    returned(head.number)
                } else {
                    putBack(head, index, moment)
                }
            }
        }
        return false
    }

    /// Puts a block that was taken out of its line where it belongs now.
    private func putBack(_ id: PortBlockID, _ index: Int, _ moment: Moment) {
        guard self[id].isEmpty else {
            unsafe record(id).pointee.isListed = false
            return
        }
        unsafe record(id).pointee.emptied = Tick(moment)
        unsafe record(id).pointee.isSeenEmpty = true
        unsafe append(id, to: &parts[index].empty)
    }

    /// Takes a block out of its bucket and gives it back.
    private func remove(_ id: PortBlockID) {
        let first = unsafe bucket(self[id].network)
        if unsafe first.pointee == id.rawValue {
            unsafe first.pointee = self[id].next
        } else {
            var before = PortBlockID(rawValue: unsafe first.pointee)
            while self[before].next != id.rawValue { before = PortBlockID(rawValue: self[before].next) }
            unsafe record(before).pointee.next = self[id].next
        }
        total.wrappingSubtract(1, ordering: .relaxed)
        if unsafe cut(id.number).pointee.load(ordering: .relaxed) >> 16 > 0 {
            computed.wrappingSubtract(1, ordering: .relaxed)
        }
        giveUp(id.number, id.place)
    }

    /// Blocks from a bucket on, all of a network's together, and how many ports of each are in use or held.
    ///
    /// - Parameter limit: How many are enough; those that share a bucket with the last come too.
    /// - Returns: The blocks, and the bucket to go on from; nothing after the last.
    func slice(
        from start: Int,
        limit: Int,
        clientLength: Int
    ) -> (blocks: [(block: PortBlock, inUse: Int)], next: Int?) {
        var blocks: [(block: PortBlock, inUse: Int)] = []
        let next = walk(from: start) { id, record in
            blocks.append((told(id, clientLength), Int(record.udp) + Int(record.tcp) + Int(record.icmp)))
            return blocks.count < limit
        }
        return (blocks, next)
    }

    /// Shows every block that is taken.
    func forEach(_ body: (PortBlockID, PortBlockRecord) -> Void) {
        _ = walk(from: 0) { id, record in
            body(id, record)
            return true
        }
    }

    /// Shows the blocks from a bucket on, until `body` has said no and the bucket is done. It locks a part at a time, for
    /// some tens of microseconds.
    ///
    /// - Returns: The bucket to go on from; nothing after the last.
    private func walk(from start: Int, _ body: (PortBlockID, PortBlockRecord) -> Bool) -> Int? {
        var bucket = max(start, 0)
        while bucket < Self.partCount * Self.bucketsOfPart {
            let part = bucket / Self.bucketsOfPart
            _ = unsafe parts[part].lock.lock()
            defer { unsafe parts[part].lock.unlock() }
            while bucket < (part + 1) * Self.bucketsOfPart {
                var id = PortBlockID(rawValue: unsafe bucketWords[bucket])
                bucket += 1
                var goesOn = true
                while id != .none {
                    let block = self[id]
                    goesOn = body(id, block) && goesOn
                    id = PortBlockID(rawValue: block.next)
                }
                if !goesOn { return bucket }
            }
        }
        return nil
    }
}

// MARK: Where things lie

extension PortBlocks {
    private func bits(_ number: Int, _ word: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (addresses.base + number * Self.octets).assumingMemoryBound(to: Atomic<UInt64>.self) + word
    }

    /// How the ports of an address are cut: the first port of the first block, and how many each has.
    private func cut(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (addresses.base + number * Self.octets + 128).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always)
    private func record(_ id: PortBlockID) -> UnsafeMutablePointer<PortBlockRecord> {
        let offset = id.number * Self.octets + 192 + id.place * 64
        return unsafe (addresses.base + offset).assumingMemoryBound(to: PortBlockRecord.self)
    }

    private func part(_ network: UInt64) -> UnsafeMutablePointer<Part> { unsafe parts + Int(network & 63) }

    private func bucket(_ network: UInt64) -> UnsafeMutablePointer<UInt32> {
        let row = Int(truncatingIfNeeded: network >> 6) & (Self.bucketsOfPart - 1)
        let index = Int(network & 63) * Self.bucketsOfPart + row
        return unsafe bucketWords + index
    }

    private var bucketWords: UnsafeMutablePointer<UInt32> {
        unsafe buckets.base.assumingMemoryBound(to: UInt32.self)
    }

    private func append(_ id: PortBlockID, to line: inout Line) {
        unsafe record(id).pointee.nextInLine = PortBlockID.none.rawValue
        let tail = PortBlockID(rawValue: line.tail)
        if tail == .none { line.head = id.rawValue } else { unsafe record(tail).pointee.nextInLine = id.rawValue }
        line.tail = id.rawValue
    }

    private func takeFirst(of line: inout Line) -> PortBlockID? {
        let head = PortBlockID(rawValue: line.head)
        guard head != .none else { return nil }
        line.head = self[head].nextInLine
        if line.head == PortBlockID.none.rawValue { line.tail = line.head }
        return head
    }

    private func told(_ id: PortBlockID, _ clientLength: Int) -> PortBlock {
        let record = self[id]
        return PortBlock(
            client: IPv6Prefix(record.client, length: clientLength),
            address: record.address,
            ports: Port(record.first)...Port(record.last),
            taken: record.taken
        )
    }
}
