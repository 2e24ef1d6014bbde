private import CLinux
public import Timing

/// Waits for many descriptors at once (epoll, level-triggered). One thread waits; others may add and remove.
@safe
public struct EventPoll: ~Copyable, Sendable {
    /// What a descriptor is ready for, or wanted for.
    public struct Readiness: OptionSet, Sendable {
        /// The bits of CLinux.
        public let rawValue: UInt32
        /// Makes a set from its bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// There is something to read.
        public static let readable = Readiness(rawValue: UInt32(CLINUX_READABLE.rawValue))
        /// There is room to write.
        public static let writable = Readiness(rawValue: UInt32(CLINUX_WRITABLE.rawValue))
    }

    /// The most events of one wait.
    private static var mostEvents: Int { 64 }

    private let descriptor: OwnedDescriptor

    /// The poll's own descriptor, so that polls can be nested.
    public var number: Int32 { descriptor.number }

    /// Makes an empty poll.
    public init() throws(SystemError) {
        descriptor = try OwnedDescriptor(adopting: clinux_epoll_create(), from: "epoll_create1")
    }

    /// Watches a descriptor; `token` comes back with its events.
    public func add(_ number: Int32, for readiness: Readiness, token: UInt64) throws(SystemError) {
        try SystemError.check(clinux_epoll_add(descriptor.number, number, readiness.rawValue, token), "epoll_ctl add")
    }

    /// Changes what a watched descriptor is wanted for.
    public func modify(_ number: Int32, for readiness: Readiness, token: UInt64) throws(SystemError) {
        try SystemError.check(
            clinux_epoll_modify(descriptor.number, number, readiness.rawValue, token),
            "epoll_ctl modify"
        )
    }

    /// Stops watching a descriptor. Closing it does the same.
    public func remove(_ number: Int32) throws(SystemError) {
        try SystemError.check(clinux_epoll_remove(descriptor.number, number), "epoll_ctl remove")
    }

    /// Waits for events and hands each to `body`.
    ///
    /// - Parameter patience: The longest wait, rounded up to milliseconds; nil waits for a minute at most.
    public func wait(
        atMost patience: Moment.Span?,
        _ body: (_ token: UInt64, _ readiness: Readiness) -> Void
    ) throws(SystemError) {
        let limit = patience.map { Int64(clamping: $0.nanoseconds) } ?? 60_000_000_000
        // Not cleared: whoever polls passes here every quarter of a microsecond.
        let count = unsafe withUnsafeTemporaryAllocation(of: clinux_event.self, capacity: Self.mostEvents) { events in
            let count = unsafe clinux_epoll_wait(descriptor.number, events.baseAddress, Int32(events.count), limit)
            for index in 0..<max(Int(count), 0) {
                unsafe body(events[index].token, Readiness(rawValue: events[index].events))
            }
            return count
        }
        try SystemError.check(count, "epoll_wait")
    }
}
