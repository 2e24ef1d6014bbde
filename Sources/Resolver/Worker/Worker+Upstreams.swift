internal import DNS64
internal import Linux
internal import NIOCore
internal import PacketMemory

extension Worker {
    /// Does what the engine wants done, until there is nothing.
    mutating func act() {
        while true {
            guard let action = engine.nextAction(policy: policy, at: now, random: &random, into: &message) else {
                return
            }
            switch action {
            case .ask(let exchange, let upstream, let transport, let count):
                ask(exchange, upstream, transport, count)
            case .cancel(let exchange): exchanges.remove(exchange)
            case .answer(let id, let count):
                if let waiter = waiters.take(id) { send(count, to: waiter.way) }
            }
        }
    }

    private mutating func ask(
        _ exchange: ExchangeID,
        _ upstream: UpstreamID,
        _ transport: UpstreamTransport,
        _ count: Int
    ) {
        guard upstream.index >= 0, upstream.index < routes.count else {
            engine.failed(exchange, .local, at: now)
            return
        }
        if exchanges.isFull, exchanges.removeOldest() { port.counters.socketsGivenUp.count() }
        do throws(SystemError) {
            try open(exchange, routes[upstream.index], transport, count)
        } catch {
            if ExchangeFailure.isShortOfDescriptors(error) { port.counters.socketsRefused.count() }
            engine.failed(exchange, ExchangeFailure(error), at: now)
        }
    }

    private mutating func open(
        _ exchange: ExchangeID,
        _ route: UpstreamRoute,
        _ transport: UpstreamTransport,
        _ count: Int
    ) throws(SystemError) {
        if route.way == .recursor { return try askRecursor(exchange, count) }
        let token = Token.exchange(exchange)
        switch transport {
        case .udp:
            let line = try UpstreamSocket(to: route)
            try port.poll.add(line.socket.number, for: .readable, token: token)
            try line.socket.send(message.octets.extracting(0..<count))
            exchanges.insert(exchange, .udp(line))
        case .tcp:
            let line = try UpstreamConnection(to: route, question: message.octets.extracting(0..<count))
            try port.poll.add(line.number, for: .writable, token: token)
            exchanges.insert(exchange, .tcp(line))
        case .tls:
            var question = ByteBuffer()
            question.writeBytes(message.octets.extracting(0..<count))
            encrypted.ask(EncryptedQuestion(port: port, era: era, exchange: exchange, message: question), route)
        }
    }

    /// Takes what came of a question over TLS.
    mutating func take(_ reply: EncryptedReply) {
        guard reply.era == era else { return }
        switch reply.outcome {
        case .message(let message): _ = engine.take(message, for: reply.exchange, at: now)
        case .failure(let failure): engine.failed(reply.exchange, failure, at: now)
        }
    }

    /// Something happened on the socket of an exchange.
    mutating func hearUpstream(_ exchange: ExchangeID) {
        switch exchanges[exchange] {
        case .udp(let line): hear(line, exchange)
        case .tcp(let line): hear(line, exchange)
        case .recursor, nil: break
        }
    }

    private mutating func hear(_ line: UpstreamSocket, _ exchange: ExchangeID) {
        // Whoever guesses the port may send many wrong replies; the others' sockets get their turn.
        for _ in 0..<16 {
            do throws(SystemError) {
                var octets = arrival.mutableOctets
                guard let count = try line.socket.receive(into: &octets) else { return }
                guard case .ignored = take(reply: count, exchange) else { return }
            } catch {
                fail(exchange, error)
                return
            }
        }
    }

    private mutating func take(reply count: Int, _ exchange: ExchangeID) -> ReplyOutcome {
        let outcome = engine.take(0..<count, of: arrival, for: exchange, at: now)
        if case .taken = outcome { exchanges.remove(exchange) }
        return outcome
    }

    private mutating func fail(_ exchange: ExchangeID, _ error: SystemError) {
        exchanges.remove(exchange)
        engine.failed(exchange, ExchangeFailure(error), at: now)
    }

    private mutating func hear(_ line: UpstreamConnection, _ exchange: ExchangeID) {
        let wasAsking = line.isAsking
        var step = wasAsking ? line.write() : line.read(through: &arrival)
        while true {
            switch step {
            case .awaitRoom: return
            case .awaitOctets:
                if wasAsking { listen(to: line, exchange) }
                return
            case .message:
                let outcome = engine.take(line.message, for: exchange, at: now)
                if case .taken = outcome {
                    exchanges.remove(exchange)
                    return
                }
                step = line.resume()
            case .failed(let error):
                fail(exchange, error)
                return
            }
        }
    }

    private mutating func listen(to line: UpstreamConnection, _ exchange: ExchangeID) {
        do throws(SystemError) {
            try port.poll.modify(line.number, for: .readable, token: Token.exchange(exchange))
        } catch {
            fail(exchange, error)
        }
    }
}
