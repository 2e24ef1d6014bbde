import IPAddressing
import PacketMemory
import PacketWire
import Synchronization
public import Timing

/// What the end of lifetimes asks to be sent, waiting for the caller to fetch it.
struct LateTasks {
    static let capacity = 32
    private var events: [32 of ExpiryEvent?] = .init(repeating: nil)
    private var first = 0
    private(set) var count = 0

    var isFull: Bool { count == Self.capacity }

    mutating func add(_ event: ExpiryEvent) {
        guard !isFull else { return }
        events[(first + count) % Self.capacity] = event
        count += 1
    }

    mutating func next() -> ExpiryEvent? {
        guard count > 0 else { return nil }
        let event = events[first]
        first = (first + 1) % Self.capacity
        count -= 1
        return event
    }
}

/// A super-packet of UDP datagrams that must be fragmented one by one: RFC 7915 section 4.1 on each of them.
struct Datagrams: ~Copyable {
    /// The whole IPv4 super-packet.
    var memory = OctetBuffer(count: 65_536)
    /// Octets of the IP and UDP headers.
    var headers = 0
    /// Where in ``memory`` the next datagram's payload starts.
    var position = 0
    /// Where the last one ends; equal to ``position`` when nothing waits.
    var end = 0
    var segmentSize = 1
    /// How many have been taken out.
    var number: UInt16 = 0
}

extension TranslatorWorker {
    /// Looks for lifetimes that have ended; call it between batches, several times a second. What it finds to send
    /// comes out of ``nextExtra(into:_:at:)``.
    ///
    /// - Returns: Whether more may be due than one call does: then call it again soon and do not sleep, or the ends of
    ///   many lifetimes at a time would be put off further and further.
    @discardableResult
    public mutating func tick(at now: Moment) -> Bool {
        if translator.generation.load(ordering: .relaxed) != generation { refreshView() }
        let expired = translator.fragments.expire(at: now)
        counters.drops.slots[Int(DropReason.fragmentTimeout.rawValue)].count(UInt64(expired.late))
        counters.drops.slots[Int(DropReason.fragmentMemory.rawValue)].count(UInt64(expired.displaced))
        counters.drops.slots[Int(DropReason.fragmentOfRefused.rawValue)].count(UInt64(expired.orphaned))
        if expired.first.head >= 0 {
            _ = translator.fragments.discard(&abandoned)
            abandoned = expired.first
        }
        var budget = 2048
        while !tasks.isFull, let event = tables.expire(at: now, budget: &budget) { tasks.add(event) }
        return tasks.isFull || budget <= 0
    }

    /// Whether a block of ports was taken that is to be put on record.
    @inline(__always)
    public mutating func takePortBlockNews() -> Bool { tables.takePortBlockNews() }

    /// Writes the next further packet that is to be sent: the rest of one that did not fit, last segments, fragments whose first has
    /// come, probes, late ICMP errors.
    ///
    /// - Parameter memory: A slot as for ``translate(_:_:at:)``; what it held is lost.
    /// - Returns: False when there is nothing more to send, and then memory and frame mean nothing.
    public mutating func nextExtra(
        into memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) -> Bool {
        if split.position == split.end, tail.count == 0, datagrams.position == datagrams.end, released.head < 0,
            abandoned.head < 0, tasks.count == 0
        {
            return false
        }
        guard nextWaiting(into: &memory, &frame, at: now) else { return false }
        if view.hostSide.count > 0, mayBeForHost(memory, frame) { turnTowardsHost(&memory, frame) }
        return true
    }

    @inline(never)
    private mutating func nextWaiting(
        into memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) -> Bool {
        while true {
            if nextPiece(into: &memory, &frame) { return true }
            if nextTail(into: &memory, &frame) {
                if isToBeSent(translate(&memory, &frame, at: now)) { return true }
                continue
            }
            if nextDatagram(into: &memory, &frame) {
                if isToBeSent(translate(&memory, &frame, at: now)) { return true }
                continue
            }
            if let count = translator.fragments.take(&released, into: &memory, at: PacketFrame.margin) {
                frame = PacketFrame(start: PacketFrame.margin, count: count)
                isReplaying = true
                let verdict = translate(&memory, &frame, at: now)
                isReplaying = false
                if isToBeSent(verdict) { return true }
                continue
            }
            if let count = translator.fragments.take(&abandoned, into: &memory, at: PacketFrame.margin) {
                frame = PacketFrame(start: PacketFrame.margin, count: count)
                arrival = Arrival()
                arrival.isIPv6 = true
                if isToBeSent(refuse(.fragmentTimeout, &memory, &frame, at: now)) { return true }
                continue
            }
            guard let event = tasks.next() else { return false }
            if write(event, into: &memory, &frame, at: now) { return true }
        }
    }

