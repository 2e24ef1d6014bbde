import DNSWire
import PacketMemory
import Timing

/// Messages to upstreams: which is asked, and when again.
extension ResolverEngine {
    // MARK: Asking

    /// The name that is asked now: the question's, or the end of the chain so far.
    @inline(__always)
    mutating func asked(_ reference: Slots<Transaction>.Reference) -> Name {
        transactions[reference].chain.isEmpty ? transactions[reference].question.name : chainEnd(reference)
    }

    @inline(never)
    private mutating func chainEnd(_ reference: Slots<Transaction>.Reference) -> Name {
        let chain = transactions[reference].chain
        return chain.last { $0.type == .cname }?.target.folded ?? transactions[reference].question.name
    }

    /// Asks the best upstream, and perhaps one more to learn how it does.
    mutating func askFirst(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        guard let group = transactions[reference].group, let upstream = rankings[group].best(where: { _ in true })
        else {
            // Not at once: those who wait do not know the transaction yet.
            return deadlines.append(.end(reference), at: now)
        }
        // The recursor sends again what is lost; it is as near as the next memory.
        let isRecursor = rules.groups[group][upstream].way == .recursor
        transactions[reference].retryAfter =
            isRecursor ? settings.patience : rankings[group].patience(upstream, settings)
        ask(reference, upstream, .udp, at: now)
        if let probed = rankings[group].probe(besides: upstream, at: now) {
            ask(reference, probed, .udp, isProbe: true, at: now)
        }
        scheduleRetry(reference, at: now)
    }

    private mutating func scheduleRetry(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        let retry = min(now + transactions[reference].retryAfter, transactions[reference].started + settings.patience)
        transactions[reference].retryAt = retry
        deadlines.append(.transaction(reference), at: retry)
    }

    mutating func ask(
        _ reference: Slots<Transaction>.Reference,
        _ upstream: Int,
        _ transport: UpstreamTransport,
        isProbe: Bool = false,
        at now: Moment
    ) {
        guard let group = transactions[reference].group else { return }
        let bit = UInt16(1) << UInt16(upstream)
        let isEncrypted = rules.groups[group][upstream].isEncrypted
        let transport = isEncrypted ? .tls : transport
        var usesEDNS = transactions[reference].plain & bit == 0
        if usesEDNS, !transactions[reference].variant.contains(.dnssec), rankings[group].isPlain(upstream, at: now) {
            usesEDNS = false
        }
        var isPlainlySpelled = rankings[group].foldsCase(upstream, at: now)
        if transport == .udp {
            transactions[reference].sends[upstream] += 1
            // Some servers drop what has an OPT record; the last try goes without. Who has answered with a cookie is
            // not one of them, and would not be believed without.
            let sends = transactions[reference].sends
            let last = Int(sends[upstream]) >= settings.sendsPerUpstream
            if last, !rankings[group].cookies[upstream].isExpected, settings.sendsPerUpstream > 1, !isProbe {
                usesEDNS = false
                isPlainlySpelled = true
            }
        } else {
            transactions[reference].overTCP |= bit
            // The connection repeats what is lost; once more would be twice.
            if isEncrypted { transactions[reference].sends[upstream] = UInt8(clamping: settings.sendsPerUpstream) }
        }
        let sends = transactions[reference].sends
        let hasCookie =
            usesEDNS && transport != .tls && transactions[reference].cookieless & bit == 0
            && wantsCookie(group, upstream, sends: sends[upstream], at: now)
        let exchange = exchanges.insert(
            Exchange(
                transaction: reference,
                group: group,
                upstream: upstream,
                isPlainlySpelled: isPlainlySpelled,
                transport: transport,
                sentAt: now,
                usesEDNS: usesEDNS,
                hasCookie: hasCookie,
                isProbe: isProbe
            )
        )
        transactions[reference].exchanges.append(exchange)
        asks.append(exchange)
    }

