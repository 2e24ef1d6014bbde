private import CLinux
private import Glibc

/// This process's own executable, started once more under another name; it is ended with its owner.
public struct ChildProcess: ~Copyable, Sendable {
    /// The number of the process.
    public let number: Int32

    /// Starts it. It has no environment, and no descriptors but the standard ones and those handed over.
    ///
    /// - Parameters:
    ///   - arguments: The first is the name it is called by.
    ///   - descriptors: What it finds as 3, 4 and so on.
    public init(_ arguments: [String], descriptors: [Int32]) throws(SystemError) {
        var texts = unsafe arguments.map { unsafe UnsafePointer<CChar>(strdup($0)) }
        unsafe texts.append(nil)
        defer { for index in arguments.indices { unsafe free(UnsafeMutableRawPointer(mutating: texts[index])) } }
        let code = unsafe texts.withUnsafeBufferPointer { texts in
            unsafe descriptors.withUnsafeBufferPointer { descriptors in
                unsafe clinux_spawn_self(texts.baseAddress, descriptors.baseAddress, Int32(descriptors.count))
            }
        }
        number = try SystemError.check(code, "start \(arguments.first ?? "a child")")
    }

    /// Whether it has ended by itself.
    public func hasEnded() -> Bool { clinux_child_has_ended(number) != 0 }

    deinit { _ = clinux_end_child(number) }
}
