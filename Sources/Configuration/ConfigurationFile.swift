private import Glibc
private import Linux

/// The only place of this module that touches the file system.
enum ConfigurationFile {
    /// The main file and its drop-ins, `STEM.d/*.toml` beside it, in the order in which they are read.
    static func names(of path: String, _ problems: ProblemList) -> [String] {
        let folder = dropInFolder(of: path)
        do throws(SystemError) {
            // Hidden files are what editors leave behind.
            let names = try WholeFile.names(in: folder).filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }
            return [path] + names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(folder)/\($0)" }
        } catch {
            // No drop-ins is the usual case.
            if error.code != ENOENT, error.code != ENOTDIR {
                problems.add(failure(error, Place(file: folder, order: 1)))
            }
            return [path]
        }
    }

    /// `/etc/nat64-appliance/appliance.d` for `/etc/nat64-appliance/appliance.toml`.
    static func dropInFolder(of path: String) -> String {
        path.hasSuffix(".toml") ? path.dropLast(".toml".count) + ".d" : path + ".d"
    }

    /// Reads a whole file of at most ``Configuration/largestFile`` octets.
    static func octets(at place: Place) throws(ConfigurationProblem) -> [UInt8] {
        do throws(SystemError) {
            return try WholeFile.read(place.file, limit: Configuration.largestFile)
        } catch {
            throw failure(error, place)
        }
    }

    private static func failure(_ error: SystemError, _ place: Place) -> ConfigurationProblem {
        ConfigurationProblem(
            place,
            "",
            error.code == EFBIG
                ? "is larger than 4 MiB, which no configuration needs"
                : "cannot be read: \(error.reason); \(advice(error.code))"
        )
    }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case ENOENT: "name a file that exists with --config, or make it: an empty file is a valid configuration"
        case EACCES: "let the user of the appliance read it and the folders above it"
        case EISDIR: "name the file in this folder"
        default: "the file system does not give it"
        }
    }
}
