import IPAddressing
import Timing

// The tables on the short way of a packet: whoever finds a session here has nothing more to ask. What is not found here
// is looked for again by ``Tables/outward(_:_:at:policy:)`` and ``Tables/inward(_:at:policy:)``.
extension Tables {
    /// The external transport address of a packet from the IPv6 side that belongs to a session under this prefix; the
    /// session's lifetime starts again. Nothing for all others, and then nothing has changed.
    ///
    /// - Parameters:
    ///   - hash: What ``hash(_:_:)`` says of the client.
    ///   - transport: UDP, or TCP in a segment that neither opens nor closes.
    @inline(__always)
    func passOutward(
        _ client: TransportAddress6,
        _ transport: TransportProtocol,
        _ hash: UInt64,
        _ peer: TransportAddress4,
        under prefix: UInt8,
        at moment: Moment
    ) -> TransportAddress4? {
        let shard = shard(Int(hash & 63))
        shard.lock()
        defer { shard.unlock() }
        guard let binding = shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), client, transport),
            let session = findSession(binding, peer, in: shard), shard[session].prefix == prefix,
            goesOn(session, transport, in: shard, Tick(moment))
        else { return nil }
        return shard[binding].externalAddress
    }

    /// The client of a packet from the IPv4 side that belongs to a session, and the session's prefix; its lifetime starts
    /// again. Nothing for all others, and then nothing has changed.
    ///
    /// - Parameters:
    ///   - number: The number of the external address in the pool.
    ///   - transport: UDP, or TCP in a segment that neither opens nor closes.
    ///   - port: The external port.
    @inline(__always)
    func passInward(
        _ number: Int,
        _ transport: TransportProtocol,
        _ port: Port,
        _ peer: TransportAddress4,
        at moment: Moment
    ) -> (client: TransportAddress6, prefix: UInt8)? {
        let owner = pool.owner(number, transport, port)
        guard owner != 0 else { return nil }
        let shard = shard(Int(owner & 63))
        shard.lock()
        defer { shard.unlock() }
        // Only whoever has this lock may write a word that names this shard, so it holds still now.
        guard pool.owner(number, transport, port) == owner else { return nil }
        let binding = BindingID(owner >> 6 &- 1)
        guard let session = findSession(binding, peer, in: shard), goesOn(session, transport, in: shard, Tick(moment))
        else { return nil }
        return (shard[binding].clientAddress, shard[session].prefix)
    }

    /// Starts the lifetime of a session again, if it is not over and a packet does no more to it than that: one of TCP
    /// must be established.
    @inline(__always)
    private func goesOn(
        _ session: SessionID,
        _ transport: TransportProtocol,
        in shard: Shard,
        _ now: Tick
    ) -> Bool {
        guard !isOver(shard[session], now) else { return false }
        if transport == .tcp {
            guard shard[session].state == .established, shard[session].lifetime == .established else { return false }
        }
        refresh(session, in: shard, now)
        return true
    }
}
