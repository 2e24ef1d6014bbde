package import ControlAPI

/// Why a command was not done.
package enum ControlFailure: Error, Equatable, Sendable {
    /// The daemon was not reached, or did not answer as it should: a sentence with what to do.
    case notReached(String)
    /// The daemon refused.
    case refused(Problem)
}
