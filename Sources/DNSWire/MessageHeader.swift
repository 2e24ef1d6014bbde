public import PacketMemory

/// The first twelve octets of a message: RFC 1035 section 4.1.1.
@frozen
public struct MessageHeader: Hashable, Sendable {
    /// How many octets a header has.
    public static let size = 12

    /// The bits between the identifier and the counts.
    @frozen
    public struct Flags: OptionSet, Hashable, Sendable {
        /// The sixteen bits as they lie in the message.
        public var rawValue: UInt16

        /// Takes the sixteen bits.
        @inlinable
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// QR: this is a response.
        public static let response = Flags(rawValue: 0x8000)
        /// AA: the answer is authoritative.
        public static let authoritative = Flags(rawValue: 0x0400)
        /// TC: the message was cut.
        public static let truncated = Flags(rawValue: 0x0200)
        /// RD: the client wants the question pursued.
        public static let recursionDesired = Flags(rawValue: 0x0100)
        /// RA: the server pursues questions.
        public static let recursionAvailable = Flags(rawValue: 0x0080)
        /// AD: all data was validated (RFC 4035 section 3.2.3).
        public static let authenticData = Flags(rawValue: 0x0020)
        /// CD: the client validates for itself (RFC 4035 section 3.2.2).
        public static let checkingDisabled = Flags(rawValue: 0x0010)
    }

    /// The identifier, which a response copies from its query.
    public var identifier: UInt16
    /// Flags, operation and the low four bits of the response code.
    public var flags: Flags
    /// How many questions follow.
    public var questionCount: UInt16
    /// How many records the answer section has.
    public var answerCount: UInt16
    /// How many records the authority section has.
    public var authorityCount: UInt16
    /// How many records the additional section has.
    public var additionalCount: UInt16

    /// Puts a header together.
    @inlinable
    public init(
        identifier: UInt16,
        flags: Flags,
        questionCount: UInt16 = 0,
        answerCount: UInt16 = 0,
        authorityCount: UInt16 = 0,
        additionalCount: UInt16 = 0
    ) {
        self.identifier = identifier
        self.flags = flags
        self.questionCount = questionCount
        self.answerCount = answerCount
        self.authorityCount = authorityCount
        self.additionalCount = additionalCount
    }

    /// Reads the header of a message.
    @inlinable
    public init(_ message: borrowing RawSpan) throws(WireProblem) {
        guard message.byteCount >= Self.size else { throw .headerCut }
        identifier = message.uint16(at: 0)
        flags = Flags(rawValue: message.uint16(at: 2))
        questionCount = message.uint16(at: 4)
        answerCount = message.uint16(at: 6)
        authorityCount = message.uint16(at: 8)
        additionalCount = message.uint16(at: 10)
    }

    /// Writes the header; the span must hold at least twelve octets.
    @inlinable
    public func write(into message: inout MutableRawSpan) {
        message.store(identifier, at: 0)
        message.store(flags.rawValue, at: 2)
        message.store(questionCount, at: 4)
        message.store(answerCount, at: 6)
        message.store(authorityCount, at: 8)
        message.store(additionalCount, at: 10)
    }

    /// What kind of message this is.
    @inlinable
    public var operation: Operation {
        get { Operation(rawValue: UInt8(truncatingIfNeeded: flags.rawValue &>> 11 & 15)) }
        set { flags.rawValue = flags.rawValue & ~0x7800 | UInt16(newValue.rawValue & 15) &<< 11 }
    }

    /// The low four bits of the response code.
    @inlinable
    public var responseCode: ResponseCode {
        get { ResponseCode(rawValue: flags.rawValue & 15) }
        set { flags.rawValue = flags.rawValue & ~15 | newValue.rawValue & 15 }
    }
}
