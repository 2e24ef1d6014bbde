private import CLinux
private import Glibc
public import Timing

/// A name that one program of a network namespace has at a time; it is free again when the last holder of the
/// descriptor has ended.
public final class ClaimedName: Sendable {
    private let descriptor: OwnedDescriptor

    /// Claims a name, and waits a while for somebody who is just giving it up.
    ///
    /// - Throws: EADDRINUSE if somebody else keeps it.
    public init(_ name: String, patience: Moment.Span) throws(SystemError) {
        let end = MonotonicClock.now() + patience
        while true {
            let result = unsafe clinux_claim_name(name)
            guard result == -EADDRINUSE, MonotonicClock.now() < end else {
                descriptor = try OwnedDescriptor(adopting: result, from: "claim \(name)")
                return
            }
            _ = usleep(20_000)
        }
    }
}
