import Control
import ControlAPI
import Glibc
import Synchronization
import Testing

@Suite("Clients that are slow, silent or many, F21-T4")
struct PatienceTests {
    private static let version = "GET /v1/version HTTP/1.1\r\nhost: x\r\n\r\n"

    @Test("F21-T4 a request that is never finished ends with the connection, however it dribbles")
    func halfWritten() throws {
        let bench = try Bench { $0.requestTime = .milliseconds(50) }
        for start in ["", "GET /v1/sta", "PUT /v1/views HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{"] {
            let line = RawLine(bench.path)
            line.send(start)
            #expect(line.readAll() == "")
        }
    }

    @Test("F21-T4 a client that does not fetch its reply hinders nobody and is let go")
    func notReading() throws {
        let bench = try Bench { $0.replyTime = .milliseconds(50) }
        let line = RawLine(bench.path)
        let request = "GET /v1/sessions?limit=5000 HTTP/1.1\r\nhost: x\r\n\r\n"
        line.send(String(repeating: request, count: 20))
        for _ in 0..<10 { #expect(bench.raw(Self.version).hasPrefix("HTTP/1.1 200")) }
        #expect(line.awaitHangup())
        // It asked for 20 lists of 2,345; it gets what the kernel took before the time was up.
        #expect(codes(line.readAll()).count < 20)
    }

    @Test("F21-T4 two clients at once are both served, on connections that stay")
    func two() throws {
        let bench = try Bench()
        let lines = [RawLine(bench.path), RawLine(bench.path)]
        for _ in 0..<3 {
            for line in lines { line.send(Self.version) }
            for line in lines { #expect(line.read { $0.hasSuffix("}\n") }.hasPrefix("HTTP/1.1 200")) }
        }
    }

    @Test("when all places are taken by the silent, the one silent for longest makes room")
    func eviction() throws {
        let bench = try Bench { $0.connections = 3 }
        let silent = (0..<3).map { _ in
            let line = RawLine(bench.path)
            line.send(Self.version)
            _ = line.read { $0.hasSuffix("}\n") }
            return line
        }
        #expect(bench.raw(Self.version).hasPrefix("HTTP/1.1 200"))
        #expect(silent[0].readAll() == "")
        silent[2].send(Self.version)
        #expect(silent[2].read { $0.hasSuffix("}\n") }.hasPrefix("HTTP/1.1 200"))
    }

    @Test("when all places are busy, the next client is told so")
    func busy() throws {
        let bench = try Bench { $0.connections = 1 }
        let line = RawLine(bench.path)
        bench.appliance.busy.withLock { _ in
            line.send("GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            while bench.appliance.asked.load(ordering: .relaxed) == 0 { sched_yield() }
            let answer = RawLine(bench.path).readAll()
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
            #expect(answer.contains("\"title\":\"Busy\""))
        }
        #expect(line.readAll().hasPrefix("HTTP/1.1 200"))
    }

    @Test("a client that leaves while the appliance works on its request leaves nothing behind")
    func leaving() throws {
        let bench = try Bench { $0.connections = 1 }
        bench.appliance.busy.withLock { _ in
            let line = RawLine(bench.path)
            line.send("GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n")
            while bench.appliance.asked.load(ordering: .relaxed) == 0 { sched_yield() }
        }
        var served = false
        while !served { served = RawLine(bench.path).ask(Self.version).hasPrefix("HTTP/1.1 200") }
    }

    @Test("stopping waits for the request at work and ends the connections")
    func stopping() throws {
        let folder = Folder()
        let path = "\(folder.path)/control.sock"
        let server = try ControlServer(settings: ControlSettings(socketPath: path), appliance: FakeAppliance())
        let line = RawLine(path)
        _ = line.ask(Self.version)
        server.stop()
        #expect(line.readAll() == "")
        #expect(folder.names == [])
    }
}
