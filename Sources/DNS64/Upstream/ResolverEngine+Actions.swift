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
        while true {
            // Taken out of its place, so that it is not copied for those who only read it.
            guard var inquiry = exchange(&handingOut, with: nil) ?? settled.next() else { return nil }
            guard let place = inquiry.firstWaiter, let waiter = waiters.remove(place) else { continue }
            inquiry.firstWaiter = waiter.next
            defer { if inquiry.firstWaiter != nil { handingOut = inquiry } }
            shares.waitsNoMore(waiter.client)
            decisions.resume(waiter.story, answeredBy: inquiry.two.answerer ?? inquiry.one.answerer)
            let count = write(waiter, inquiry, policy: policy, at: now, into: &message)
            if message.octet(at: 2) & 2 != 0 { counters.add(.truncated) }
            guard !waiter.query.isPadded else { return .answer(waiter.id, count: Padding.pad(&message, count: count)) }
            return .answer(waiter.id, count: count)
        }
    }

    private mutating func write(
        _ waiter: Waiter,
        _ inquiry: Inquiry,
        policy: Policy,
        at now: Moment,
        into message: inout MutableRawSpan
    ) -> Int {
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        var query = waiter.query
        query.take(policy)
        if inquiry.one.isStale || inquiry.two.isStale {
            decisions.count(.stale)
            markStale(&query, isNameError: inquiry.one.answer?.image.kind == .nameError)
        }
        let places = KnownAnswers.Places(
            one: inquiry.one.answer == nil ? -1 : 0,
            two: inquiry.two.answer == nil ? -1 : 0,
            gaveUpOne: inquiry.gaveUpOne
        )
        let count: Int?
        switch (inquiry.one.answer, inquiry.two.answer) {
        case (let one?, let two?):
            count = known.write(
                query,
                inquiry.plan,
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
                inquiry.plan,
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
                inquiry.plan,
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
        guard inquiry.plan == .service else { return count }
        return addServiceAddresses(query, count: count, policy: policy, at: seconds, into: &message)
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
