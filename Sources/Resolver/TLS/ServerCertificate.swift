internal import Linux
internal import NIOSSL
internal import Synchronization

/// The certificate that encrypted connections show, read again when its files change. Connections that stand keep the
/// one they began with; files that cannot be used change nothing.
final class ServerCertificate: Sendable {
    /// What new connections begin with, for each kind of listener.
    struct Contexts: Sendable {
        var tls: NIOSSLContext
        var https: NIOSSLContext
    }

    private struct State {
        var files: CertificateFiles?
        var chain: [UInt8] = []
        var key: [UInt8] = []
        var contexts: Contexts?
        var problem: CertificateProblem?
        var expires: Int64?
        var names: CertificateNames?
        var taken: UInt64 = 0
    }

    /// What there is to say about it.
    struct Snapshot {
        var files: CertificateFiles
        var expires: Int64?
        var names: CertificateNames?
        var renewals: UInt64
        var problem: CertificateProblem?
    }

    private let state = Mutex(State())

    /// The most octets of a file.
    private static let largest = 1 << 20

    /// What new connections begin with; nothing before a certificate could be read.
    var contexts: Contexts? { state.withLock { $0.contexts } }

    /// Whom it is for; nothing before one could be read.
    var names: CertificateNames? { state.withLock { $0.names } }

    /// How it does; nothing if none is wanted.
    var snapshot: Snapshot? {
        state.withLock { state in
            guard let files = state.files else { return nil }
            return Snapshot(
                files: files,
                expires: state.expires,
                names: state.names,
                renewals: state.taken > 0 ? state.taken - 1 : 0,
                problem: state.problem
            )
        }
    }

    /// What is wrong with the files as they are now.
    var problem: CertificateProblem? { state.withLock { $0.problem } }

    /// Looks whether the files have changed, and takes over what is in them.
    ///
    /// - Returns: What came of it; nothing if they have not changed.
    func look(at files: CertificateFiles?) -> CertificateNews? {
        state.withLock { state in
            guard let files else {
                state = State()
                return nil
            }
            do throws(CertificateProblem) {
                let chain = try Self.read(files.chain)
                let key = try Self.read(files.key)
                guard files != state.files || chain != state.chain || key != state.key else {
                    // As they were when they were taken, or refused.
                    return nil
                }
                state.files = files
                (state.chain, state.key) = (chain, key)
                let read = try Self.contexts(files, chain: chain, key: key)
                (state.contexts, state.expires, state.names) = (read.contexts, read.expires, read.names)
                state.problem = nil
                state.taken += 1
                return .taken(files)
            } catch {
                defer { state.problem = error }
                state.files = files
                return state.problem == error ? nil : .refused(error)
            }
        }
    }

    /// Whom the certificate in files is for, without taking them.
    static func names(in files: CertificateFiles) throws(CertificateProblem) -> CertificateNames {
        try contexts(files, chain: try read(files.chain), key: try read(files.key)).names
    }

    private static func read(_ file: String) throws(CertificateProblem) -> [UInt8] {
        do throws(SystemError) {
            return try WholeFile.read(file, limit: largest)
        } catch {
            throw CertificateProblem(
                file: file,
                reason: "cannot be read (\(error.reason)); put the file there, and let the appliance's user read it"
            )
        }
    }

    private static func contexts(
        _ files: CertificateFiles,
        chain: [UInt8],
        key: [UInt8]
    ) throws(CertificateProblem) -> (contexts: Contexts, expires: Int64, names: CertificateNames) {
        let certificates: [NIOSSLCertificate]
        do { certificates = try NIOSSLCertificate.fromPEMBytes(chain) } catch {
            throw CertificateProblem(file: files.chain, reason: "holds no certificate in PEM form")
        }
        guard !certificates.isEmpty else {
            throw CertificateProblem(file: files.chain, reason: "holds no certificate in PEM form")
        }
        let secret: NIOSSLPrivateKey
        do { secret = try NIOSSLPrivateKey(bytes: key, format: .pem) } catch {
            throw CertificateProblem(file: files.key, reason: "holds no private key in PEM form without a passphrase")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(secret)
        )
        // RFC 7858 section 3.2 leaves that to RFC 7525, whose successor refuses what is older.
        configuration.minimumTLSVersion = .tlsv12
        do {
            configuration.applicationProtocols = ["dot"]
            let tls = try NIOSSLContext(configuration: configuration)
            configuration.applicationProtocols = ["h2", "http/1.1"]
            let contexts = Contexts(tls: tls, https: try NIOSSLContext(configuration: configuration))
            return (
                contexts, certificates.map { Int64($0.notValidAfter) }.min() ?? 0, CertificateNames(certificates[0])
            )
        } catch {
            throw CertificateProblem(
                file: files.key,
                reason:
                    "is not the key of the first certificate in \(files.chain); the resolver's own comes first there"
            )
        }
    }
}
