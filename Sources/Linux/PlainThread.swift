private import CLinux
private import Glibc

/// A thread of the operating system. It inherits the network namespace, the signal mask and the capabilities of the
/// thread that starts it, which tasks and queues of a shared pool would not.
@safe
public final class PlainThread: @unchecked Sendable {
    private let thread: pthread_t

    private final class Body {
        let run: @Sendable () -> Void
        let name: String
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: What `ps -L` shows; the kernel keeps the first 15 octets.
    ///   - body: What the thread does; it ends with it.
    public init(name: String, body: @escaping @Sendable () -> Void) throws(SystemError) {
        let passed = unsafe Unmanaged.passRetained(Body(name: name, run: body))
        var started = pthread_t()
        let code = unsafe pthread_create(
            &started,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                _ = unsafe clinux_thread_name(body.name)
                body.run()
                return nil
            },
            passed.toOpaque()
        )
        guard code == 0 else {
            unsafe passed.release()
            throw SystemError(call: "pthread_create \(name)", code: code)
        }
        thread = started
    }

    /// Waits until the thread has ended; to be called once.
    public func join() { _ = pthread_join(thread, nil) }

    /// How many CPUs of this machine are in use, whoever may use them.
    public static var onlineCPUs: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
    /// How many CPUs this process may use.
    public static var allowedCPUs: Int { max(1, Int(clinux_cpus_allowed())) }
}
