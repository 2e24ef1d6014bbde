import IPAddressing
import PacketMemory
import PacketWire

// Between the translator and the host whose address it shares: see ``HostSide``. One address of a packet gives way to
// another, before everything else on the way in and after everything else on the way out.
extension TranslatorWorker {
    /// A packet of the host's to a stand-in becomes one to the shared address; any other stays as it is.
    ///
    /// - Returns: Whether it was one.
    @inline(never)
    mutating func turnFromHost(_ memory: inout MutableRawSpan, _ frame: PacketFrame) -> Bool {
        let destination = ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.destination)
        guard let shared = view.hostSide.shared(behind: destination), let packet = TurnedPacket(memory.bytes, frame)
        else { return false }
        packet.turn(&memory, at: IPv4Field.destination, from: destination, to: shared, frame.offload)
        packet.turnQuote(&memory, at: IPv4Field.source, from: destination, to: shared)
        return true
    }

    /// A packet from a shared address to the host becomes one from the stand-in; any other stays as it is.
    @inline(never)
    mutating func turnTowardsHost(_ memory: inout MutableRawSpan, _ frame: PacketFrame) {
        let destination = ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.destination)
        guard view.hostSide.owns(destination), let packet = TurnedPacket(memory.bytes, frame) else { return }
        let source = ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.source)
        if let standIn = view.hostSide.standIn(for: source) {
            packet.turn(&memory, at: IPv4Field.source, from: source, to: standIn, frame.offload)
        }
        guard let quoted = packet.quotedAddress(memory.bytes, at: IPv4Field.destination),
            let standIn = view.hostSide.standIn(for: quoted)
        else { return }
        packet.turnQuote(&memory, at: IPv4Field.destination, from: quoted, to: standIn)
    }

    /// Whether a packet may be one for ``turnFromHost(_:_:)``.
    @inline(__always)
    func mayBeFromHost(_ memory: borrowing MutableRawSpan, _ frame: PacketFrame) -> Bool {
        view.hostSide.mayStandIn(ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.destination))
    }

    /// Whether a packet that is to be sent may be one for ``turnTowardsHost(_:_:)``.
    @inline(__always)
    func mayBeForHost(_ memory: borrowing MutableRawSpan, _ frame: PacketFrame) -> Bool {
        guard memory.octet(at: frame.start) >> 4 == 4 else { return false }
        return view.hostSide.mayOwn(ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.destination))
    }
}

/// An IPv4 packet of which one address is to change.
private struct TurnedPacket {
    let start: Int
    let end: Int
    let payload: Int
    let proto: UInt8
    let isFirst: Bool

    /// Nothing when the packet is none that anybody could have written.
    init?(_ memory: borrowing RawSpan, _ frame: PacketFrame) {
        self.init(memory, at: frame.start, upTo: frame.start &+ frame.count)
    }

    private init?(_ memory: borrowing RawSpan, at start: Int, upTo end: Int) {
        guard end &- start >= IPv4Field.length else { return nil }
        let first = memory.octet(at: start)
        let header = Int(first & 15) &* 4
        guard first >> 4 == 4, header >= IPv4Field.length, header <= end &- start else { return nil }
        self.start = start
        self.end = end
        payload = start &+ header
        proto = memory.octet(at: start &+ IPv4Field.proto)
        isFirst = memory.uint16(at: start &+ IPv4Field.fragment) & IPv4Field.offsetMask == 0
    }

    /// Replaces the address, and lets the checksums that cover it follow.
    ///
    /// - Returns: By how much the sum over the packet's octets has changed.
    @discardableResult
    func turn(
        _ memory: inout MutableRawSpan,
        at place: Int,
        from old: IPv4Address,
        to new: IPv4Address,
        _ offload: Offload
    ) -> OnesComplementSum {
        var change = OnesComplementSum()
        change.add(new)
        change.add(~old.bits)
        memory.store(new.bits, at: start &+ place)
        let header = start &+ IPv4Field.checksum
        // What the header's checksum takes away is what the address has added.
        memory.store(Checksum.adjusted(memory.uint16(at: header), by: change), at: header)
        var total = OnesComplementSum()
        guard isFirst, let field = checksumField else { return total }
        let checksum = memory.uint16(at: field)
        if proto == IPProtocol.udp, !offload.needsChecksum, checksum == 0 { return total }
        var adjusted =
            offload.needsChecksum
            ? Checksum.adjustedPartial(checksum, by: change) : Checksum.adjusted(checksum, by: change)
        if proto == IPProtocol.udp, !offload.needsChecksum { adjusted = Checksum.udp(adjusted) }
        memory.store(adjusted, at: field)
        total.add(adjusted)
        total.add(~checksum)
        return total
    }

    /// Where a checksum over the addresses lies, if the packet is long enough to have one.
    private var checksumField: Int? {
        let field: Int
        switch proto {
        case IPProtocol.tcp: field = payload &+ TCPField.checksum
        case IPProtocol.udp: field = payload &+ UDPField.checksum
        default: return nil
        }
        return field &+ 2 <= end ? field : nil
    }

    /// An address of the packet that an ICMP error quotes; nothing in any other packet.
    func quotedAddress(_ memory: borrowing RawSpan, at place: Int) -> IPv4Address? {
        quote(memory).map { ipv4Address(memory, at: $0.start &+ place) }
    }

    /// Replaces an address of the packet that an ICMP error quotes, if it is that address.
    func turnQuote(_ memory: inout MutableRawSpan, at place: Int, from old: IPv4Address, to new: IPv4Address) {
        guard let quote = quote(memory.bytes), ipv4Address(memory.bytes, at: quote.start &+ place) == old else {
            return
        }
        let change = quote.turn(&memory, at: place, from: old, to: new, .none)
        let field = payload &+ ICMPField.checksum
        memory.store(Checksum.adjusted(memory.uint16(at: field), by: change), at: field)
    }

    private func quote(_ memory: borrowing RawSpan) -> TurnedPacket? {
        guard proto == IPProtocol.icmp, isFirst, end &- payload > ICMPField.length else { return nil }
        switch memory.octet(at: payload) {
        case ICMPv4Type.unreachable, ICMPv4Type.timeExceeded, ICMPv4Type.parameterProblem:
            return TurnedPacket(memory, at: payload &+ ICMPField.length, upTo: end)
        default: return nil
        }
    }
}
