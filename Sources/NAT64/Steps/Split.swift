import IPAddressing
import PacketMemory
import PacketWire
import Timing

/// The rest of a packet that did not fit, waiting to be sent in pieces. Its memory is allocated with the worker.
struct Split: ~Copyable {
    /// What remains of the payload, from the start.
    var memory = OctetBuffer(count: 65_536)
    /// Where in ``memory`` the next piece starts.
    var position = 0
    /// Where the payload in ``memory`` ends; equal to ``position`` when nothing waits.
    var end = 0
    /// Octets of payload in each piece but the last; a multiple of eight.
    var piece = 8
    /// The header of the next piece.
    var header = Header.none

    /// The header of either family.
    enum Header {
        case none
        case ipv4(OutgoingIPv4)
        case ipv6(OutgoingIPv6)
    }
}

extension TranslatorWorker {
    /// Sends the first IPv6 fragment in place and keeps the rest: RFC 7915 section 4.1, RFC 8200 section 4.5.
    @inline(never)
    mutating func splitIPv6(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ header: OutgoingIPv6,
        from start: Int,
        to end: Int
    ) -> Verdict {
        let piece = (view.lowestIPv6MTU &- IPv6Field.length &- IPv6Field.fragmentLength) & ~7
        var header = header
        let (offset, more) = (header.fragmentOffset, header.moreFragments)
        let first = min(piece, end &- start)
        header.payloadLength = first
        header.moreFragments = more || first < end &- start
        frame.offload = .none
        frame.start = start &- header.length
        frame.count = header.length &+ first
        header.write(&memory, at: frame.start)
        header.fragmentOffset = offset &+ first
        header.moreFragments = more
        keepRest(memory, from: start &+ first, to: end, piece: piece, .ipv6(header))
        return .send
    }

    /// Sends the first IPv4 fragment in place and keeps the rest: RFC 7915 section 5.1.1, RFC 791 section 2.3.
    @inline(never)
    mutating func splitIPv4(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ header: OutgoingIPv4,
        from start: Int,
        to end: Int
    ) -> Verdict {
        let piece = (view.ipv4MTU &- IPv4Field.length) & ~7
        var header = header
        let fragment = header.fragment
        let first = min(piece, end &- start)
        header.totalLength = IPv4Field.length &+ first
        if first < end &- start { header.fragment |= IPv4Field.moreFragments }
        frame.offload = .none
        frame.start = start &- IPv4Field.length
        frame.count = header.totalLength
        header.write(&memory, at: frame.start)
        header.fragment = fragment &+ UInt16(truncatingIfNeeded: first &>> 3)
        keepRest(memory, from: start &+ first, to: end, piece: piece, .ipv4(header))
        return .send
    }

    private mutating func keepRest(
        _ memory: borrowing MutableRawSpan,
        from start: Int,
        to end: Int,
        piece: Int,
        _ header: Split.Header
    ) {
        counters.fragmented.count()
        let count = min(end &- start, split.memory.count)
        var kept = split.memory.mutableOctets
        kept.copy(memory.bytes, from: start, to: 0, count: count)
        split.position = 0
        split.end = count
        split.piece = piece
        split.header = header
    }

    /// Writes the next piece of a packet that did not fit; false when nothing waits.
    mutating func nextPiece(into memory: inout MutableRawSpan, _ frame: inout PacketFrame) -> Bool {
        let left = split.end &- split.position
        guard left > 0 else { return false }
        let count = min(left, split.piece)
        let isLast = count == left
        let at = PacketFrame.margin
        switch split.header {
        case .none: return false
        case .ipv6(var header):
            memory.copy(split.memory.octets, from: split.position, to: at &+ header.length, count: count)
            var piece = header
            piece.payloadLength = count
            piece.moreFragments = header.moreFragments || !isLast
            piece.write(&memory, at: at)
            frame = PacketFrame(start: at, count: header.length &+ count)
            header.fragmentOffset &+= count
            split.header = .ipv6(header)
        case .ipv4(var header):
            memory.copy(split.memory.octets, from: split.position, to: at &+ IPv4Field.length, count: count)
            var piece = header
            piece.totalLength = IPv4Field.length &+ count
            if !isLast { piece.fragment |= IPv4Field.moreFragments }
            piece.write(&memory, at: at)
            frame = PacketFrame(start: at, count: piece.totalLength)
            header.fragment &+= UInt16(truncatingIfNeeded: count &>> 3)
            split.header = .ipv4(header)
        }
        split.position &+= count
        counters.fragmented.count()
        return true
    }
}
