private import CLinux
private import Glibc

/// The signals that steer the service, read from a descriptor instead of interrupting anybody.
public struct Signals: ~Copyable, Sendable {
    /// What the outside asks for.
    public enum Wish: Sendable {
        /// SIGTERM or SIGINT.
        case stop
        /// SIGHUP.
        case reload
    }

    private let descriptor: OwnedDescriptor

    /// Blocks the signals in this thread and those it starts; to be called before any other thread exists.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(adopting: clinux_signals_open(), from: "signalfd")
    }

    /// What the supervisor polls to be readable.
    public var number: Int32 { descriptor.number }

    /// The next wish, if one waits.
    public func next() -> Wish? {
        switch clinux_signals_next(descriptor.number) {
        case SIGTERM, SIGINT: .stop
        case SIGHUP: .reload
        default: nil
        }
    }
}
