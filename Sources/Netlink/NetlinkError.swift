/// Why the kernel did not do what it was asked over netlink or under /proc/sys.
public struct NetlinkError: Error, Hashable, Sendable {
    /// What was asked, as words that follow "cannot": `add route 64:ff9b::/96`.
    public let operation: String
    /// The error number of `errno.h`, positive.
    let code: Int32
    /// The reason in the kernel's words.
    public let reason: String

    /// Puts an operation and its failure together.
    init(operation: String, code: Int32, reason: String) {
        self.operation = operation
        self.code = code
        self.reason = reason
    }
}

extension NetlinkError: CustomStringConvertible {
    /// `cannot add route 64:ff9b::/96: Operation not permitted`.
    public var description: String { "cannot \(operation): \(reason)" }
}
