import Control
import Glibc
import TestNamespace
import Testing

@Suite("The file of the control socket, F21-T5")
struct SocketFileTests {
    private func attributes(_ path: String) -> (mode: mode_t, group: gid_t) {
        var found = stat()
        guard lstat(path, &found) == 0 else { return (0, 0) }
        return (found.st_mode, found.st_gid)
    }

    private func failure(_ settings: ControlSettings) -> String? {
        do throws(ControlSocketError) {
            try ControlServer(settings: settings, appliance: FakeAppliance()).stop()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("folder and socket are made, for the owner and the group alone, and nothing stays when it stops")
    func made() throws {
        let folder = Folder()
        let path = "\(folder.path)/run/control.sock"
        let server = try ControlServer(settings: ControlSettings(socketPath: path), appliance: FakeAppliance())
        #expect(attributes(path).mode == S_IFSOCK | 0o660)
        #expect(attributes("\(folder.path)/run").mode & 0o111 == 0o111)
        server.stop()
        #expect(folder.names == ["run"])
        #expect(rmdir("\(folder.path)/run") == 0)
    }

    @Test("the socket belongs to the group of the settings", .enabled(if: geteuid() == 0))
    func group() async throws {
        // A thread of the pool may have been started by one that has given up its privileges.
        try await inNamespace {
            let folder = Folder()
            var settings = ControlSettings(socketPath: "\(folder.path)/control.sock")
            settings.group = "daemon"
            let server = try ControlServer(settings: settings, appliance: FakeAppliance())
            defer { server.stop() }
            #expect(attributes(settings.socketPath).group == getgrnam("daemon").pointee.gr_gid)
            #expect(attributes(settings.socketPath).mode == S_IFSOCK | 0o660)
        }
    }

    @Test("F21-T5 a second instance is refused with a clear message, and the first goes on")
    func second() throws {
        let bench = try Bench()
        let message = failure(ControlSettings(socketPath: bench.path))
        #expect(message?.hasPrefix("another appliance is running: it answers on \(bench.path)") == true)
        #expect(bench.ctl("version").code == 0)
    }

    @Test("F21-T5 a socket left over by a crash does not stop the next start")
    func leftOver() throws {
        let folder = Folder()
        let path = "\(folder.path)/control.sock"
        let number = Listener.bind(path)
        close(number)
        #expect(attributes(path).mode & S_IFMT == S_IFSOCK)
        let server = try ControlServer(settings: ControlSettings(socketPath: path), appliance: FakeAppliance())
        #expect(RawLine(path).ask("GET /v1/version HTTP/1.0\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        server.stop()
        #expect(folder.names == [])
    }

    @Test("a socket that another program serves is left alone")
    func foreign() throws {
        let folder = Folder()
        let path = "\(folder.path)/control.sock"
        let number = Listener.bind(path)
        listen(number, 1)
        defer { close(number) }
        #expect(failure(ControlSettings(socketPath: path))?.hasPrefix("another appliance is running") == true)
        #expect(folder.names == ["control.sock"])
    }

    @Test("a file that is no socket is left alone")
    func noSocket() throws {
        let folder = Folder()
        let path = "\(folder.path)/control.sock"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(failure(ControlSettings(socketPath: path))?.contains("is not a socket") == true)
        #expect(folder.names == ["control.sock"])
    }

    @Test("what cannot be is told with what to do")
    func refusals() {
        let folder = Folder()
        let long = "/tmp/\(String(repeating: "x", count: 120))"
        #expect(failure(ControlSettings(socketPath: long))?.contains("1 to 107 octets") == true)
        #expect(failure(ControlSettings(socketPath: ""))?.contains("1 to 107 octets") == true)
        let path = "\(folder.path)/control.sock"
        let message = failure(ControlSettings(socketPath: path, group: "no-such-group"))
        #expect(message?.contains("groupadd --system no-such-group") == true)
        #expect(
            failure(ControlSettings(socketPath: "/proc/nowhere/control.sock"))?.contains("mkdir /proc/nowhere") == true
        )
        #expect(folder.names == [])
    }
}
