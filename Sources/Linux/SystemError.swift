private import Glibc

/// A system call that failed.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was called, with the object it was called on where that helps: `open /dev/net/tun`.
    public let call: String
    /// The error number, positive.
    public let code: Int32

    /// Names a failure.
    public init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// The system's own words for the error number.
    public var reason: String { unsafe String(cString: strerror(code)) }

    /// `open /dev/net/tun: No such file or directory`.
    public var description: String { "\(call): \(reason)" }

    /// Turns the result of a bridged call, a negated errno if it failed, into the value or the error.
    @discardableResult
    public static func check(_ result: Int32, _ call: @autoclosure () -> String) throws(SystemError) -> Int32 {
        guard result >= 0 else { throw SystemError(call: call(), code: -result) }
        return result
    }
}
