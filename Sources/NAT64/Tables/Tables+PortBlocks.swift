import IPAddressing
import PacketMemory
public import Timing

// Ports in blocks: of clients that share the pool (nat64.port-block-size), and beyond the computed ports of others.
extension Tables {
    /// A client network that wants a port of a block, and what for.
    struct BlockRequest {
        let flow: OutwardFlow
        /// The first address of the network.
        let client: IPv6Address
        /// The keyed hash of the network.
        let network: UInt64
        /// The keyed hash of the client.
        let hash: UInt64
        let moment: Moment
        /// How many blocks the network has.
        var blocks = 0
    }

    /// How the ports of an address are cut into blocks.
    struct BlockCut {
        /// The first port of the first block.
        let base: Int
        /// How many ports a block has.
        let size: Int
        /// Which blocks there are.
        let places: ClosedRange<Int>
        /// The ports of the address that may be used; a block at either end may have fewer than its size.
        let ports: ClosedRange<UInt16>

        /// The ports of the address as they are usable, in blocks of a size, all of which begin at its multiples.
        init(_ ports: borrowing PoolPorts, size: Int) {
            base = 0
            self.size = size
            self.ports = ports.first...ports.last
            places = Int(ports.first) / size...Int(ports.last) / size
        }

        /// The blocks of an address with computed ports; nothing if there are none.
        init?(_ mapping: DeterministicMapping) {
            guard mapping.blockCount > 0 else { return nil }
            size = mapping.blockSize
            places = 0...mapping.blockCount - 1
            ports = mapping.blockPorts(0).lowerBound.number...mapping.blockPorts(places.upperBound).upperBound.number
            base = Int(ports.lowerBound)
        }

        /// The ports of a block.
        func range(_ place: Int) -> ClosedRange<UInt16> {
            let first = max(base + place * size, Int(ports.lowerBound))
            let last = min(base + (place + 1) * size - 1, Int(ports.upperBound))
            return UInt16(truncatingIfNeeded: first)...UInt16(truncatingIfNeeded: last)
        }
    }

    // MARK: Clients that share the pool

    /// Takes a port in a block of a client's network, which gets a further block if it needs and may have one.
    ///
    /// - Throws: ``DropReason/clientLimit``, ``DropReason/portsReserved``, ``DropReason/blocksExhausted``,
    ///   ``DropReason/poolExhausted``.
    @inline(never)
    func takePortOfBlock(
        for flow: OutwardFlow,
        _ network: UInt64,
        _ hash: UInt64,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) -> FreePort {
        let layout = pool.layout
        guard let paired = layout.place(for: network) else { throw .poolExhausted }
        var request = request(flow, network, hash, moment)
        var looks = 0
        defer { shard.counts.portLooks &+= UInt64(truncatingIfNeeded: looks) }
        pool.blocks.lock(network)
        defer { pool.blocks.unlock(network) }
        let own = takePort(ofBlocksOf: request, at: paired.number, layout, &looks)
        if let port = own.port { return port }
        request.blocks = own.blocks
        let refusal = refusal(ofBlockMoreThan: own.blocks, paired, of: layout)
        if refusal == nil, let port = takeBlock(at: paired, of: layout, for: request, &looks) { return port }
        // Blocks elsewhere are from a time when the network's own address had no room, as now.
        if let port = takePort(ofBlocksOf: request, at: nil, layout, &looks).port { return port }
        if let refusal { throw refusal }
        guard settings.limits.spillsToOtherAddresses, layout.addressCount > 1 else { throw .blocksExhausted }
        var search = RoomSearch(from: paired, pool.openForBlocks)
        while let place = search.next(of: layout, looks: &looks) {
            if let port = takeBlock(at: place, of: layout, for: request, &looks) { return port }
        }
        throw .blocksExhausted
    }

    /// Takes a port of a new block of an address.
    private func takeBlock(
        at place: PoolPlace,
        of layout: PoolLayout,
        for request: BlockRequest,
        _ looks: inout Int
    ) -> FreePort? {
        let size = settings.portBlockSize
        let cut = layout.withRange(at: place.range) { BlockCut($0.ports, size: size) }
        let open = pool.openForBlocks
        looks &+= 1
        guard open.contains(place.number) else { return nil }
        if let port = takeBlock(of: cut, at: place, limit: cut.size, for: request, &looks) { return port }
        open.close(place.number)
        if pool.blocks.taken(place.number, of: cut.places) < cut.places.count { open.open(place.number) }
        return nil
    }

