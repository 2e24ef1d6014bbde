private import CLinux

/// What a process of ours that parses what strangers send gives up for good.
public enum Confinement {
    /// What watches over files.
    public enum FileGuard: Sendable {
        /// Landlock, and seccomp by the calls that would open one.
        case landlock
        /// seccomp alone, since this kernel has no Landlock.
        case seccomp
    }

    /// Gives up every privilege, every way to write, make or run a file, to start or signal a process, to listen and to
    /// speak to anything but IPv4 and IPv6, and all memory above a bound (Landlock, seccomp, setrlimit). To be called
    /// while the process has one thread.
    ///
    /// - Parameter memory: How many octets of its own the process may have.
    public static func begin(memory: Int) throws(SystemError) -> FileGuard {
        try Capabilities.keepOnly([])
        return try SystemError.check(clinux_confine(UInt64(clamping: memory)), "confine the process") > 0
            ? .landlock : .seccomp
    }
}
