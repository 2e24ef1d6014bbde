import CPrefetch
import IPAddressing
import Synchronization
import Timing

/// The IPv4 transport addresses that stand for clients, which of them are in use, and by which bindings.
///
/// For each address and protocol there is a ``PortSpace`` and an array that names, for every port, the shard and slot of
/// its binding: an inward packet finds its binding by two reads, without hashing. Both cost memory only where they
/// have been touched, and lie where the number of the address says; numbers stay while the pool changes.
///
/// Which addresses there are stands in a ``PoolLayout`` that is replaced as a whole. Packets read it without a lock, so
/// that an old one is freed, and the numbers it alone had are given to others, only when every worker has begun a
/// packet since (``reclaim(seen:)``).
@safe
struct Pool: ~Copyable, @unchecked Sendable {
    /// What changes with the layout, for whoever changes it.
    struct Changes {
        /// Numbers that no address has, none overlapping another.
        var freeNumbers: [Range<Int>]
        /// No number from here on was ever used.
        var opened = 0
        /// Layouts that somebody may still be reading.
        var retired: [Retired] = []
    }

    /// A layout that is in force no more.
    @safe
    struct Retired {
        let layout: UnsafeMutablePointer<PoolLayout>
        /// The numbers that only it had.
        let numbers: [Range<Int>]
        /// The generation of the first view by which nobody reads it; nothing until it is known.
        var generation: UInt64?
    }

    /// Whether a sixteenth of the ports of every address is set aside for overloading.
    let overloads: Bool
    let changes: Mutex<Changes>
    private let current: Atomic<UInt>
    /// How many ports of the addresses that do not drain are in use or held, by protocol.
    private let taken: [3 of Atomic<UInt64>]
    private let spaces: ReservedMemory
    private let owners: ReservedMemory
    private let openAddresses: ReservedMemory
    /// Addresses that have so many ports in use that all pages of ``owners`` will be touched soon: see ``layIn()``.
    private let busy: [64 of Atomic<UInt64>]
    /// How many octets of ``owners`` were laid in.
    private let laidIn = Atomic<Int>(0)
    private let ahead: MemoryAhead
    /// Which client networks have which blocks of ports.
    let blocks = PortBlocks()
    /// What is in use beside the ports that clients are given.
    let outside = Outside()

    /// Lays out a pool. Where entries overlap, the one with the lower first address has what they share.
    init(_ entries: [PoolEntry], overloads: Bool = false, _ ahead: MemoryAhead = MemoryAhead()) {
        self.ahead = ahead
        busy = InlineArray { _ in Atomic<UInt64>(0) }
        let most = NAT64Settings.mostPoolAddresses
        self.overloads = overloads
        changes = Mutex(Changes(freeNumbers: [0..<most]))
        taken = InlineArray { _ in Atomic<UInt64>(0) }
        spaces = .mustReserve(addressSpace: most * Self.spaceOctets, for: "the pool's ports")
        owners = .mustReserve(addressSpace: most * Self.ownerOctets, for: "the pool's ports")
        openAddresses = .mustReserve(4 * OpenAddresses.octets, for: "the pool's addresses")
        let empty = UnsafeMutablePointer<PoolLayout>.allocate(capacity: 1)
        unsafe empty.initialize(to: PoolLayout([]))
        current = Atomic(UInt(bitPattern: empty))
        let fits = change(to: entries, at: .start, pairings: { _, _ in [:] }, waitForShards: {})
        precondition(fits, "the pool has more addresses than are allowed")
    }

    deinit {
        changes.withLock { changes in
            for old in changes.retired { unsafe Self.free(old.layout) }
        }
        unsafe Self.free(layoutAddress)
    }

    private static var spaceOctets: Int { 3 * PortSpace.octets }
    private static var ownerOctets: Int { 3 << 18 }

    // MARK: The layout

    /// What the pool consists of now.
    @inline(__always)
    var layout: PoolLayout { unsafe layoutAddress.pointee }

