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
    /// YXDOMAIN: a DNAME would make a name of more than 255 octets (RFC 6672 section 3.2).
    public static let nameTooLong = ResponseCode(rawValue: 6)
    /// BADVERS: RFC 6891 section 6.1.3.
    public static let badVersion = ResponseCode(rawValue: 16)
    /// BADCOOKIE: RFC 7873 section 8.
    public static let badCookie = ResponseCode(rawValue: 23)

    /// The name in the registry, or the number.
    public var description: String {
        switch self {
        case .noError: "NOERROR"
        case .formatError: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .nameError: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        case .nameTooLong: "YXDOMAIN"
        case .badVersion: "BADVERS"
        case .badCookie: "BADCOOKIE"
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

    /// The code as it may be passed on to those who asked us: nothing of those for private use (RFC 8914 section 5.2),
    /// which mean nothing to whoever is not of the site of the server that gave them.
    @inlinable
    public var passedOn: ExtendedError? { rawValue < 49_152 ? self : nil }

    /// None of the others; of ours, that a question came back to where it was asked from.
    public static let other = ExtendedError(rawValue: 0)
    /// The records are older than they may be, because no fresh ones were to be had: RFC 8767.
    public static let staleAnswer = ExtendedError(rawValue: 3)
    /// The records are not those that the authority has.
    public static let forgedAnswer = ExtendedError(rawValue: 4)
    /// Validation found the records forged, stripped or expired.
    public static let dnssecBogus = ExtendedError(rawValue: 6)
    /// The failure is one that is remembered: beside the error that it came of.
    public static let cachedError = ExtendedError(rawValue: 13)
    /// The server does not work fully yet, or has more to do than it can.
    public static let notReady = ExtendedError(rawValue: 14)
    /// The operator does not let the name be looked up.
    public static let blocked = ExtendedError(rawValue: 15)
    /// The client may not ask here.
    public static let prohibited = ExtendedError(rawValue: 18)
    /// The denial is older than it may be, because no fresh one was to be had: RFC 8767.
    public static let staleNameError = ExtendedError(rawValue: 19)
    /// The client did not want the question pursued, and the answer is not known.
    public static let notAuthoritative = ExtendedError(rawValue: 20)
    /// What is asked for is not done here at all.
    public static let notSupported = ExtendedError(rawValue: 21)
    /// No upstream answered.
    public static let noReachableAuthority = ExtendedError(rawValue: 22)
    /// Upstreams answered with errors, or with what cannot be read, or broke off.
    public static let networkError = ExtendedError(rawValue: 23)
    /// No record has the type that was asked for: RFC 9824.
    public static let invalidQueryType = ExtendedError(rawValue: 30)
}
