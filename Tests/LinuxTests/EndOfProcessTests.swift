import Glibc
import Linux
import Testing
import Timing

/// The process that these tests let live and die; it is built beside the tests.
let mortal: String = {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let own = String(decoding: path[..<max(0, count)].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        + "/MortalProcess"
}()

/// A folder and a process that claims a name and posts a sentinel in it.
private final class Guarded {
    let folder: String
    let name: String
    let process: pid_t
    private var hasEnded = false

    init() throws {
        var template = Array("/tmp/sentinel-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        name = "nat64-appliance-test/\(folder)"
        process = try Self.start([mortal, "sentinel", folder, name])
        let mark = folder + "/living"
        guard eventually({ WholeFile.exists(mark) }) else {
            throw SystemError(call: "start MortalProcess", code: ETIMEDOUT)
        }
    }

    deinit {
        touch("end")
        touch("go")
        if !hasEnded { _ = kill(process, SIGKILL) }
        _ = awaitEnd()
        _ = eventually { WholeFile.exists(folder + "/tidied") }
        for name in ["living", "end", "go", "tidying", "tidied"] { _ = unlink("\(folder)/\(name)") }
        _ = rmdir(folder)
    }

    /// Starts a program at the head of a process group of its own.
    private static func start(_ words: [String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of the test runner block signals, system() of other tests ignores some, and children would inherit both.
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))
        // So they would the connections of other tests, which nobody then sees ended before the child has: SwiftNIO accepts
        // without SOCK_CLOEXEC.
        for number in Int32(3)..<4096 { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, words[0], nil, &attributes, &arguments, environ)
        guard code == 0 else { throw SystemError(call: "posix_spawn \(words[0])", code: code) }
        return process
    }

    /// Whether the process has ended, a minute from now at the latest.
    func awaitEnd() -> Bool {
        hasEnded = hasEnded || eventually { waitpid(process, nil, WNOHANG) == process }
        return hasEnded
    }

    func touch(_ file: String) { try? WholeFile.replace("\(folder)/\(file)", with: []) }
    func has(_ file: String) -> Bool { WholeFile.exists("\(folder)/\(file)") }

    /// Whether the name can be had at once.
    var nameIsFree: Bool { (try? ClaimedName(name, patience: .zero)) != nil }
}

private func eventually(_ isSo: () -> Bool) -> Bool {
    let end = MonotonicClock.now() + .seconds(60)
    while MonotonicClock.now() < end {
        if isSo() { return true }
        usleep(2000)
    }
    return false
}

@Suite("The end of a process", .enabled(if: WholeFile.exists(mortal), "MortalProcess is not built beside the tests"))
struct EndOfProcessTests {
    enum End: CaseIterable {
        /// SIGKILL, which nobody can catch.
        case killed
        /// Orderly, by itself.
        case returned
        /// Control-C or a group that is asked to end: the sentinel is in that group, too.
        case groupInterrupted, groupTerminated
    }

    @Test("the sentinel tidies up however its process ends, and keeps the name until it has", arguments: End.allCases)
    func sentinel(end: End) throws {
        let guarded = try Guarded()
        #expect(!guarded.nameIsFree)
        #expect(!guarded.has("tidying"))
        switch end {
        case .killed: kill(guarded.process, SIGKILL)
        case .returned: guarded.touch("end")
        case .groupInterrupted: kill(-guarded.process, SIGINT)
        case .groupTerminated: kill(-guarded.process, SIGTERM)
        }
        #expect(guarded.awaitEnd())
        #expect(eventually { guarded.has("tidying") })
        #expect(!guarded.nameIsFree, "the next start would meet the sentinel halfway")
        #expect(!guarded.has("tidied"))
        guarded.touch("go")
        #expect(eventually { guarded.nameIsFree })
        #expect(guarded.has("tidied"))
    }

    @Test("a program goes on when its output is closed, and a long text arrives whole", arguments: [1_000_000, 1])
    func standardStreams(count: Int) throws {
        func run(_ command: String) throws -> String {
            let pipe = try #require(popen(command, "re"))
            defer { pclose(pipe) }
            var line = [CChar](repeating: 0, count: 100)
            return fgets(&line, 100, pipe).map { String(cString: $0) } ?? ""
        }
        #expect(try run("\(mortal) write \(count) 2>/dev/null | wc -c") == "\(count)\n")
        #expect(try run("{ \(mortal) write \(count) 2>&3 | true; } 3>&1") == "done\n")
        #expect(try run("\(mortal) write \(count) 2>&1 >&-") == "done\n")
    }
}

@Suite("Names that one program has at a time")
struct ClaimedNameTests {
    @Test("a second claim is refused, another name is not, and the name is free again with its last owner")
    func claims() throws {
        let name = "nat64-appliance-test/claims-\(getpid())"
        do {
            let first = try ClaimedName(name, patience: .zero)
            let error = #expect(throws: SystemError.self) { _ = try ClaimedName(name, patience: .zero) }
            #expect(error?.code == EADDRINUSE && error?.call.contains(name) == true)
            #expect(throws: Never.self) { _ = try ClaimedName(name + "-other", patience: .zero) }
            withExtendedLifetime(first) {}
        }
        // Children that other tests start hold copies of all descriptors for a moment.
        #expect(throws: Never.self) { _ = try ClaimedName(name, patience: .seconds(60)) }
    }

    @Test("whoever is patient gets the name when it is given up")
    func patience() throws {
        let name = "nat64-appliance-test/patience-\(getpid())"
        let (owned, asked) = (try Flag(), try Flag())
        let owner = try PlainThread(name: "owner") {
            let first = try? ClaimedName(name, patience: .zero)
            owned.raise()
            asked.await()
            withExtendedLifetime(first) {}
        }
        owned.await()
        #expect(throws: SystemError.self) { _ = try ClaimedName(name, patience: .zero) }
        asked.raise()
        #expect(throws: Never.self) { _ = try ClaimedName(name, patience: .seconds(60)) }
        owner.join()
    }

    @Test("a name longer than the system takes is refused in words")
    func overlong() {
        let error = #expect(throws: SystemError.self) {
            _ = try ClaimedName(String(repeating: "n", count: 108), patience: .seconds(5))
        }
        #expect(error?.reason == "File name too long")
    }
}

/// Something that one thread says to another.
private final class Flag: Sendable {
    private let bell: Bell
    init() throws { bell = try Bell() }
    func raise() { bell.ring() }
    func await() { _ = DescriptorIO.waitReadable(bell.number, atMost: .seconds(60)) }
}
