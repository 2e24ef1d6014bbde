private import CLinux
private import Glibc

/// A process that waits for this one to end, however it ends, and then tidies up what would outlast it.
///
/// A process that is killed cannot tidy up by itself, and what it put on other people's interfaces does not vanish
/// with its own device.
public enum Sentinel {
    /// Starts the sentinel.
    ///
    /// To be called while the process has one thread. The sentinel keeps every descriptor that is open now, and with
    /// them the names and locks that nobody else may take before it has tidied up.
    ///
    /// - Parameter tidyUp: Runs in the sentinel after this process has ended.
    public static func post(_ tidyUp: () -> Void) throws(SystemError) {
        var ends = [2 of Int32](repeating: -1)
        var span = ends.mutableSpan
        let code = unsafe span.withUnsafeMutableBufferPointer { unsafe clinux_pipe($0.baseAddress) }
        try SystemError.check(code, "pipe2")
        let (waiting, living) = (ends[0], ends[1])
        guard try SystemError.check(clinux_fork(), "fork") == 0 else {
            // The other end stays open as long as this process lives.
            _ = close(waiting)
            return
        }
        _ = close(living)
        _ = unsafe clinux_thread_name("nat64-sentinel")
        // What it tidies up is of the network; without the privilege it would fail there and nowhere else.
        try? Capabilities.keepOnly([.netAdmin])
        var octet: UInt8 = 0
        while true {
            let count = unsafe clinux_read(waiting, &octet, 1)
            if count == -Int64(EINTR) { continue }
            break
        }
        tidyUp()
        clinux_exit_child()
    }
}
