import DNSWire
import IPAddressing
import PacketMemory
public import Policy
public import Timing

/// The way of a client's message, up to its answer or to the upstreams.
extension ResolverEngine {
    /// Takes a client's message.
    ///
    /// - Parameters:
    ///   - query: The message as it came.
    ///   - client: Who sent it.
    ///   - waiter: What to call the client if the answer comes later.
    ///   - policy: The Policy in force.
    ///   - reply: Where an answer is written; should hold 65,535 octets, and must hold 512.
    public mutating func receive(
        query message: borrowing RawSpan,
        from client: Client,
        waiter: WaiterID,
        policy: Policy,
        at now: Moment,
        reply: inout MutableRawSpan
    ) -> QueryOutcome {
        let known = answerKnown(message, from: client, policy: policy, at: now, reply: &reply)
        if known >= 0 { return .reply(count: known) }
        counters.add(.queries)
        decisions.begin()
        let header: MessageHeader
        do throws(WireProblem) {
            header = try MessageHeader(message)
        } catch {
            counters.add(.silence)
            return .silence(.shorterThanHeader)
        }
        guard !header.flags.contains(.response) else {
            counters.add(.silence)
            return .silence(.notAQuestion)
        }
        guard reply.byteCount >= 512 else {
            counters.add(.silence)
            return .silence(.noRoom)
        }
        var query = ClientQuery(header)
        query.client = client.address
        query.port = client.port
        do throws(Refusal) {
            try query.decode(message, header)
            guard policy.clients.admits(client.address) else { throw .client }
            query.take(policy)
            viewCounters.add(query.treatment)
            query.limit = limit(query, client.transport)
            let hasCookie = readOptions(&query, message, client.transport, at: now)
            query.isProven = hasCookie || client.transport != .udp
            if rates.isLimited, !query.isProven, !rates.admits(client.address, at: now) {
                decisions.count(.overRate)
                guard !settings.dropsOverLimit else { return .silence(.overRate) }
                // RFC 7873 section 5.2.3: with the cookie in the answer it may ask again at once, without a connection.
                if query.options.hasCookie { throw .badCookie }
                return .reply(count: answering.truncated(query, into: &reply))
            }
            guard query.hasQuestion else {
                guard query.options.hasCookie else { throw .questionCount }
                decisions.count(.local)
                return .reply(count: answering.empty(query, .noError, into: &reply))
            }
            query.view = rules.view(of: client.address)
            var entry = NameRules.Entry()
            if !rules.isIdle { lookUp(&query, &entry) }
            if let count = try answer(query, entry, waiter: waiter, policy: policy, at: now, into: &reply) {
                if reply.octet(at: 2) & 2 != 0 { counters.add(.truncated) }
                guard !query.isPadded else { return .reply(count: Padding.pad(&reply, count: count)) }
                return .reply(count: count)
            }
            return .waiting
        } catch {
            decisions.count(error.count)
            let count = answering.empty(query, error.code, error: error.error, into: &reply)
            return .reply(count: query.isPadded ? Padding.pad(&reply, count: count) : count)
        }
    }

    /// How many octets the client's answer may have: RFC 6891 section 6.2.5, and over UDP no more than goes without
    /// fragments.
    private mutating func limit(_ query: borrowing ClientQuery, _ transport: Client.Transport) -> Int {
        switch transport {
        case .tcp, .tls, .https: 65_535
        case .udp: min(Int(query.edns?.payloadSize ?? 512), max(512, settings.largestUDPAnswer))
        }
    }

    /// Learns what the operator wrote about the name asked for.
    @inline(never)
    private mutating func lookUp(_ query: inout ClientQuery, _ entry: inout NameRules.Entry) {
        entry = rules.entry(for: query.question.name, in: query.view)
        decisions.note(rule: entry.rule)
        guard entry.isExcluded, query.question.type == .aaaa, query.synthesizes else { return }
        query.isExcluded = true
        query.synthesizes = false
    }

