internal import NAT64
internal import PacketMemory
internal import PacketWire

/// Which segments become one super-packet: what Linux does in `tcp_gro_receive`, `inet_gro_receive` and
/// `ipv6_gro_receive`, so that a receiver behind the translator sees what it would see behind a router with GRO.
extension TransmitQueue {
    /// The most octets of a super-packet, header included: the length field of IPv4.
    static let longest = 65_535

    /// Takes a packet, as the continuation of an earlier one if it is that.
    mutating func add(_ frame: PacketFrame, _ memory: inout MutableRawSpan) {
        let index = count
        append(frame)
        switch TCPSegment.relation(memory, frame) {
        case .none: return
        case .unclear:
            // It may belong to any flow, and nothing may overtake it.
            runCount = 0
            return
        case .segment: break
        }
        let segment = TCPSegment(memory, frame)
        var place = 0
        while place < runCount {
            if runs[place].ports == segment.ports, isSameFlow(runs[place], segment, memory) {
                if join(segment, index, place, &memory) { return }
                // Whatever does not continue a run ends it, so that nothing overtakes it.
                close(place)
                break
            }
            place &+= 1
        }
        start(segment, index)
    }

    // Mutating: else all packets would be copied for the call.
    @inline(__always)
    private mutating func isSameFlow(_ run: Run, _ segment: TCPSegment, _ memory: borrowing MutableRawSpan) -> Bool {
        let head = packets[run.head].frame.start
        let own = segment.start
        guard (memory.octet(at: head) ^ memory.octet(at: own)) & 0xF0 == 0 else { return false }
        guard segment.isIPv6 else { return memory.uint64(at: head &+ 12) == memory.uint64(at: own &+ 12) }
        return memory.uint64(at: head &+ 8) == memory.uint64(at: own &+ 8)
            && memory.uint64(at: head &+ 16) == memory.uint64(at: own &+ 16)
            && memory.uint64(at: head &+ 24) == memory.uint64(at: own &+ 24)
            && memory.uint64(at: head &+ 32) == memory.uint64(at: own &+ 32)
    }

    /// Starts a run with a segment that others may continue.
    @inline(__always)
    private mutating func start(_ segment: TCPSegment, _ index: Int) {
        let payload = segment.payloadCount
        let offload = packets[index].frame.offload
        guard payload > 0, segment.control & TCPSegment.Control.lonely == 0, !offload.ecn else { return }
        var size = payload
        var segments = 1
        if offload.segmentation != .none {
            size = Int(offload.segmentSize)
            guard size > 0, offload.segmentation != .udpL4, payload % size == 0 else { return }
            segments = payload / size
        }
        packets[index].headers = UInt16(truncatingIfNeeded: segment.payload &- segment.start)
        packets[index].chainOctets = segment.end &- segment.start
        open(
            Run(
                head: index,
                tail: index,
                ports: segment.ports,
                next: segment.sequence &+ UInt32(truncatingIfNeeded: payload),
                segmentSize: size,
                segments: segments
            )
        )
    }

    /// Chains a segment to the run at `place` if it continues that.
    private mutating func join(
        _ segment: TCPSegment,
        _ index: Int,
        _ place: Int,
        _ memory: inout MutableRawSpan
    ) -> Bool {
        let run = runs[place]
        let payload = segment.payloadCount
        let offload = packets[index].frame.offload
        let headFrame = packets[run.head].frame
        let head = TCPSegment(memory, headFrame)
        let size = run.segmentSize
        let octets = packets[run.head].chainOctets &+ payload
        guard payload > 0, segment.sequence == run.next, octets <= Self.longest,
            Self.continues(segment, head, run.segments, memory)
        else { return false }
        var segments = 1
        var isLast = payload < size
        if offload.segmentation == .none {
            guard payload <= size else { return false }
        } else {
            guard offload.segmentation != .udpL4, Int(offload.segmentSize) == size, !offload.ecn else { return false }
            segments = (payload &+ size &- 1) / size
            isLast = payload % size != 0
        }
        guard segment.hasRightChecksum(memory, offload),
            run.isVerified || head.hasRightChecksum(memory, headFrame.offload)
        else { return false }

        packets[run.tail].next = Int32(truncatingIfNeeded: index)
        packets[run.head].chainOctets = octets
        packets[index].isContinuation = true
        packets[index].headers = UInt16(truncatingIfNeeded: segment.payload &- segment.start)
        runs[place].isVerified = true
        runs[place].tail = index
        runs[place].next = run.next &+ UInt32(truncatingIfNeeded: payload)
        runs[place].segments = run.segments &+ segments
        packets[run.head].frame.offload.segmentSize = UInt16(truncatingIfNeeded: size)
        let ending = segment.control & (TCPSegment.Control.fin | TCPSegment.Control.push)
        if ending != 0 {
            // The kernel's segmentation puts them into the last segment alone.
            memory.store(head.control | ending, at: head.transport &+ TCPField.dataOffset)
        }
        if ending != 0 || isLast { close(place) }
        return true
    }

