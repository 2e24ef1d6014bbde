private import Glibc
internal import NIOCore

/// The process at the other end of a connection, as the kernel vouches for it (`SO_PEERCRED`, unix(7)).
///
/// The layout is that of `struct ucred`, which Glibc does not show to Swift.
struct Peer: Equatable, Sendable {
    /// The process.
    let process: Int32
    /// Its user when it connected.
    let user: UInt32
    /// Its group when it connected.
    let group: UInt32

    /// Whether this peer may change anything: root, or the daemon's own user.
    func mayChange(daemon: UInt32) -> Bool { user == 0 || user == daemon }

    /// Asks the kernel who is at the other end of a channel.
    static func of(_ channel: any Channel) -> EventLoopFuture<Peer> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return provider.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
    }
}
