private import CLinux
private import Glibc
public import Timing

/// A file, a FIFO or the standard output that lines are added to without ever waiting for whoever reads them.
@safe
public final class LineFile: Sendable {
    /// Nothing for the standard output, whose description is shared with others, who may want it to wait.
    private let file: OwnedDescriptor?
    private let number: Int32
    private let isShared: Bool

    /// The standard output of this process.
    public init() {
        file = nil
        number = StandardStream.output.rawValue
        isShared = true
    }

    /// Opens a file to be added to, and makes it if there is none. A FIFO that nobody reads is ENXIO.
    public init(path: String) throws(SystemError) {
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY
        let opened = try OwnedDescriptor(adopting: unsafe clinux_open(path, flags, 0o640), from: "open \(path)")
        number = opened.number
        file = consume opened
        isShared = false
    }

    /// Adds octets, as many as there is room for.
    ///
    /// - Returns: How many were taken, or a negated errno; -EAGAIN if there is no room.
    public func write(_ octets: ArraySlice<UInt8>) -> Int {
        // A pipe that can be written to takes as much as this without waiting: pipe(7).
        let count = isShared ? min(octets.count, 4096) : octets.count
        let (number, isShared) = (number, isShared)
        return unsafe octets.withUnsafeBytes { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            if isShared {
                let sent = unsafe send(number, base, count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                if sent >= 0 { return sent }
                guard errno == ENOTSOCK else { return -Int(errno) }
                guard Self.hasRoom(number, milliseconds: 0) else { return -Int(EAGAIN) }
            }
            return unsafe Int(clinux_write(number, base, count))
        }
    }

    /// Waits until there is room, or until patience is at its end.
    public func waitForRoom(atMost patience: Moment.Span) {
        _ = Self.hasRoom(number, milliseconds: Int32(clamping: patience.milliseconds))
    }

    private static func hasRoom(_ number: Int32, milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&waiting, 1, milliseconds) > 0
    }

    /// Whether a failed write may do better in a moment.
    public static func isForNow(_ result: Int) -> Bool { [-Int(EAGAIN), -Int(EINTR)].contains(result) }
}
