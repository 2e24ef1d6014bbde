import Glibc
import Linux
import Testing

@Suite("A confined process", .enabled(if: WholeFile.exists(mortal), "MortalProcess is not built beside the tests"))
struct ConfinementTests {
    /// What a command prints, line by line.
    private func lines(of command: String) throws -> [String] {
        let pipe = try #require(popen(command, "re"))
        defer { pclose(pipe) }
        var lines: [String] = []
        var line = [CChar](repeating: 0, count: 200)
        while let read = fgets(&line, 200, pipe) { lines.append(String(cString: read).filter { $0 != "\n" }) }
        return lines
    }

    @Test("neither writes, runs, starts, signals nor listens, and can still resolve and abort")
    func forbidden() throws {
        let lines = try lines(of: "SWIFT_BACKTRACE=enable=no \(mortal) confined; echo $?")
        // Between these two stands each act that went well, or failed in another way than by a refusal.
        #expect(["landlock", "seccomp"].contains(lines.first))
        #expect(lines.count == 3, "\(lines)")
        #expect(lines.dropFirst().first?.hasSuffix(" tried") == true)
        #expect(lines.last == "\(128 + SIGABRT)")
    }

    @Test("a kernel without Landlock is noticed, and the same is refused there")
    func withoutLandlock() throws {
        let lines = try lines(of: "SWIFT_BACKTRACE=enable=no \(mortal) confined without-landlock; echo $?")
        #expect(lines.first == "seccomp")
        #expect(lines.count == 3, "\(lines)")
        #expect(lines.last == "\(128 + SIGABRT)")
    }
}