    /// Whether a question has our cookie. Some servers drop what has an option that they do not know; who was not seen
    /// to know this one is asked without it the second time.
    private mutating func wantsCookie(_ group: Int, _ upstream: Int, sends: UInt8, at now: Moment) -> Bool {
        guard settings.cookies, rules.groups[group][upstream].way == .clear else { return false }
        let cookie = rankings[group].cookies[upstream]
        return cookie.isWanted(at: now) && (cookie.isExpected || sends < 2)
    }

    /// Writes the message of an exchange; nothing if nobody wants it any more.
    mutating func write(
        _ reference: Slots<Exchange>.Reference,
        at now: Moment,
        random: inout RandomWords,
        into message: inout MutableRawSpan
    ) -> ResolverAction? {
        guard exchanges.holds(reference), let transaction = exchanges[reference].transaction,
            transactions.holds(transaction)
        else { return nil }
        let identifier = UInt16(truncatingIfNeeded: random.next() >> 24)
        exchanges[reference].identifier = identifier
        exchanges[reference].sentAt = now
        exchanges[reference].isSent = true
        if settings.randomizesCase, !exchanges[reference].isPlainlySpelled {
            exchanges[reference].spelling = random.next()
        }
        if exchanges[reference].hasCookie {
            exchanges[reference].cookie = rankings[exchanges[reference].group]
                .cookies[exchanges[reference].upstream].clientCookie(orNew: random.next(), at: now)
        }
        let exchange = exchanges[reference]
        let name = asked(transaction).spelled(exchange.spelling)
        let variant = transactions[transaction].variant
        var header = MessageHeader(identifier: identifier, flags: .recursionDesired, questionCount: 1)
        if variant.contains(.checkingDisabled) { header.flags.insert(.checkingDisabled) }
        if exchange.usesEDNS { header.additionalCount = 1 }
        header.write(into: &message)
        name.write(into: &message, at: MessageHeader.size)
        var end = MessageHeader.size + name.count
        message.store(transactions[transaction].question.type.rawValue, at: end)
        message.store(RecordClass.internet.rawValue, at: end + 2)
        end += 4
        if exchange.usesEDNS {
            let edns = EDNS(
                payloadSize: UInt16(clamping: max(512, settings.upstreamPayloadSize)),
                wantsDNSSEC: variant.contains(.dnssec)
            )
            edns.write(into: &message, at: end)
            end += EDNS.Options().size
            if exchange.hasCookie {
                let cookie = rankings[exchange.group].cookies[exchange.upstream]
                if cookie.hasServerCookie { counters.add(.upstreamCookies) }
                end += cookie.write(into: &message, at: end)
            }
            // RFC 8467 section 4.1.
            if exchange.transport == .tls { end = Padding.pad(&message, count: end, block: Padding.queryBlock) }
        }
        counters.add(.upstreamQueries)
        switch exchange.transport {
        case .udp: break
        case .tcp: counters.add(.upstreamQueriesTCP)
        case .tls: counters.add(.upstreamQueriesEncrypted)
        }
        rankings[exchange.group].sent(exchange.upstream)
        return .ask(
            Self.id(reference),
            upstream: UpstreamID(rules.firstUpstreams[exchange.group] + exchange.upstream),
            transport: exchange.transport,
            count: end
        )
    }

    /// Takes note of the port that a question leaves from, so that it is known if it comes round.
    ///
    /// - Parameter id: Of an ``ResolverAction/ask(_:upstream:transport:count:)`` over UDP.
    public mutating func sends(_ id: ExchangeID, from port: UInt16) {
        let reference = Self.reference(id)
        guard exchanges.holds(reference), let transaction = exchanges[reference].transaction,
            transactions.holds(transaction),
            // What an alias led to is another question.
            transactions[transaction].chain.isEmpty
        else { return }
        cache.note(transactions[transaction].key, sentFrom: port, identifier: exchanges[reference].identifier)
    }

    static func id(_ reference: Slots<Exchange>.Reference) -> ExchangeID {
        ExchangeID(UInt64(reference.generation) << 32 | UInt64(UInt32(bitPattern: reference.index)))
    }

