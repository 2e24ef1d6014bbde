import CForbiddenActs
import Glibc
import Linux
import Timing

/// A process for tests of what can only be seen when one ends, or changes for good: `MortalProcess sentinel FOLDER NAME`,
/// `MortalProcess write COUNT` and `MortalProcess confined [without-landlock]`.
@main
enum MortalProcess {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        switch (words.first, words.count) {
        case ("sentinel", 3): guarded(folder: words[1], name: words[2])
        case ("write", 2): write(Int(words[1]) ?? 0)
        case ("confined", 1): confined()
        case ("confined", 2):
            guard cforbiddenacts_hide_landlock() == 0 else { exit(1) }
            confined()
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

    /// Confines itself as the recursor does and says what guards files; tries what it must not be able to do and what it
    /// needs, and says what was not as it should be; and aborts.
    private static func confined() {
        do throws(SystemError) {
            // As much memory as it likes, since the sanitizers take terabytes of addresses.
            StandardStream.output.write("\(try Confinement.begin(memory: .max))\n")
        } catch {
            StandardStream.output.write("not confined: \(error)\n")
            exit(1)
        }
        for act in 0..<cforbiddenacts_count() {
            let isNeeded = cforbiddenacts_is_needed(act) != 0
            let code = cforbiddenacts_try(act)
            if isNeeded ? code != 0 : code != EPERM {
                StandardStream.output.write("\(String(cString: cforbiddenacts_name(act))): \(code)\n")
            }
        }
        StandardStream.output.write("\(cforbiddenacts_count()) tried\n")
        abort()
    }

    /// Writes a text of this many octets to standard output, then a word to standard error, whatever became of the first.
    private static func write(_ count: Int) {
        signal(SIGPIPE, SIG_IGN)
        StandardStream.output.write(String(repeating: "x", count: count))
        StandardStream.error.write("done\n")
    }
}
