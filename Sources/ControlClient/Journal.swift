internal import ControlAPI
private import Glibc

/// The journal of the daemon, as systemd keeps it.
enum Journal {
    /// What has to be read before a moment: everything in force is written down once a day.
    private static let day: UInt64 = 86_400

    /// Makes what the journal says around a moment this process's standard input.
    ///
    /// - Throws: A sentence, if there is no journalctl.
    static func openAsInput(around time: UTCTime) throws(ControlFailure) {
        // Nothing but numbers comes from outside.
        let (first, last) = (time.seconds - min(time.seconds, day + 600), time.seconds + 600)
        let command = "exec journalctl --quiet --output=cat --unit=nat64-appliance --since=@\(first) --until=@\(last)"
        guard unsafe access("/run/systemd/journal", F_OK) == 0, let pipe = unsafe popen(command, "re"),
            unsafe dup2(fileno(pipe), STDIN_FILENO) == STDIN_FILENO
        else {
            throw .notReached(
                "the journal cannot be read here; give what the daemon has logged on standard input, with --journal"
            )
        }
    }
}