    /// Answers at once, or has the question pursued and returns nothing.
    ///
    /// - Parameter entry: What the operator wrote about the name.
    @inline(__always)
    private mutating func answer(
        _ query: borrowing ClientQuery,
        _ entry: NameRules.Entry,
        waiter: WaiterID,
        policy: Policy,
        at now: Moment,
        into reply: inout MutableRawSpan
    ) throws(Refusal) -> Int? {
        let type = query.question.type
        if type == .any {
            decisions.count(.local)
            return local.any(query, into: &reply)
        }
        if !rules.isIdle, let count = answerByRules(query, entry, policy: policy, into: &reply) { return count }
        if let count = local.answer(query, policy: policy, rule: entry.rule, into: &reply) {
            decisions.count(.local)
            return count
        }
        var plan = Plan.native
        if query.synthesizes {
            switch type {
            // RFC 6147 section 5.5, case 3: who wants signatures and validates for itself gets the data as it is.
            case .aaaa where query.variant != [.dnssec, .checkingDisabled]:
                plan = synthesisIsSuspended ? .suspended : .synthesis
            case .svcb where query.variant != [.dnssec, .checkingDisabled],
                .https where query.variant != [.dnssec, .checkingDisabled]:
                plan = synthesisIsSuspended ? .native : .service
            case .ptr, .cname:
                if case .address(let address, let apex) = ReversePlace(query.question.name, policy: policy),
                    entry.rule < 0 || !local.isUnderOwnPrefix(rules.domains[Int(entry.rule)], policy: policy)
                {
                    let name = Name.reverse(of: address)
                    if !rules.isIdle,
                        let count = answerPointer(query, to: name, apex: apex, policy: policy, into: &reply)
                    {
                        return count
                    }
                    return try answer(query, .reverse, name, waiter: waiter, policy: policy, at: now, into: &reply)
                }
            default: break
            }
        }
        return try answer(query, plan, query.question.name, waiter: waiter, policy: policy, at: now, into: &reply)
    }

    /// Answers out of the cache, or has the question pursued and returns nothing.
    ///
    /// - Parameter name: Of the question; for the PTR of a synthetic address, the one below in-addr.arpa.
    @inline(never)
    private mutating func answer(
        _ query: borrowing ClientQuery,
        _ plan: Plan,
        _ name: borrowing Name,
        waiter: WaiterID,
        policy: Policy,
        at now: Moment,
        into reply: inout MutableRawSpan
    ) throws(Refusal) -> Int? {
        let hash = hash(name, in: query.view)
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        let found = answerFromCache(query, plan, name, hash, policy: policy, at: seconds, into: &reply)
        if found.refresh != 0 {
            let question = Question(copy name, plan.type(for: query))
            refresh(found.refresh, question, hash, query.variant, in: query.view, at: now)
        }
        if let count = found.count {
            decisions.count(.fromCache)
            guard plan == .service else { return count }
            return addServiceAddresses(query, count: count, policy: policy, at: seconds, into: &reply)
        }
        return try pursue(query, plan, name, hash, found, waiter: waiter, policy: policy, at: now, into: &reply)
    }

    /// What the cache does not answer as it is: a denial above, or an answer that is too old, or what upstreams say.
    @inline(never)
    private mutating func pursue(
        _ query: borrowing ClientQuery,
        _ plan: Plan,
        _ name: borrowing Name,
        _ hash: UInt64,
        _ found: Found,
        waiter: WaiterID,
        policy: Policy,
        at now: Moment,
        into reply: inout MutableRawSpan
    ) throws(Refusal) -> Int? {
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        let question = Question(copy name, plan.type(for: query))
        let group = rules.group(for: question.name, in: query.view)
        // RFC 8020 section 2: an NXDOMAIN denies every name below as well.
        if !query.wantsDNSSEC, plan != .reverse, group != nil,
            let count = answerFromDenialAbove(query, at: seconds, into: &reply)
        {
            decisions.count(.fromCache)
            return count
        }
        // RFC 1034 section 4.3.1: what the client does not want pursued is answered out of what is there.
        guard query.flags.contains(.recursionDesired) else { throw .recursion }
        var staleIsThere = false
        if settings.servesStale {
            let stale = answerStale(query, plan, question.name, hash, policy: policy, at: seconds, into: &reply)
            if stale.refresh != 0 {
                refresh(stale.refresh, question, hash, query.variant, in: query.view, at: now)
            }
            if let count = stale.count {
                decisions.count(.stale)
                return count
            }
            staleIsThere = stale.isThere
        }
        // An alias of the operator's own leads on.
        if let group, rankings[group].count == 0 {
            // A rule whose upstreams are all this resolver.
            throw group == 0 ? .noUpstream : .loop
        }
        let client = shares.network(query.client)
        let places = settings.places(isProven: query.isProven)
        guard waiters.count < places.waiting, transactions.count < places.asking else {
            // RFC 7873 section 5.2.3: with a cookie of ours it is among those that places are kept for.
            let (isProven, hasCookie) = (query.isProven, query.options.hasCookie)
            throw hasCookie && !isProven ? .badCookie : .overload
        }
        guard shares.admits(client, waiting: waiters.count, asking: transactions.count) else { throw .share }
        let key = PursuitKey(question, hash, query.variant)
        guard !cache.isOwnQuestion(key, from: query.port, identifier: query.identifier, at: now) else { throw .loop }
        pursue(
            query,
            waiter,
            plan,
            question,
            hash,
            half: found.half,
            client: client,
            staleIsThere: staleIsThere,
            policy: policy,
            at: now
        )
        return nil
    }