    /// Why a network with so many blocks gets no more: it has as many as it may have, or the last ones, those of the pool
    /// or of an address, are kept for networks that have none.
    private func refusal(ofBlockMoreThan own: Int, _ paired: PoolPlace, of layout: PoolLayout) -> DropReason? {
        guard own < settings.limits.portBlocksPerClient else { return .clientLimit }
        let percent = settings.limits.portsForNewClients
        guard percent > 0, own > 0 else { return nil }
        let size = settings.portBlockSize
        let here = layout.withRange(at: paired.range) { BlockCut($0.ports, size: size).places }
        let isWide = settings.limits.spillsToOtherAddresses
        let used = isWide ? pool.blocksOfRanges : pool.blocks.taken(paired.number, of: here)
        let count = isWide ? layout.blockCount(ofSize: size) : here.count
        return used + (count * percent + 99) / 100 < count ? nil : .portsReserved
    }

    // MARK: Clients whose ports are computed

    /// Takes a port of a block beyond a network's computed ports.
    ///
    /// - Throws: ``DropReason/clientLimit`` if the network has all it may have, ``DropReason/blocksExhausted``.
    @inline(never)
    func takePortOfBlock(
        beyond mapping: DeterministicMapping,
        at place: PoolPlace,
        for flow: OutwardFlow,
        _ network: UInt64,
        _ hash: UInt64,
        at moment: Moment,
        _ looks: inout Int
    ) throws(DropReason) -> FreePort {
        var request = request(flow, network, hash, moment)
        pool.blocks.lock(network)
        defer { pool.blocks.unlock(network) }
        let own = takePort(ofBlocksOf: request, at: nil, pool.layout, &looks)
        if let port = own.port { return port }
        request.blocks = own.blocks
        let left = mapping.mostPorts - mapping.portsPerClient - own.ports
        guard left > 0 else { throw .clientLimit }
        guard let cut = BlockCut(mapping),
            let port = takeBlock(of: cut, at: place, limit: min(left, cut.size), for: request, &looks)
        else { throw .blocksExhausted }
        return port
    }

    // MARK: Both

    private func request(
        _ flow: OutwardFlow,
        _ network: UInt64,
        _ hash: UInt64,
        _ moment: Moment
    ) -> BlockRequest {
        let mask = IPv6Prefix.mask(settings.limits.clientLength)
        let client = IPv6Address(
            high: flow.client.address.high & mask.high,
            low: flow.client.address.low & mask.low
        )
        return BlockRequest(flow: flow, client: client, network: network, hash: hash, moment: moment)
    }

    /// Takes a port of the blocks that a network has. The network is locked.
    ///
    /// - Parameter number: The number of the only address that will do; nothing if any will.
    /// - Returns: The port, if there is one, and how many blocks were seen with how many ports. Those of addresses that
    ///   drain, and those that a change of the pool's ports has left behind, are not counted.
    private func takePort(
        ofBlocksOf request: BlockRequest,
        at number: Int?,
        _ layout: PoolLayout,
        _ looks: inout Int
    ) -> (port: FreePort?, blocks: Int, ports: Int) {
        let transport = request.flow.transport
        var (blocks, ports) = (0, 0)
        var next = pool.blocks.first(request.network)
        while next != .none {
            let id = next
            let block = pool.blocks[id]
            next = PortBlockID(rawValue: block.next)
            looks &+= 1
            guard block.client == request.client, let place = layout.place(ofNumber: id.number) else { continue }
            // The ports of the pool may have been changed since.
            let usable = layout.withRange(at: place.range) { $0.ports.first...$0.ports.last }
            guard usable.overlaps(block.first...block.last) else { continue }
            blocks += 1
            ports += Int(block.limit)
            guard block[transport] < block.limit, number == nil || number == id.number else { continue }
            let range = (block.first...block.last).clamped(to: usable)
            if let port = takePort(of: range, at: place, for: request, &looks) {
                pool.blocks[id][transport] += 1
                return (port, blocks, ports)
            }
        }
        return (nil, blocks, ports)
    }

