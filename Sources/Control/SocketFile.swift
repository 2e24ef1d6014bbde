private import Glibc
internal import Linux

/// The file of the control socket: made whole or not at all, never in the place of a living one, taken away at the end.
///
/// Invariant: while a `SocketFile` lives, its process holds the lock beside the socket, so that no other appliance can
/// take the path; the kernel gives the lock back whenever and however the process ends.
final class SocketFile: Sendable {
    /// Where the socket lies.
    let path: String
    /// The bound socket, not listening yet. Whoever makes it listen becomes its owner.
    let descriptor: Int32

    private let lock: OwnedDescriptor
    private let identity: FileIdentity

    private static func lockPath(_ path: String) -> String { path + ".lock" }

    private init(path: String, descriptor: Int32, lock: consuming OwnedDescriptor, identity: FileIdentity) {
        self.path = path
        self.descriptor = descriptor
        self.lock = lock
        self.identity = identity
    }

    /// Makes folder and socket, and gives the socket to the group.
    ///
    /// Nobody can connect before the socket listens, and by then its mode and group are right.
    static func make(at path: String, group: String?) throws(ControlSocketError) -> SocketFile {
        guard (1...SocketAddressUnix.longestPath).contains(path.utf8.count) else { throw .pathLength(path) }
        var groupNumber: gid_t?
        if let group {
            groupNumber = UserGroup.number(of: group)
            if groupNumber == nil { throw .noSuchGroup(group) }
        }
        try makeFolder(for: path)
        let lock = try takeLock(for: path)
        do throws(ControlSocketError) {
            try removeDead(at: path)
            let descriptor = try boundSocket(at: path)
            do throws(ControlSocketError) {
                let identity = try admit(groupNumber, named: group ?? "", to: path)
                return SocketFile(path: path, descriptor: descriptor, lock: lock, identity: identity)
            } catch {
                close(descriptor)
                unsafe unlink(path)
                throw error
            }
        } catch {
            unsafe unlink(lockPath(path))
            throw error
        }
    }

    /// Opens a bound socket to its owner and its group.
    private static func admit(
        _ number: gid_t?,
        named group: String,
        to path: String
    ) throws(ControlSocketError) -> FileIdentity {
        if let number, unsafe chown(path, uid_t.max, number) != 0 {
            throw errno == EPERM ? .groupRefused(group) : .system(SystemError(call: "chown \(path)", code: errno))
        }
        guard unsafe chmod(path, 0o660) == 0 else { throw .system(SystemError(call: "chmod \(path)", code: errno)) }
        guard let identity = FileIdentity(of: path) else {
            throw .system(SystemError(call: "stat \(path)", code: errno))
        }
        return identity
    }

    /// Takes the socket out of the file system, if it is still ours, and the lock with it.
    func remove() {
        if FileIdentity(of: path) == identity { unsafe unlink(path) }
        unsafe unlink(Self.lockPath(path))
    }

    /// Makes the folders above the socket that are missing; all may pass through them.
    private static func makeFolder(for path: String) throws(ControlSocketError) {
        var end = path.startIndex
        while let slash = path[end...].dropFirst().firstIndex(of: "/") {
            let folder = String(path[..<slash])
            if unsafe mkdir(folder, 0o755) != 0 {
                let code = errno
                // A read-only file system says so even of a folder that is there.
                guard code == EEXIST || FileIdentity(of: folder) != nil else {
                    throw .system(SystemError(call: "mkdir \(folder)", code: code))
                }
            } else {
                // Whatever the umask says, the group must get to the socket.
                _ = unsafe chmod(folder, 0o755)
            }
            end = slash
        }
    }

    /// Takes the lock beside the socket.
    ///
    /// Whoever held it before may unlink it at any moment, so what was locked counts only if it still is what lies there.
    private static func takeLock(for path: String) throws(ControlSocketError) -> OwnedDescriptor {
        let lockPath = lockPath(path)
        for _ in 0..<16 {
            let opened: OwnedDescriptor
            do throws(SystemError) {
                let number = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
                opened = try OwnedDescriptor(adopting: number < 0 ? -errno : number, from: "open \(lockPath)")
            } catch {
                throw .system(error)
            }
            guard flock(opened.number, LOCK_EX | LOCK_NB) == 0 else {
                throw errno == EWOULDBLOCK
                    ? .anotherRunning(path) : .system(SystemError(call: "flock \(lockPath)", code: errno))
            }
            if let held = FileIdentity(of: opened.number), held == FileIdentity(of: lockPath) { return opened }
        }
        throw .anotherRunning(path)
    }

    /// Removes the socket that a dead process left behind; a living one, or anything else, stays.
    private static func removeDead(at path: String) throws(ControlSocketError) {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { return }
        guard found.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard probe >= 0 else { throw .system(SystemError(call: "socket", code: errno)) }
        defer { close(probe) }
        guard SocketAddressUnix.connect(probe, to: path) != 0, errno == ECONNREFUSED else {
            throw .anotherRunning(path)
        }
        guard unsafe unlink(path) == 0 else { throw .system(SystemError(call: "unlink \(path)", code: errno)) }
    }

    /// A socket bound at the path that only its owner may connect to, and nobody before it listens.
    private static func boundSocket(at path: String) throws(ControlSocketError) -> Int32 {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard number >= 0 else { throw .system(SystemError(call: "socket", code: errno)) }
        // The kernel gives the file the mode of the socket.
        guard fchmod(number, 0o600) == 0, SocketAddressUnix.bind(number, to: path) == 0 else {
            let code = errno
            close(number)
            throw .system(SystemError(call: "bind \(path)", code: code))
        }
        return number
    }
}

/// Which file a path leads to.
private struct FileIdentity: Equatable {
    private let device: dev_t
    private let number: ino_t

    init?(of path: String) {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { return nil }
        device = found.st_dev
        number = found.st_ino
    }

    init?(of descriptor: Int32) {
        var found = stat()
        guard unsafe fstat(descriptor, &found) == 0 else { return nil }
        device = found.st_dev
        number = found.st_ino
    }
}

/// The kernel's form of a socket's path.
private enum SocketAddressUnix {
    /// The longest path that fits, with the zero after it.
    static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    static func bind(_ socket: Int32, to path: String) -> Int32 {
        unsafe withAddress(path) { address, length in unsafe Glibc.bind(socket, address, length) }
    }

    static func connect(_ socket: Int32, to path: String) -> Int32 {
        unsafe withAddress(path) { address, length in unsafe Glibc.connect(socket, address, length) }
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            for (index, octet) in path.utf8.prefix(longestPath).enumerated() { unsafe room[index] = octet }
        }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
                unsafe body(rebound, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
