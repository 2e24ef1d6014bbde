internal import DNS64
internal import Linux
internal import NIOCore
internal import PacketMemory

extension Worker {
    /// Does what the engine wants done, until there is nothing.
    mutating func act() {
        while true {
            guard let action = engine.nextAction(policy: policy, at: now, random: &random, into: &message) else {
                guard questions.count > 0 else { return }
                post()
                continue
            }
            switch action {
            case .ask(let exchange, let upstream, let transport, let count):
                ask(exchange, upstream, transport, count)
            case .cancel(let exchange): exchanges.remove(exchange)
            case .answer(let id, let count):
                guard let waiter = waiters.take(id) else { break }
                if waiter.isLogged { log(count, to: waiter) }
                send(count, to: waiter.way)
                if case .udp = waiter.way { waiters.keep(memory: waiter.question) }
            case .tell(let workers, let news): tell(workers, news)
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
            try open(exchange, upstream.index, transport, count)
        } catch {
            if ExchangeFailure.isShortOfDescriptors(error) { port.counters.socketsRefused.count() }
            engine.failed(exchange, ExchangeFailure(error), at: now)
        }
    }

    private mutating func open(
        _ exchange: ExchangeID,
        _ number: Int,
        _ transport: UpstreamTransport,
        _ count: Int
    ) throws(SystemError) {
        let route = routes[number]
        if route.way == .recursor { return try askRecursor(exchange, count) }
        switch transport {
        case .udp:
            try seal(exchange, number, count)
        case .tcp:
            let token = Token.exchange(exchange)
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

    /// Something happened on the connection of an exchange.
    mutating func hearUpstream(_ exchange: ExchangeID) {
        guard case .tcp(let line) = exchanges[exchange] else { return }
        hear(line, exchange)
    }

    mutating func fail(_ exchange: ExchangeID, _ error: SystemError) {
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
