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
    ///   - hash: What ``hash(_:_:)`` says of the client.
    ///   - flags: The control bits of a TCP segment; none for the others.
    @inline(__always)
    func passOutward(
        _ client: TransportAddress6,
        _ transport: TransportProtocol,
        _ hash: UInt64,
        _ peer: TransportAddress4,
        _ flags: TCPFlags,
        under prefix: UInt8,
        at moment: Moment
    ) -> TransportAddress4? {
        let shard = shard(Int(hash & 63))
        shard.lock()
        defer { shard.unlock() }
        guard let binding = shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), client, transport),
            let session = findSession(binding, peer, in: shard), shard[session].prefix == prefix,
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
        guard let session = findSession(binding, peer, in: shard),
            goesOn(session, transport, flags, fromIPv6: false, in: shard, Tick(moment))
        else { return nil }
        return (shard[binding].clientAddress, shard[session].prefix)
    }

    /// Does to a session what the packet at hand does, if it is not over and its SYN does not wait.
    @inline(__always)
    private func goesOn(
        _ session: SessionID,
        _ transport: TransportProtocol,
        _ flags: TCPFlags,
        fromIPv6: Bool,
        in shard: Shard,
        _ now: Tick
    ) -> Bool {
        guard !isOver(shard[session], now) else { return false }
        if transport == .tcp {
            guard flags.isDisjoint(with: .opensOrCloses), shard[session].state == .established,
                shard[session].lifetime == .established
            else {
                if shard[session].isHeld { return false }
                step(session, flags, fromIPv6: fromIPv6, in: shard, now)
                return true
            }
        }
        refresh(session, in: shard, now)
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
