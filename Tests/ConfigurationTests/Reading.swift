import Configuration
import Glibc

/// The problems of a text, one line each; none if it is accepted.
func problems(of text: String) -> [String] {
    do throws(ConfigurationProblems) {
        _ = try Configuration.check(text: text, name: "a.toml")
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

/// What a text means; the empty configuration if it is refused, and then the test fails by its own expectations.
func configuration(_ text: String) throws -> ValidatedConfiguration {
    try Configuration.check(text: text, name: "a.toml")
}

/// The top of the repository; links are followed, because the tests may be built in a package made of links.
let repository: String = {
    let resolved = unsafe realpath(#filePath, nil)
    defer { unsafe free(resolved) }
    guard let resolved = unsafe resolved else { return "" }
    let path = unsafe String(cString: resolved)
    return path.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
}()

/// A file of the repository.
func file(_ path: String) throws -> String {
    guard let stream = unsafe fopen(repository + "/" + path, "r") else { throw MissingFile(path: path) }
    defer { unsafe fclose(stream) }
    var octets: [UInt8] = []
    while case let octet = unsafe getc(stream), octet != EOF { octets.append(UInt8(octet)) }
    return String(decoding: octets, as: UTF8.self)
}

/// A file that should be there is not.
struct MissingFile: Error {
    var path: String
}
