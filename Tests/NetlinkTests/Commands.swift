import Glibc

/// A command of the shell that ended otherwise than it should.
struct CommandFailed: Error, CustomStringConvertible {
    let command: String
    let output: String
    var description: String { "\(command): \(output)" }
}

/// Runs a command line of the shell in the calling thread's network namespace and returns what it wrote.
@discardableResult
func run(_ command: String) throws -> String {
    guard let pipe = popen("( \(command) ) 2>&1", "re") else { throw CommandFailed(command: command, output: "popen") }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&buffer, 1, buffer.count, pipe)
        guard count > 0 else { break }
        octets += buffer[..<count]
    }
    let output = String(decoding: octets, as: UTF8.self)
    guard pclose(pipe) == 0 else { throw CommandFailed(command: command, output: output) }
    return output
}

/// The lines a command wrote, without white space at their ends.
func lines(_ command: String) throws -> [String] {
    try run(command).split(separator: "\n").map { line in
        var words = Substring(line)
        while words.last == " " { words.removeLast() }
        while words.first == " " { words.removeFirst() }
        return String(words)
    }
}

/// Another network namespace, as long as this value lives; a process in it keeps it.
final class OtherNamespace {
    let process: String

    init() throws {
        process = try lines(
            """
            unshare --net sleep 600 >/dev/null 2>&1 & p=$!
            until [ "$(readlink /proc/$p/ns/net)" != "$(readlink /proc/self/ns/net)" ] \
                && [ "$(cat /proc/$p/comm)" = sleep ]; do sleep 0.01; done
            echo $p
            """
        )[0]
        try NetlinkTests.run("nsenter --net=/proc/\(process)/ns/net ip link set lo up")
    }

    deinit { if let number = Int32(process) { kill(number, SIGKILL) } }

    @discardableResult
    func run(_ command: String) throws -> String {
        try NetlinkTests.run("nsenter --net=/proc/\(process)/ns/net bash -c '\(command)'")
    }
}