    /// Whether the headers agree in all that a super-packet has but once.
    ///
    /// The identification of a packet that must not be fragmented says nothing (RFC 6864 section 4.1); of others it
    /// must count on.
    @inline(__always)
    private static func continues(
        _ segment: TCPSegment,
        _ head: TCPSegment,
        _ segments: Int,
        _ memory: borrowing MutableRawSpan
    ) -> Bool {
        let (own, first) = (segment.start, head.start)
        if segment.isIPv6 {
            // Traffic class and flow label.
            guard memory.uint32(at: own) == memory.uint32(at: first),
                memory.octet(at: own &+ IPv6Field.hopLimit) == memory.octet(at: first &+ IPv6Field.hopLimit)
            else { return false }
        } else {
            let fragment = memory.uint16(at: own &+ IPv4Field.fragment)
            guard memory.uint16(at: own) == memory.uint16(at: first),
                memory.octet(at: own &+ IPv4Field.timeToLive) == memory.octet(at: first &+ IPv4Field.timeToLive),
                fragment == memory.uint16(at: first &+ IPv4Field.fragment)
            else { return false }
            if fragment == 0 {
                let next =
                    memory.uint16(at: first &+ IPv4Field.identification) &+ UInt16(truncatingIfNeeded: segments)
                guard memory.uint16(at: own &+ IPv4Field.identification) == next else { return false }
            }
        }
        // Acknowledgment; header length, flags and window; the urgent pointer.
        guard memory.uint32(at: segment.transport &+ 8) == memory.uint32(at: head.transport &+ 8),
            (segment.control ^ head.control) & ~(TCPSegment.Control.fin | TCPSegment.Control.push) == 0,
            memory.uint16(at: segment.transport &+ 18) == memory.uint16(at: head.transport &+ 18)
        else { return false }
        // Options, time stamps among them, octet by octet.
        var offset = TCPField.length
        let end = head.payload &- head.transport
        while offset < end {
            guard memory.uint32(at: segment.transport &+ offset) == memory.uint32(at: head.transport &+ offset) else {
                return false
            }
            offset &+= 4
        }
        return true
    }

    /// Makes the headers of the first packet of a chain those of the super-packet.
    ///
    /// - Returns: The super-packet's virtio header.
    mutating func completeChain(_ index: Int, _ memory: inout MutableRawSpan) -> Offload {
        let packet = packets[index]
        let head = TCPSegment(memory, packet.frame)
        let octets = packet.chainOctets
        let headers = head.transport &- head.start
        if head.isIPv6 {
            memory.store(UInt16(truncatingIfNeeded: octets &- headers), at: head.start &+ IPv6Field.payloadLength)
        } else {
            var change = OnesComplementSum()
            change.add(UInt16(truncatingIfNeeded: octets))
            change.add(~memory.uint16(at: head.start &+ IPv4Field.totalLength))
            let checksum = memory.uint16(at: head.start &+ IPv4Field.checksum)
            memory.store(Checksum.adjusted(checksum, by: change), at: head.start &+ IPv4Field.checksum)
            memory.store(UInt16(truncatingIfNeeded: octets), at: head.start &+ IPv4Field.totalLength)
        }
        let partial = head.pseudoHeader(memory, octets: octets &- headers).folded
        memory.store(partial, at: head.transport &+ TCPField.checksum)
        return Offload(
            needsChecksum: true,
            segmentation: head.isIPv6 ? .tcp6 : .tcp4,
            segmentSize: packet.frame.offload.segmentSize,
            headerLength: packet.headers,
            checksumStart: UInt16(truncatingIfNeeded: headers),
            checksumOffset: UInt16(truncatingIfNeeded: TCPField.checksum)
        )
    }
}
