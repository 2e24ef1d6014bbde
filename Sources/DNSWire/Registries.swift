/// What kind of message this is: the IANA registry "DNS OpCodes".
@frozen
public struct Operation: RawRepresentable, Hashable, Sendable {
    /// The number, 0 to 15.
    public var rawValue: UInt8

    /// Takes the number.
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A question: RFC 1035.
    public static let query = Operation(rawValue: 0)
    /// Word of a changed zone: RFC 1996.
    public static let notify = Operation(rawValue: 4)
}

/// How a question ended: the IANA registry "DNS RCODEs". Codes above 15 need EDNS.
@frozen
public struct ResponseCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number, 0 to 4095.
    public var rawValue: UInt16

    /// Takes the number.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// NOERROR.
    public static let noError = ResponseCode(rawValue: 0)
    /// FORMERR: the query cannot be read.
    public static let formatError = ResponseCode(rawValue: 1)
    /// SERVFAIL.
    public static let serverFailure = ResponseCode(rawValue: 2)
    /// NXDOMAIN: the name does not exist.
    public static let nameError = ResponseCode(rawValue: 3)
    /// NOTIMP: this kind of message is not served.
    public static let notImplemented = ResponseCode(rawValue: 4)
    /// REFUSED.
    public static let refused = ResponseCode(rawValue: 5)
    /// BADVERS: RFC 6891 section 6.1.3.
    public static let badVersion = ResponseCode(rawValue: 16)

    /// The name in the registry, or the number.
    public var description: String {
        switch self {
        case .noError: "NOERROR"
        case .formatError: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .nameError: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        case .badVersion: "BADVERS"
        default: "RCODE\(rawValue)"
        }
    }
}

/// The class of a question or record.
@frozen
public struct RecordClass: RawRepresentable, Hashable, Sendable {
    /// The number.
    public var rawValue: UInt16

    /// Takes the number.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// IN.
    public static let internet = RecordClass(rawValue: 1)
    /// ANY, in questions only.
    public static let any = RecordClass(rawValue: 255)
}

/// More about why a question ended as it did: RFC 8914, the IANA registry "Extended DNS Error Codes".
@frozen
public struct ExtendedError: RawRepresentable, Hashable, Sendable {
    /// The number.
    public var rawValue: UInt16

    /// Takes the number.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The server does not work fully yet.
    public static let notReady = ExtendedError(rawValue: 14)
    /// The client may not ask here.
    public static let prohibited = ExtendedError(rawValue: 18)
    /// The client did not want the question pursued, and the answer is not known.
    public static let notAuthoritative = ExtendedError(rawValue: 20)
    /// No upstream answered.
    public static let noReachableAuthority = ExtendedError(rawValue: 22)
}
