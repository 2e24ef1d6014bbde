internal import DNS64
internal import IPAddressing
internal import NIOCore
internal import Timing

/// What came by connections since the start.
struct ConnectionCounts: Sendable {
    var questions: UInt64 = 0
    var questionsOverTLS: UInt64 = 0
    var questionsOverHTTPS: UInt64 = 0
    var failedHandshakes: UInt64 = 0
    var refusedRequests: UInt64 = 0
    var endedFloods: UInt64 = 0
    /// Connections that are open, by transport.
    var open: [Client.Transport: Int] = [:]
}

/// What all connections have in common, however questions come by them.
protocol ClientConnection: AnyObject {
    var id: TCPConnectionID { get }
    var client: IPAddress { get }
    /// How its questions come.
    var transport: Client.Transport { get }
    /// Whether the handshake is over; without TLS there is none.
    var isReady: Bool { get }
    /// Questions that have not been answered.
    var underWay: Int { get }
    /// Octets that were written and not taken by the peer.
    var unsent: Int { get }
    /// The peer has ended its side.
    var peerHasEnded: Bool { get }
    /// When the last whole question came or the last answer was taken.
    var lastProgress: NIODeadline { get }
    /// Writes an answer; ``flush()`` sends it.
    func take(_ answer: ByteBuffer?)
    func flush()
    /// Closes the connection, whatever is under way.
    func close()
}

extension ClientConnection {
    /// Whether the connection could be closed without taking an answer from anybody.
    var isIdle: Bool { underWay == 0 && unsent == 0 }
}

/// The connections of all clients. Only the thread of the connections touches it.
///
/// Invariant: `perClient` counts the connections in `open` by client.
final class TCPConnections {
    let limits: TCPLimits
    private let question: (TCPQuestion) -> Void
    private var open: [TCPConnectionID: any ClientConnection] = [:]
    /// Requests of HTTP that wait for their answer.
    private var requests: [TCPConnectionID: HTTPSExchange] = [:]
    private var perClient: [IPAddress: Int] = [:]
    private var unsent = 0
    private var lastID: UInt64 = 0
    /// Connections closed to make room, or because their client took nothing.
    private(set) var refused = 0
    /// What came by the connections.
    private(set) var counts = ConnectionCounts()

    init(limits: TCPLimits, ask question: @escaping (TCPQuestion) -> Void) {
        self.limits = limits
        self.question = question
    }

    /// How many are open.
    var count: Int { open.count }

    /// Makes the keeper of a new channel.
    func make(_ transport: Client.Transport) -> TCPConnection {
        TCPConnection(id: nextID(), connections: self, transport: transport)
    }

    /// A name for a connection, or for a request of HTTP.
    func nextID() -> TCPConnectionID {
        lastID += 1
        return TCPConnectionID(number: lastID)
    }

    /// Hands a message of a connection to the workers.
    func ask(_ question: TCPQuestion) {
        switch question.transport {
        case .udp, .tcp: counts.questions += 1
        case .tls: counts.questionsOverTLS += 1
        case .https: counts.questionsOverHTTPS += 1
        }
        self.question(question)
    }

    /// Hands the question of a request of HTTP to the workers.
    func ask(_ question: TCPQuestion, for exchange: HTTPSExchange) {
        requests[question.connection] = exchange
        ask(question)
    }

    /// Forgets a request whose peer is gone.
    func forgetRequest(_ id: TCPConnectionID) { requests[id] = nil }

    /// A connection has ended before its handshake did.
    func countFailedHandshake() { counts.failedHandshakes += 1 }

    /// A connection of HTTP/2 was ended because of what it sent.
    func countEndedFlood() { counts.endedFloods += 1 }

    /// A request of HTTP was no question.
    func countRefusedRequest() { counts.refusedRequests += 1 }

    /// Takes a new connection in. Where a limit is reached another one makes room (RFC 7766 section 6.2.3); if all are
    /// at work the new one is refused.
    func admit(_ connection: any ClientConnection) -> Bool {
        let client = connection.client
        if perClient[client, default: 0] >= limits.connectionsPerClient {
            guard makeRoom(among: open.values.filter { $0.client == client }) else { return refuse() }
        }
        if open.count >= limits.connections {
            guard makeRoom(among: Array(open.values)) else { return refuse() }
        }
        open[connection.id] = connection
        counts.open[connection.transport, default: 0] += 1
        perClient[client, default: 0] += 1
        return true
    }

    private func refuse() -> Bool {
        refused += 1
        return false
    }

    /// Closes the connection that has been idle longest. If none is idle, one whose peer has ended its side: most such
    /// peers are gone and will not take their answer.
    private func makeRoom(among all: [any ClientConnection]) -> Bool {
        let idle = all.filter { $0.isIdle }
        let candidates = idle.isEmpty ? all.filter { $0.peerHasEnded } : idle
        guard let oldest = candidates.min(by: { $0.lastProgress < $1.lastProgress }) else { return false }
        refused += 1
        forget(oldest)
        oldest.close()
        return true
    }

    /// Forgets a connection that is closed.
    func forget(_ connection: any ClientConnection) {
        guard open.removeValue(forKey: connection.id) != nil else { return }
        counts.open[connection.transport, default: 1] -= 1
        let left = perClient[connection.client, default: 1] - 1
        perClient[connection.client] = left > 0 ? left : nil
    }

    /// Hands answers to their connections, those that are still there.
    func take(_ answers: [TCPAnswer]) {
        var touched: [any ClientConnection] = []
        for answer in answers {
            if let exchange = requests.removeValue(forKey: answer.connection) {
                exchange.take(answer.octets)
                continue
            }
            guard let connection = open[answer.connection] else { continue }
            connection.take(answer.octets)
            if touched.last !== connection { touched.append(connection) }
        }
        for connection in touched { connection.flush() }
    }

    /// Counts octets that a connection keeps for its peer. False if the peer must be cut off, because so much waits
    /// for slow peers in all and a good part of it for this one.
    func mayKeep(_ count: Int, for connection: any ClientConnection) -> Bool {
        unsent += count
        return unsent <= limits.unsentOctets || connection.unsent < limits.unsentOctets / 16
    }

    /// Octets have left, or never will.
    func hasSent(_ count: Int) { unsent -= count }

    /// Closes what has made no progress for too long: RFC 7766 section 6.2.3.
    func closeIdle(at now: NIODeadline) {
        let idle = TimeAmount.nanoseconds(Int64(clamping: limits.idle.nanoseconds))
        let handshake = min(idle, TimeAmount.nanoseconds(Int64(clamping: limits.handshake.nanoseconds)))
        for connection in open.values where connection.underWay == 0 || connection.unsent > 0 {
            let patience = connection.isReady ? idle : handshake
            if now - connection.lastProgress >= patience { connection.close() }
        }
    }

    /// Closes all.
    func closeAll() { for connection in open.values { connection.close() } }
}