    private func isToBeSent(_ verdict: Verdict) -> Bool {
        switch verdict {
        case .send, .answer, .handBack: true
        case .kept, .drop: false
        }
    }

    /// Keeps a super-packet of datagrams to take them out one by one.
    mutating func takeApart(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: InwardWay,
        _ tuple: IncomingTuple
    ) -> Verdict {
        let layout = way.layout
        let count = min(layout.end &- layout.start, datagrams.memory.count)
        var kept = datagrams.memory.mutableOctets
        kept.copy(memory.bytes, from: layout.start, to: 0, count: count)
        datagrams.headers = layout.payload &- layout.start &+ UDPField.headerLength
        datagrams.position = min(datagrams.headers, count)
        datagrams.end = count
        datagrams.segmentSize = Int(max(frame.offload.segmentSize, 1))
        datagrams.number = 0
        return .kept
    }

    /// Writes the next datagram of a super-packet as the kernel would have cut it.
    private mutating func nextDatagram(into memory: inout MutableRawSpan, _ frame: inout PacketFrame) -> Bool {
        let left = datagrams.end &- datagrams.position
        guard left > 0 else { return false }
        let at = PacketFrame.margin
        let count = min(left, datagrams.segmentSize)
        let headers = datagrams.headers
        memory.copy(datagrams.memory.octets, from: 0, to: at, count: headers)
        memory.copy(datagrams.memory.octets, from: datagrams.position, to: at &+ headers, count: count)
        datagrams.position &+= count
        let udp = at &+ headers &- UDPField.headerLength
        let length = UDPField.headerLength &+ count
        memory.store(UInt16(truncatingIfNeeded: headers &+ count), at: at &+ IPv4Field.totalLength)
        let identification = memory.uint16(at: at &+ IPv4Field.identification) &+ datagrams.number
        memory.store(identification, at: at &+ IPv4Field.identification)
        memory.store(UInt16(0), at: at &+ IPv4Field.checksum)
        var sum = OnesComplementSum()
        sum.add(memory.bytes, from: at, count: udp &- at)
        memory.store(sum.checksum, at: at &+ IPv4Field.checksum)
        memory.store(UInt16(truncatingIfNeeded: length), at: udp &+ UDPField.length)
        memory.store(UInt16(0), at: udp &+ UDPField.checksum)
        sum = Checksum.pseudoHeader(
            ipv4Address(memory.bytes, at: at &+ IPv4Field.source),
            ipv4Address(memory.bytes, at: at &+ IPv4Field.destination),
            length: length,
            proto: IPProtocol.udp
        )
        sum.add(memory.bytes, from: udp, count: length)
        memory.store(Checksum.udp(sum.checksum), at: udp &+ UDPField.checksum)
        datagrams.number &+= 1
        frame = PacketFrame(start: at, count: headers &+ count)
        return true
    }

    /// Writes what the end of a lifetime asks for; false when it asks for nothing.
    private mutating func write(
        _ event: ExpiryEvent,
        into memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) -> Bool {
        switch event {
        case .heldSyn(let external, let peer):
            let at = PacketFrame.margin
            let count = translator.heldSYNs.take(external: external, peer: peer, into: &memory, at: at)
            guard let count else { return false }
            frame = PacketFrame(start: at, count: count)
            arrival = Arrival()
            return refuse(.heldSYNExpired, &memory, &frame, at: now) == .answer(.heldSYNExpired)
        case .probe(let client, let prefix, let peer, _):
            writeProbe(
                into: &memory,
                &frame,
                to: client,
                from: TransportAddress6(view.embed(peer.address, under: prefix), peer.port)
            )
            counters.probes.count()
            return true
        }
    }

    /// RFC 6146 section 3.5.2.2, ESTABLISHED: an empty segment with ACK alone and both numbers 0.
    private mutating func writeProbe(
        into memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        to client: TransportAddress6,
        from peer: TransportAddress6
    ) {
        let at = PacketFrame.margin
        let header = OutgoingIPv6(
            trafficClass: 0,
            payloadLength: TCPField.length,
            proto: IPProtocol.tcp,
            hopLimit: 64,
            source: peer.address,
            destination: client.address
        )
        header.write(&memory, at: at)
        let tcp = at &+ IPv6Field.length
        memory.store(UInt32(peer.port.number) << 16 | UInt32(client.port.number), at: tcp)
        memory.store(UInt64(0), at: tcp &+ 4)
        memory.store(UInt32(0x5010) << 16, at: tcp &+ 12)
        memory.store(UInt32(0), at: tcp &+ 16)
        var sum = Checksum.pseudoHeader(peer.address, client.address, length: TCPField.length, proto: IPProtocol.tcp)
        sum.add(memory.bytes, from: tcp, count: TCPField.length)
        memory.store(sum.checksum, at: tcp &+ TCPField.checksum)
        frame = PacketFrame(start: at, count: IPv6Field.length &+ TCPField.length)
    }
}
