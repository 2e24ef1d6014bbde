import Glibc
import IPAddressing
import Linux
import PacketMemory
import TestNamespace
import Testing
import Timing

@Suite("Datagram sockets")
struct UDPSocketTests {
    @Test(
        "DNS-09 a reply leaves from the address that was asked, also when the socket listens on all of them",
        arguments: [
            ("0.0.0.0:53", ["127.0.0.5", "127.0.0.6"]), ("[::]:53", ["fd00::5", "fd00::6", "::1"]),
        ]
    )
    func repliesFromAskedAddress(all: String, asked: [String]) async throws {
        let echoes = try await inNamespace { () throws -> [String] in
            addAddresses(["fd00::5/128", "fd00::6/128"])
            let server = try UDPSocket(listeningOn: endpoint(all))
            return try asked.map { text in
                // A connected socket hears its peer only: a reply from another address would be lost.
                let client = try UDPSocket(connectedTo: TransportAddress(address(text), Port(53)))
                try send("who?", on: client)
                #expect(try echo(server) == 1)
                return try hear(client)
            }
        }
        #expect(echoes == asked.map { _ in "who?" })
    }

    @Test("a reply to a link-local client leaves through its interface and from the link-local address that was asked")
    func repliesToLinkLocal() async throws {
        let echoed = try await inNamespace { () throws -> String in
            shell("ip link add d0 type veth peer d1 && ip link set d1 up && ip link set d0 up")
            addAddress("fe80::5/64", device: "d0")
            let server = try UDPSocket(listeningOn: endpoint("[::]:53"))
            let client = try UDPSocket(connectedTo: endpoint("[fe80::5]:53"), scope: UDPSocket.scope(of: "d0"))
            try send("who?", on: client)
            #expect(try echo(server) == 1)
            return try hear(client)
        }
        #expect(echoed == "who?")
    }

    @Test("a batch brings up to 64 datagrams in their order and takes the replies to all of them")
    func batches() async throws {
        let heard = try await inNamespace { () throws -> [String] in
            let server = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"))
            let client = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"))
            for number in 0..<70 { try send("\(number)", on: client) }
            #expect(try echo(server) == 64)
            #expect(try echo(server) == 6)
            #expect(try echo(server) == 0)
            return try (0..<70).map { _ in try hear(client) }
        }
        #expect(heard == (0..<70).map { "\($0)" })
    }

    @Test(
        "a box that brings few, many, none and many again knows both ends and the length of each",
        arguments: [("0.0.0.0:53", "127.0.0.7"), ("[::]:53", "::1")]
    )
    func boxesAreUsedAgain(all: String, asked: String) async throws {
        try await inNamespace {
            let server = try UDPSocket(listeningOn: endpoint(all))
            var inbox = UDPInbox()
            var outbox = UDPOutbox()
            for count in [1, 64, 0, 3, 64, 64] {
                let client = try UDPSocket(connectedTo: TransportAddress(address(asked), Port(53)))
                let texts = (0..<count).map { String(repeating: "x", count: 1 + $0 * 60 % 61) }
                for text in texts { try send(text, on: client) }
                try inbox.fill(from: server)
                #expect((0..<inbox.count).map { inbox.datagram($0).byteCount } == texts.map(\.utf8.count))
                for index in 0..<inbox.count { reply(to: index, of: inbox, into: &outbox) }
                #expect(outbox.send(on: server) == 0)
                // A connected socket hears only the address that it asked; what is equally long comes together.
                let heard = try texts.map { _ in try hear(client).utf8.count }
                #expect(heard.sorted() == texts.map(\.utf8.count).sorted())
            }
        }
    }

    @Test("a datagram longer than a slot is cut and harms no other")
    func cutsLongDatagrams() async throws {
        try await inNamespace {
            let server = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"))
            let client = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"))
            try send(String(repeating: "x", count: 9000), on: client)
            try send("short", on: client)
            var inbox = UDPInbox()
            try inbox.fill(from: server)
            let lengths = (0..<inbox.count).map { inbox.datagram($0).byteCount }
            #expect(lengths == [UDPInbox.largest, 5])
        }
    }

