private import CLinux

/// What a process of ours that parses what strangers send gives up for good.
public enum Confinement {
    /// Gives up every privilege, every way to write, make or run a file, to start a process and to listen, and all
    /// memory above a bound (Landlock, seccomp, setrlimit). To be called while the process has one thread.
    ///
    /// - Parameter memory: How many octets of its own the process may have.
    public static func begin(memory: Int) throws(SystemError) {
        try Capabilities.keepOnly([])
        try SystemError.check(clinux_confine(UInt64(clamping: memory)), "confine the process")
    }
}
