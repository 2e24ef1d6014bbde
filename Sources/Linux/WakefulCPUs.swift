private import CLinux
private import Glibc

/// A request to the kernel that no CPU of this machine sleeps so that waking it takes time: `/dev/cpu_dma_latency`, the
/// user's end of the kernel's power management quality of service.
///
/// Each is a request of its own, and ends with the process at the latest.
public struct WakefulCPUs: ~Copyable {
    /// Where the kernel takes such requests.
    public static let path = "/dev/cpu_dma_latency"

    private let descriptor: OwnedDescriptor

    /// Gets ready to ask; nothing is asked for yet.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(
            adopting: unsafe clinux_open(Self.path, O_WRONLY, 0),
            from: "open \(Self.path)"
        )
    }

    /// Makes the request, or takes it back.
    ///
    /// - Returns: Whether the kernel took it.
    public func want(_ wanted: Bool) -> Bool {
        // Microseconds; -1 stands for the kernel's default, which is any time.
        var longest: Int32 = wanted ? 0 : -1
        return unsafe clinux_write(descriptor.number, &longest, MemoryLayout<Int32>.size) > 0
    }
}
