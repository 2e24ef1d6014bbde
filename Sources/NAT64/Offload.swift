/// What the kernel left for later or did ahead of time: the virtio-net header, decoded (virtio 1.2 section 5.1.6).
@frozen
public struct Offload: Hashable, Sendable {
    /// How a super-packet is to be cut.
    @frozen
    public enum Segmentation: UInt8, Sendable {
        /// Not a super-packet.
        case none
        /// TCP over IPv4 (VIRTIO_NET_HDR_GSO_TCPV4).
        case tcp4
        /// TCP over IPv6 (VIRTIO_NET_HDR_GSO_TCPV6).
        case tcp6
        /// UDP datagrams of equal size, over either family (VIRTIO_NET_HDR_GSO_UDP_L4).
        case udpL4
    }

    /// The checksum field holds only the folded sum of the pseudo-header; the rest is still to be added
    /// (VIRTIO_NET_HDR_F_NEEDS_CSUM).
    public var needsChecksum: Bool
    /// The checksum has been verified by the kernel (VIRTIO_NET_HDR_F_DATA_VALID).
    public var dataValid: Bool
    /// How a super-packet is to be cut.
    public var segmentation: Segmentation
    /// CWR is set in the first segment only (VIRTIO_NET_HDR_GSO_ECN).
    public var ecn: Bool
    /// Octets of transport payload in each segment but the last.
    public var segmentSize: UInt16
    /// Octets of all headers of a super-packet, or 0 where the kernel did not say.
    public var headerLength: UInt16
    /// Where summing starts, in octets from the start of the packet.
    public var checksumStart: UInt16
    /// Where the checksum field lies, in octets from ``checksumStart``.
    public var checksumOffset: UInt16

    /// Describes a header; without arguments that of a complete ordinary packet.
    @inlinable @inline(__always)
    public init(
        needsChecksum: Bool = false,
        dataValid: Bool = false,
        segmentation: Segmentation = .none,
        ecn: Bool = false,
        segmentSize: UInt16 = 0,
        headerLength: UInt16 = 0,
        checksumStart: UInt16 = 0,
        checksumOffset: UInt16 = 0
    ) {
        self.needsChecksum = needsChecksum
        self.dataValid = dataValid
        self.segmentation = segmentation
        self.ecn = ecn
        self.segmentSize = segmentSize
        self.headerLength = headerLength
        self.checksumStart = checksumStart
        self.checksumOffset = checksumOffset
    }

    /// An ordinary packet with all its checksums in place.
    @inlinable @inline(__always)
    public static var none: Offload { Offload() }
}

/// Where a packet lies in the memory of its slot.
@frozen
public struct PacketFrame: Hashable, Sendable {
    /// Where the packet's first octet lies.
    public var start: Int
    /// How many octets the packet has.
    public var count: Int
    /// The virtio-net header that came, or is to go, with it.
    public var offload: Offload

    /// Octets that must be free in front of a packet handed to the translator, and behind it.
    public static let margin = 128

    /// Places a packet.
    @inlinable @inline(__always)
    public init(start: Int, count: Int, offload: Offload = .none) {
        self.start = start
        self.count = count
        self.offload = offload
    }
}
