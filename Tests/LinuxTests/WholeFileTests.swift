import Glibc
import Linux
import Testing

@Suite("Files read and replaced whole")
struct WholeFileTests {
    private func inDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/whole-file-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            _ = unlink(path + "/state")
            _ = rmdir(path)
        }
        try body(path)
    }

    @Test("what was written is read back, and a replacement leaves nothing beside it")
    func roundTrip() throws {
        try inDirectory { path in
            try WholeFile.replace(path + "/state", with: Array("one".utf8))
            try WholeFile.replace(path + "/state", with: Array("two".utf8))
            #expect(try WholeFile.read(path + "/state", limit: 3) == Array("two".utf8))
            #expect(access(path + "/state.new", F_OK) != 0)
        }
    }

    @Test("a file larger than the limit is refused, not cut")
    func limit() throws {
        try inDirectory { path in
            try WholeFile.replace(path + "/state", with: Array("four".utf8))
            #expect(throws: SystemError(call: "read \(path)/state", code: EFBIG)) {
                try WholeFile.read(path + "/state", limit: 3)
            }
        }
    }

    @Test("a write that fails leaves the old file as it was")
    func failure() throws {
        try inDirectory { path in
            try WholeFile.replace(path + "/state", with: Array("old".utf8))
            #expect(throws: SystemError(call: "open \(path)/none/state.new", code: ENOENT)) {
                try WholeFile.replace(path + "/none/state", with: Array("new".utf8))
            }
            #expect(try WholeFile.read(path + "/state", limit: 3) == Array("old".utf8))
        }
    }
}
