private import CLinux
private import Glibc

/// Small files read and replaced as a whole.
public enum WholeFile {
    /// Reads a file.
    ///
    /// - Parameter limit: The most octets it may have; more is EFBIG.
    public static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let file = try OwnedDescriptor(adopting: unsafe clinux_open(path, O_RDONLY, 0), from: "open \(path)")
        var octets = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < octets.count {
            let start = count
            let number = file.number
            let done = unsafe octets.withUnsafeMutableBytes { buffer -> Int64 in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe clinux_read(number, base + start, buffer.count - start)
            }
            if done == -Int64(EINTR) { continue }
            guard done >= 0 else { throw SystemError(call: "read \(path)", code: Int32(-done)) }
            guard done > 0 else { return Array(octets[..<count]) }
            count += Int(done)
        }
        throw SystemError(call: "read \(path)", code: EFBIG)
    }

    /// Replaces a file so that a reader, or the next start after a power cut, finds the old or the new content whole.
    ///
    /// - Parameter mode: Who may read it.
    public static func replace(_ path: String, with octets: [UInt8], mode: UInt32 = 0o600) throws(SystemError) {
        let fresh = path + ".new"
        do throws(SystemError) {
            let flags = O_WRONLY | O_CREAT | O_TRUNC
            let file = try OwnedDescriptor(adopting: unsafe clinux_open(fresh, flags, mode), from: "open \(fresh)")
            try write(octets, to: file.number, path: fresh)
            guard fsync(file.number) == 0 else { throw SystemError(call: "fsync \(fresh)", code: errno) }
        } catch {
            _ = unsafe unlink(fresh)
            throw error
        }
        guard unsafe rename(fresh, path) == 0 else { throw SystemError(call: "rename \(fresh)", code: errno) }
    }

    /// Whether there is something of this name that can be looked at.
    public static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// The names in a directory, in no particular order; `.` and `..` among them.
    public static func names(in directory: String) throws(SystemError) -> [String] {
        guard let opened = unsafe opendir(directory) else {
            throw SystemError(call: "opendir \(directory)", code: errno)
        }
        defer { _ = unsafe closedir(opened) }
        var names: [String] = []
        while let entry = unsafe readdir(opened) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            names.append(name)
        }
        return names
    }

    /// Makes a directory if there is none; its parent must exist.
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else {
            throw SystemError(call: "mkdir \(path)", code: errno)
        }
    }

    private static func write(_ octets: [UInt8], to number: Int32, path: String) throws(SystemError) {
        var start = 0
        while start < octets.count {
            let done = unsafe octets.withUnsafeBytes { buffer -> Int64 in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe clinux_write(number, base + start, buffer.count - start)
            }
            if done == -Int64(EINTR) { continue }
            guard done >= 0 else { throw SystemError(call: "write \(path)", code: Int32(-done)) }
            start += Int(done)
        }
    }
}
