import Glibc
import Linux
import Timing

/// A process for tests of what can only be seen when one ends: `MortalProcess sentinel FOLDER NAME` and
/// `MortalProcess write COUNT`.
@main
enum MortalProcess {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        switch (words.first, words.count) {
        case ("sentinel", 3): guarded(folder: words[1], name: words[2])
        case ("write", 2): write(Int(words[1]) ?? 0)
        default: exit(64)
        }
    }

    /// Claims a name and posts a sentinel in the order of the daemon, says so with a file, and lives until a signal or
    /// the file `end` says stop.
    ///
    /// The sentinel says that it is at work, and works until the file `go` is there.
    private static func guarded(folder: String, name: String) {
        do throws(SystemError) {
            let signals = try Signals()
            let claimed = try ClaimedName(name, patience: .zero)
            try Sentinel.post {
                mark("\(folder)/tidying")
                wait { WholeFile.exists("\(folder)/go") }
                mark("\(folder)/tidied")
            }
            mark("\(folder)/living")
            wait { WholeFile.exists("\(folder)/end") || signals.next() != nil }
            withExtendedLifetime(claimed) {}
        } catch {
            exit(1)
        }
    }

    /// Waits until something is so; not for ever, since the test may have been killed.
    private static func wait(until isSo: () -> Bool) {
        let end = MonotonicClock.now() + .seconds(300)
        while !isSo(), MonotonicClock.now() < end { usleep(2000) }
    }

    private static func mark(_ path: String) { try? WholeFile.replace(path, with: Array("\(getpid())".utf8)) }

    /// Writes a text of this many octets to standard output, then a word to standard error, whatever became of the first.
    private static func write(_ count: Int) {
        signal(SIGPIPE, SIG_IGN)
        StandardStream.output.write(String(repeating: "x", count: count))
        StandardStream.error.write("done\n")
    }
}
