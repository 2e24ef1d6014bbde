public import ControlAPI

/// Where the control socket lies, whom it serves, and how much of anyone's patience it asks.
public struct ControlSettings: Hashable, Sendable {
    /// The path of the socket; at most 107 octets, which is all the kernel takes.
    public var socketPath: String
    /// The group whose members may read; nothing for the daemon's own group.
    public var group: String?
    /// The most connections at a time; when one more comes, the idle one that waited longest is closed.
    public var connections = 64
    /// How long a connection may take until its next request is complete.
    public var requestTime = Duration.seconds(30)
    /// How long a client may take to fetch a reply.
    public var replyTime = Duration.seconds(30)
    /// The most octets of a request's header fields.
    public var headerLimit = 16 * 1_024
    /// The most octets of a request's body.
    public var bodyLimit = 64 * 1_024

    /// The settings of `[control]`.
    public init(socketPath: String = ControlDefaults.socketPath, group: String? = nil) {
        self.socketPath = socketPath
        self.group = group
    }
}
