import Control
import ControlAPI
import ControlClient
import Glibc
import Linux
import Synchronization

/// A folder of its own for a test, removed with everything in it.
final class Folder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/control.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("no temporary folder: \(errno)") }
        path = String(cString: made)
    }

    deinit {
        for name in ["run/control.sock", "run/control.sock.lock", "control.sock", "control.sock.lock"] {
            unlink("\(path)/\(name)")
        }
        rmdir("\(path)/run")
        rmdir(path)
    }

    /// The names in the folder.
    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

/// A real server on a socket in a folder of its own, before a fake appliance.
final class Bench: Sendable {
    let folder = Folder()
    let appliance: FakeAppliance
    let server: ControlServer
    let path: String

    init(_ report: StatusReport = .working, settings change: (inout ControlSettings) -> Void = { _ in }) throws {
        path = "\(folder.path)/control.sock"
        appliance = FakeAppliance(report)
        var settings = ControlSettings(socketPath: path)
        change(&settings)
        server = try ControlServer(settings: settings, appliance: appliance)
    }

    deinit { server.stop() }

    /// What `appliance-ctl` with these arguments prints and returns.
    func ctl(_ arguments: String..., input: String = "", environment: Environment? = nil) -> Run {
        Run.of(arguments, environment: environment ?? Environment(socket: path), input: input)
    }

    /// What the server answers to raw octets, until it closes or says no more.
    func raw(_ text: String) -> String {
        let line = RawLine(path)
        line.send(text)
        line.finish()
        return line.readAll()
    }
}

/// A run of `appliance-ctl` inside the test.
struct Run {
    var code: Int32
    var out: String
    var err: String

    static func of(
        _ arguments: [String],
        environment: Environment,
        colours: Bool = false,
        input: String = "",
        journal: String = "false"
    ) -> Run {
        let lines = Mutex(input.split(separator: "\n").map(String.init)[...])
        let texts = (out: Shared(), err: Shared())
        let screen = Screen(
            colours: colours,
            out: {
                texts.out.append($0)
                return true
            },
            err: { texts.err.append($0) },
            nextLine: { lines.withLock { $0.popFirst() } },
            journal: Journal(program: journal)
        )
        let code = ApplianceControl.run(arguments: arguments, environment: environment, screen: screen)
        return Run(code: code, out: texts.out.text, err: texts.err.text)
    }

    final class Shared: Sendable {
        private let held = Mutex("")
        func append(_ more: String) { held.withLock { $0 += more } }
        var text: String { held.withLock { $0 } }
    }
}

/// A connection on which a test says what it likes.
final class RawLine {
    private let number: Int32

    init(_ path: String) {
        number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            for (index, octet) in path.utf8.enumerated() { room[index] = octet }
        }
        var patience = timeval(tv_sec: 300, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0 { fatalError("no connection to \(path): \(errno)") }
    }

    deinit { close(number) }

    /// Sends; says how much was taken.
    @discardableResult
    func send(_ text: String) -> Int { send(octets: Array(text.utf8)) }

    /// Sends; says how much was taken.
    @discardableResult
    func send(octets: [UInt8]) -> Int {
        octets.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Sends a request and reads until the first reply is whole.
    func ask(_ request: String) -> String {
        send(request)
        return read { $0.hasSuffix("}\n") }
    }

    /// Says that nothing more will be sent.
    func finish() { shutdown(number, Int32(SHUT_WR)) }

    /// Waits, without reading, until the other side closes; false if it does not.
    func awaitHangup() -> Bool {
        var wanted = pollfd(fd: number, events: 0, revents: 0)
        return poll(&wanted, 1, 300_000) == 1 && wanted.revents & Int16(POLLHUP) != 0
    }

    /// Everything until the other side closes.
    func readAll() -> String { read { _ in false } }

    /// Everything until it is enough, or the other side closes.
    func read(until enough: (String) -> Bool) -> String {
        var received: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65_536)
        while !enough(String(decoding: received, as: UTF8.self)) {
            let count = recv(number, &room, room.count, 0)
            guard count > 0 else { break }
            received += room[..<count]
        }
        return String(decoding: received, as: UTF8.self)
    }
}

/// A socket that a test binds itself.
enum Listener {
    static func bind(_ path: String) -> Int32 {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            for (index, octet) in path.utf8.enumerated() { room[index] = octet }
        }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0 { fatalError("cannot bind \(path): \(errno)") }
        return number
    }
}

/// The status codes in what a server said.
func codes(_ answer: String) -> [Int] {
    answer.matches(of: /HTTP\/1\.1 ([0-9]{3})/).compactMap { Int($0.1) }
}

/// A program that is not the appliance: it reads a request, says one thing and closes.
final class Stranger: Sendable {
    let folder = Folder()
    let path: String
    private let thread: PlainThread

    init(answer: String) throws {
        path = "\(folder.path)/control.sock"
        let number = Listener.bind(path)
        listen(number, 1)
        thread = try PlainThread(name: "stranger") {
            let line = accept(number, nil, nil)
            var room = [UInt8](repeating: 0, count: 4_096)
            _ = recv(line, &room, room.count, 0)
            let octets = Array(answer.utf8)
            _ = octets.withUnsafeBytes { Glibc.send(line, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            close(line)
            close(number)
        }
    }

    deinit { thread.join() }
}