    static func reference(_ id: ExchangeID) -> Slots<Exchange>.Reference {
        Slots.Reference(
            index: Int32(bitPattern: UInt32(truncatingIfNeeded: id.number)),
            generation: UInt32(truncatingIfNeeded: id.number >> 32)
        )
    }

    /// Nobody waits for an exchange of a transaction that is over. A probe is let run, to learn from it.
    mutating func leave(_ reference: Slots<Exchange>.Reference, at now: Moment) {
        guard exchanges.holds(reference) else { return }
        if exchanges[reference].isProbe, exchanges[reference].isSent {
            exchanges[reference].transaction = nil
            deadlines.append(.exchange(reference), at: exchanges[reference].sentAt + settings.patience)
            return
        }
        let wasSent = exchanges[reference].isSent
        exchanges.remove(reference)
        if wasSent { cancels.append(Self.id(reference)) }
    }

    // MARK: Time

    /// A question was not answered in time: it is sent again, or patience is at its end.
    mutating func transactionIsDue(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        guard transactions.holds(reference), transactions[reference].retryAt <= now else { return }
        if transactions[reference].isElsewhere { return lookElsewhere(reference, at: now) }
        noteOverdue(reference, at: now)
        guard now < transactions[reference].started + settings.patience else { return fail(reference, at: now) }
        let failed = transactions[reference].failed
        let sends = transactions[reference].sends
        let most = settings.sendsPerUpstream
        // The one asked least often, and of those the best.
        guard let group = transactions[reference].group else { return }
        let candidates = (0..<rankings[group].count).filter { failed & (1 << UInt16($0)) == 0 && Int(sends[$0]) < most }
        if let least = candidates.map({ sends[$0] }).min(),
            let upstream = rankings[group].best(where: { candidates.contains($0) && sends[$0] == least })
        {
            ask(reference, upstream, .udp, at: now)
        }
        let unasked = candidates.count { transactions[reference].sends[$0] == 0 }
        if unasked == 0 {
            let doubled = Moment.Span(nanoseconds: transactions[reference].retryAfter.nanoseconds * 2)
            transactions[reference].retryAfter = min(max(doubled, settings.shortestRetry), settings.patience)
        } else {
            // However many are silent, the last is asked in time for an answer within two seconds.
            let end = transactions[reference].started + min(settings.timeToAskAll, settings.patience)
            let step = Moment.Span(nanoseconds: (end - now).nanoseconds / UInt64(unasked + 1))
            transactions[reference].retryAfter =
                min(transactions[reference].retryAfter, max(step, settings.shortestStep))
        }
        scheduleRetry(reference, at: now)
    }

    private mutating func noteOverdue(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        for exchange in transactions[reference].exchanges
        where exchanges.holds(exchange) && exchanges[exchange].isSent && !exchanges[exchange].isOverdue {
            let (group, upstream) = (exchanges[exchange].group, exchanges[exchange].upstream)
            // Who was asked only just now, because others are silent, is not.
            let patience = rankings[group].patience(upstream, settings)
            guard (now - exchanges[exchange].sentAt).nanoseconds >= patience.nanoseconds / 2 else { continue }
            exchanges[exchange].isOverdue = true
            noteTimeout(exchanges[exchange], at: now)
        }
    }

    private mutating func noteTimeout(_ exchange: Exchange, at now: Moment) {
        counters.add(.upstreamTimeouts)
        // Heard meanwhile: then it is this question that finds no answer, and not the upstream that is silent.
        if !rankings[exchange.group].wasHeard(exchange.upstream, since: exchange.sentAt) {
            rankings[exchange.group].failed(exchange.upstream, at: now)
        }
    }

    /// A probe that outlived its question was not answered.
    mutating func exchangeIsDue(_ reference: Slots<Exchange>.Reference, at now: Moment) {
        guard exchanges.holds(reference), let exchange = exchanges.remove(reference) else { return }
        if !exchange.isOverdue { noteTimeout(exchange, at: now) }
        cancels.append(Self.id(reference))
    }
}
