private import CSystemd
private import Glibc
public import Timing

/// Words to systemd (sd_notify); without systemd they go nowhere.
public enum ServiceNotification {
    /// The service does its work from now on.
    public static func ready(status: String) { send("READY=1\nSTATUS=\(status)") }

    /// The configuration is being read again.
    public static func reloading() {
        send("RELOADING=1\nMONOTONIC_USEC=\(MonotonicClock.now().nanoseconds / 1000)")
    }

    /// The service is on its way out.
    public static func stopping() { send("STOPPING=1") }

    /// All threads are alive.
    public static func watchdog() { send("WATCHDOG=1") }

    /// How often systemd wants to hear ``watchdog()``, half of its patience; nil if it does not ask.
    public static var watchdogInterval: Moment.Span? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return Moment.Span(nanoseconds: microseconds &* 500)
    }

    private static func send(_ state: String) { _ = unsafe sd_notify(0, state) }
}