    /// The hash by which the cache keeps a name for the clients of a view.
    @inline(__always)
    func hash(_ name: borrowing Name, in view: Int) -> UInt64 { name.hash(cache.secret) ^ rules.salt(view) }

    /// What the cache says to a question.
    struct Found {
        /// The answer's count of octets; nothing if more must be known.
        var count: Int?
        /// Which of the answers it rests on should be asked again behind it: 1 the first, 2 the second.
        var refresh: UInt8 = 0
        /// Whether there is an answer that is too old, which may be given when no fresh one is to be had.
        var isThere = false
        /// Whether some of what it rests on is there, but not enough.
        var half = false
    }

    @inline(__always)
    private mutating func answerFromCache(
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
            one: Self.fresh(octets, found.first, at: now),
            two: Self.fresh(octets, found.second, at: now)
        )
        guard
            let count = known.write(query, plan, places, octets, octets, policy: policy, at: now, into: &reply)
        else { return Found(half: places.one >= 0 || places.two >= 0) }
        var result = Found(count: count)
        if reply.octet(at: 3) & 15 == 2 { result.count = answering.addCachedError(query, count: count, into: &reply) }
        if settings.prefetches {
            if places.one >= 0, mayRefresh(shard, places.one, at: now) { result.refresh = 1 }
            if plan == .synthesis, places.two >= 0, mayRefresh(shard, places.two, at: now) { result.refresh |= 2 }
        }
        if places.one >= 0 { shard.touch(places.one) }
        if places.two >= 0 { shard.touch(places.two) }
        return result
    }

    /// Whether an answer is in use and in the last tenth of its time, so that it is asked again; notes that it is.
    private mutating func mayRefresh(_ shard: CacheShard, _ place: Int, at now: UInt32) -> Bool {
        let image = AnswerImage(shard.octets, at: place)
        let left = image.lifetime &- image.age(at: now)
        guard image.flags & AnswerImage.referenced != 0, image.kind != .failure, image.lifetime >= 10,
            left &* 10 <= image.lifetime, image.refreshAt <= now
        else { return false }
        shard.postponeRefresh(place, until: now &+ 5)
        return true
    }

    /// The place, or -1 if what lies there is too old.
    @inline(__always)
    static func fresh(_ octets: borrowing RawSpan, _ place: Int, at now: UInt32) -> Int {
        guard place >= 0 else { return -1 }
        let image = AnswerImage(octets, at: place)
        return image.age(at: now) < image.lifetime ? place : -1
    }

    /// An address below ip6.arpa has 34 labels; of names with more only the end is looked at, so that a name of 127
    /// labels does not cost a hundred looks into the cache.
    private static let labelsLookedAt = 36

    private mutating func answerFromDenialAbove(
        _ query: borrowing ClientQuery,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let name = query.question.name
        var labels = name.labelCount
        var start = 0
        // The type is one that no record has, so that only what holds for every type is found.
        let nothing = RecordType(rawValue: 0)
        while labels > 1 {
            start += 1 + Int(name.octet(start))
            labels -= 1
            guard labels < Self.labelsLookedAt else { continue }
            let hash = name.hash(from: start, cache.secret) ^ rules.salt(query.view)
            let shard = cache.shard(hash)
            shard.lock()
            defer { shard.unlock() }
            guard shard.mayHold(hash) else { continue }
            let octets = shard.octets
            let above = name.suffix(from: start)
            let place = Self.fresh(
                octets,
                shard.find(above, hash: hash, nothing, nothing, variant: query.variant).first,
                at: now
            )
            guard place >= 0 else { continue }
            shard.touch(place)
            let image = AnswerImage(octets, at: place)
            return local.denialBelow(query, octets, image, age: image.age(at: now), into: &reply)
        }
        return nil
    }

    /// A copy of what the cache knows, for an inquiry that waits for the other half.
    mutating func copyFromCache(
        _ question: Question,
        _ hash: UInt64,
        _ variant: AnswerVariant,
        at now: UInt32
    ) -> StoredAnswer? {
        let shard = cache.shard(hash)
        shard.lock()
        defer { shard.unlock() }
        let octets = shard.octets
        let found = shard.find(question.name, hash: hash, question.type, question.type, variant: variant)
        let place = Self.fresh(octets, found.first, at: now)
        return place < 0 ? nil : StoredAnswer(copying: octets, at: place)
    }
}
