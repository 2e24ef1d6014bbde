import IPAddressing
import Timing

// Clients whose ports are computed (RFC 7422). New bindings only; what is done here may allocate.
extension Tables {
    /// Takes a port for a client whose ports are computed: one of its network's part if any is free, else one of a block.
    ///
    /// - Returns: Nothing if the client's ports are not computed.
    /// - Throws: ``DropReason/clientLimit``, ``DropReason/poolExhausted``.
    @inline(never)
    @_semantics("no_performance_analysis")
    func takeComputedPort(
        for flow: OutwardFlow,
        _ hash: UInt64,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) -> FreePort? {
        guard let (index, number) = blocks.find(flow.client.address) else { return nil }
        let (address, ports) = blocks.mappings[index].part(of: number)
        guard let place = pool.layout.find(address), !place.isDraining else { throw .poolExhausted }
        var looks = 0
        defer { shard.counts.portLooks &+= UInt64(truncatingIfNeeded: looks) }
        let space = pool.space(place.number, flow.transport)
        let take = { (ports: PoolPorts) -> Port? in
            space.take(
                from: ports,
                for: Int(hash & 63),
                flow.transport,
                like: flow.client.port,
                choice: hash,
                looks: &looks
            )
        }
        let port =
            if let port = take(PoolPorts(ports)) {
                port
            } else {
                try blocks.take(index, number, flow.transport, choice: hash, at: moment, take)
            }
        return FreePort(number: place.number, address: address, port: port)
    }

    /// Whether a client's ports are computed.
    @inline(never)
    @_semantics("no_performance_analysis")
    func hasComputedPorts(_ client: IPv6Address) -> Bool { blocks.find(client) != nil }

    /// Takes note of a port of an address with computed ports that has been given back.
    @inline(never)
    @_semantics("no_performance_analysis")
    func gaveBack(_ external: TransportAddress4, _ transport: TransportProtocol) {
        blocks.gaveBack(external, transport)
    }

    /// The blocks that were taken and given back since the last call, in order.
    public func collectPortBlockEvents() -> [PortBlockEvent] { blocks.collect() }

    /// How many blocks are taken.
    public var portBlockCount: Int { blocks.count }
}
