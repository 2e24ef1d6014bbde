internal import IPAddressing
internal import NIOCore
internal import Timing

/// The connections of all clients. Only the thread of the connections touches it.
///
/// Invariant: `perClient` counts the connections in `open` by client.
final class TCPConnections {
    let limits: TCPLimits
    private let question: (TCPQuestion) -> Void
    private var open: [TCPConnectionID: TCPConnection] = [:]
    private var perClient: [IPAddress: Int] = [:]
    private var unsent = 0
    private var lastID: UInt64 = 0
    /// Connections closed to make room, or because their client took nothing.
    private(set) var refused = 0
    /// Questions handed to workers.
    private(set) var questions: UInt64 = 0

    init(limits: TCPLimits, ask question: @escaping (TCPQuestion) -> Void) {
        self.limits = limits
        self.question = question
    }

    /// How many are open.
    var count: Int { open.count }

    /// Makes the keeper of a new channel.
    func make() -> TCPConnection {
        lastID += 1
        return TCPConnection(id: TCPConnectionID(number: lastID), connections: self)
    }

    /// Hands a message of a connection to the workers.
    func ask(_ question: TCPQuestion) {
        questions += 1
        self.question(question)
    }

    /// Takes a new connection in. Where a limit is reached another one makes room (RFC 7766 section 6.2.3); if all are
    /// at work the new one is refused.
    func admit(_ connection: TCPConnection) -> Bool {
        let client = connection.client
        if perClient[client, default: 0] >= limits.connectionsPerClient {
            guard makeRoom(among: open.values.filter { $0.client == client }) else { return refuse() }
        }
        if open.count >= limits.connections {
            guard makeRoom(among: Array(open.values)) else { return refuse() }
        }
        open[connection.id] = connection
        perClient[client, default: 0] += 1
        return true
    }

    private func refuse() -> Bool {
        refused += 1
        return false
    }

    /// Closes the connection that has been idle longest. If none is idle, one whose peer has ended its side: most such
    /// peers are gone and will not take their answer.
    private func makeRoom(among all: [TCPConnection]) -> Bool {
        let idle = all.filter(\.isIdle)
        let candidates = idle.isEmpty ? all.filter(\.peerHasEnded) : idle
        guard let oldest = candidates.min(by: { $0.lastProgress < $1.lastProgress }) else { return false }
        refused += 1
        forget(oldest)
        oldest.close()
        return true
    }

    /// Forgets a connection that is closed.
    func forget(_ connection: TCPConnection) {
        guard open.removeValue(forKey: connection.id) != nil else { return }
        let left = perClient[connection.client, default: 1] - 1
        perClient[connection.client] = left > 0 ? left : nil
    }

    /// Hands answers to their connections, those that are still there.
    func take(_ answers: [TCPAnswer]) {
        var touched: [TCPConnection] = []
        for answer in answers {
            guard let connection = open[answer.connection] else { continue }
            connection.take(answer.octets)
            if touched.last !== connection { touched.append(connection) }
        }
        for connection in touched { connection.flush() }
    }

    /// Counts octets that a connection keeps for its peer. False if the peer must be cut off, because so much waits
    /// for slow peers in all and a good part of it for this one.
    func mayKeep(_ count: Int, for connection: TCPConnection) -> Bool {
        unsent += count
        return unsent <= limits.unsentOctets || connection.unsent < limits.unsentOctets / 16
    }

    /// Octets have left, or never will.
    func hasSent(_ count: Int) { unsent -= count }

    /// Closes what has made no progress for too long: RFC 7766 section 6.2.3.
    func closeIdle(at now: NIODeadline) {
        let idle = TimeAmount.nanoseconds(Int64(clamping: limits.idle.nanoseconds))
        for connection in open.values where connection.underWay == 0 || connection.unsent > 0 {
            if now - connection.lastProgress >= idle { connection.close() }
        }
    }

    /// Closes all.
    func closeAll() { for connection in open.values { connection.close() } }
}