    @Test("a reply that cannot be sent does not hold up the rest of its batch")
    func unsendableReply() async throws {
        try await inNamespace {
            let server = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"))
            let good = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"))
            // The peer of this one lies where the namespace has no route to.
            let bad = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"), from: address("127.0.0.9"))
            try send("a", on: good)
            try send("b", on: bad)
            try send("c", on: good)
            shell("ip route add prohibit 127.0.0.9 table local && ip route del local 127.0.0.0/8 table local")
            var inbox = UDPInbox()
            var outbox = UDPOutbox()
            try inbox.fill(from: server)
            #expect(inbox.count == 3)
            for index in 0..<inbox.count { reply(to: index, of: inbox, into: &outbox) }
            #expect(outbox.send(on: server) == 1)
            #expect(try [hear(good), hear(good)] == ["a", "c"])
        }
    }

    @Test(
        "answers to one client that are equally long leave as one message and arrive as they are, also where that is refused",
        arguments: ["0.0.0.0:53", "[::]:53", "refused"]
    )
    func sendsTogether(listening: String) async throws {
        let texts = ["aa", "b", "cc", "dd", "e", String(repeating: "x", count: 1500), "ff"]
        let heard = try await inNamespace { () throws -> [[String]] in
            let all = listening == "refused" ? "127.0.0.1:53" : listening
            let server = try UDPSocket(listeningOn: endpoint(all))
            // Without checksums the kernel does not cut.
            var one: Int32 = 1
            if listening == "refused" { setsockopt(server.number, SOL_SOCKET, SO_NO_CHECK, &one, 4) }
            let asked = TransportAddress(address(all.hasPrefix("[") ? "::1" : "127.0.0.1"), Port(53))
            let first = try UDPSocket(connectedTo: asked)
            let second = try UDPSocket(connectedTo: asked)
            var heard: [[String]] = []
            for _ in 0..<2 {
                for text in texts {
                    try send(text, on: first)
                    try send(text, on: second)
                }
                #expect(try echo(server) == 2 * texts.count)
                for client in 0..<2 {
                    heard.append(try texts.map { _ in client == 0 ? try hear(first) : try hear(second) }.sorted())
                }
            }
            return heard
        }
        #expect(heard == Array(repeating: texts.sorted(), count: 4))
    }

    @Test("what leaves as one message comes as one to a client that says it can cut it", arguments: [true, false])
    func isOneMessage(mayBeCut: Bool) async throws {
        let heard = try await inNamespace { () throws -> [String] in
            let server = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"))
            let client = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"))
            var one: Int32 = 1
            let receivesWhole: Int32 = 104
            setsockopt(client.number, Int32(IPPROTO_UDP), receivesWhole, &one, 4)
            if !mayBeCut { setsockopt(server.number, SOL_SOCKET, SO_NO_CHECK, &one, 4) }
            for text in ["aa", "b", "cc"] { try send(text, on: client) }
            #expect(try echo(server) == 3)
            return try (0..<(mayBeCut ? 2 : 3)).map { _ in try hear(client) }
        }
        #expect(heard == (mayBeCut ? ["aacc", "b"] : ["aa", "cc", "b"]))
    }

    @Test(
        "questions that are equally long leave as one message and arrive in their order, also where that is refused",
        arguments: ["127.0.0.1:53", "[::1]:53", "refused"]
    )
    func asksTogether(peer: String) async throws {
        let texts = ["aa", "bb", "c", "dd", "ee", "ff", String(repeating: "x", count: UDPQuestions.largest), "g"]
        let many = (0..<64).map { "question \(10 + $0)" }
        let heard = try await inNamespace { () throws -> [[String]] in
            let at = endpoint(peer == "refused" ? "127.0.0.1:53" : peer)
            let server = try UDPSocket(listeningOn: at)
            let client = try UDPSocket(connectedTo: at)
            // Without checksums the kernel does not cut.
            var one: Int32 = 1
            if peer == "refused" { setsockopt(client.number, SOL_SOCKET, SO_NO_CHECK, &one, 4) }
            var questions = UDPQuestions()
            var heard: [[String]] = []
            for texts in [texts, many, texts] {
                for text in texts { add(text, to: &questions) }
                #expect(try questions.post(from: 0, on: client) == texts.count)
                heard.append(try texts.map { _ in try hear(server) })
                // What was not sent may be sent from there on.
                #expect(try questions.post(from: 1, on: client) == texts.count - 1)
                heard.append(try texts.dropFirst().map { _ in try hear(server) })
                questions.clear()
            }
            return heard
        }
        #expect(heard == [texts, many, texts].flatMap { [$0, Array($0.dropFirst())] })
    }