    private var layoutAddress: UnsafeMutablePointer<PoolLayout> {
        @inline(__always) get {
            let address = current.load(ordering: .acquiring)
            return unsafe UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
        }
    }

    /// Puts a layout in force.
    ///
    /// - Returns: The one before.
    func publish(_ layout: PoolLayout) -> UnsafeMutablePointer<PoolLayout> {
        let new = UnsafeMutablePointer<PoolLayout>.allocate(capacity: 1)
        var layout = layout
        layout.serial = max(1, self.layout.serial &+ 1)
        unsafe new.initialize(to: layout)
        let old = current.exchange(UInt(bitPattern: new), ordering: .acquiringAndReleasing)
        return unsafe UnsafeMutablePointer(bitPattern: old).unsafelyUnwrapped
    }

    static func free(_ layout: UnsafeMutablePointer<PoolLayout>) {
        unsafe layout.pointee.free()
        unsafe layout.deallocate()
    }

    /// Makes the memory of the numbers below `end` usable.
    ///
    /// - Returns: Whether the kernel gave it.
    func open(numbersTo end: Int, opened: Int) -> Bool {
        spaces.open(opened * Self.spaceOctets..<end * Self.spaceOctets)
            && owners.open(opened * Self.ownerOctets..<end * Self.ownerOctets)
            && blocks.open(numbersTo: end, opened: opened)
    }

    /// Makes the memory of numbers as if it had never been used.
    func clear(_ numbers: Range<Int>) {
        for number in numbers {
            for transport in TransportProtocol.allCases { open(transport).close(number) }
            openForBlocks.close(number)
        }
        spaces.clear(numbers.lowerBound * Self.spaceOctets..<numbers.upperBound * Self.spaceOctets)
        owners.clear(numbers.lowerBound * Self.ownerOctets..<numbers.upperBound * Self.ownerOctets)
    }

    /// The place of an address, draining or not.
    @inline(__always)
    func find(_ address: IPv4Address) -> PoolPlace? { layout.find(address) }

    /// Whose a transport address is.
    @inline(__always)
    func membership(of external: TransportAddress4) -> PoolMembership {
        let layout = layout
        guard let place = layout.find(external.address) else { return .outside }
        let port = external.port.number
        let isOurs = layout.withRange(at: place.range) { port >= $0.ports.first && port <= $0.ports.end }
        return isOurs ? .pool : place.isShared ? .host : .unusedPort
    }

    // MARK: Ports

    /// How many ports of all addresses, those that drain aside, are in use or held for a protocol.
    func inUse(_ transport: TransportProtocol) -> UInt64 { taken[Int(transport.rawValue)].load(ordering: .relaxed) }

    /// Which addresses may have a free port.
    func open(_ transport: TransportProtocol) -> OpenAddresses {
        unsafe OpenAddresses(openAddresses.base + Int(transport.rawValue) * OpenAddresses.octets)
    }

    /// Which addresses may have a free block of ports.
    var openForBlocks: OpenAddresses { unsafe OpenAddresses(openAddresses.base + 3 * OpenAddresses.octets) }

    /// Takes a port that a client is to have, of a part of an address's ports.
    ///
    /// - Parameter number: The number of an address of the layout that is in force at some moment since the caller's
    ///   shard was locked.
    func take(
        from ports: borrowing PoolPorts,
        of number: Int,
        for shard: Int,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64,
        looks: inout Int
    ) -> Port? {
        let space = space(number, transport)
        let port = space.take(from: ports, for: shard, transport, like: wanted, choice: choice, looks: &looks)
        if port != nil, !space.isRetired { taken[Int(transport.rawValue)].wrappingAdd(1, ordering: .relaxed) }
        return port
    }

