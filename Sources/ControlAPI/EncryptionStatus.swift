/// What came by one way of asking.
public struct TransportUse: Codable, Equatable, Sendable {
    /// `udp`, `tcp`, `tls` or `https`.
    public var transport: String
    /// Questions that came by it since the start.
    public var questions: UInt64
    /// Connections open now; nothing for UDP, which has none.
    public var connections: UInt64?

    /// Describes the use of a transport.
    public init(transport: String, questions: UInt64, connections: UInt64? = nil) {
        self.transport = transport
        self.questions = questions
        self.connections = connections
    }
}

/// The encrypted listeners: DNS over TLS (RFC 7858) and over HTTPS (RFC 8484).
public struct EncryptionStatus: Codable, Equatable, Sendable {
    /// Connections that ended before their handshake did.
    public var failedHandshakes: UInt64
    /// Requests of HTTP answered with a status other than 200.
    public var refusedRequests: UInt64
    /// Connections of HTTP/2 ended because of what they sent: floods of resets, of control frames or of headers.
    public var endedFloods: UInt64
    /// What clients are shown; nothing before one could be read.
    public var certificate: CertificateStatus?

    /// Puts the part together.
    public init(
        failedHandshakes: UInt64,
        refusedRequests: UInt64,
        endedFloods: UInt64,
        certificate: CertificateStatus? = nil
    ) {
        self.failedHandshakes = failedHandshakes
        self.refusedRequests = refusedRequests
        self.endedFloods = endedFloods
        self.certificate = certificate
    }
}

/// The certificate of the encrypted listeners.
public struct CertificateStatus: Codable, Equatable, Sendable {
    /// The file it comes from.
    public var file: String
    /// When it or another of its chain expires first, in seconds since 1970; nothing before one could be read.
    public var expires: Int64?
    /// How long that is from now; below zero once it has expired.
    public var secondsLeft: Int64?
    /// How often another one was read from the files since the start.
    public var renewals: UInt64
    /// Why the files as they are now cannot be used: a sentence. The certificate read before stays.
    public var problem: String?
    /// The name of the resolver, if the certificate is not for it.
    public var missingName: String?
    /// The addresses of the resolver that the certificate is not for.
    public var missingAddresses: [String]

    /// Describes a certificate.
    public init(
        file: String,
        expires: Int64? = nil,
        secondsLeft: Int64? = nil,
        renewals: UInt64,
        problem: String? = nil,
        missingName: String? = nil,
        missingAddresses: [String] = []
    ) {
        self.file = file
        self.expires = expires
        self.secondsLeft = secondsLeft
        self.renewals = renewals
        self.problem = problem
        self.missingName = missingName
        self.missingAddresses = missingAddresses
    }
}

/// The child process that resolves from the root and validates.
public struct RecursorStatus: Codable, Equatable, Sendable {
    /// Its number; nothing while it is to be started again.
    public var process: Int?
    /// How often it has ended by itself or was ended because it did not answer.
    public var restarts: UInt64
    /// How many of these fell into the last ten minutes.
    public var restartsOfLate: UInt64
    /// How often it was ended because it did not answer.
    public var hangs: UInt64
    /// How many questions it has refused, because it had as many under way as it may.
    public var refused: UInt64
    /// Whether Landlock keeps it from files; if not, this kernel has none and seccomp does so alone. Nothing before it has
    /// said so.
    public var landlock: Bool?

    /// Describes the child.
    public init(
        process: Int? = nil,
        restarts: UInt64,
        restartsOfLate: UInt64,
        hangs: UInt64,
        refused: UInt64,
        landlock: Bool? = nil
    ) {
        self.process = process
        self.restarts = restarts
        self.restartsOfLate = restartsOfLate
        self.hangs = hangs
        self.refused = refused
        self.landlock = landlock
    }
}
