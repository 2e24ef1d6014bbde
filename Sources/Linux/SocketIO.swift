private import CLinux
private import Glibc
public import IPAddressing

/// Single reads and writes on sockets.
public enum SocketIO {
    /// Sends once. Returns the count, or a negated errno.
    public static func send(_ octets: borrowing RawSpan, from start: Int = 0, on number: Int32) -> Int32 {
        let count = octets.byteCount
        precondition(start >= 0 && start <= count, "no such octets")
        return unsafe octets.withUnsafeBytes { memory in
            guard let base = memory.baseAddress else { return 0 }
            return unsafe clinux_socket_send(number, base + start, UInt32(count - start))
        }
    }

    /// Receives once. Returns the count, or a negated errno.
    public static func receive(into octets: inout MutableRawSpan, on number: Int32) -> Int32 {
        let count = UInt32(clamping: octets.byteCount)
        return unsafe octets.withUnsafeMutableBytes { memory in
            unsafe clinux_socket_receive(number, memory.baseAddress, count)
        }
    }

    /// What became of a connection: 0, or a negated errno.
    public static func error(on number: Int32) -> Int32 { clinux_socket_error(number) }

    /// The address and port a socket has.
    public static func name(of number: Int32) -> TransportAddress? {
        var name = clinux_endpoint()
        guard unsafe clinux_socket_name(number, &name) == 0 else { return nil }
        return TransportAddress(endpoint: name)
    }

    /// Whether a result means that there is nothing yet, and no error.
    public static func isTryAgain(_ result: Int32) -> Bool { result == -EAGAIN || result == -EWOULDBLOCK }
}