    /// Takes a port that a client is to have.
    ///
    /// - Parameters:
    ///   - range: The place of the address's range in `layout`, which must be the one in force at some moment since the
    ///     caller's shard was locked.
    ///   - looks: Counts the words that were looked at.
    /// - Returns: The port; nothing if the address has none.
    func take(
        at place: PoolPlace,
        of layout: PoolLayout,
        for shard: Int,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64,
        looks: inout Int
    ) -> Port? {
        let open = open(transport)
        let space = space(place.number, transport)
        return layout.withRange(at: place.range) { range in
            // A port given back while the search was under way may have been missed; a third time is too much.
            for _ in 0..<2 {
                looks &+= 1
                guard open.contains(place.number) else { return nil }
                let port = space.take(
                    from: range.ports,
                    for: shard,
                    transport,
                    like: wanted,
                    choice: choice,
                    looks: &looks
                )
                if port != nil { took(space, place.number, transport, range.ports) }
                if port == nil || space.used >= range.ports.count { close(space, place.number, transport, range.ports) }
                if let port { return port }
            }
            return nil
        }
    }

    /// Takes the port that was asked for ahead, or one beside it that is as good.
    ///
    /// - Parameters:
    ///   - ahead: What ``prefetchFirst(at:of:for:_:like:choice:)`` has said of this layout.
    ///   - layout: The one in force at some moment since the caller's shard was locked.
    /// - Returns: The port that ``take(at:of:for:_:like:choice:looks:)`` would choose first; nothing if it would go on.
    func take(
        _ ahead: PortAhead,
        of layout: PoolLayout,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64
    ) -> Port? {
        let number = Int(ahead.number)
        let space = space(number, transport)
        guard open(transport).contains(number) else { return nil }
        return layout.withRange(at: Int(ahead.range)) { range in
            let port = space.take(near: ahead.port, from: range.ports, transport, like: wanted, choice: choice)
            guard let port else { return nil }
            took(space, number, transport, range.ports)
            if space.used >= range.ports.count { close(space, number, transport, range.ports) }
            return port
        }
    }

    /// Asks for the memory of the port that a new binding gets if it is free: for its bit, and the word that says whose
    /// it is.
    ///
    /// - Returns: Which port that is; nothing if no port suits the client.
    @inline(__always)
    func prefetchFirst(
        at place: PoolPlace,
        of layout: PoolLayout,
        for shard: Int,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64
    ) -> PortAhead {
        let first = layout.withRange(at: place.range) { range in
            space(place.number, transport)
                .prefetchFirst(of: range.ports, for: shard, transport, like: wanted, choice: choice)
        }
        guard let first else { return PortAhead() }
        prefetchOwner(place.number, transport, first)
        return PortAhead(
            serial: layout.serial,
            range: UInt16(truncatingIfNeeded: place.range),
            number: UInt16(truncatingIfNeeded: place.number),
            port: first
        )
    }

    /// Counts a port that was taken.
    @inline(__always)
    private func took(
        _ space: PortSpace,
        _ number: Int,
        _ transport: TransportProtocol,
        _ ports: borrowing PoolPorts
    ) {
        taken[Int(transport.rawValue)].wrappingAdd(1, ordering: .relaxed)
        if space.used == Self.busyPorts { becameBusy(number, transport, ports) }
    }

    /// Says that an address has no free port, unless it has.
    private func close(
        _ space: PortSpace,
        _ number: Int,
        _ transport: TransportProtocol,
        _ ports: borrowing PoolPorts
    ) {
        let open = open(transport)
        open.close(number)
        if space.hasFree(ports) { open.open(number) }
    }

    /// Keeps a port, in whatever range it is, from ever being given to a client: it is for a static binding. Whoever
    /// calls must have the lock of that binding's shard, and undoes it with ``give(back:_:_:)``.
    ///
    /// - Returns: Whether nobody has it.
    func reserve(_ port: Port, _ number: Int, _ transport: TransportProtocol) -> Bool {
        let space = space(number, transport)
        guard space.take(port) else { return false }
        mayHaveOutside(number)
        if !space.isRetired { taken[Int(transport.rawValue)].wrappingAdd(1, ordering: .relaxed) }
        return true
    }

