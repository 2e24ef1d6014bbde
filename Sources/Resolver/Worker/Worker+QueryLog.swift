internal import DNS64
internal import DNSWire
internal import IPAddressing
internal import Linux
internal import PacketMemory
internal import Policy
internal import Timing

extension Worker {
    /// Whether the next answer is to be logged.
    private mutating func isChosen() -> Bool {
        guard logsOneIn > 1 else { return true }
        return random.next() % UInt64(logsOneIn) == 0
    }

    /// Answers a datagram, with the query log on.
    @inline(never)
    mutating func answerAndLog(_ index: Int, from listener: Int) {
        let before = engine.beginning
        let ends = inbox.ends(index)
        let outcome = engine.answer(
            index,
            of: inbox,
            from: Client(address: ends.peer.address, transport: .udp, port: ends.peer.port.number),
            waiter: waiters.next,
            policy: policy,
            at: now,
            into: &outbox
        )
        if case .reply(let octets) = outcome, isChosen() {
            var notes = notes(.udp(listener: listener, ends: ends), since: now, before)
            let names = outbox.question(octets).map { engine.written(for: $0.name) }
            notes.add(octets, names?.rule, names?.filter)
            count(outbox.put(notes, names?.rule, names?.filter, on: port.queries))
        }
        settle(outcome, index, ends, from: listener)
    }

    /// Puts the answer at the front of the message buffer down for the query log.
    ///
    /// - Parameters:
    ///   - before: What was counted before it was made.
    ///   - upstream: Which upstream gave what it was made of.
    mutating func log(
        _ octets: Int,
        to waiter: Waiter,
        _ before: AnswerTrace.Beginning,
        upstream: UpstreamID? = nil
    ) {
        guard isChosen() else { return }
        var notes = notes(waiter.way, since: waiter.since, before)
        if let upstream, upstream.index < routes.count {
            notes.upstreamIsRecursor = routes[upstream.index].way == .recursor
            if !notes.upstreamIsRecursor { notes.upstream = routes[upstream.index].endpoint }
        }
        let names = message.question(octets).map { engine.written(for: $0.name) }
        notes.add(octets, names?.rule, names?.filter)
        count(message.put(notes, names?.rule, names?.filter, on: port.queries))
    }

    private func notes(_ way: Waiter.Way, since: Moment, _ before: AnswerTrace.Beginning) -> QueryNotes {
        var notes = QueryNotes()
        notes.trace = engine.trace(since: before)
        notes.duration = UInt32(clamping: (MonotonicClock.now() - since).nanoseconds / 1000)
        notes.time = WallClock.microseconds() &- UInt64(notes.duration)
        switch way {
        case .udp(_, let ends):
            notes.client = ends.peer.address.unmapped
            notes.clientPort = ends.peer.port.number
        case .tcp(_, let client, let port, let transport):
            notes.client = client
            notes.clientPort = port
            notes.transport = transport
        }
        let place = policy.views.place(of: notes.client)
        if place < policy.views.views.count { notes.view = policy.views.views[place].network }
        return notes
    }

    private func count(_ outcome: QueryPage.Outcome) {
        engine.countLogged(isKept: outcome != .lost)
        if outcome == .keptAndFilling { queryLog.ring() }
    }
}

extension QueryNotes {
    /// Notes how large an answer is, and the names that are kept with it.
    fileprivate mutating func add(_ octets: Int, _ rule: Name?, _ filter: Name?) {
        replyCount = octets
        kept = min(octets, Self.mostKept)
        ruleCount = rule?.count ?? 0
        filterCount = filter?.count ?? 0
    }
}

extension UDPOutbox {
    /// The question of the message in ``next``, of which there are so many octets.
    fileprivate mutating func question(_ count: Int) -> Question? {
        let octets = next
        return try? Question(octets.bytes.extracting(0..<count))
    }

    /// Puts the message in ``next`` on a page.
    fileprivate mutating func put(_ notes: QueryNotes, _ rule: Name?, _ filter: Name?, on page: QueryPage)
        -> QueryPage.Outcome
    {
        let octets = next
        return page.add(notes, octets.bytes, rule: rule, filter: filter)
    }
}

extension OctetBuffer {
    /// The question of the message at the front, which has so many octets.
    fileprivate borrowing func question(_ count: Int) -> Question? { try? Question(octets.extracting(0..<count)) }

    /// Puts the message at the front on a page.
    fileprivate borrowing func put(_ notes: QueryNotes, _ rule: Name?, _ filter: Name?, on page: QueryPage)
        -> QueryPage.Outcome
    {
        page.add(notes, octets, rule: rule, filter: filter)
    }
}
