import DNSWire
import PacketMemory
public import Timing

/// What upstreams' replies do, and their failures.
extension ResolverEngine {
    /// Takes what came from an upstream for an exchange.
    public mutating func receive(
        reply: borrowing RawSpan,
        for exchange: ExchangeID,
        at now: Moment
    ) -> ReplyOutcome {
        let reference = Self.reference(exchange)
        guard exchanges.holds(reference), exchanges[reference].isSent else {
            counters.add(.ignoredLate)
            return .ignored(.late)
        }
        if let ignored = doubt(reply, exchanges[reference]) {
            counters.add(Self.count(of: ignored))
            return .ignored(ignored)
        }
        let options = options(of: reply, exchanges[reference])
        guard believesCookie(reply, options, reference, at: now) else {
            counters.add(.ignoredCookie)
            return .ignored(.cookie)
        }
        guard let done = exchanges.remove(reference) else { return .ignored(.late) }
        rankings[done.group].heard(done.upstream, after: now - done.sentAt, at: now)
        guard let transaction = done.transaction, transactions.holds(transaction) else {
            // A probe whose question was answered by another upstream meanwhile.
            let code = ResponseCode(rawValue: reply.uint16(at: 2) & 15)
            rankings[done.group].answered(done.upstream, isError: code != .noError && code != .nameError, at: now)
            return .taken
        }
        transactions[transaction].exchanges.remove(reference)
        if transactions[transaction].question.type == .aaaa { rankings[done.group].heardAAAA() }
        take(reply, options, done, transaction, at: now)
        return .taken
    }

    private static func count(of ignored: IgnoredReply) -> ResolverCount {
        switch ignored {
        case .late: .ignoredLate
        case .notAReply: .ignoredForm
        case .identifier: .ignoredIdentifier
        case .question: .ignoredQuestion
        case .spelling: .ignoredSpelling
        case .cookie: .ignoredCookie
        }
    }

    /// What is wrong with a reply: RFC 5452 section 9.1. Where it came from the transport has seen to.
    private mutating func doubt(_ reply: borrowing RawSpan, _ exchange: Exchange) -> IgnoredReply? {
        do throws(WireProblem) {
            let header = try MessageHeader(reply)
            guard header.flags.contains(.response), header.operation == .query else { return .notAReply }
            guard header.identifier == exchange.identifier else { return .identifier }
            guard let transaction = exchange.transaction, transactions.holds(transaction) else { return nil }
            if header.questionCount == 0, header.answerCount == 0, header.authorityCount == 0,
                [.formatError, .notImplemented].contains(header.responseCode)
            {
                // Who could not read the question may not repeat it; there is no data in it to believe.
                return nil
            }
            let name = asked(transaction).spelled(exchange.spelling)
            let end = MessageHeader.size + name.count
            guard header.questionCount == 1, end + 4 <= reply.byteCount,
                reply.uint16(at: end) == transactions[transaction].question.type.rawValue,
                reply.uint16(at: end + 2) == RecordClass.internet.rawValue
            else { return .question }
            guard !name.isSpelled(in: reply, at: MessageHeader.size) else { return nil }
            var other = 0
            return try Name(uncompressedIn: reply, at: MessageHeader.size, end: &other) == name ? .spelling : .question
        } catch {
            return .notAReply
        }
    }

