internal import NAT64
internal import PacketMemory

/// The virtio-net header of 10 octets in front of every packet of the TUN (virtio 1.2 section 5.1.6), whose numbers
/// stand in the host's own octet order.
enum VirtioHeader {
    static let length = 10

    private enum Flag {
        static let needsChecksum: UInt8 = 1
        static let dataValid: UInt8 = 2
    }

    private enum Kind {
        static let none: UInt8 = 0
        static let tcp4: UInt8 = 1
        static let tcp6: UInt8 = 4
        static let udpL4: UInt8 = 5
        static let ecn: UInt8 = 0x80
    }

    /// Reads the header at an offset; nil if the kernel asks for a segmentation we did not agree to.
    @inline(__always)
    static func decode(_ memory: borrowing MutableRawSpan, at offset: Int) -> Offload? {
        let flags = memory.octet(at: offset)
        let kind = memory.octet(at: offset + 1)
        var offload = Offload()
        guard flags | kind != 0 else { return offload }
        offload.needsChecksum = flags & Flag.needsChecksum != 0
        offload.dataValid = flags & Flag.dataValid != 0
        offload.ecn = kind & Kind.ecn != 0
        switch kind & ~Kind.ecn {
        case Kind.none: offload.segmentation = .none
        case Kind.tcp4: offload.segmentation = .tcp4
        case Kind.tcp6: offload.segmentation = .tcp6
        case Kind.udpL4: offload.segmentation = .udpL4
        default: return nil
        }
        offload.headerLength = memory.uint16(at: offset + 2).bigEndian
        offload.segmentSize = memory.uint16(at: offset + 4).bigEndian
        offload.checksumStart = memory.uint16(at: offset + 6).bigEndian
        offload.checksumOffset = memory.uint16(at: offset + 8).bigEndian
        return offload
    }

    /// Writes the header at an offset.
    @inline(__always)
    static func encode(_ offload: Offload, into memory: inout MutableRawSpan, at offset: Int) {
        let flags = (offload.needsChecksum ? Flag.needsChecksum : 0) | (offload.dataValid ? Flag.dataValid : 0)
        var kind: UInt8 =
            switch offload.segmentation {
            case .none: Kind.none
            case .tcp4: Kind.tcp4
            case .tcp6: Kind.tcp6
            case .udpL4: Kind.udpL4
            }
        if offload.ecn { kind |= Kind.ecn }
        memory.store(flags, at: offset)
        memory.store(kind, at: offset + 1)
        memory.store(offload.headerLength.bigEndian, at: offset + 2)
        memory.store(offload.segmentSize.bigEndian, at: offset + 4)
        memory.store(offload.checksumStart.bigEndian, at: offset + 6)
        memory.store(offload.checksumOffset.bigEndian, at: offset + 8)
    }
}
