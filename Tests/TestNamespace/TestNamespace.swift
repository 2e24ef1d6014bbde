import CTestNamespace
import Glibc

/// The kernel refused a network namespace; tests that need one run as root.
public struct NoNamespace: Error {
    /// The error number.
    public let code: Int32
}

private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

/// Runs `body` on a thread of its own in a network namespace of its own, loopback up.
///
/// Inside nothing may await or use tasks and queues, whose threads are in the host's namespace. Threads and child
/// processes that the body starts inherit the namespace.
public func inNamespace<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        let passed = Unmanaged.passRetained(
            Body {
                let code = ctestnamespace_enter()
                guard code == 0 else {
                    continuation.resume(throwing: NoNamespace(code: code))
                    return
                }
                continuation.resume(with: Swift.Result { try body() })
            }
        )
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            },
            passed.toOpaque()
        )
        guard code == 0 else {
            passed.release()
            continuation.resume(throwing: NoNamespace(code: code))
            return
        }
        pthread_detach(thread)
    }
}
