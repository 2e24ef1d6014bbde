/// The two PEM files of a certificate.
public struct CertificateFiles: Hashable, Sendable {
    /// The certificate, then those that lead from it to an authority, if any.
    public var chain: String
    /// The private key of the first certificate.
    public var key: String

    /// Names the files.
    public init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }
}

/// Why certificates cannot be used.
public struct CertificateProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file with which something is wrong.
    public var file: String
    /// What is wrong and what would help.
    public var reason: String

    /// `/etc/ssl/dns.pem: permission denied; let …`.
    public var description: String { file.isEmpty ? reason : "\(file): \(reason)" }
}

/// What came of looking at files that may have changed.
enum CertificateNews {
    case taken(CertificateFiles)
    case refused(CertificateProblem)
}
