import Glibc
import IPAddressing
import Linux
import PacketMemory
import Timing

/// How long tests wait for what must come, before they call it a failure: even a machine that is busy with much else has
/// done it by then. Nobody who succeeds waits so long.
let failurePatience = Moment.Span.seconds(300)

/// A connection with messages in frames.
final class Stream: Sendable {
    let number: Int32

    init(adopting number: Int32) {
        self.number = number
        let flags = fcntl(number, F_GETFL)
        _ = fcntl(number, F_SETFL, flags & ~O_NONBLOCK)
        var patience = timeval(tv_sec: 300, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    convenience init(to endpoint: TransportAddress, from source: IPAddress? = nil) throws {
        let descriptor = try TCPSocket.connecting(to: endpoint, from: source)
        self.init(adopting: dup(descriptor.number))
        var waiting = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        guard poll(&waiting, 1, 300_000) == 1, SocketIO.error(on: number) == 0 else {
            throw SystemError(call: "connect \(endpoint)", code: ECONNREFUSED)
        }
    }

    deinit { close(number) }

    func sendRaw(_ octets: [UInt8]) {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes {
                Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }

    func send(_ messages: [UInt8]...) {
        sendRaw(messages.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 255)] + $0 })
    }

    /// Ends our side; the other may still send.
    func endSending() { shutdown(number, Int32(SHUT_WR)) }

    func receive() -> Message? { receiveOctets().flatMap { Message($0) } }

    /// The next message; nil when the peer has closed or says nothing for half a minute.
    func receiveOctets() -> [UInt8]? {
        guard let length = exactly(2) else { return nil }
        return exactly(Int(length[0]) << 8 | Int(length[1]))
    }

    private func exactly(_ count: Int) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let more = octets[got...].withUnsafeMutableBytes { recv(number, $0.baseAddress, $0.count, 0) }
            // A call with a time limit is not begun again by the kernel after a signal.
            if more < 0, errno == EINTR { continue }
            guard more > 0 else { return nil }
            got += more
        }
        return octets
    }

    /// Whether the peer closes within some time, sending nothing before.
    func isClosedByPeer(within patience: Moment.Span = failurePatience) -> Bool {
        guard DescriptorIO.waitReadable(number, atMost: patience) else { return false }
        var octet: UInt8 = 0
        return recv(number, &octet, 1, 0) <= 0
    }
}

/// Asks one question over UDP; nil when no answer comes from the address that was asked.
func ask(
    _ name: String,
    _ type: UInt16 = Message.aaaa,
    at endpoint: TransportAddress,
    from source: String? = nil,
    scope: UInt32 = 0,
    patience: Moment.Span = failurePatience
) throws -> Message? {
    let socket = try UDPSocket(connectedTo: endpoint, scope: scope, from: source.map { known(IPAddress($0)) })
    try send(Message.question(name, type, id: 4711), on: socket)
    return try hear(socket, patience).flatMap { Message($0) }
}

func send(_ octets: [UInt8], on socket: borrowing UDPSocket) throws { try socket.send(octets.span.bytes) }

func hear(_ socket: borrowing UDPSocket, _ patience: Moment.Span = failurePatience) throws -> [UInt8]? {
    guard DescriptorIO.waitReadable(socket.number, atMost: patience) else { return nil }
    var memory = OctetBuffer(count: 4096)
    var span = memory.mutableOctets
    guard let count = try socket.receive(into: &span) else { return nil }
    return (0..<count).map { memory.octets.octet(at: $0) }
}

/// Waits until something is so.
func eventually(patience: Moment.Span = failurePatience, _ isSo: () throws -> Bool) rethrows -> Bool {
    let end = MonotonicClock.now() + patience
    while MonotonicClock.now() < end {
        if try isSo() { return true }
        usleep(5000)
    }
    return false
}

/// The answers to one question over UDP; `no answer` if none comes, `CODE n` if it is an error.
func answers(
    _ name: String,
    _ type: UInt16 = Message.aaaa,
    at endpoint: TransportAddress,
    from source: String? = nil,
    patience: Moment.Span = failurePatience
) throws -> [String] {
    describe(try ask(name, type, at: endpoint, from: source, patience: patience))
}

func describe(_ answer: Message?) -> [String] {
    guard let answer else { return ["no answer"] }
    return answer.code == 0 ? answer.answers : ["CODE \(answer.code)"]
}
