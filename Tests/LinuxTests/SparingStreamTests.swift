import CLinux
import Glibc
import Testing

@Suite("Lines that a library writes as often as strangers make it")
struct SparingStreamTests {
    /// What comes out of a stream with so many lines written to it.
    private func output(lines: Int, most: UInt32, seconds: UInt32) throws -> [Substring] {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let stream = try #require(clinux_sparing_stream(ends[1], most, seconds))
        for number in 0..<lines { fputs("\(number): something went wrong\n", stream) }
        fclose(stream)
        close(ends[1])
        var octets = [UInt8](repeating: 0, count: 65_536)
        var text = ""
        while true {
            let count = read(ends[0], &octets, octets.count)
            guard count > 0 else { break }
            text += String(decoding: octets[..<count], as: UTF8.self)
        }
        return text.split(separator: "\n")
    }

    @Test("so many are let through, and it is said how many were not")
    func bounded() throws {
        let lines = try output(lines: 1_000, most: 20, seconds: 86_400)
        #expect(lines.count == 21)
        #expect(lines.first == "0: something went wrong")
        #expect(lines.last == "980 more lines were left out")
    }

    @Test("where there are few, none is left out")
    func few() throws {
        #expect(try output(lines: 20, most: 20, seconds: 86_400).count == 20)
    }

    @Test("another span of time lets others through")
    func again() throws {
        #expect(try output(lines: 100, most: 1, seconds: 0).count == 100)
    }
}