    /// Takes a free block, and a port of it. The network is locked.
    private func takeBlock(
        of cut: BlockCut,
        at place: PoolPlace,
        limit: Int,
        for request: BlockRequest,
        _ looks: inout Int
    ) -> FreePort? {
        // The same after a restart, and hard to guess.
        let which = UInt64(place.number) | UInt64(request.blocks) << 16
        let dice = secret(request.client.high, request.client.low, which | 3 << 32)
        let (first, last) = (cut.places.lowerBound, cut.places.upperBound)
        let start = first + Int(dice.multipliedFullWidth(by: UInt64(cut.places.count)).high)
        if let port = takeBlock(of: cut, start, last, at: place, limit: limit, for: request, &looks) { return port }
        return takeBlock(of: cut, first, start - 1, at: place, limit: limit, for: request, &looks)
    }

    /// Takes the first free block of some places that has a port for the protocol: there may be any number side by side
    /// that have none, because static bindings or programs of the host have all.
    private func takeBlock(
        of cut: BlockCut,
        _ first: Int,
        _ last: Int,
        at place: PoolPlace,
        limit: Int,
        for request: BlockRequest,
        _ looks: inout Int
    ) -> FreePort? {
        let space = pool.space(place.number, request.flow.transport)
        var next = first
        while next <= last, let index = pool.blocks.firstFree(place.number, of: next...last) {
            next = index + 1
            looks &+= 1
            let range = cut.range(index)
            guard space.hasFree(range), pool.blocks.claim(place.number, index) else { continue }
            if let port = takePort(of: range, at: place, for: request, &looks) {
                var block = PortBlockRecord(
                    client: request.client,
                    network: request.network,
                    taken: request.moment,
                    address: place.address,
                    first: range.lowerBound,
                    last: range.upperBound,
                    limit: UInt16(truncatingIfNeeded: limit)
                )
                block[request.flow.transport] = 1
                let id = PortBlockID(place.number, index)
                pool.blocks.add(id, block, request.network, base: cut.base, size: cut.size)
                return port
            }
            pool.blocks.giveUp(place.number, index)
        }
        return nil
    }

    private func takePort(
        of range: ClosedRange<UInt16>,
        at place: PoolPlace,
        for request: BlockRequest,
        _ looks: inout Int
    ) -> FreePort? {
        let port = pool.take(
            from: PoolPorts(Port(range.lowerBound)...Port(range.upperBound)),
            of: place.number,
            for: Int(request.hash & 63),
            request.flow.transport,
            like: request.flow.client.port,
            choice: request.hash,
            looks: &looks
        )
        return port.map { FreePort(number: place.number, address: place.address, port: $0) }
    }

    /// Takes note of a port of a binding made by traffic that has been given back.
    @inline(never)
    func gaveBack(_ port: Port, _ number: Int, _ transport: TransportProtocol, of client: IPv6Address) {
        pool.blocks.gaveBack(port, number, transport, networkHash(client))
    }

    // MARK: For the log and for people

    /// Whether a client network has taken a block since this was asked last, so that ``collectPortBlockEvents(at:)`` should
    /// be called at once.
    @inline(__always)
    public func takePortBlockNews() -> Bool { pool.blocks.takeNews() }

    /// Gives back the blocks that have been empty for ``NAT64Settings/portHoldDown``; to be called every second, and when
    /// ``takePortBlockNews()`` says so.
    ///
    /// - Returns: What has become of blocks since the last call, in the order of each block.
    public func collectPortBlockEvents(at moment: Moment) -> [PortBlockEvent] {
        guard usesBlocks else { return [] }
        let (holdDown, length) = (settings.portHoldDown, settings.limits.clientLength)
        return pool.blocks.collect(at: moment, holdDown: holdDown, clientLength: length) { number in
            if !pool.space(number, .udp).isRetired, !pool.openForBlocks.contains(number) {
                pool.openForBlocks.open(number)
            }
        }
    }

    /// The blocks of ports that client networks have, from a place on, and how many ports of each are in use or held.
    ///
    /// - Parameter limit: How many are enough; a few more may come, because those of a network come together.
    /// - Returns: The blocks and the place to go on from; no place after the last.
    public func portBlocks(
        from cursor: TableCursor,
        limit: Int
    ) -> (records: [(block: PortBlock, inUse: Int)], next: TableCursor?) {
        guard usesBlocks else { return ([], nil) }
        let (blocks, next) = pool.blocks.slice(
            from: Int(clamping: cursor.rawValue),
            limit: limit,
            clientLength: settings.limits.clientLength
        )
        return (blocks, next.map { TableCursor(rawValue: UInt64($0)) })
    }
}
