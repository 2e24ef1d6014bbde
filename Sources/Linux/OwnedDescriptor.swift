private import Glibc

/// A file descriptor that is closed exactly once, with its owner.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The descriptor's number, good as long as the owner lives.
    public let number: Int32

    /// Takes charge of what a bridged call returned: a descriptor or a negated errno.
    public init(adopting result: Int32, from call: @autoclosure () -> String) throws(SystemError) {
        number = try SystemError.check(result, call())
    }

    deinit { _ = Glibc.close(number) }
}
