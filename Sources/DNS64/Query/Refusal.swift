import DNSWire

/// Why a client's question is not pursued.
enum Refusal: Error {
    case malformed
    case malformedEDNS
    case questionCount
    case operation
    case version
    case recordClass
    case type
    case transfer
    case client
    case recursion
    case overload
    case share
    case badCookie
    case noUpstream
    case loop

    /// What the client is told.
    var code: ResponseCode {
        switch self {
        case .malformed, .malformedEDNS, .questionCount, .type: .formatError
        case .operation: .notImplemented
        case .version: .badVersion
        case .recordClass, .client, .recursion, .transfer: .refused
        case .badCookie: .badCookie
        case .overload, .share, .noUpstream, .loop: .serverFailure
        }
    }

    /// What is added when the client speaks EDNS: RFC 8914.
    var error: ExtendedError? {
        switch self {
        case .client: .prohibited
        case .recursion: .notAuthoritative
        case .operation, .recordClass, .transfer: .notSupported
        case .type: .invalidQueryType
        case .overload, .share: .notReady
        case .noUpstream: .noReachableAuthority
        case .loop: .other
        case .malformed, .malformedEDNS, .questionCount, .version, .badCookie: nil
        }
    }

    /// What it is counted as.
    var count: ResolverCount {
        switch self {
        case .malformed, .malformedEDNS: .refusedMalformed
        case .questionCount: .refusedQuestionCount
        case .operation: .refusedOperation
        case .version: .refusedVersion
        case .recordClass: .refusedClass
        case .type, .transfer: .refusedType
        case .client: .refusedClient
        case .recursion: .refusedRecursion
        case .overload: .refusedOverload
        case .share: .refusedShare
        case .badCookie: .badCookies
        case .noUpstream: .refusedNoUpstream
        case .loop: .refusedLoop
        }
    }
}
