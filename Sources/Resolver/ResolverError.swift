public import Linux

/// Why the resolver does not start.
public enum ResolverError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An address that the operator wrote down cannot be listened on.
    case cannotListen(ListenProblem)
    /// An encrypted listener is wanted, and its certificate cannot be used.
    case certificate(CertificateProblem)
    /// The kernel refused something without which nothing works.
    case system(SystemError)

    /// A sentence for the operator that says what to do.
    public var description: String {
        switch self {
        case .cannotListen(let problem): "the resolver cannot listen on \(problem)"
        case .certificate(let problem): "the resolver cannot listen for encrypted questions: \(problem)"
        case .system(let error): "the resolver cannot start: \(error)"
        }
    }
}
