public import Linux

/// Why the control socket cannot be opened, with what to do about it.
public enum ControlSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path is empty or longer than the kernel takes.
    case pathLength(String)
    /// Another process serves this socket.
    case anotherRunning(String)
    /// Something that is not a socket lies at the path; it is left alone.
    case notASocket(String)
    /// There is no such group.
    case noSuchGroup(String)
    /// The group exists, but the daemon may not give the socket to it.
    case groupRefused(String)
    /// A system call failed.
    case system(SystemError)
    /// The server behind the socket could not be started.
    case server(String)

    /// One sentence for the log, with the remedy.
    public var description: String {
        switch self {
        case .pathLength(let path):
            "control.socket: \"\(path)\" must be 1 to 107 octets long; choose a shorter path"
        case .anotherRunning(let path):
            "another appliance is running: it answers on \(path); stop it, or give this one a socket of its own "
                + "(control.socket)"
        case .notASocket(let path):
            "control.socket: \(path) exists and is not a socket; remove it or choose another path"
        case .noSuchGroup(let group):
            "control.group: there is no group \"\(group)\"; create it (groupadd --system \(group)) or name another"
        case .groupRefused(let group):
            "control.group: the daemon may not give its socket to the group \"\(group)\", because it is not a member; "
                + "add SupplementaryGroups=\(group) to the unit"
        case .system(let error):
            "control.socket: \(error)"
        case .server(let reason):
            "control.socket: \(reason)"
        }
    }
}