    /// Acts on a reply that is believed.
    private mutating func take(
        _ reply: borrowing RawSpan,
        _ options: EDNS?,
        _ exchange: Exchange,
        _ reference: Slots<Transaction>.Reference,
        at now: Moment
    ) {
        let bit = UInt16(1) << UInt16(exchange.upstream)
        guard let header = try? MessageHeader(reply) else { return }
        if header.flags.contains(.truncated), exchange.transport == .udp {
            // RFC 2181 section 9: what was cut is not used.
            if transactions[reference].overTCP & bit == 0 { ask(reference, exchange.upstream, .tcp, at: now) }
            return
        }
        let code = header.responseCode
        if exchange.hasCookie, let options, options.code(with: header) == .badCookie,
            options.cookieCount >= UpstreamCookie.lengths.least
        {
            return askWithNewCookie(exchange, reference, at: now)
        }
        let hasExtendedCode = header.answerCount == 0 && header.authorityCount == 0 && options?.extendedCode ?? 0 != 0
        if code == .formatError || code == .notImplemented || hasExtendedCode, exchange.usesEDNS {
            if exchange.hasCookie, options != nil {
                // It knows EDNS; so it may be the cookie.
                transactions[reference].cookieless |= bit
            } else {
                // RFC 6891 section 6.2.2: once more without EDNS.
                transactions[reference].plain |= bit
            }
            ask(reference, exchange.upstream, exchange.transport, at: now)
            return
        }
        // RFC 6672 section 3.2: the DNAME comes with it.
        let isAnswer = code == .noError || code == .nameError || code == .nameTooLong && header.answerCount > 0
        guard isAnswer, !hasExtendedCode, !header.flags.contains(.truncated) else {
            // What an upstream says of its own error is passed on; that of a forwarder's upstream says more than ours.
            if let error = options?.error?.passedOn {
                transactions[reference].error = error
            } else if transactions[reference].error == nil {
                transactions[reference].error = .networkError
            }
            // RFC 6147 section 5.5: what is bogus is neither passed on nor passed by.
            if isRecursor(exchange), transactions[reference].error == .dnssecBogus {
                transactions[reference].isBogus = true
            }
            return takeError(exchange, reference, at: now)
        }
        do throws(WireProblem) {
            var chain = transactions[reference].chain
            let digested = try digest.digest(
                reply,
                asked: asked(reference),
                question: transactions[reference].question,
                hash: transactions[reference].key.hash,
                variant: transactions[reference].variant,
                view: transactions[reference].view,
                group: exchange.group,
                isValidated: header.flags.contains(.authenticData) && isRecursor(exchange),
                chain: &chain,
                at: UInt32(truncatingIfNeeded: now.seconds)
            )
            rankings[exchange.group].answered(exchange.upstream, isError: false, at: now)
            if !exchange.usesEDNS {
                let saidSo = transactions[reference].plain & bit != 0
                rankings[exchange.group].foundPlain(exchange.upstream, said: saidSo, at: now)
            }
            let isCookieless = transactions[reference].cookieless & bit != 0
            noteCookie(exchange, isCookieless, isAnswered: options?.cookieCount ?? 0 > 0, at: now)
            if settings.randomizesCase, exchange.isPlainlySpelled {
                rankings[exchange.group].foundFolding(exchange.upstream, at: now)
            }
            switch digested {
            case .answer(let answer):
                let upstream = UpstreamID(rules.firstUpstreams[exchange.group] + exchange.upstream)
                let answerer = AnswerStory.Answerer(upstream: upstream, transport: exchange.transport)
                finish(reference, with: answer, from: answerer, at: now)
            case .alias(let target): follow(reference, chain, to: target, at: now)
            }
        } catch {
            // Who refers to others does not resolve; the form is right.
            if error != .referral { counters.add(.upstreamMalformed) }
            if transactions[reference].error == nil {
                transactions[reference].error = error == .aliasLoop ? .other : .networkError
            }
            takeError(exchange, reference, at: now)
        }
    }

    /// Whether an exchange is with our own recursor, the only one whose word on DNSSEC is taken.
    private mutating func isRecursor(_ exchange: Exchange) -> Bool {
        rules.groups[exchange.group][exchange.upstream].way == .recursor
    }

    /// Goes on at the end of a chain that the upstream left unfinished: RFC 6147 section 5.1.5.
    private mutating func follow(
        _ reference: Slots<Transaction>.Reference,
        _ chain: [Alias],
        to target: Name,
        at now: Moment
    ) {
        for exchange in transactions[reference].exchanges { leave(exchange, at: now) }
        transactions[reference].exchanges = Few()
        transactions[reference].chain = chain
        transactions[reference].sends = [16 of UInt8](repeating: 0)
        transactions[reference].overTCP = 0
        transactions[reference].failed = 0
        transactions[reference].group = rules.group(for: target, in: transactions[reference].view)
        askFirst(reference, at: now)
    }