    @Test(
        "questions that leave as one message come as one to a server that says it can cut it",
        arguments: [true, false]
    )
    func asksInOneMessage(mayBeCut: Bool) async throws {
        let heard = try await inNamespace { () throws -> [String] in
            let server = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"))
            let client = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"))
            var one: Int32 = 1
            let receivesWhole: Int32 = 104
            setsockopt(server.number, Int32(IPPROTO_UDP), receivesWhole, &one, 4)
            if !mayBeCut { setsockopt(client.number, SOL_SOCKET, SO_NO_CHECK, &one, 4) }
            var questions = UDPQuestions()
            for text in ["aa", "bb", "c"] { add(text, to: &questions) }
            #expect(try questions.post(from: 0, on: client) == 3)
            return try (0..<(mayBeCut ? 2 : 3)).map { _ in try hear(server) }
        }
        #expect(heard == (mayBeCut ? ["aabb", "c"] : ["aa", "bb", "c"]))
    }

    @Test("what the network says of questions that left as one message is not taken for a refusal to cut it")
    func unheardTogether() async throws {
        try await inNamespace {
            let client = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"))
            var questions = UDPQuestions()
            for text in ["aa", "bb"] { add(text, to: &questions) }
            #expect(try questions.post(from: 0, on: client) == 2)
            #expect(DescriptorIO.waitReadable(client.number, atMost: .seconds(300)))
            #expect(throws: SystemError(call: "sendmmsg", code: ECONNREFUSED)) {
                _ = try questions.post(from: 0, on: client)
            }
        }
    }

    @Test("a port that another program shares with anybody is not shared by us, but our own sockets share it")
    func exclusivePort() async throws {
        try await inNamespace {
            let stranger = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            defer { close(stranger) }
            var one: Int32 = 1
            setsockopt(stranger, SOL_SOCKET, SO_REUSEPORT, &one, 4)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = UInt16(53).bigEndian
            name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let bound = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(stranger, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(bound == 0)
            #expect(throws: SystemError(call: "bind UDP 127.0.0.1:53", code: EADDRINUSE)) {
                _ = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"))
            }
            // Until it is another program, a child that another test starts has the descriptors of this process too.
            let end = MonotonicClock.now() + .seconds(300)
            var holder: String?
            repeat {
                holder = PortHolder.name(of: endpoint("127.0.0.1:53"), stream: false)
            } while holder?.hasSuffix("(process \(getpid()))") != true && MonotonicClock.now() < end
            #expect(holder?.hasSuffix("(process \(getpid()))") ?? false)
            #expect(PortHolder.name(of: endpoint("127.0.0.1:54"), stream: false) == nil)

            let first = try UDPSocket(listeningOn: endpoint("127.0.0.2:53"))
            let second = try UDPSocket(listeningOn: endpoint("127.0.0.2:53"), .joiningOwn)
            #expect(first.name == second.name)
        }
    }

    @Test("queries over a shared port reach each of its sockets")
    func sharedPort() async throws {
        let shares = try await inNamespace { () throws -> [Int] in
            let first = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"))
            let second = try UDPSocket(listeningOn: endpoint("127.0.0.1:53"), .joiningOwn)
            for _ in 0..<64 { try send("x", on: UDPSocket(connectedTo: endpoint("127.0.0.1:53"))) }
            return [try echo(first), try echo(second)]
        }
        #expect(shares.reduce(0, +) == 64)
        #expect(shares.allSatisfy { $0 > 0 })
    }

    @Test("an address that this machine has not yet can be listened on if that is wanted")
    func beforeAddressExists() async throws {
        try await inNamespace {
            for text in ["192.0.2.1:53", "[2001:db8::1]:53"] {
                #expect(throws: SystemError(call: "bind UDP \(text)", code: EADDRNOTAVAIL)) {
                    _ = try UDPSocket(listeningOn: endpoint(text))
                }
                let server = try UDPSocket(listeningOn: endpoint(text), .beforeAddressExists)
                addAddresses(text == "192.0.2.1:53" ? ["192.0.2.1/32"] : ["2001:db8::1/128"])
                let client = try UDPSocket(connectedTo: endpoint(text))
                try send("now", on: client)
                #expect(try echo(server) == 1)
                #expect(try hear(client) == "now")
            }
        }
    }

    @Test("DNS-18 a connected socket does not hear others, and is told at once that the peer's port is closed")
    func connected() async throws {
        try await inNamespace {
            let client = try UDPSocket(connectedTo: endpoint("127.0.0.1:5300"), from: address("127.0.0.8"))
            guard let mine = client.name else { throw SystemError(call: "getsockname", code: 0) }
            #expect(mine.address == address("127.0.0.8"))
            let stranger = try UDPSocket(connectedTo: mine)
            #expect(throws: SystemError.self) {
                // The kernel finds no socket that would hear it, and says so.
                try send("spoof", on: stranger)
                _ = try hear(stranger)
            }
            var octets = OctetBuffer(count: 512)
            var span = octets.mutableOctets
            #expect(try client.receive(into: &span) == nil)
            try send("who?", on: client)
            #expect(throws: SystemError(call: "receive UDP", code: ECONNREFUSED)) { _ = try hear(client) }
        }
    }

    @Test("DNS-19 the ports of 200 questions are spread over the local range")
    func randomPorts() async throws {
        let ports = try await inNamespace { () throws -> [UInt16] in
            try (0..<200).map { _ in
                let socket = try UDPSocket(connectedTo: endpoint("127.0.0.1:53"))
                return socket.name?.port.number ?? 0
            }
        }
        #expect(Set(ports).count > 180)
        // Sequential ports would lie close together: random ones of 28,232 lie about 9,400 apart.
        let steps = zip(ports, ports.dropFirst()).map { abs(Int($0) - Int($1)) }
        #expect(steps.reduce(0, +) / steps.count > 4000)
    }
}

