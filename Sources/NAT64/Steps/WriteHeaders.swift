import IPAddressing
import PacketMemory
import PacketWire

/// An IPv4 header as the translator writes it: RFC 7915 section 5.1.
struct OutgoingIPv4 {
    var typeOfService: UInt8
    var totalLength: Int
    var identification: UInt16
    /// Flags and offset as on the wire.
    var fragment: UInt16
    var timeToLive: UInt8
    var proto: UInt8
    var source: IPv4Address
    var destination: IPv4Address

    /// Writes the header, checksum included.
    @inline(__always)
    func write(_ memory: inout MutableRawSpan, at start: Int) {
        let first =
            0x4500_0000_0000_0000 | UInt64(typeOfService) << 48 | UInt64(UInt16(truncatingIfNeeded: totalLength)) << 32
            | UInt64(identification) << 16 | UInt64(fragment)
        let second = UInt64(timeToLive) << 56 | UInt64(proto) << 48 | UInt64(source.bits)
        var sum = OnesComplementSum()
        sum.add(first)
        sum.add(second)
        sum.add(destination)
        memory.store(first, at: start)
        memory.store(second | UInt64(sum.checksum) << 32, at: start &+ 8)
        memory.store(destination.bits, at: start &+ 16)
    }
}

/// An IPv6 header, with a fragment header if need be, as the translator writes it: RFC 7915 section 4.1.
struct OutgoingIPv6 {
    var trafficClass: UInt8
    /// Octets after the fixed header, without a fragment header.
    var payloadLength: Int
    var proto: UInt8
    var hopLimit: UInt8
    var source: IPv6Address
    var destination: IPv6Address
    /// Writes a fragment header too.
    var isFragment = false
    /// Octets of the datagram in front of this fragment.
    var fragmentOffset = 0
    var moreFragments = false
    var identification: UInt32 = 0

    /// Octets of the headers.
    @inline(__always)
    var length: Int { isFragment ? IPv6Field.length &+ IPv6Field.fragmentLength : IPv6Field.length }

    /// Writes the header; the flow label is 0.
    @inline(__always)
    func write(_ memory: inout MutableRawSpan, at start: Int) {
        let follows = isFragment ? payloadLength &+ IPv6Field.fragmentLength : payloadLength
        let first =
            0x6000_0000_0000_0000 | UInt64(trafficClass) << 52
            | UInt64(UInt16(truncatingIfNeeded: follows)) << 16
            | UInt64(isFragment ? IPProtocol.fragment : proto) << 8 | UInt64(hopLimit)
        memory.store(first, at: start)
        memory.store(source.high, at: start &+ 8)
        memory.store(source.low, at: start &+ 16)
        memory.store(destination.high, at: start &+ 24)
        memory.store(destination.low, at: start &+ 32)
        guard isFragment else { return }
        let word =
            UInt64(proto) << 56 | UInt64(UInt16(truncatingIfNeeded: fragmentOffset) & 0xFFF8) << 32
            | UInt64(moreFragments ? 1 : 0) << 32 | UInt64(identification)
        memory.store(word, at: start &+ 40)
    }
}

/// The new ports of a packet, or the new identifier of a query in both.
struct OutgoingPorts {
    var source: Port
    var destination: Port
}

/// Writes new ports into a transport header and lets its checksum follow: RFC 7915 sections 4.5 and 5.5.
///
/// - Parameters:
///   - addresses: How the pseudo-header's sum changes.
///   - isPartial: The checksum field holds the sum of the pseudo-header alone, in which ports do not occur.
///   - segmentLimit: The most a SYN may announce; 0 leaves it alone.
@inline(__always)
func rewriteTransport(
    _ memory: inout MutableRawSpan,
    at transport: Int,
    _ tuple: IncomingTuple,
    _ ports: OutgoingPorts,
    addresses: OnesComplementSum,
    isPartial: Bool,
    segmentLimit: UInt16
) {
    let field = transport &+ (tuple.transport == .tcp ? TCPField.checksum : UDPField.checksum)
    var change = addresses
    let words = UInt32(ports.source.number) << 16 | UInt32(ports.destination.number)
    change.add(words)
    change.add(~memory.uint32(at: transport))
    memory.store(words, at: transport)
    if tuple.transport == .tcp, tuple.flags.contains(.syn), segmentLimit > 0 {
        change.add(clampSegmentSize(&memory, at: transport, to: segmentLimit))
    }
    let checksum = memory.uint16(at: field)
    if isPartial {
        memory.store(Checksum.adjustedPartial(checksum, by: addresses), at: field)
    } else {
        let adjusted = Checksum.adjusted(checksum, by: change)
        memory.store(tuple.transport == .udp ? Checksum.udp(adjusted) : adjusted, at: field)
    }
}

