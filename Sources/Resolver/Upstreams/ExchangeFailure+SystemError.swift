internal import DNS64
private import Glibc
internal import Linux

extension ExchangeFailure {
    /// What an error of a socket says about the upstream.
    init(_ error: SystemError) {
        switch error.code {
        case ECONNREFUSED: self = .refused
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN, EADDRNOTAVAIL, EADDRINUSE: self = .local
        case ECONNRESET, EPIPE: self = .closed
        default: self = .unreachable
        }
    }

    /// Whether an error means that this process has too many descriptors open.
    static func isShortOfDescriptors(_ error: SystemError) -> Bool { error.code == EMFILE || error.code == ENFILE }
}
