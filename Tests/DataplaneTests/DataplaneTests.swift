import Dataplane
import Glibc
import IPAddressing
import Linux
import NAT64
import Synchronization
import TestNamespace
import Testing
import Timing

@Suite("Packets through a real TUN")
struct DataplaneTests {
    @Test("a datagram to an address under the prefix comes out as IPv4 from the pool, and the answer comes back")
    func datagram() async throws {
        try await withBench { (bench: Bench) throws in
            let peer = try Socket.bound(SOCK_DGRAM, to: Bench.peer(4242))
            let client = try Socket.connected(SOCK_DGRAM, to: Bench.peerUnderPrefix(4242))
            client.send(Array("question".utf8))
            let heard = try #require(peer.receive())
            #expect(heard.octets == Array("question".utf8))
            #expect(heard.from.address == .v4(Bench.pool))
            #expect(heard.from.port >= PoolEntry.usualPorts.lowerBound)

            peer.send(Array("answer".utf8), to: heard.from)
            let answer = try #require(client.receive())
            #expect(answer.octets == Array("answer".utf8))
            #expect(answer.from == Bench.peerUnderPrefix(4242))
            #expect(bench.translator.counters.packets6to4 == 1 && bench.translator.counters.packets4to6 == 1)
            #expect(bench.dataplane.unreadable == 0 && bench.dataplane.unwritten == 0)
        }
    }

    @Test("datagrams larger than the links go through in fragments and are whole at the other end, both ways")
    func fragments() async throws {
        try await withBench { (bench: Bench) throws in
            let peer = try Socket.bound(SOCK_DGRAM, to: Bench.peer(4242))
            let client = try Socket.connected(SOCK_DGRAM, to: Bench.peerUnderPrefix(4242))
            let large = (0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            client.send(large)
            let heard = try #require(peer.receive())
            #expect(heard.octets == large)
            peer.send(large, to: heard.from)
            #expect(client.receive()?.octets == large)
        }
    }

    @Test("a connection carries megabytes both ways at once in super-packets, every octet right")
    func stream() async throws {
        try await withBench(queues: 2) { (bench: Bench) throws in
            let listener = try Socket.bound(SOCK_STREAM, to: Bench.peer(8080))
            let client = try Socket.connected(SOCK_STREAM, to: Bench.peerUnderPrefix(8080))
            let peer = try listener.accepted()
            let up = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
            let down = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 11) }
            let writers = [(client, up), (peer, down)].map { side, octets in
                PlainThread.started {
                    side.send(octets)
                    side.endSending()
                }
            }
            let received = Mutex<[UInt8]?>(nil)
            let reader = PlainThread.started {
                let octets = peer.receiveAll()
                received.withLock { $0 = octets }
            }
            let atClient = client.receiveAll()
            for thread in writers + [reader] { thread.join() }
            #expect(atClient == down)
            #expect(received.withLock { $0 } == up)

            let counters = bench.translator.counters
            #expect(counters.superPackets > 0)
            // Far fewer packets than there are segments of 1,440 octets: the super-packets passed whole.
            #expect(counters.packets6to4 + counters.packets4to6 < 7 << 20 / 1440)
            #expect(counters.drops.allSatisfy { $0 == 0 }, "\(counters.drops)")
            #expect(bench.dataplane.unwritten == 0)
        }
    }

    @Test("echo requests are answered through the TUN, small ones and fragmented ones")
    func ping() async throws {
        try await withBench { (bench: Bench) throws in
            for size in [56, 4_000] {
                let output = try run("ping -6 -n -c 1 -W 30 -s \(size) 64:ff9b::506:708")
                #expect(output.contains(" 0% packet loss"), "\(output)")
            }
            #expect(bench.translator.counters.packets4to6 >= 2)
        }
    }

    @Test("what the Policy refuses is answered with an ICMPv6 error that reaches the sender's socket")
    func refusal() async throws {
        try await withBench { (bench: Bench) throws in
            let private10 = known(TransportAddress("[64:ff9b::a01:203]:99"))
            let client = try Socket.connected(SOCK_DGRAM, to: private10)
            client.send([1])
            #expect(client.receive() == nil)
            #expect(errno == EACCES || errno == EPERM, "\(errno)")
            #expect(bench.translator.counters[.destinationRefused] == 1)
        }
    }

    @Test("a device deleted by hand is told by every worker, with the reason, and stopping works afterwards")
    func deleted() async throws {
        try await withBench(queues: 3) { (bench: Bench) throws in
            #expect(bench.dataplane.loss == nil)
            #expect(bench.dataplane.workerCount == 3)
            try run("ip link del nat64")
            #expect(eventually { bench.losses.count == 3 })
            let loss = try #require(bench.dataplane.loss)
            #expect(loss == EBADFD || loss == EFAULT || loss == EIO, "\(loss)")
            bench.dataplane.stop()
            #expect(bench.losses.count == 3)
        }
    }

    @Test("a device that was set down and up again goes on, once its routes are back")
    func downAndUp() async throws {
        try await withBench { (bench: Bench) throws in
            let peer = try Socket.bound(SOCK_DGRAM, to: Bench.peer(4242))
            try run("ip link set nat64 down")
            try Bench.routes()
            let client = try Socket.connected(SOCK_DGRAM, to: Bench.peerUnderPrefix(4242))
            client.send([7])
            #expect(peer.receive()?.octets == [7])
            #expect(bench.losses.count == 0 && bench.dataplane.loss == nil)
        }
    }

    @Test("the heart of every worker beats without traffic")
    func heartbeat() async throws {
        try await withBench(queues: 2) { (bench: Bench) throws in
            let before = bench.dataplane.heartbeats
            #expect(before.count == 2)
            #expect(eventually { zip(bench.dataplane.heartbeats, before).allSatisfy { $0 > $1 } })
        }
    }

    @Test("the threads of the data plane have no privilege and can gain none; the one that started them keeps its own")
    func privileges() async throws {
        try await withBench(queues: 2) { (bench: Bench) throws in
            #expect(eventually { bench.dataplane.heartbeats.allSatisfy { $0 > 0 } })
            // A thread has its name, and then gives its privileges up, a moment after it was started.
            #expect(eventually { Self.threadsThatGaveUp() == 3 })
            let workers = try ThreadStatus.ofThisNamespace(named: "nat64-")
            #expect(workers.map(\.name).sorted() == ["nat64-0", "nat64-1", "nat64-memory"])
            for worker in workers {
                for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                    #expect(worker[set] == "0000000000000000", "\(worker.name) \(set)")
                }
                #expect(worker["NoNewPrivs"] == "1")
            }
            #expect(Capabilities.has(.netAdmin))
        }
    }

    private static func threadsThatGaveUp() -> Int {
        let threads = (try? ThreadStatus.ofThisNamespace(named: "nat64-")) ?? []
        return threads.count { $0["NoNewPrivs"] == "1" }
    }

    @Test("stopping ends all threads within a moment, also while packets come, and the device goes with the last owner")
    func stopping() async throws {
        try await inNamespace {
            let spent = try Self.startAndStop()
            #expect(spent < .seconds(60), "\(spent)")
            #expect(try ThreadStatus.ofThisNamespace(named: "nat64-").isEmpty)
            // Children that other tests start hold copies of all descriptors for a moment.
            #expect(try eventually { try !run("ip -o link").contains("nat64") })
        }
    }

    @Test("LOG-08 the worker says at once that a client network has taken a block of ports, and says it once")
    func recordsOfBlocks() async throws {
        try await withBench(settings: { $0.portBlockSize = 64 }) { (bench: Bench) throws in
            let peer = try Socket.bound(SOCK_DGRAM, to: Bench.peer(4_000))
            let client = try Socket.connected(SOCK_DGRAM, to: Bench.peerUnderPrefix(4_000))
            for _ in 0..<3 {
                client.send([1])
                _ = try #require(peer.receive())
                #expect(eventually { bench.records.count > 0 })
            }
            let events = bench.translator.tables.collectPortBlockEvents(at: MonotonicClock.now())
            #expect(events.map(\.isTaken) == [true] && bench.records.count == 1)
        }
    }

    private static func startAndStop() throws -> Moment.Span {
        let translator = Translator(
            settings: NAT64Settings(),
            policy: Bench.policy,
            secret: SystemRandom.secret()
        )
        let device = try TunDevice(name: "nat64", queues: 4)
        let dataplane = try Dataplane(device: device, translator: translator) {}
        try dataplane.start()
        try run("ip addr add fd06::1/128 dev lo nodad; ip link set nat64 up; ip route add 64:ff9b::/96 dev nat64")
        let client = try Socket.connected(SOCK_DGRAM, to: Bench.peerUnderPrefix(4242))
        for _ in 0..<100 { client.send([1]) }
        let begun = MonotonicClock.now()
        dataplane.stop()
        return MonotonicClock.now() - begun
    }
}