/// Lowers the maximum segment size of a SYN to what both links carry; never raises it, and a limit of 0 leaves it alone.
///
/// - Precondition: The header has been found to be whole.
/// - Returns: What it adds to the sum of the segment.
@inline(never)
func clampSegmentSize(_ memory: inout MutableRawSpan, at transport: Int, to limit: UInt16) -> UInt32 {
    guard limit > 0 else { return 0 }
    let end = transport &+ Int(memory.octet(at: transport &+ TCPField.dataOffset) >> 4) &* 4
    var offset = transport &+ TCPField.length
    while offset < end {
        let kind = memory.octet(at: offset)
        if kind == 0 { return 0 }
        if kind == 1 {
            offset &+= 1
            continue
        }
        guard offset &+ 2 <= end else { return 0 }
        let length = Int(memory.octet(at: offset &+ 1))
        guard length >= 2, offset &+ length <= end else { return 0 }
        if kind == 2, length == 4 {
            let old = memory.uint16(at: offset &+ 2)
            guard old > limit else { return 0 }
            memory.store(limit, at: offset &+ 2)
            // An option at an odd place straddles the words of the checksum: its octets count the other way round.
            let isOdd = (offset &- transport) & 1 != 0
            return UInt32(isOdd ? limit.byteSwapped : limit) &+ UInt32(~(isOdd ? old.byteSwapped : old))
        }
        offset &+= length
    }
    return 0
}

/// Writes the type and identifier of an echo message and lets its checksum follow: RFC 7915 sections 4.2 and 5.2.
///
/// - Parameter pseudo: How the sum changes by the pseudo-header, which ICMPv6 has and ICMPv4 has not.
@inline(__always)
func rewriteQuery(
    _ memory: inout MutableRawSpan,
    at transport: Int,
    type: UInt8,
    identifier: Port,
    pseudo: OnesComplementSum
) {
    // Type, code, checksum, identifier and sequence number.
    let word = memory.uint64(at: transport)
    let old = word & 0xFFFF_0000_FFFF_FFFF
    let new = old & 0x00FF_0000_0000_FFFF | UInt64(type) << 56 | UInt64(identifier.number) << 16
    var change = pseudo
    change.add(new)
    change.add(~old)
    let checksum = Checksum.adjusted(UInt16(truncatingIfNeeded: word >> 32), by: change)
    memory.store(new | UInt64(checksum) << 32, at: transport)
}

/// Finishes the checksum that the kernel left for later, so that the packet can be cut into fragments.
@inline(never)
func completeChecksum(_ memory: inout MutableRawSpan, _ frame: inout PacketFrame, to end: Int) {
    let start = frame.start &+ Int(frame.offload.checksumStart)
    let field = start &+ Int(frame.offload.checksumOffset)
    guard field &+ 2 <= end else { return }
    var sum = OnesComplementSum()
    sum.add(memory.bytes, from: start, count: end &- start)
    let isUDP = Int(frame.offload.checksumOffset) == UDPField.checksum
    memory.store(isUDP ? Checksum.udp(sum.checksum) : sum.checksum, at: field)
    frame.offload = .none
}

/// Finishes the checksum of an echo message if it was left for later: the families do not cover the same with it, and
/// what was begun for one is no beginning for the other.
@inline(__always)
func finishQuery(
    _ memory: inout MutableRawSpan,
    _ frame: inout PacketFrame,
    _ layout: PacketLayout,
    _ tuple: IncomingTuple
) {
    guard frame.offload.needsChecksum, tuple.transport == .icmpQuery else { return }
    completeChecksum(&memory, &frame, to: layout.end)
}

/// Finishes a checksum that was left for later inside of the payload: that of a packet in a tunnel over UDP, say. The
/// checksum of the packet itself is whole then, and right as soon as the inner one is.
@inline(__always)
func finishInner(
    _ memory: inout MutableRawSpan,
    _ frame: inout PacketFrame,
    _ layout: PacketLayout,
    _ tuple: IncomingTuple
) {
    guard frame.offload.needsChecksum, frame.offload.segmentation == .none,
        Int(frame.offload.checksumStart) >= layout.payload &- layout.start &+ tuple.headerLength
    else { return }
    completeChecksum(&memory, &frame, to: layout.end)
}
