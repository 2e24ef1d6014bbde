import DNSWire
import PacketMemory
public import Policy
public import Timing

/// What the engine wants done.
extension ResolverEngine {
    /// The next thing to do, or nothing.
    ///
    /// - Parameter message: Where a message to be sent is written; must hold 65,535 octets.
    public mutating func nextAction(
        policy: Policy,
        at now: Moment,
        random: inout RandomWords,
        message: inout MutableRawSpan
    ) -> ResolverAction? {
        if let answer = nextAnswer(policy: policy, at: now, into: &message) { return answer }
        if let (workers, answer) = news.next() { return .tell(workers, answer) }
        while let reference = asks.next() {
            if let action = write(reference, at: now, random: &random, into: &message) { return action }
        }
        return cancels.next().map { .cancel($0) }
    }

    /// The answer for the next client of an inquiry that is settled.
    private mutating func nextAnswer(policy: Policy, at now: Moment, into message: inout MutableRawSpan)
        -> ResolverAction?
    {
        while let inquiry = settled.first {
            guard let place = inquiries[inquiry].firstWaiter else {
                inquiries.discard(inquiry)
                _ = settled.next()
                continue
            }
            inquiries[inquiry].firstWaiter = waiters[place].next
            shares.waitsNoMore(waiters[place].client)
            let answerer = inquiries[inquiry].two.answerer ?? inquiries[inquiry].one.answerer
            decisions.resume(waiters[place].story, answeredBy: answerer)
            let id = waiters[place].id
            var query = waiters[place].query
            waiters.discard(place)
            let count = write(&query, inquiry, policy: policy, at: now, into: &message)
            if message.octet(at: 2) & 2 != 0 { counters.add(.truncated) }
            guard !query.isPadded else { return .answer(id, count: Padding.pad(&message, count: count)) }
            return .answer(id, count: count)
        }
        return nil
    }

    private mutating func write(
        _ query: inout ClientQuery,
        _ reference: Slots<Inquiry>.Reference,
        policy: Policy,
        at now: Moment,
        into message: inout MutableRawSpan
    ) -> Int {
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        let (one, two) = (inquiries[reference].one.answer, inquiries[reference].two.answer)
        let plan = inquiries[reference].plan
        query.take(policy)
        if inquiries[reference].one.isStale || inquiries[reference].two.isStale {
            decisions.count(.stale)
            markStale(&query, isNameError: one?.image.kind == .nameError)
        }
        let places = KnownAnswers.Places(
            one: one == nil ? -1 : 0,
            two: two == nil ? -1 : 0,
            gaveUpOne: inquiries[reference].gaveUpOne
        )
        let count: Int?
        switch (one, two) {
        case (let one?, let two?):
            count = known.write(
                query,
                plan,
                places,
                one.octets,
                two.octets,
                policy: policy,
                at: seconds,
                into: &message
            )
        case (let one?, nil):
            count = known.write(
                query,
                plan,
                places,
                one.octets,
                one.octets,
                policy: policy,
                at: seconds,
                into: &message
            )
        case (nil, let two?):
            count = known.write(
                query,
                plan,
                places,
                two.octets,
                two.octets,
                policy: policy,
                at: seconds,
                into: &message
            )
        case (nil, nil): count = nil
        }
        guard let count else { return answering.empty(query, .serverFailure, into: &message) }
        guard plan == .service else { return count }
        // With an answer that is too old they were not awaited long.
        let gaveUp = inquiries[reference].gaveUpSides && !inquiries[reference].one.isStale
        return addServiceAddresses(query, gaveUp: gaveUp, count: count, policy: policy, at: seconds, into: &message)
    }

    /// Lets time pass: questions are sent again, given up, answered late.
    public mutating func advance(to now: Moment) {
        while let due = deadlines.next(upTo: now) {
            switch due {
            case .transaction(let reference): transactionIsDue(reference, at: now)
            case .inquiry(let reference): inquiryIsDue(reference, at: now)
            case .stale(let reference): staleIsDue(reference, at: now)
            case .exchange(let reference): exchangeIsDue(reference, at: now)
            case .end(let reference): endHere(reference, at: now)
            }
        }
    }
}
