import DNSWire
import PacketMemory
import Policy
import Timing

/// Answers that are too old, given for want of fresh ones, and those asked again before they are: RFC 8767.
extension ResolverEngine {
    /// Answers out of what is too old, if a fresh answer was asked for in vain already: RFC 8767 section 5.
    @inline(never)
    mutating func answerStale(
        _ query: borrowing ClientQuery,
        _ plan: Plan,
        _ name: borrowing Name,
        _ hash: UInt64,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Found {
        let shard = cache.shard(hash)
        shard.lock()
        defer { shard.unlock() }
        let type = plan.type(for: query)
        let found = shard.find(name, hash: hash, type, plan == .synthesis ? .a : type, variant: query.variant)
        let octets = shard.octets
        let places = KnownAnswers.Places(
            one: usable(octets, found.first, at: now),
            two: plan == .synthesis ? usable(octets, found.second, at: now) : -1
        )
        var query = copy query
        markStale(&query, isNameError: places.one >= 0 && AnswerImage(octets, at: places.one).kind == .nameError)
        var result = Found()
        var isFirst = false
        for bit in UInt8(1)...2 {
            let place = bit == 1 ? places.one : places.two
            guard place >= 0 else { continue }
            let image = AnswerImage(octets, at: place)
            guard image.age(at: now) >= image.lifetime else { continue }
            result.isThere = true
            if image.refreshAt == 0 { isFirst = true }
            if image.refreshAt <= now { result.refresh |= bit }
        }
        guard result.isThere, !isFirst,
            let count = known.write(query, plan, places, octets, octets, policy: policy, at: now, into: &reply)
        else {
            result.refresh = 0
            return result
        }
        if result.refresh & 1 != 0 { shard.postponeRefresh(places.one, until: now &+ 5) }
        if result.refresh & 2 != 0 { shard.postponeRefresh(places.two, until: now &+ 5) }
        result.count = count
        return result
    }

    /// Makes the answer to a query one out of what is too old.
    mutating func markStale(_ query: inout ClientQuery, isNameError: Bool) {
        query.staleTTL = settings.staleTTL
        query.options.error = isNameError ? .staleNameError : .staleAnswer
    }

    /// The place, or -1 if what lies there is no answer or older than even a stale one may be.
    mutating func usable(_ octets: borrowing RawSpan, _ place: Int, at now: UInt32) -> Int {
        guard place >= 0 else { return -1 }
        let image = AnswerImage(octets, at: place)
        let (age, lifetime) = (UInt64(image.age(at: now)), UInt64(image.lifetime))
        if age < lifetime { return place }
        return image.kind != .failure && age < lifetime + settings.longestStaleness.seconds ? place : -1
    }

    /// Asks again what is in use and almost too old, or what was given though it is: nobody waits for it.
    ///
    /// - Parameter parts: 1 for the question itself, 2 for the A question beside it.
    mutating func refresh(
        _ parts: UInt8,
        _ question: Question,
        _ hash: UInt64,
        _ variant: AnswerVariant,
        in view: Int,
        at now: Moment
    ) {
        for bit in UInt8(1)...2 where parts & bit != 0 {
            var question = question
            if bit == 2 { question.type = .a }
            let key = PursuitKey(question, hash, variant)
            // Clients go first.
            guard transactionByKey[key] == nil, transactions.count < settings.outstandingQuestions / 2,
                let group = rules.group(for: question.name, in: view), rankings[group].count > 0,
                claim(key, awaitingNews: false, at: now) == nil
            else { continue }
            counters.add(.refreshed)
            let reference = begin(question, key, variant, in: view, client: nil, at: now)
            transactionByKey[key] = reference
            askFirst(reference, at: now)
        }
    }

    /// No fresh answer has come while the first client could wait: it gets the stale one, and whoever asks after it
    /// gets it at once.
    mutating func staleIsDue(_ reference: Slots<Inquiry>.Reference, at now: Moment) {
        guard inquiries.holds(reference) else { return }
        var inquiry = inquiries[reference]
        let variant = AnswerVariant(rawValue: inquiry.key.variant)
        if inquiry.one.answer == nil {
            inquiry.one = stalePart(inquiry.question, inquiry.key.hash, variant, postponing: .seconds(5), at: now)
        }
        if inquiry.plan == .synthesis, inquiry.two.answer == nil {
            let second = Question(inquiry.question.name, .a)
            inquiry.two = stalePart(second, inquiry.key.hash, variant, postponing: .seconds(5), at: now)
        }
        inquiry.gaveUpSides = true
        let isEnough =
            inquiry.plan == .synthesis
            ? known.isEnough(
                one: inquiry.one.answer,
                two: inquiry.two.answer,
                gaveUpOne: inquiry.gaveUpOne,
                excluded: inquiry.excluded
            ) : inquiry.one.answer != nil
        guard isEnough else { return }
        inquiries[reference].one = inquiry.one
        inquiries[reference].two = inquiry.two
        inquiries[reference].gaveUpSides = true
        settleIfKnown(reference)
    }

    /// A copy of an answer that may be too old.
    mutating func stalePart(
        _ question: Question,
        _ hash: UInt64,
        _ variant: AnswerVariant,
        postponing span: Moment.Span,
        at now: Moment
    ) -> Inquiry.Part {
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        let shard = cache.shard(hash)
        shard.lock()
        defer { shard.unlock() }
        let octets = shard.octets
        let found = shard.find(question.name, hash: hash, question.type, question.type, variant: variant)
        let place = usable(octets, found.first, at: seconds)
        guard place >= 0 else { return Inquiry.Part() }
        let image = AnswerImage(octets, at: place)
        guard image.age(at: seconds) >= image.lifetime else {
            return Inquiry.Part(answer: StoredAnswer(copying: octets, at: place))
        }
        shard.postponeRefresh(place, until: seconds &+ UInt32(clamping: span.seconds))
        return Inquiry.Part(answer: StoredAnswer(copying: octets, at: place), isStale: true)
    }
}
