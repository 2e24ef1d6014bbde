internal import Configuration
internal import Logging
private import Synchronization

/// The least severe events that are logged; a reload may change it while loggers are in use.
final class LogThreshold: Sendable {
    private let level = Mutex(Logger.Level.notice)
    /// How often each of them is.
    let allowance = LogAllowance()

    var current: Logger.Level { level.withLock { $0 } }

    func set(_ wanted: ValidatedConfiguration.LogLevel) {
        level.withLock { level in
            level =
                switch wanted {
                case .error: .error
                case .warning: .warning
                case .notice: .notice
                case .info: .info
                case .debug: .debug
                }
        }
    }
}