private func endpoint(_ text: String) -> TransportAddress { known(TransportAddress(text)) }
private func address(_ text: String) -> IPAddress { known(IPAddress(text)) }
private func known<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("the test does not say what it means") }
    return value
}
private func shell(_ command: String) { #expect(system(command) == 0, "\(command)") }
private func addAddresses(_ all: [String]) { for one in all { addAddress(one) } }

/// Adds an address and waits until it works: the kernel makes the route of an IPv6 address a little later.
private func addAddress(_ text: String, device: String = "lo") {
    shell("ip addr add \(text) dev \(device)" + (text.contains(":") ? " nodad" : ""))
    guard text.contains(":") else { return }
    let address = text.prefix { $0 != "/" }
    shell("until ip -6 route show table local | grep -q ' \(address) '; do sleep 0.01; done")
}

private func send(_ text: String, on socket: borrowing UDPSocket) throws {
    let octets = Array(text.utf8)
    try socket.send(octets.span.bytes)
}

/// Sends back what waits on a socket.
private func echo(_ socket: borrowing UDPSocket) throws -> Int {
    var inbox = UDPInbox()
    var outbox = UDPOutbox()
    try inbox.fill(from: socket)
    for index in 0..<inbox.count { reply(to: index, of: inbox, into: &outbox) }
    #expect(outbox.send(on: socket) == 0)
    return inbox.count
}

private func add(_ text: String, to questions: inout UDPQuestions) {
    var memory = OctetBuffer(count: UDPQuestions.largest)
    var octets = memory.mutableOctets
    for (index, octet) in text.utf8.enumerated() { octets.store(octet, at: index) }
    questions.add(text.utf8.count, of: memory)
}

private func reply(to index: Int, of inbox: borrowing UDPInbox, into outbox: inout UDPOutbox) {
    let question = inbox.datagram(index)
    var answer = outbox.next
    answer.copy(question, from: 0, to: 0, count: question.byteCount)
    outbox.seal(question.byteCount, to: inbox.ends(index))
}

private func hear(_ socket: borrowing UDPSocket) throws -> String {
    var octets = OctetBuffer(count: 2048)
    guard DescriptorIO.waitReadable(socket.number, atMost: .seconds(300)) else { return "nothing came" }
    var span = octets.mutableOctets
    guard let count = try socket.receive(into: &span) else { return "nothing came" }
    return String(decoding: (0..<count).map { octets.octets.octet(at: $0) }, as: UTF8.self)
}