    /// Gives a port of an address back.
    func give(back port: Port, _ number: Int, _ transport: TransportProtocol) {
        guard space(number, transport).give(back: port) else { return }
        taken[Int(transport.rawValue)].wrappingSubtract(1, ordering: .relaxed)
        let open = open(transport)
        if !open.contains(number) { open.open(number) }
    }

    /// Takes an address out of service, or into it again.
    func setRetired(_ isRetired: Bool, _ number: Int) {
        if isRetired { openForBlocks.close(number) } else { openForBlocks.open(number) }
        for transport in TransportProtocol.allCases {
            let used = UInt64(space(number, transport).setRetired(isRetired))
            if isRetired {
                taken[Int(transport.rawValue)].wrappingSubtract(used, ordering: .relaxed)
                open(transport).close(number)
            } else {
                taken[Int(transport.rawValue)].wrappingAdd(used, ordering: .relaxed)
                open(transport).open(number)
            }
        }
    }

    /// The ports of an address for a protocol.
    @inline(__always)
    func space(_ number: Int, _ transport: TransportProtocol) -> PortSpace {
        let offset = number &* Self.spaceOctets &+ Int(transport.rawValue) &* PortSpace.octets
        return unsafe PortSpace(spaces.base + offset)
    }

    // MARK: Owners

    /// The binding that has a port: its shard in the low six bits, above them its slot plus one; zero is none.
    ///
    /// It is written under the lock of the shard it names, and so holds still for whoever has that lock.
    @inline(__always)
    func owner(_ number: Int, _ transport: TransportProtocol, _ port: Port) -> UInt32 {
        unsafe ownerWord(number, transport, port).pointee.load(ordering: .acquiring)
    }

    /// Says which binding has a port.
    @inline(__always)
    func setOwner(_ number: Int, _ transport: TransportProtocol, _ port: Port, _ owner: UInt32) {
        unsafe ownerWord(number, transport, port).pointee.store(owner, ordering: .releasing)
    }

    /// Asks for the cache line that names the owner of a port.
    @inline(__always)
    func prefetchOwner(_ number: Int, _ transport: TransportProtocol, _ port: Port) {
        unsafe cprefetch_line(ownerWord(number, transport, port))
    }

    /// The owners of the ports of the first address, for UDP: for tests.
    var ownersOfFirst: UnsafeMutableRawPointer { unsafe owners.base }

    /// With so many ports in use a page of ``owners`` out of five has been touched.
    private static var busyPorts: Int { 16 }

    /// Takes note of an address with that many.
    private func becameBusy(_ number: Int, _ transport: TransportProtocol, _ ports: borrowing PoolPorts) {
        let place = number &* 3 &+ Int(transport.rawValue)
        // One that takes the place of another is no loss: the pages of that one come as they are touched.
        busy[place & 63].store(
            UInt64(place) << 32 | UInt64(ports.first) << 16 | UInt64(ports.end),
            ordering: .relaxed
        )
        ahead.want()
    }

    /// Lays in the owners of the ports of addresses that have become busy, 64 MiB in all at most: what they need one by
    /// one, and no more than what a pool of 256 addresses will need of one protocol.
    func layIn() {
        for index in 0..<64 {
            let word = busy[index].exchange(0, ordering: .relaxed)
            let (first, count) = (Int(word >> 16 & 0xFFFF), Int(word & 0xFFFF) - Int(word >> 16 & 0xFFFF) + 1)
            guard word != 0, laidIn.load(ordering: .relaxed) < 64 << 20 else { continue }
            laidIn.wrappingAdd(4 * count, ordering: .relaxed)
            let place = Int(word >> 32) << 16 | first
            unsafe ReservedMemory.layIn(owners.base + 4 * place, count: 4 * count)
        }
    }

    @inline(__always)
    private func ownerWord(
        _ number: Int,
        _ transport: TransportProtocol,
        _ port: Port
    ) -> UnsafeMutablePointer<Atomic<UInt32>> {
        let place = (number &* 3 &+ Int(transport.rawValue)) << 16 | Int(port.number)
        return unsafe owners.base.assumingMemoryBound(to: Atomic<UInt32>.self) + place
    }
}
