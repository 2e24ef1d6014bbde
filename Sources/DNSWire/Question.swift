import PacketMemory

/// What is asked: RFC 1035 section 4.1.2.
@frozen
public struct Question: Equatable, Sendable {
    /// The name, as it was spelled.
    public var name: Name
    /// The type.
    public var type: RecordType
    /// The class.
    public var recordClass: RecordClass

    /// Puts a question together.
    @inlinable
    public init(_ name: Name, _ type: RecordType, _ recordClass: RecordClass = .internet) {
        self.name = name
        self.type = type
        self.recordClass = recordClass
    }

    /// Reads the first question of a message. Its name cannot be compressed, for nothing stands before it.
    public init(_ message: borrowing RawSpan) throws(WireProblem) {
        var end = 0
        name = try Name(uncompressedIn: message, at: MessageHeader.size, end: &end)
        guard end + 4 <= message.byteCount else { throw .questionCut }
        type = RecordType(rawValue: message.uint16(at: end))
        recordClass = RecordClass(rawValue: message.uint16(at: end + 2))
    }

    /// Where the first record of a message lies that begins with this question.
    @inlinable
    public var end: Int { MessageHeader.size + name.count + 4 }
}