    /// A question has come to where nobody is asked: to an alias, to records or to nothing of the operator's own.
    mutating func endHere(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        guard transactions.holds(reference) else { return }
        let transaction = transactions[reference]
        guard transaction.group == nil else { return fail(reference, at: now) }
        let name = asked(reference)
        let entry = rules.entry(for: name, in: transaction.view)
        // Who asks for a CNAME record of the operator's own got it at once.
        if entry.local >= 0, let alias = rules.locals[Int(entry.local)].alias {
            let isLoop = transaction.chain.contains { $0.type == .cname && $0.owner == alias.target }
            guard !isLoop, transaction.chain.count <= settings.longestChain else {
                transactions[reference].error = .other
                return fail(reference, at: now)
            }
            let link = Alias(owner: name, type: .cname, ttl: alias.ttl, target: alias.target)
            return follow(reference, transaction.chain + [link], to: alias.target, at: now)
        }
        do throws(WireProblem) {
            let answer = try digest.written(
                transaction.question,
                hash: transaction.key.hash,
                variant: transaction.variant,
                chain: transaction.chain,
                at: name,
                entry.local >= 0
                    ? .records(rules.locals[Int(entry.local)])
                    : .nothing(zone: rules.domains[Int(entry.rule)], exists: entry.exists),
                view: transaction.view,
                now: UInt32(truncatingIfNeeded: now.seconds)
            )
            finish(reference, with: answer, at: now)
        } catch {
            fail(reference, at: now)
        }
    }

    /// An upstream could not or would not answer: another one is asked at once.
    mutating func takeError(_ exchange: Exchange, _ reference: Slots<Transaction>.Reference, at now: Moment) {
        counters.add(.upstreamErrors)
        rankings[exchange.group].answered(exchange.upstream, isError: true, at: now)
        giveUp(exchange, reference, at: now)
    }

    private mutating func giveUp(_ exchange: Exchange, _ reference: Slots<Transaction>.Reference, at now: Moment) {
        transactions[reference].failed |= 1 << UInt16(exchange.upstream)
        let failed = transactions[reference].failed
        let sends = transactions[reference].sends
        if let next = rankings[exchange.group].best(where: { failed & (1 << UInt16($0)) == 0 && sends[$0] == 0 }) {
            return ask(reference, next, .udp, at: now)
        }
        // Others that were asked may still answer.
        let awaited = transactions[reference].exchanges.contains {
            exchanges.holds($0) && failed & (1 << UInt16(exchanges[$0].upstream)) == 0
        }
        if !awaited { fail(reference, at: now) }
    }

    /// Hears that an exchange failed without a reply; the exchange is over.
    public mutating func failed(
        _ exchange: ExchangeID,
        _ failure: ExchangeFailure,
        at now: Moment
    ) {
        let reference = Self.reference(exchange)
        guard exchanges.holds(reference), exchanges[reference].isSent, let gone = exchanges.remove(reference) else {
            return
        }
        if failure != .local, !gone.isOverdue { rankings[gone.group].failed(gone.upstream, at: now) }
        guard let transaction = gone.transaction, transactions.holds(transaction) else { return }
        transactions[transaction].exchanges.remove(reference)
        if transactions[transaction].error == nil { transactions[transaction].error = Self.error(of: failure) }
        if isRecursor(gone) { transactions[transaction].error = .notReady }
        giveUp(gone, transaction, at: now)
    }

    /// What clients are told when nothing else comes of their question: RFC 8914. Nothing if that is what they are told
    /// of upstreams that are silent.
    private static func error(of failure: ExchangeFailure) -> ExtendedError? {
        switch failure {
        case .refused, .unreachable: nil
        case .closed: .networkError
        case .local: .notReady
        }
    }
}
