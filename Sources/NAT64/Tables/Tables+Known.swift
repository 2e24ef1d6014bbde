import IPAddressing
import PacketWire
import Timing

// The tables on the short way of a packet: whoever finds a session here has nothing more to ask. What is not found here
// is looked for again by ``Tables/outward(_:_:at:policy:)`` and ``Tables/inward(_:at:policy:)``.
extension Tables {
    /// The external transport address of a packet from the IPv6 side that belongs to a session under this prefix; the
    /// session's lifetime starts again. Nothing for all others, and then nothing has changed.
    ///
    /// - Parameters:
    ///   - hash: What ``hash(_:_:)`` says of the client, and where ``IndexSpace/guess(_:of:)`` takes its binding to be.
    ///   - flags: The control bits of a TCP segment; none for the others.
    @inline(__always)
    func passOutward(
        _ client: TransportAddress6,
        _ transport: TransportProtocol,
        _ hash: (hash: UInt64, guess: UInt32),
        _ peer: TransportAddress4,
        _ flags: TCPFlags,
        under prefix: UInt8,
        at moment: Moment
    ) -> TransportAddress4? {
        let (hash, guess) = hash
        let shard = shard(Int(hash & 63))
        shard.lock()
        defer { shard.unlock() }
        guard let binding = shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), client, transport, guess),
            let session = known(binding, peer, in: shard), session.record.prefix == prefix,
            goesOn(session, transport, flags, fromIPv6: true, in: shard, Tick(moment))
        else { return nil }
        return shard[binding].externalAddress
    }

    /// The client of a packet from the IPv4 side that belongs to a session, and the session's prefix; its lifetime starts
    /// again. Nothing for all others, and then nothing has changed.
    ///
    /// - Parameters:
    ///   - number: The number of the external address in the pool.
    ///   - port: The external port.
    ///   - flags: The control bits of a TCP segment; none for the others.
    @inline(__always)
    func passInward(
        _ number: Int,
        _ transport: TransportProtocol,
        _ port: Port,
        _ peer: TransportAddress4,
        _ flags: TCPFlags,
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
        guard let session = known(binding, peer, in: shard),
            goesOn(session, transport, flags, fromIPv6: false, in: shard, Tick(moment))
        else { return nil }
        return (shard[binding].clientAddress, session.record.prefix)
    }

    /// The session of a binding with a peer: what ``findSession(_:_:in:)`` names.
    @inline(__always)
    private func known(_ binding: BindingID, _ peer: TransportAddress4, in shard: Shard) -> FoundSession? {
        shard[binding].session.isWith(peer)
            ? shard.found(firstOf: binding) : knownFurther(binding, peer, in: shard)
    }

    /// The same for any but the first. A function of its own, so that its hash takes no registers from the packets of
    /// first sessions, whose way through the tables is then short enough to be part of their caller.
    @inline(never)
    private func knownFurther(_ binding: BindingID, _ peer: TransportAddress4, in shard: Shard) -> FoundSession? {
        guard let further = findFurtherSession(binding, peer, in: shard) else { return nil }
        return shard.found(further: further)
    }

    /// Does to a session what the packet at hand does, if it is not over.
    @inline(__always)
    private func goesOn(
        _ session: FoundSession,
        _ transport: TransportProtocol,
        _ flags: TCPFlags,
        fromIPv6: Bool,
        in shard: Shard,
        _ now: Tick
    ) -> Bool {
        guard !isOver(session.record, now) else { return false }
        if transport == .tcp {
            guard flags.isDisjoint(with: .opensOrCloses), session.record.state == .established,
                session.record.lifetime == .established
            else {
                step(session.id, flags, fromIPv6: fromIPv6, in: shard, now)
                return true
            }
        }
        if now.since(session.record.refreshed) > 0 { session.record.refreshed = now }
        return true
    }

    /// The same for a segment that opens or closes a connection, or comes while it is not open on both sides.
    @inline(never)
    private func step(
        _ session: SessionID,
        _ flags: TCPFlags,
        fromIPv6: Bool,
        in shard: Shard,
        _ now: Tick
    ) {
        updateTCP(session, fromIPv6 ? TCPEvent(fromIPv6: flags) : TCPEvent(fromIPv4: flags), in: shard, now)
    }
}
