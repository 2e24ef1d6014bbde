private import Glibc

/// The only place of this module that touches the file system.
enum ConfigurationFile {
    /// The main file and its drop-ins, `STEM.d/*.toml` beside it, in the order in which they are read.
    static func names(of path: String, _ problems: ProblemList) -> [String] {
        let folder = dropInFolder(of: path)
        guard let directory = unsafe opendir(folder) else {
            // No drop-ins is the usual case.
            if errno != ENOENT, errno != ENOTDIR {
                problems.add(Place(file: folder, order: 1), "", "cannot be read: \(reason(errno)); \(advice(errno))")
            }
            return [path]
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            // Hidden files are what editors leave behind.
            if name.hasSuffix(".toml"), !name.hasPrefix(".") { names.append(name) }
        }
        return [path] + names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(folder)/\($0)" }
    }

    /// `/etc/nat64-appliance/appliance.d` for `/etc/nat64-appliance/appliance.toml`.
    static func dropInFolder(of path: String) -> String {
        path.hasSuffix(".toml") ? path.dropLast(".toml".count) + ".d" : path + ".d"
    }

    /// Reads a whole file, but never much more than ``TOMLText/largest``.
    static func octets(at place: Place) throws(ConfigurationProblem) -> [UInt8] {
        let descriptor = unsafe open(place.file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno, place) }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while octets.count <= TOMLText.largest {
            let count = unsafe read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(errno, place) }
            guard count > 0 else { break }
            octets += block[..<count]
        }
        return octets
    }

    private static func failure(_ code: Int32, _ place: Place) -> ConfigurationProblem {
        ConfigurationProblem(place, "", "cannot be read: \(reason(code)); \(advice(code))")
    }

    private static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case ENOENT: "name a file that exists with --config, or make it: an empty file is a valid configuration"
        case EACCES: "let the user of the appliance read it and the folders above it"
        case EISDIR: "name the file in this folder"
        default: "the file system does not give it"
        }
    }
}
