import Glibc
import IPAddressing
import Linux
import PacketMemory
import Synchronization
import Timing

/// A resolver to be asked, which answers as the first letters of the name say:
///
/// | name | answer |
/// | --- | --- |
/// | `tc…` | truncated over UDP, whole over TCP |
/// | `held…` | when ``release()`` is called |
/// | `mute…` | none |
/// | `spoof…` | after forged ones: another identifier, another port, another question |
/// | `gone…` | truncated over UDP; over TCP the connection is closed |
/// | `six…` | has an AAAA record of its own |
/// | `big…` | 60,000 octets of text |
///
/// All other names have the A record 5.6.7.8 and no AAAA record.
final class ScriptedUpstream: Sendable {
    struct Asked: Hashable {
        var name: String
        var type: UInt16
        var isTCP: Bool
        var source: TransportAddress?
    }

    private let bell: Bell
    private let isReleased = Atomic<Bool>(false)
    private let udp: UDPSocket
    private let stranger: UDPSocket
    private let tcp: OwnedDescriptor
    private let asked = Mutex<[Asked]>([])
    private let isMute: Bool
    private let threads = Mutex<[PlainThread]>([])
    private let connections = Mutex<[Stream]>([])

    /// - Parameter isMute: Hears everything and answers nothing.
    init(at address: String, isMute: Bool = false) throws {
        self.isMute = isMute
        let endpoint = TransportAddress(known(IPAddress(address)), Port(53))
        bell = try Bell()
        udp = try UDPSocket(listeningOn: endpoint)
        stranger = try UDPSocket(listeningOn: TransportAddress(endpoint.address, Port(5353)))
        tcp = try OwnedDescriptor(adopting: TCPSocket.bound(to: endpoint), from: "bind")
        Glibc.listen(tcp.number, 100)
        try threads.withLock {
            $0.append(try PlainThread(name: "up-udp") { [self] in serveDatagrams() })
            $0.append(try PlainThread(name: "up-tcp") { [self] in serveConnections() })
        }
    }

    func stop() {
        bell.ring()
        // The two that listen first: then there are no more connections.
        for thread in threads.withLock({ $0.prefix(2) }) { thread.join() }
        for stream in connections.withLock({ $0 }) { shutdown(stream.number, Int32(SHUT_RDWR)) }
        for thread in threads.withLock({ $0.dropFirst(2) }) { thread.join() }
    }

    /// Answers the names that begin with `held`, those asked before and those asked after.
    func release() { isReleased.store(true, ordering: .releasing) }

    /// What was asked so far for a name, or for all.
    func log(_ name: String? = nil) -> [Asked] {
        asked.withLock { $0.filter { name == nil || $0.name == name } }
    }

    // MARK: UDP

    private func serveDatagrams() {
        guard let poll = try? EventPoll() else { return }
        try? poll.add(bell.number, for: .readable, token: 0)
        try? poll.add(udp.number, for: .readable, token: 1)
        var inbox = UDPInbox()
        var late: [(ends: UDPEnds, octets: [UInt8], isHeld: Bool)] = []
        var isOver = false
        while !isOver {
            try? poll.wait(atMost: late.isEmpty ? nil : .milliseconds(2)) { token, _ in if token == 0 { isOver = true }
            }
            try? inbox.fill(from: udp)
            for index in 0..<inbox.count {
                let ends = inbox.ends(index)
                let octets = bytes(inbox.datagram(index))
                guard let question = Message(octets) else { continue }
                asked.withLock {
                    $0.append(Asked(name: question.name, type: question.type, isTCP: false, source: ends.peer))
                }
                guard !isMute, !question.name.hasPrefix("mute") else { continue }
                if question.name.hasPrefix("spoof") { forge(octets, ends) }
                late.append((ends, answer(question, octets, isTCP: false), question.name.hasPrefix("held")))
            }
            let released = isReleased.load(ordering: .acquiring)
            for one in late where released || !one.isHeld { send(one.octets, one.ends, on: udp) }
            late.removeAll { released || !$0.isHeld }
        }
    }

