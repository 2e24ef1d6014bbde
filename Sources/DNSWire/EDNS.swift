public import PacketMemory

/// What an OPT record says: RFC 6891 section 6.1.
@frozen
public struct EDNS: Hashable, Sendable {
    /// How many octets a UDP message to the sender may have; values below 512 count as 512 (section 6.2.3).
    public var payloadSize: UInt16
    /// The upper eight bits of the response code.
    public var extendedCode: UInt8
    /// The version; only 0 is known.
    public var version: UInt8
    /// DO: the sender wants signatures (RFC 3225).
    public var wantsDNSSEC: Bool

    /// Describes what we would say.
    @inlinable
    public init(payloadSize: UInt16, extendedCode: UInt8 = 0, version: UInt8 = 0, wantsDNSSEC: Bool = false) {
        self.payloadSize = payloadSize
        self.extendedCode = extendedCode
        self.version = version
        self.wantsDNSSEC = wantsDNSSEC
    }

    /// Reads an OPT record. Options are walked but, being unknown, ignored.
    public init(_ record: ResourceRecord, in message: borrowing RawSpan) throws(WireProblem) {
        guard record.type == .opt, message.octet(at: record.owner) == 0 else { throw .optRecord }
        payloadSize = max(512, record.recordClass.rawValue)
        extendedCode = UInt8(truncatingIfNeeded: record.ttl &>> 24)
        version = UInt8(truncatingIfNeeded: record.ttl &>> 16)
        wantsDNSSEC = record.ttl & 0x8000 != 0
        var offset = record.data
        while offset < record.end {
            guard offset + 4 <= record.end else { throw .optOption }
            offset += 4 + Int(message.uint16(at: offset + 2))
            guard offset <= record.end else { throw .optOption }
        }
    }

    /// How many octets ``write(into:at:error:)`` takes.
    @inlinable
    public static func size(error: ExtendedError?) -> Int { error == nil ? 11 : 17 }

    /// Writes the OPT record, with an extended error (RFC 8914 section 2) if there is one; the span must have room.
    @inlinable
    public func write(into message: inout MutableRawSpan, at start: Int, error: ExtendedError? = nil) {
        message.store(UInt8(0), at: start)
        message.store(RecordType.opt.rawValue, at: start + 1)
        message.store(payloadSize, at: start + 3)
        let flags: UInt32 = wantsDNSSEC ? 0x8000 : 0
        message.store(UInt32(extendedCode) &<< 24 | UInt32(version) &<< 16 | flags, at: start + 5)
        guard let error else {
            message.store(UInt16(0), at: start + 9)
            return
        }
        message.store(UInt16(6), at: start + 9)
        message.store(UInt16(15), at: start + 11)
        message.store(UInt16(2), at: start + 13)
        message.store(error.rawValue, at: start + 15)
    }
}
