import PacketMemory
import PacketWire

/// The last segment of a super-packet, when it needs another header than the others.
struct Tail: ~Copyable {
    /// An IPv6 packet with a partial checksum.
    var memory = OctetBuffer(count: 2048)
    /// Octets of it; 0 when none waits.
    var count = 0
    /// Where its transport header starts.
    var transport = 0
    /// Where its checksum lies in that.
    var checksumOffset: UInt16 = 0
}

extension TranslatorWorker {
    /// Takes the last segment off a super-packet that goes out with DF set, when that segment alone is small enough to
    /// go out with DF clear: the kernel would give all of them one and the same flag, and RFC 7915 section 5.1 has
    /// another for each size. The segment is translated next, as the packet it would have been.
    @inline(never)
    mutating func keepTail(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: inout OutwardWay,
        _ tuple: IncomingTuple
    ) {
        let layout = way.layout
        let size = Int(frame.offload.segmentSize)
        let data = layout.payloadCount &- tuple.headerLength
        guard size > 0, data > size else { return }
        let last = data % size
        let headers = layout.payload &- layout.start &+ tuple.headerLength
        guard last > 0, IPv4Field.length &+ tuple.headerLength &+ last <= OutwardWay.fragmentable,
            headers &+ last <= tail.memory.count
        else { return }
        let transport = layout.payload &- layout.start
        let checksumOffset = frame.offload.checksumOffset
        tail.count = headers &+ last
        tail.transport = transport
        tail.checksumOffset = checksumOffset
        var kept = tail.memory.mutableOctets
        kept.copy(memory.bytes, from: layout.start, to: 0, count: headers)
        kept.copy(memory.bytes, from: layout.end &- last, to: headers, count: last)
        kept.store(UInt16(truncatingIfNeeded: headers &+ last &- IPv6Field.length), at: IPv6Field.payloadLength)
        if tuple.transport == .tcp {
            let sequence = kept.uint32(at: transport &+ 4) &+ UInt32(truncatingIfNeeded: data &- last)
            kept.store(sequence, at: transport &+ 4)
            // As the kernel cuts segments: CWR belongs to the first, FIN and PSH to the last.
            kept.store(tuple.flags.rawValue & 0x7F, at: transport &+ TCPField.flags)
            memory.store(tuple.flags.rawValue & ~0x09, at: layout.payload &+ TCPField.flags)
        }
        let whole = layout.payloadCount
        shorten(&kept, at: transport, from: whole, to: tuple.headerLength &+ last, tuple, checksumOffset)
        shorten(&memory, at: layout.payload, from: whole, to: whole &- last, tuple, checksumOffset)
        way.layout.end &-= last
        // The kernel counts as headers all that lies in the first piece of its memory, and refuses more than there is.
        frame.offload.headerLength = min(frame.offload.headerLength, UInt16(clamping: headers))
        if data &- last == size {
            // One segment is no super-packet any more.
            frame.offload.segmentation = .none
            frame.offload.ecn = false
            frame.offload.segmentSize = 0
            frame.offload.headerLength = 0
        }
    }

    /// Puts the last segment where the next packet is to lie; false when none waits.
    mutating func nextTail(into memory: inout MutableRawSpan, _ frame: inout PacketFrame) -> Bool {
        guard tail.count > 0 else { return false }
        let at = PacketFrame.margin
        memory.copy(tail.memory.octets, from: 0, to: at, count: tail.count)
        frame = PacketFrame(
            start: at,
            count: tail.count,
            offload: Offload(
                needsChecksum: true,
                checksumStart: UInt16(truncatingIfNeeded: tail.transport),
                checksumOffset: tail.checksumOffset
            )
        )
        tail.count = 0
        return true
    }
}

/// Lets length and partial checksum of a transport header follow its new length; there is no other checksum in a
/// super-packet.
private func shorten(
    _ memory: inout MutableRawSpan,
    at transport: Int,
    from old: Int,
    to new: Int,
    _ tuple: IncomingTuple,
    _ checksumOffset: UInt16
) {
    var change = OnesComplementSum()
    change.add(UInt16(truncatingIfNeeded: new))
    change.add(~UInt16(truncatingIfNeeded: old))
    let field = transport &+ Int(checksumOffset)
    memory.store(Checksum.adjustedPartial(memory.uint16(at: field), by: change), at: field)
    if tuple.transport == .udp {
        memory.store(UInt16(truncatingIfNeeded: new), at: transport &+ UDPField.length)
    }
}