/// What the kernel says about a thread of this process.
struct ThreadStatus {
    let name: String
    private let fields: [String: String]

    subscript(field: String) -> String? { fields[field] }

    /// The threads of this process that live in the network namespace of the caller.
    static func ofThisNamespace(named prefix: String) throws -> [ThreadStatus] {
        let own = try link("/proc/thread-self/ns/net")
        var found: [ThreadStatus] = []
        for task in try WholeFile.names(in: "/proc/self/task") {
            // Threads of other tests come and go meanwhile.
            guard Int(task) != nil, (try? link("/proc/self/task/\(task)/ns/net")) == own,
                let octets = try? WholeFile.read("/proc/self/task/\(task)/status", limit: 1 << 16)
            else { continue }
            var fields: [String: String] = [:]
            for line in String(decoding: octets, as: UTF8.self).split(separator: "\n") {
                let words = line.split(separator: ":", maxSplits: 1)
                if words.count == 2 { fields[String(words[0])] = String(words[1].drop { $0 == "\t" || $0 == " " }) }
            }
            if let name = fields["Name"], name.hasPrefix(prefix) {
                found.append(ThreadStatus(name: name, fields: fields))
            }
        }
        return found
    }

    private static func link(_ path: String) throws -> String {
        var target = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &target, target.count)
        guard count > 0 else { throw SystemError(call: "readlink \(path)", code: errno) }
        return String(decoding: target[..<count].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }
}

extension PlainThread {
    /// A thread of a test, which must be had.
    static func started(_ body: @escaping @Sendable () -> Void) -> PlainThread {
        guard let thread = try? PlainThread(name: "test", body: body) else {
            preconditionFailure("no thread to be had")
        }
        return thread
    }
}
