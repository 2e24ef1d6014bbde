import DNSWire
import PacketMemory
import Timing

/// What the options of replies say, and the cookies among them: RFC 7873 section 5.3.
extension ResolverEngine {
    /// The OPT record of a reply, if there is one and it matters.
    mutating func options(of reply: borrowing RawSpan, _ exchange: Exchange) -> EDNS? {
        do throws(WireProblem) {
            let header = try MessageHeader(reply)
            let isAnswer = header.responseCode == .noError || header.responseCode == .nameError
            guard header.additionalCount > 0, header.questionCount <= 1,
                exchange.hasCookie || !isAnswer || header.answerCount == 0 && header.authorityCount == 0
            else { return nil }
            var offset = header.questionCount == 0 ? MessageHeader.size : try Question(reply).end
            for _ in 0..<Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount) {
                let record = try ResourceRecord(in: reply, at: offset)
                if record.type == .opt { return try EDNS(record, in: reply) }
                offset = record.end
            }
        } catch {
            return nil
        }
        return nil
    }

    /// Whether the cookie of a reply is as it must be; what the server's is, is remembered.
    ///
    /// A reply over UDP without the cookie that it should have is not taken for the upstream's. Because it may be after
    /// all, the question is asked over TCP besides: who answers there is not forged, and does without cookies if it has
    /// none.
    mutating func believesCookie(
        _ reply: borrowing RawSpan,
        _ options: EDNS?,
        _ reference: Slots<Exchange>.Reference,
        at now: Moment
    ) -> Bool {
        let exchange = exchanges[reference]
        guard exchange.hasCookie else { return true }
        let finding = CookieFinding(
            reply,
            data: options?.cookie ?? 0,
            count: options?.cookieCount ?? 0,
            sent: exchange.cookie
        )
        switch finding {
        case .right(let data, let count):
            if count >= UpstreamCookie.lengths.least {
                rankings[exchange.group].cookies[exchange.upstream].learn(reply, at: data, count: count)
            }
            return true
        case .none where exchange.transport != .udp: return true
        case .none where !rankings[exchange.group].cookies[exchange.upstream].isExpected: return true
        case .none, .wrong:
            guard exchange.transport == .udp, let transaction = exchange.transaction, transactions.holds(transaction),
                transactions[transaction].overTCP & 1 << UInt16(exchange.upstream) == 0
            else { return false }
            ask(transaction, exchange.upstream, .tcp, at: now)
            return false
        }
    }

    /// The upstream wants the cookie that came with its reply: once more, and if that does not please it either, over
    /// TCP.
    mutating func askWithNewCookie(_ exchange: Exchange, _ reference: Slots<Transaction>.Reference, at now: Moment) {
        counters.add(.upstreamBadCookies)
        let bit = UInt16(1) << UInt16(exchange.upstream)
        if transactions[reference].wantedCookie & bit == 0, exchange.transport == .udp {
            transactions[reference].wantedCookie |= bit
            ask(reference, exchange.upstream, .udp, at: now)
        } else if transactions[reference].overTCP & bit == 0 {
            ask(reference, exchange.upstream, .tcp, at: now)
        } else {
            takeError(exchange, reference, at: now)
        }
    }

    /// An answer came: whether the upstream does without cookies.
    ///
    /// - Parameters:
    ///   - isSaid: Whether it was asked without one because it did not understand the question before.
    ///   - isAnswered: Whether the answer has one.
    mutating func noteCookie(_ exchange: Exchange, _ isSaid: Bool, isAnswered: Bool, at now: Moment) {
        guard exchange.usesEDNS, exchange.transport != .tls, !isAnswered else { return }
        let cookie = rankings[exchange.group].cookies[exchange.upstream]
        guard settings.cookies, cookie.isWanted(at: now) else { return }
        rankings[exchange.group].cookies[exchange.upstream]
            .foundWithout(isSeen: exchange.hasCookie || isSaid, at: now)
    }
}
