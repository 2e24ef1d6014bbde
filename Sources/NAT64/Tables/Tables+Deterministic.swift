import IPAddressing
import Timing

// Clients whose ports are computed (RFC 7422).
extension Tables {
    /// Takes a port for a client whose ports are computed: one of its network's part if any is free, else one of a block.
    ///
    /// - Returns: Nothing if the client's ports are not computed.
    /// - Throws: ``DropReason/clientLimit``, ``DropReason/blocksExhausted``, ``DropReason/poolExhausted``.
    @inline(never)
    func takeComputedPort(
        for flow: OutwardFlow,
        _ network: UInt64,
        _ hash: UInt64,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) -> FreePort? {
        guard let (mapping, number) = computed.find(flow.client.address) else { return nil }
        let (address, ports) = mapping.part(of: number)
        guard let place = pool.find(address), !place.isDraining else { throw .poolExhausted }
        var looks = 0
        defer { shard.counts.portLooks &+= UInt64(truncatingIfNeeded: looks) }
        let port = pool.take(
            from: PoolPorts(ports),
            of: place.number,
            for: Int(hash & 63),
            flow.transport,
            like: flow.client.port,
            choice: hash,
            looks: &looks
        )
        if let port { return FreePort(number: place.number, address: address, port: port) }
        return try takePortOfBlock(beyond: mapping, at: place, for: flow, network, hash, at: moment, &looks)
    }

    /// Whether a client's ports are computed.
    @inline(never)
    func hasComputedPorts(_ client: IPv6Address) -> Bool { computed.find(client) != nil }
}
