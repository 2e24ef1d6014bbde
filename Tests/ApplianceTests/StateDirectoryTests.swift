import Configuration
import Glibc
import IPAddressing
import Linux
import PacketMemory
import Testing

@testable import Appliance

@Suite("What outlives the process")
struct StateDirectoryTests {
    private static func mode(of path: String) -> UInt32 {
        var found = stat()
        return stat(path, &found) == 0 ? found.st_mode & 0o7777 : 0
    }

    @Test("the secret is drawn at the first start and is the same at every other, so that clients keep their ports")
    func secret() throws {
        let folder = Folder()
        let state = StateDirectory(path: folder.path)
        let first = try state.secret()
        let again = try StateDirectory(path: folder.path).secret()
        #expect(first.key0 == again.key0 && first.key1 == again.key1)
        #expect(Self.mode(of: folder.path + "/secret") == 0o600, "nobody else reads it")
        let other = try StateDirectory(path: Folder().path + "x").with { state throws(SystemError) in
            try state.prepare()
            return try state.secret()
        }
        #expect(first.key0 != other.key0 && first.key1 != other.key1)
    }

    @Test("a secret written by hand on a second box is taken as it is, whatever its leading zeros")
    func copied() throws {
        let folder = Folder()
        try folder.write("000000000000000700000000000000ff\n", to: "secret")
        let secret = try StateDirectory(path: folder.path).secret()
        #expect(secret.key0 == 7 && secret.key1 == 255)
    }

    @Test(
        "a damaged secret is replaced by one that stays",
        arguments: ["", "\n", "0123", "0123456789abcdef0123456789abcdeg\n", String(repeating: "0", count: 33), "é\n"]
    )
    func damaged(text: String) throws {
        let folder = Folder()
        try folder.write(text, to: "secret")
        let first = try StateDirectory(path: folder.path).secret()
        #expect(first.key0 != 0)
        let again = try StateDirectory(path: folder.path).secret()
        #expect(first.key0 == again.key0 && first.key1 == again.key1)
    }

    @Test("a secret file longer than any secret is no reason not to start")
    func overlong() throws {
        let folder = Folder()
        try folder.write(String(repeating: "a", count: 500), to: "secret")
        let state = StateDirectory(path: folder.path)
        let first = try state.secret()
        #expect(try state.secret().key0 == first.key0)
    }

    @Test("F04-T3 what was switched at runtime is there after a restart, and is gone when it is taken back")
    func views() throws {
        let folder = Folder()
        let state = StateDirectory(path: folder.path + "/below/state")
        var views = RuntimeViews()
        views.set(known(IPPrefix("2001:db8:6:2::/64")), synthesize: false)
        views.set(known(IPPrefix("192.0.2.0/24")), synthesize: true)
        try state.keep(views)
        let kept = StateDirectory(path: state.path).runtimeViews()
        #expect(kept.views == views && kept.problem == nil)
        views.remove(known(IPPrefix("192.0.2.0/24")))
        try state.keep(views)
        #expect(state.runtimeViews().views == views)
    }

    @Test("what is too long to be read at the next start is not kept, and what was kept before stays")
    func tooLong() throws {
        let folder = Folder()
        let state = StateDirectory(path: folder.path)
        let longest = String(repeating: "a", count: Configuration.largestFile)
        try state.keep(deterministicMappings: longest)
        #expect(state.deterministicMappings() == longest)
        #expect(throws: SystemError.self) { try state.keep(deterministicMappings: longest + "a") }
        #expect(state.deterministicMappings() == longest)
    }

    @Test("at the first start nothing is switched, and that is no problem")
    func noViews() {
        let found = StateDirectory(path: Folder().path).runtimeViews()
        #expect(found.views == RuntimeViews() && found.problem == nil)
    }

    @Test("of a damaged file what can be read is used, and the rest is told with its place")
    func damagedViews() throws {
        let folder = Folder()
        try folder.write(
            "[[view]]\nnetwork = \"2001:db8:6::/48\"\nsynthesize = false\n\n[[view]]\nnetwork = \"nonsense\"\nsynthesize = true\n",
            to: "views.toml"
        )
        let found = StateDirectory(path: folder.path).runtimeViews()
        #expect(found.views.switches == [known(IPPrefix("2001:db8:6::/48")): false])
        let problem = try #require(found.problem)
        #expect(problem.contains("views.toml:5:") && problem.contains("nonsense"), "\(problem)")
        try folder.write("\u{0}[[", to: "views.toml")
        #expect(StateDirectory(path: folder.path).runtimeViews().problem != nil)
    }

    @Test("a folder that cannot be written is an error with the path and the system's reason")
    func unwritable() throws {
        // Nobody, root included, makes a folder below a file or in /proc.
        let folder = Folder()
        try folder.write("", to: "file")
        for (path, code) in [(folder.path + "/file/state", ENOTDIR), ("/proc/nat64-appliance", ENOENT)] {
            let state = StateDirectory(path: path)
            let error = #expect(throws: SystemError.self) { try state.keep(RuntimeViews()) }
            #expect(error?.code == code && error?.description.contains(path) == true, "\(String(describing: error))")
            #expect(throws: SystemError.self) { try state.secret() }
        }
    }

    @Test("a full disk leaves the old switches whole")
    func fullDisk() throws {
        let folder = Folder()
        let state = StateDirectory(path: folder.path)
        var views = RuntimeViews()
        views.set(known(IPPrefix("2001:db8:6:2::/64")), synthesize: false)
        try state.keep(views)
        // What is written first is a file of another name; here that name leads to a device that is always full.
        guard symlink("/dev/full", folder.path + "/views.toml.new") == 0 else {
            throw SystemError(call: "symlink", code: errno)
        }
        var more = views
        more.set(known(IPPrefix("192.0.2.0/24")), synthesize: true)
        let error = #expect(throws: SystemError.self) { try state.keep(more) }
        #expect(error?.code == ENOSPC)
        #expect(state.runtimeViews().views == views)
        #expect(try WholeFile.names(in: folder.path).sorted() == [".", "..", "views.toml"])
    }
}

extension StateDirectory {
    fileprivate func with<Result>(_ body: (StateDirectory) throws(SystemError) -> Result) throws(SystemError) -> Result
    {
        defer { _ = try? run("rm -rf \(path)") }
        return try body(self)
    }
}
