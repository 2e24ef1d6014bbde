import CTestNamespace
import Glibc

/// The kernel refused a network namespace; tests that need one run as root.
public struct NoNamespace: Error {
    /// The error number.
    public let code: Int32
}

/// Runs `body` on a thread of its own in a network namespace of its own, loopback up, with the privileges that the
/// process began with.
///
/// Inside nothing may await or use tasks and queues, whose threads are in the host's namespace. Threads and child
/// processes that the body starts inherit the namespace.
public func inNamespace<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        // Whoever resumes a task may start threads for more of them, and these have its privileges and its namespace: so
        // it is not the body's thread that does.
        let code = start {
            let outcome = Outcome<Result>()
            var thread = pthread_t()
            let code = start(&thread) {
                let code = ctestnamespace_enter()
                outcome.result = code == 0 ? Swift.Result { try body() } : .failure(NoNamespace(code: code))
            }
            if code == 0 { pthread_join(thread, nil) }
            continuation.resume(with: outcome.result ?? .failure(NoNamespace(code: code)))
        }
        if code != 0 { continuation.resume(throwing: NoNamespace(code: code)) }
    }
}

/// What came of a body; written by its thread before anybody else reads it.
private final class Outcome<Value>: @unchecked Sendable {
    var result: Result<Value, any Error>?
}

private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

private func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
    return nil
}

/// Starts a thread that has what the calling one has, and that somebody joins; the error number, or zero.
private func start(_ thread: inout pthread_t, _ body: @escaping () -> Void) -> Int32 {
    let passed = Unmanaged.passRetained(Body(body))
    let code = pthread_create(&thread, nil, { run($0) }, passed.toOpaque())
    if code != 0 { passed.release() }
    return code
}

/// Starts a thread that has what the process began with, and that nobody waits for; the error number, or zero.
private func start(_ body: @escaping () -> Void) -> Int32 {
    let passed = Unmanaged.passRetained(Body(body))
    let code = ctestnamespace_start({ run($0) }, passed.toOpaque())
    if code != 0 { passed.release() }
    return code
}
