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
            counters.add(.ignoredSpoofed)
            return .ignored(ignored)
        }
        guard let done = exchanges.remove(reference) else { return .ignored(.late) }
        rankings[done.group].heard(done.upstream, after: now - done.sentAt, at: now)
        guard let transaction = done.transaction, transactions.holds(transaction) else {
            // A probe whose question was answered by another upstream meanwhile.
            let code = ResponseCode(rawValue: reply.uint16(at: 2) & 15)
            rankings[done.group].answered(done.upstream, isError: code != .noError && code != .nameError, at: now)
            return .taken
        }
        transactions[transaction].exchanges.removeAll { $0 == reference }
        take(reply, done, transaction, at: now)
        return .taken
    }

    /// What is wrong with a reply: RFC 5452 section 9.1. Where it came from the transport has seen to.
    private func doubt(_ reply: borrowing RawSpan, _ exchange: Exchange) -> IgnoredReply? {
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
            let name = transactions[transaction].asked.spelled(exchange.spelling)
            let end = MessageHeader.size + name.count
            guard header.questionCount == 1, end + 4 <= reply.byteCount,
                name.isSpelled(in: reply, at: MessageHeader.size),
                reply.uint16(at: end) == transactions[transaction].question.type.rawValue,
                reply.uint16(at: end + 2) == RecordClass.internet.rawValue
            else { return .question }
            return nil
        } catch {
            return .notAReply
        }
    }

    /// Acts on a reply that is believed.
    private mutating func take(
        _ reply: borrowing RawSpan,
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
        if [.formatError, .notImplemented].contains(code) || hasExtendedCode(reply, header), exchange.usesEDNS {
            // RFC 6891 section 6.2.2: once more without EDNS.
            transactions[reference].plain |= bit
            ask(reference, exchange.upstream, exchange.transport, at: now)
            return
        }
        guard code == .noError || code == .nameError, !header.flags.contains(.truncated) else {
            if let error = extendedError(reply, header) { transactions[reference].error = error }
            // RFC 6147 section 5.5: what is bogus is neither passed on nor passed by.
            if isRecursor(exchange), transactions[reference].error == .dnssecBogus {
                transactions[reference].isBogus = true
            }
            return takeError(exchange, reference, at: now)
        }
        do throws(WireProblem) {
            let transaction = transactions[reference]
            var chain = transaction.chain
            let digested = try digest.digest(
                reply,
                asked: transaction.asked,
                question: transaction.question,
                hash: transaction.key.hash,
                variant: transaction.variant,
                isValidated: header.flags.contains(.authenticData) && isRecursor(exchange),
                chain: &chain,
                at: UInt32(truncatingIfNeeded: now.seconds)
            )
            rankings[exchange.group].answered(exchange.upstream, isError: false, at: now)
            if !exchange.usesEDNS {
                rankings[exchange.group].foundPlain(exchange.upstream, said: transaction.plain & bit != 0, at: now)
            }
            if settings.randomizesCase, exchange.isPlainlySpelled {
                rankings[exchange.group].foundFolding(exchange.upstream, at: now)
            }
            switch digested {
            case .answer(let answer): finish(reference, with: answer, at: now)
            case .alias(let target): follow(reference, chain, to: target, at: now)
            }
        } catch {
            counters.add(.upstreamMalformed)
            if transactions[reference].error == nil { transactions[reference].error = .invalidData }
            takeError(exchange, reference, at: now)
        }
    }

    /// Whether an exchange is with our own recursor, the only one whose word on DNSSEC is taken.
    private func isRecursor(_ exchange: Exchange) -> Bool {
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
        transactions[reference].exchanges.removeAll()
        transactions[reference].chain = chain
        transactions[reference].asked = target.folded
        transactions[reference].sends = [16 of UInt8](repeating: 0)
        transactions[reference].overTCP = 0
        transactions[reference].failed = 0
        switch rules.direction(for: target) {
        case .group(let group):
            transactions[reference].group = group
            askFirst(reference, at: now)
        case .local, .block:
            // What is not to be asked is not asked on behalf of an alias either.
            transactions[reference].error = .blocked
            fail(reference, at: now)
        }
    }

    /// An upstream could not or would not answer: another one is asked at once.
    private mutating func takeError(_ exchange: Exchange, _ reference: Slots<Transaction>.Reference, at now: Moment) {
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

    /// Whether the OPT record of a reply without data says BADVERS or another code that needs one.
    private func hasExtendedCode(_ reply: borrowing RawSpan, _ header: MessageHeader) -> Bool {
        guard header.answerCount == 0, header.authorityCount == 0, header.additionalCount > 0, header.questionCount == 1
        else {
            return false
        }
        do throws(WireProblem) {
            var offset = try Question(reply).end
            for _ in 0..<header.additionalCount {
                let record = try ResourceRecord(in: reply, at: offset)
                if record.type == .opt { return record.ttl >> 24 != 0 }
                offset = record.end
            }
        } catch {
            return false
        }
        return false
    }

    /// What a reply without data says of the failure: RFC 8914.
    private func extendedError(_ reply: borrowing RawSpan, _ header: MessageHeader) -> ExtendedError? {
        guard header.questionCount == 1, header.additionalCount > 0 else { return nil }
        do throws(WireProblem) {
            var offset = try Question(reply).end
            for _ in 0..<Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount) {
                let record = try ResourceRecord(in: reply, at: offset)
                if record.type == .opt { return try EDNS(record, in: reply).error }
                offset = record.end
            }
        } catch {
            return nil
        }
        return nil
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
        transactions[transaction].exchanges.removeAll { $0 == reference }
        giveUp(gone, transaction, at: now)
    }
}
