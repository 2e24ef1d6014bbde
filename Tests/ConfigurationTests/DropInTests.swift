import Configuration
import Glibc
import IPAddressing
import NAT64
import Policy
import Testing
import Timing

/// A folder that is removed with all that is in it.
final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/appliance-configuration-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw MissingFile(path: "/tmp") }
        path = String(decoding: template.dropLast().map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    func write(_ name: String, _ text: String) throws {
        guard let stream = unsafe fopen("\(path)/\(name)", "w") else { throw MissingFile(path: name) }
        _ = unsafe fputs(text, stream)
        unsafe fclose(stream)
    }

    func makeFolder(_ name: String) { _ = unsafe mkdir("\(path)/\(name)", 0o755) }

    deinit {
        for folder in [path + "/appliance.d", path] {
            guard let directory = unsafe opendir(folder) else { continue }
            while let entry = unsafe readdir(directory) {
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
                }
                if name != ".", name != ".." { _ = unsafe unlink("\(folder)/\(name)") }
            }
            unsafe closedir(directory)
            _ = unsafe rmdir(folder)
        }
    }
}

@Suite("A configuration file and its drop-ins")
struct DropInTests {
    private func problems(loading path: String) -> [String] {
        do throws(ConfigurationProblems) {
            _ = try Configuration.load(path: path)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("a file without drop-ins is read alone")
    func fileAlone() throws {
        let folder = try Folder()
        try folder.write("appliance.toml", "[log]\nlevel = \"debug\"\n")
        let read = try Configuration.load(path: folder.path + "/appliance.toml")
        #expect(read.logLevel == .debug)
        #expect(read.files == [folder.path + "/appliance.toml"])
    }

    @Test("drop-ins are laid over the file in the order of their names")
    func dropInsAreLaid() throws {
        let folder = try Folder()
        folder.makeFolder("appliance.d")
        try folder.write(
            "appliance.toml",
            """
            [nat64]
            pool = ["192.0.2.1", "192.0.2.2"]
            lifetimes.udp = "10m"
            [[dns64.view]]
            clients = ["2001:db8:1::/64"]
            synthesize = false
            [log]
            level = "error"
            """
        )
        try folder.write(
            "appliance.d/20-second.toml",
            "[log]\nlevel = \"debug\"\n[[dns64.view]]\nclients = [\"2001:db8:3::/64\"]\nsynthesize = true\n"
        )
        try folder.write(
            "appliance.d/10-first.toml",
            "[log]\nlevel = \"info\"\n[nat64]\npool = [\"192.0.2.9\"]\nlifetimes.icmp = \"2m\"\n"
                + "[[dns64.view]]\nclients = [\"2001:db8:2::/64\"]\nsynthesize = false\n"
        )
        try folder.write("appliance.d/30-note.txt", "not a drop-in")
        try folder.write("appliance.d/.40-hidden.toml", "not a drop-in either")
        let read = try Configuration.load(path: folder.path + "/appliance.toml")
        #expect(read.logLevel == .debug)
        #expect(read.pool.sources.map(\.description) == ["192.0.2.9"])
        #expect(read.nat64.lifetimes.udp.seconds == 600)
        #expect(read.nat64.lifetimes.icmp.seconds == 120)
        #expect(read.views.map(\.network.description) == ["2001:db8:1::/64", "2001:db8:2::/64", "2001:db8:3::/64"])
        #expect(read.files.count == 3)
    }

    @Test("problems name the file they stand in, the main file first")
    func problemsNameTheirFile() throws {
        let folder = try Folder()
        folder.makeFolder("appliance.d")
        let main = folder.path + "/appliance.toml"
        let dropIn = folder.path + "/appliance.d/a.toml"
        try folder.write("appliance.toml", "[nat64]\nworkers = 0\n[dns64]\nlisten = [\"127.0.0.1\"]\n[log]\nlevl = 1\n")
        try folder.write("appliance.d/a.toml", "[dns64]\nupstreams = [\"127.0.0.1\"]\n[clients]\nallow = []\n")
        #expect(
            problems(loading: main) == [
                "\(main):2:11: nat64.workers: 0 is not from 1 to 256, the number of queues a TUN can have",
                "\(main):6:1: log.levl: no such key; did you mean \"level\"?",
                "\(dropIn):2:14: dns64.upstreams: \"127.0.0.1\" is where the resolver listens itself, in \(main):4:11; it would ask itself",
                "\(dropIn):4:9: clients.allow: the list is empty: nobody would be served; "
                    + "write networks, or \"links\" for the networks on this machine's links",
            ]
        )
    }

    @Test("a file that is not TOML does not hide that another is not either")
    func everyFileIsRead() throws {
        let folder = try Folder()
        folder.makeFolder("appliance.d")
        try folder.write("appliance.toml", "a =\n")
        try folder.write("appliance.d/a.toml", "[b\n")
        let told = problems(loading: folder.path + "/appliance.toml")
        #expect(told.count == 2)
        #expect(told.first?.hasPrefix("\(folder.path)/appliance.toml:1:4: the line ends where a value belongs") == true)
        #expect(told.last?.hasPrefix("\(folder.path)/appliance.d/a.toml:1:3: the line ends where ] belongs") == true)
    }

    @Test("a file that is missing or no file is told with what to do")
    func unreadableFiles() throws {
        let folder = try Folder()
        #expect(
            problems(loading: folder.path + "/none.toml") == [
                "\(folder.path)/none.toml: cannot be read: No such file or directory; "
                    + "name a file that exists with --config, or make it: an empty file is a valid configuration"
            ]
        )
        #expect(
            problems(loading: folder.path) == [
                "\(folder.path): cannot be read: Is a directory; name the file in this folder"
            ]
        )
        #expect(problems(loading: "/dev/null") == [])
        #expect(problems(loading: "/dev/zero") == ["/dev/zero: is larger than 4 MiB, which no configuration needs"])
    }
}