    private func forge(_ question: [UInt8], _ ends: UDPEnds) {
        var forged = answer(
            known(Message(Message.question("six", Message.aaaa))),
            Message.question("six", Message.aaaa),
            isTCP: false
        )
        forged[0] = question[0]
        forged[1] = question[1]
        send(forged, ends, on: udp)
        var right = answer(known(Message(question)), question, isTCP: false)
        right[right.count - 1] ^= 0xFF
        send(right, ends, on: stranger)
        right[1] ^= 0x55
        send(right, ends, on: udp)
    }

    private func send(_ octets: [UInt8], _ ends: UDPEnds, on socket: borrowing UDPSocket) {
        var outbox = UDPOutbox()
        var memory = outbox.next
        for (index, octet) in octets.enumerated() { memory.store(octet, at: index) }
        outbox.seal(octets.count, to: ends)
        _ = outbox.send(on: socket)
    }

    // MARK: TCP

    private func serveConnections() {
        guard let poll = try? EventPoll() else { return }
        try? poll.add(bell.number, for: .readable, token: 0)
        try? poll.add(tcp.number, for: .readable, token: 1)
        var isOver = false
        while !isOver {
            try? poll.wait(atMost: nil) { token, _ in if token == 0 { isOver = true } }
            while true {
                let connection = accept(tcp.number, nil, nil)
                guard connection >= 0 else { break }
                let stream = Stream(adopting: connection)
                connections.withLock { $0.append(stream) }
                guard let thread = try? PlainThread(name: "up-conn", body: { [self] in serve(stream) }) else {
                    continue
                }
                threads.withLock { $0.append(thread) }
            }
        }
    }

    private func serve(_ stream: Stream) {
        defer { shutdown(stream.number, Int32(SHUT_RDWR)) }
        while let octets = stream.receiveOctets(), let question = Message(octets) {
            asked.withLock {
                $0.append(Asked(name: question.name, type: question.type, isTCP: true, source: nil))
            }
            guard !isMute, !question.name.hasPrefix("mute") else { continue }
            guard !question.name.hasPrefix("gone") else { return }
            stream.send(answer(question, octets, isTCP: true))
        }
    }

    // MARK: Answers

    private func answer(_ question: Message, _ octets: [UInt8], isTCP: Bool) -> [UInt8] {
        let name = question.name
        let length = 12 + Message.encode(name).count + 4
        var reply = Array(octets[..<length])
        reply[2] = 0x81
        reply[3] = 0x80
        reply[8...11] = [0, 0, 0, 0]
        func add(_ section: Int, _ type: UInt16, _ data: [UInt8]) {
            reply += [0xC0, 12] + Message.words([type, 1, 0, 300, UInt16(data.count)]) + data
            reply[section + 1] += 1
        }
        if !isTCP, name.hasPrefix("tc") || name.hasPrefix("gone") || name.hasPrefix("big") {
            reply[2] |= 2
            return reply
        }
        switch question.type {
        case Message.a: add(6, Message.a, [5, 6, 7, 8])
        case Message.aaaa where name.hasPrefix("six"):
            add(6, Message.aaaa, [0x26, 6, 0, 0x64] + [UInt8](repeating: 0, count: 11) + [6])
        case Message.txt where name.hasPrefix("big"):
            for number in 0..<60 { add(6, Message.txt, text(number)) }
        default: add(8, 6, [0, 0] + [UInt8](repeating: 0, count: 16) + [0, 0, 1, 44])
        }
        return reply
    }
}

/// The data of a TXT record of 1,000 octets.
private func text(_ number: Int) -> [UInt8] {
    (0..<4).flatMap { _ in [249] + [UInt8](repeating: UInt8(number), count: 249) }
}

func bytes(_ span: borrowing RawSpan) -> [UInt8] { (0..<span.byteCount).map { span.octet(at: $0) } }
