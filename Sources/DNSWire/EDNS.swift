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

    /// Where the data of the COOKIE option lies in the message, and how many octets it has; zero without one.
    public var cookie = 0
    /// How many octets the COOKIE option has: 8, or 16 to 40 (RFC 7873 section 4).
    public var cookieCount = 0
    /// Whether the sender asks how long it may keep its connection: RFC 7828.
    public var wantsKeepalive = false
    /// Whether the sender pads, and so wants padded what it gets: RFC 7830.
    public var wantsPadding = false
    /// The first extended error (RFC 8914) in it, if there is one.
    public var error: ExtendedError?

    /// Reads an OPT record. Options that are not known are walked but ignored.
    ///
    /// - Throws: When an option is cut, or has a length that its RFC says is an error.
    public init(_ record: ResourceRecord, in message: borrowing RawSpan) throws(WireProblem) {
        guard record.type == .opt, message.octet(at: record.owner) == 0 else { throw .optRecord }
        payloadSize = max(512, record.recordClass.rawValue)
        extendedCode = UInt8(truncatingIfNeeded: record.ttl &>> 24)
        version = UInt8(truncatingIfNeeded: record.ttl &>> 16)
        wantsDNSSEC = record.ttl & 0x8000 != 0
        var offset = record.data
        while offset < record.end {
            guard offset + 4 <= record.end else { throw .optOption }
            let data = offset + 4
            let count = Int(message.uint16(at: offset + 2))
            guard data + count <= record.end else { throw .optOption }
            switch message.uint16(at: offset) {
            case Self.cookieOption where cookieCount == 0:
                cookie = data
                cookieCount = count
            case Self.keepaliveOption: wantsKeepalive = true
            case Self.paddingOption: wantsPadding = true
            case Self.errorOption where count >= 2 && error == nil:
                error = ExtendedError(rawValue: message.uint16(at: data))
            default: break
            }
            offset = data + count
        }
    }

    /// The whole response code of a message with this header.
    public func code(with header: MessageHeader) -> ResponseCode {
        ResponseCode(rawValue: UInt16(extendedCode) &<< 4 | header.responseCode.rawValue)
    }

    private static let cookieOption: UInt16 = 10
    private static let keepaliveOption: UInt16 = 11
    private static let errorOption: UInt16 = 15
    /// The number of the padding option: RFC 7830 section 3.
    public static let paddingOption: UInt16 = 12

    /// What an OPT record of ours holds besides its fixed part.
    @frozen
    public struct Options: Sendable {
        /// RFC 8914 section 2.
        public var error: ExtendedError?
        /// RFC 7873: the client's cookie and the two halves of ours; all zero when there is none.
        public var cookie = (client: UInt64(0), first: UInt64(0), second: UInt64(0))
        /// RFC 7828: how long a connection may be idle, in tenths of a second; zero when nothing is said.
        public var keepalive: UInt16 = 0

        /// No options.
        @inlinable
        public init(error: ExtendedError? = nil) { self.error = error }

        /// Whether there is a cookie; the first octet of ours is its version, 1.
        @inlinable
        public var hasCookie: Bool { cookie.first != 0 }

        /// How many octets the OPT record takes.
        @inlinable
        public var size: Int { 11 &+ (error == nil ? 0 : 6) &+ (hasCookie ? 28 : 0) &+ (keepalive == 0 ? 0 : 6) }
    }

    /// Writes the OPT record; the span must have room for the size of the options.
    @inlinable
    public func write(into message: inout MutableRawSpan, at start: Int, options: Options = Options()) {
        message.store(UInt8(0), at: start)
        message.store(RecordType.opt.rawValue, at: start + 1)
        message.store(payloadSize, at: start + 3)
        let flags: UInt32 = wantsDNSSEC ? 0x8000 : 0
        message.store(UInt32(extendedCode) &<< 24 | UInt32(version) &<< 16 | flags, at: start + 5)
        message.store(UInt16(truncatingIfNeeded: options.size &- 11), at: start + 9)
        var offset = start + 11
        if options.hasCookie {
            message.store(UInt32(10 &<< 16 | 24), at: offset)
            message.store(options.cookie.client, at: offset + 4)
            message.store(options.cookie.first, at: offset + 12)
            message.store(options.cookie.second, at: offset + 20)
            offset &+= 28
        }
        if options.keepalive != 0 {
            message.store(UInt32(11 &<< 16 | 2), at: offset)
            message.store(options.keepalive, at: offset + 4)
            offset &+= 6
        }
        guard let error = options.error else { return }
        message.store(UInt32(15 &<< 16 | 2), at: offset)
        message.store(error.rawValue, at: offset + 4)
    }
}
