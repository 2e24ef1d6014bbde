import PacketMemory

/// Where a record lies in a message and what its fixed part says: RFC 1035 section 4.1.3.
@frozen
public struct ResourceRecord: Hashable, Sendable {
    /// Where the owner's name begins.
    public var owner: Int
    /// Its type.
    public var type: RecordType
    /// Its class; of an OPT record the payload size.
    public var recordClass: RecordClass
    /// How long it may be kept, in seconds; of an OPT record code, version and flags.
    public var ttl: UInt32
    /// Where the data begins.
    public var data: Int
    /// How many octets of data there are.
    public var dataCount: Int

    /// The offset behind the record.
    @inlinable
    public var end: Int { data + dataCount }

    /// Reads the record at an offset; all of it lies inside the message, names in its data are not looked at.
    public init(in message: borrowing RawSpan, at start: Int) throws(WireProblem) {
        let fixed = try Name.end(in: message, at: start)
        guard fixed + 10 <= message.byteCount else { throw .recordCut }
        owner = start
        type = RecordType(rawValue: message.uint16(at: fixed))
        recordClass = RecordClass(rawValue: message.uint16(at: fixed + 2))
        ttl = message.uint32(at: fixed + 4)
        dataCount = Int(message.uint16(at: fixed + 8))
        data = fixed + 10
        guard data + dataCount <= message.byteCount else { throw .recordCut }
    }
}
