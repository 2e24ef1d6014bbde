internal import Linux
internal import NIOSSL
internal import Synchronization

/// The authorities that certificates of upstreams must come from, read again when their file changes.
final class UpstreamAuthorities: Sendable {
    private struct State {
        var isRead = false
        var file: String?
        var octets: [UInt8] = []
        var context: NIOSSLContext?
        var generation = 0
        var problem: CertificateProblem?
    }

    private let state = Mutex(State())

    /// The most octets of the file; the system's has 220 kB.
    private static let largest = 4 << 20

    /// What connections to upstreams begin with, and how often that has changed; nothing before authorities were read.
    var current: (context: NIOSSLContext, generation: Int)? {
        state.withLock { state in state.context.map { ($0, state.generation) } }
    }

    /// Reads the authorities if they are needed and have changed.
    ///
    /// - Parameter file: Nothing means those of the system, which are read once.
    func look(at file: String?, areNeeded: Bool) -> CertificateNews? {
        state.withLock { state in
            guard areNeeded else { return nil }
            let isOther = !state.isRead || file != state.file
            do throws(CertificateProblem) {
                let octets = try file.map { file throws(CertificateProblem) in try Self.read(file) } ?? []
                guard isOther || octets != state.octets else { return nil }
                (state.isRead, state.file, state.octets) = (true, file, octets)
                state.context = try Self.context(file, octets)
                state.generation += 1
                state.problem = nil
                return .taken(CertificateFiles(chain: file ?? "", key: ""))
            } catch {
                defer { state.problem = error }
                // Authorities of another file do not stand in for those that were asked for.
                if isOther { state.context = nil }
                (state.isRead, state.file) = (true, file)
                return state.problem == error ? nil : .refused(error)
            }
        }
    }

    private static func read(_ file: String) throws(CertificateProblem) -> [UInt8] {
        do throws(SystemError) {
            return try WholeFile.read(file, limit: largest)
        } catch {
            throw CertificateProblem(
                file: file,
                reason: "cannot be read (\(error.reason)); no upstream over TLS is asked without authorities"
            )
        }
    }

    private static func context(_ file: String?, _ octets: [UInt8]) throws(CertificateProblem) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.applicationProtocols = ["dot"]
        do {
            if file != nil {
                let certificates = try NIOSSLCertificate.fromPEMBytes(octets)
                guard !certificates.isEmpty else { throw NIOSSLError.failedToLoadCertificate }
                configuration.trustRoots = .certificates(certificates)
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw CertificateProblem(
                file: file ?? "",
                reason: file == nil
                    ? "this machine has no authorities; install ca-certificates, or set dns64.upstream-ca"
                    : "holds no certificate in PEM form"
            )
        }
    }
}
