import Glibc
import Linux

/// A folder for one test, gone with its owner.
final class Folder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/nat64-appliance-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { preconditionFailure("no folder to be had") }
        path = String(decoding: template.dropLast().map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    deinit { _ = try? run("rm -rf \(path)") }

    func write(_ text: String, to name: String) throws {
        try WholeFile.replace("\(path)/\(name)", with: Array(text.utf8))
    }

    func read(_ name: String) throws -> String {
        String(decoding: try WholeFile.read("\(path)/\(name)", limit: 1 << 20), as: UTF8.self)
    }
}

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
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { octets += buffer[..<count] }
    let output = String(decoding: octets, as: UTF8.self)
    guard pclose(pipe) == 0 else { throw CommandFailed(command: command, output: output) }
    return output
}
