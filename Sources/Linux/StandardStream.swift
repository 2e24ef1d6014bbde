private import CLinux
private import Glibc

/// Where a program talks to whoever started it. Nothing is buffered, and a stream that is closed is no reason to fail.
public enum StandardStream: Int32, Sendable {
    /// For what was asked for.
    case output = 1
    /// For what went wrong, and for the log.
    case error = 2

    /// Holds whoever writes to standard error by way of C's streams to 20 lines a minute: libraries that complain as often
    /// as strangers make them. ``write(_:)`` is not held.
    public static func spareError() { clinux_spare_standard_error() }

    /// Writes a text as it is.
    ///
    /// - Returns: Whether somebody took all of it.
    @discardableResult
    public func write(_ text: String) -> Bool {
        var octets = Array(text.utf8)[...]
        while !octets.isEmpty {
            let number = rawValue
            let written = unsafe octets.withUnsafeBytes { buffer -> Int64 in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe clinux_write(number, base, buffer.count)
            }
            if written == -Int64(EINTR) { continue }
            guard written > 0 else { return false }
            octets = octets.dropFirst(Int(written))
        }
        return true
    }
}
