import Control
import ControlAPI
import Glibc
import TestNamespace
import Testing

/// Runs a program and gives what it prints.
private func output(_ arguments: [String]) -> String {
    var pipes: [Int32] = [0, 0]
    guard pipe(&pipes) == 0 else { return "" }
    for end in pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var words = arguments.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var process = pid_t()
    let code = posix_spawnp(&process, arguments[0], &actions, nil, &words, environ)
    close(pipes[1])
    defer { close(pipes[0]) }
    guard code == 0 else { return "" }
    var all: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(pipes[0], &room, room.count)
        guard count > 0 else { break }
        all += room[..<count]
    }
    var status: Int32 = 0
    waitpid(process, &status, 0)
    return String(decoding: all, as: UTF8.self)
}

private let hasCurl = output(["curl", "--version"]).hasPrefix("curl ")
private let hasSetpriv = geteuid() == 0 && output(["setpriv", "--version"]).hasPrefix("setpriv")

@Suite("Who may read and who may change", .serialized)
struct PermissionTests {
    private static let nobody = ["setpriv", "--reuid", "65534", "--clear-groups", "--regid"]

    private func curl(_ path: String, _ target: String, _ more: [String] = [], before: [String] = []) -> String {
        output(
            before + ["curl", "-sS", "-i", "--max-time", "20", "--unix-socket", path] + more + [
                "http://localhost\(target)"
            ]
        )
    }

    @Test("curl --unix-socket gets the status and switches a view", .enabled(if: hasCurl, "curl is not installed"))
    func plainCurl() throws {
        let bench = try Bench()
        let answer = curl(bench.path, "/v1/status")
        let body = answer.replacing("\r\n", with: "\n").split(separator: "\n\n", maxSplits: 1).last ?? ""
        #expect(try WireFormat.decode(StatusReport.self, from: Array(body.utf8)) == .working)
        let change = ["-X", "PUT", "-d", #"{"synthesize":false}"#]
        #expect(codes(curl(bench.path, "/v1/views/2001:db8:6:2::%2F64", change)) == [200])
        #expect(codes(curl(bench.path, "/v1/reload", ["-X", "POST"])) == [200])
    }

    @Test(
        "F21-T4 a member of the socket's group may read and may not change",
        .enabled(if: hasCurl && hasSetpriv, "needs root, curl and setpriv")
    )
    func member() async throws {
        // On a thread with the privileges the process began with, whatever other tests did to theirs.
        try await inNamespace {
            let bench = try Bench { $0.group = "daemon" }
            chmod(bench.folder.path, 0o755)
            let member = Self.nobody + ["\(getgrnam("daemon").pointee.gr_gid)"]
            #expect(codes(curl(bench.path, "/v1/sessions?limit=1", before: member)) == [200])
            #expect(codes(curl(bench.path, "/metrics", before: member)) == [200])
            for change in [["-X", "PUT", "-d", "{}"], ["-X", "DELETE"]] {
                let answer = curl(bench.path, "/v1/views/2001:db8::%2F64", change, before: member)
                #expect(codes(answer) == [403], "\(answer)")
                #expect(answer.contains("sudo"))
            }
            #expect(codes(curl(bench.path, "/v1/reload", ["-X", "POST"], before: member)) == [403])
            #expect(bench.appliance.views().views.allSatisfy { $0.origin == .file })
        }
    }

    @Test(
        "F21-T4 other users are refused by the kernel",
        .enabled(if: hasCurl && hasSetpriv, "needs root, curl and setpriv")
    )
    func others() async throws {
        // On a thread with the privileges the process began with, whatever other tests did to theirs.
        try await inNamespace {
            let bench = try Bench { $0.group = "daemon" }
            chmod(bench.folder.path, 0o755)
            let answer = curl(bench.path, "/v1/status", before: Self.nobody + ["65534"])
            #expect(codes(answer) == [] && answer.contains("curl: (7)"), "\(answer)")
        }
    }
}
