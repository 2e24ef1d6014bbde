internal import Configuration
private import Glibc
internal import Linux
internal import PacketMemory

/// What outlives the process: the secret that bindings follow from, and what was switched or added at runtime.
struct StateDirectory: Sendable {
    let path: String

    private var secretPath: String { path + "/secret" }
    private var viewsPath: String { path + "/views.toml" }
    private var bindingsPath: String { path + "/bindings.toml" }
    private var mappingsPath: String { path + "/deterministic" }

    /// Makes the directory if systemd, or an operator, has not.
    func prepare() throws(SystemError) {
        var parent = ""
        for step in path.split(separator: "/") {
            parent += "/" + step
            do throws(SystemError) {
                try WholeFile.makeDirectory(parent, mode: 0o755)
            } catch  where parent != path {
                continue
            }
        }
    }

    /// The secret of this box: the same at every start, so that the client's next packet finds the same port again
    /// after a crash. Whoever gives it to a second box gets the same bindings there.
    func secret() throws(SystemError) -> KeyedHash {
        do throws(SystemError) {
            if let secret = Self.parse(try WholeFile.read(secretPath, limit: 64)) { return secret }
        } catch  where [ENOENT, EFBIG].contains(error.code) {
            // The first start; or a file that is no secret of ours.
        }
        let fresh = SystemRandom.secret()
        try WholeFile.replace(secretPath, with: Array((Self.spell(fresh.key0) + Self.spell(fresh.key1) + "\n").utf8))
        return fresh
    }

    private static func parse(_ octets: [UInt8]) -> KeyedHash? {
        let digits = String(decoding: octets, as: UTF8.self).prefix { $0 != "\n" }
        guard digits.utf8.count == 32, let key0 = UInt64(digits.prefix(16), radix: 16),
            let key1 = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        return KeyedHash(key0: key0, key1: key1)
    }

    private static func spell(_ key: UInt64) -> String {
        let digits = String(key, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

extension StateDirectory {
    /// What was switched at runtime before the last stop, and what is wrong with the file if it is damaged.
    func runtimeViews() -> (views: RuntimeViews, problem: String?) {
        do throws(SystemError) {
            let octets = try WholeFile.read(viewsPath, limit: Configuration.largestFile)
            let (views, problems) = RuntimeViews.parse(octets, name: viewsPath)
            return (views, problems?.description)
        } catch  where error.code == ENOENT {
            return (RuntimeViews(), nil)
        } catch {
            return (RuntimeViews(), "what was switched at runtime cannot be read: \(error)")
        }
    }

    /// The static bindings that were added at runtime before the last stop, and what is wrong with the file if it is
    /// damaged.
    func runtimeBindings() -> (bindings: RuntimeBindings, problem: String?) {
        do throws(SystemError) {
            let octets = try WholeFile.read(bindingsPath, limit: Configuration.largestFile)
            let (bindings, problems) = RuntimeBindings.parse(octets, name: bindingsPath)
            return (bindings, problems?.description)
        } catch  where error.code == ENOENT {
            return (RuntimeBindings(), nil)
        } catch {
            return (RuntimeBindings(), "the static bindings that were added at runtime cannot be read: \(error)")
        }
    }

    /// Keeps the static bindings that were added at runtime.
    func keep(_ bindings: RuntimeBindings) throws(SystemError) { try keep(bindings.text, in: bindingsPath) }

    /// The parameters of the deterministic mappings that were written down last, a line each; empty without any.
    func deterministicMappings() -> String {
        do throws(SystemError) {
            return String(decoding: try WholeFile.read(mappingsPath, limit: Configuration.largestFile), as: UTF8.self)
        } catch {
            return ""
        }
    }

    /// Keeps the parameters of the deterministic mappings that were written down.
    func keep(deterministicMappings text: String) throws(SystemError) { try keep(text, in: mappingsPath) }

    /// Keeps what is switched at runtime.
    func keep(_ views: RuntimeViews) throws(SystemError) { try keep(views.text, in: viewsPath) }

    /// Keeps a text, unless it is too long to be read at the next start, which would then go on without all of it.
    private func keep(_ text: String, in file: String) throws(SystemError) {
        guard text.utf8.count <= Configuration.largestFile else {
            throw SystemError(call: "write \(file)", code: EFBIG)
        }
        try prepare()
        try WholeFile.replace(file, with: Array(text.utf8))
    }
}
