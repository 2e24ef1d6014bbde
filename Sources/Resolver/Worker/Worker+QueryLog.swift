internal import DNS64
internal import DNSWire
internal import IPAddressing
internal import Linux
internal import NIOCore
internal import PacketMemory
internal import Policy
internal import Timing

extension Worker {
    /// Whether the next question is to be logged, with what becomes of it.
    @inline(__always)
    mutating func isChosenForLog() -> Bool {
        guard logsOneIn > 1 else { return logsOneIn == 1 }
        return random.next() % UInt64(logsOneIn) == 0
    }

    /// Answers a datagram that is to be logged.
    @inline(never)
    mutating func answerAndLog(_ index: Int, from listener: Int) {
        let ends = inbox.ends(index)
        engine.takesShortWay = false
        let outcome = engine.answer(
            index,
            of: inbox,
            from: Client(address: ends.peer.address, transport: .udp, port: ends.peer.port.number),
            waiter: waiters.next,
            policy: policy,
            at: now,
            into: &outbox
        )
        engine.takesShortWay = true
        switch outcome {
        case .reply(let octets):
            let lines = notes(.udp(listener: listener, ends: ends), since: now, octets: octets)
            count(outbox.put(lines, on: port.queries))
        case .silence(let reason):
            var lines = notes(.udp(listener: listener, ends: ends), since: now, octets: 0)
            lines.notes.keep(inbox.datagram(index).byteCount, for: reason)
            count(port.queries.add(lines.notes, inbox.datagram(index), rule: lines.rule, filter: lines.filter))
        case .waiting: break
        }
        settle(outcome, index, ends, from: listener, isLogged: true)
    }

    /// Puts the answer at the front of the message buffer down for the query log.
    mutating func log(_ octets: Int, to waiter: Waiter) {
        count(message.put(notes(waiter.way, since: waiter.since, octets: octets), on: port.queries))
    }

    /// Puts a question that gets no answer down for the query log.
    mutating func log(_ silence: SilenceReason, _ waiter: Waiter) {
        var lines = notes(waiter.way, since: waiter.since, octets: 0)
        lines.notes.keep(waiter.question.readableBytes, for: silence)
        let question = waiter.question.readableBytesSpan
        count(port.queries.add(lines.notes, question, rule: lines.rule, filter: lines.filter))
    }

    /// What goes with an answer of so many octets that the engine has just given.
    private mutating func notes(_ way: Waiter.Way, since: Moment, octets: Int) -> NotedNames {
        var notes = QueryNotes()
        notes.story = engine.story
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
        if let answerer = notes.story.answerer, answerer.upstream.index < routes.count {
            note(answerer, in: &notes)
        }
        let rule = engine.ruleDomain(of: notes.story)
        let filter = engine.filter(of: notes.story)
        notes.filterAction = filter.map { QueryNotes.Action($0.action) }
        notes.filterNetwork = filter?.network
        notes.replyCount = octets
        notes.kept = min(octets, QueryNotes.mostKept)
        notes.ruleCount = rule?.count ?? 0
        notes.filterCount = filter?.name?.count ?? 0
        return NotedNames(notes: notes, rule: rule, filter: filter?.name)
    }

    private mutating func note(_ answerer: AnswerStory.Answerer, in notes: inout QueryNotes) {
        let route = routes[answerer.upstream.index]
        guard route.way != .recursor else {
            notes.profile = .recursive
            return
        }
        notes.upstream = route.endpoint
        notes.upstreamSource = sources.source(of: answerer.upstream.index, route, at: now)
        notes.profile =
            switch answerer.transport {
            case .udp: .udp
            case .tcp: .tcp
            case .tls: .tls
            }
    }

    private func count(_ outcome: QueryPage.Outcome) {
        engine.countLogged(isKept: outcome != .lost)
        if outcome == .keptAndFilling { queryLog.ring() }
    }
}

/// Notes, and the names that are kept with them.
private struct NotedNames {
    var notes: QueryNotes
    let rule: Name?
    let filter: Name?
}

extension QueryNotes {
    /// Notes that a question of so many octets is kept, because there is no answer.
    fileprivate mutating func keep(_ octets: Int, for reason: SilenceReason) {
        silence = reason
        kept = min(octets, Self.mostKept)
    }
}

extension UDPOutbox {
    /// Puts the message in ``next`` on a page.
    fileprivate mutating func put(_ lines: NotedNames, on page: QueryPage) -> QueryPage.Outcome {
        let octets = next
        return page.add(lines.notes, octets.bytes, rule: lines.rule, filter: lines.filter)
    }
}

extension OctetBuffer {
    /// Puts the message at the front on a page.
    fileprivate borrowing func put(_ lines: NotedNames, on page: QueryPage) -> QueryPage.Outcome {
        page.add(lines.notes, octets, rule: lines.rule, filter: lines.filter)
    }
}
