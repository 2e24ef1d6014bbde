public import DNS64
public import IPAddressing
public import Linux

/// Something the operator may want to read in the log.
public enum ResolverEvent: Hashable, Sendable, CustomStringConvertible {
    /// A socket listens.
    case listening(ListenAddress, ListenTransport)
    /// A socket was closed, because its address is gone or no longer wanted.
    case stoppedListening(ListenAddress, ListenTransport)
    /// A socket could not be opened; it is tried again every second.
    case cannotListen(ListenProblem)
    /// From now on these are asked.
    case upstreams([UpstreamAddress])
    /// A resolver of this machine is not asked, because it is this one.
    case leftOutOurselves(TransportAddress)
    /// The child process that resolves and validates was started.
    case recursorStarted(process: Int32)
    /// It has ended by itself; another will be started.
    case recursorEnded
    /// It did not answer and was ended; another will be started.
    case recursorHung
    /// It could not be started; that is tried again.
    case cannotStartRecursor(SystemError)
    /// This kernel has no Landlock, so that seccomp alone keeps it from files.
    case recursorWithoutLandlock
    /// A certificate, or the renewed one, is shown to clients from now on.
    case certificate(CertificateFiles)
    /// The files of the certificate cannot be used; the one shown before stays.
    case badCertificate(CertificateProblem)
    /// The authorities for upstreams over TLS cannot be used; those read before stay.
    case badAuthorities(CertificateProblem)
    /// An upstream over TLS cannot be asked.
    case encryptedUpstreamFails(String, reason: String)

    /// The query log cannot be written; that is tried again every second, and what does not fit meanwhile is counted.
    case cannotWriteQueryLog(SystemError)
    /// The query log is written again.
    case queryLogWritten

    /// Of what sort it is, whatever it is about.
    public var sort: String {
        switch self {
        case .listening, .stoppedListening, .cannotListen: "listening"
        case .upstreams, .leftOutOurselves: "upstreams"
        case .recursorStarted, .recursorEnded, .recursorHung, .cannotStartRecursor, .recursorWithoutLandlock: "recursor"
        case .certificate, .badCertificate, .badAuthorities: "certificate"
        case .encryptedUpstreamFails: "encrypted-upstream"
        case .cannotWriteQueryLog, .queryLogWritten: "query-log"
        }
    }

    /// One line.
    public var description: String {
        switch self {
        case .listening(let address, let transport): "listening on \(transport.rawValue) \(address)"
        case .stoppedListening(let address, let transport): "no longer listening on \(transport.rawValue) \(address)"
        case .cannotListen(let problem): "cannot listen on \(problem)"
        case .upstreams(let all) where all.isEmpty:
            "no upstream resolver: set dns64.upstreams, or name one in /etc/resolv.conf"
        case .upstreams(let all): "upstreams \(all.map(\.description).joined(separator: ", "))"
        case .recursorStarted(let process): "the recursor works as process \(process)"
        case .recursorEnded: "the recursor has ended unexpectedly"
        case .recursorHung: "the recursor did not answer and was ended"
        case .cannotStartRecursor(let error): "the recursor cannot be started: \(error)"
        case .recursorWithoutLandlock:
            "this kernel has no Landlock, so the recursor is kept from files by seccomp alone"
        case .certificate(let files): "certificate read from \(files.chain)"
        case .badCertificate(let problem): "the certificate is not taken, the one before stays: \(problem)"
        case .badAuthorities(let problem): "the authorities for upstreams are not taken: \(problem)"
        case .encryptedUpstreamFails(let upstream, let reason): "upstream \(upstream) cannot be asked: \(reason)"
        case .cannotWriteQueryLog(let error): "the query log cannot be written: \(error)"
        case .queryLogWritten: "the query log is written again"
        case .leftOutOurselves(let address): "upstream \(address) left out: it is this resolver itself"
        }
    }
}
