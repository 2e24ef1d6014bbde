private import CLinux

/// Wakes a thread that waits in a poll (eventfd).
public struct Bell: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// What the waiting thread polls to be readable.
    public var number: Int32 { descriptor.number }

    /// Makes a silent bell.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(adopting: clinux_eventfd(), from: "eventfd")
    }

    /// Wakes the thread; rings before it looks count once.
    public func ring() { _ = clinux_eventfd_ring(descriptor.number) }

    /// Makes the bell silent again, before looking at what it rang for.
    public func hush() { _ = clinux_eventfd_hush(descriptor.number) }
}
