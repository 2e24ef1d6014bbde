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
        counters.add(.queries)
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
        do throws(Refusal) {
            try query.decode(message, header)
            guard policy.clients.admits(client.address) else { throw .client }
            query.limit = limit(query, client.transport)
            if let count = try answer(query, from: client, waiter: waiter, policy: policy, at: now, into: &reply) {
                if reply.octet(at: 2) & 2 != 0 { counters.add(.truncated) }
                return .reply(count: count)
            }
            return .waiting
        } catch {
            counters.add(error.count)
            return .reply(count: answering.empty(query, error.code, error: error.error, into: &reply))
        }
    }

    /// How many octets the client's answer may have: RFC 6891 section 6.2.5, and over UDP no more than goes without
    /// fragments.
    private func limit(_ query: borrowing ClientQuery, _ transport: Client.Transport) -> Int {
        switch transport {
        case .tcp: 65_535
        case .udp: min(Int(query.edns?.payloadSize ?? 512), max(512, settings.largestUDPAnswer))
        }
    }

    /// Answers at once, or has the question pursued and returns nothing.
    @inline(__always)
    private mutating func answer(
        _ query: borrowing ClientQuery,
        from client: Client,
        waiter: WaiterID,
        policy: Policy,
        at now: Moment,
        into reply: inout MutableRawSpan
    ) throws(Refusal) -> Int? {
        let type = query.question.type
        if type == .any {
            counters.add(.local)
            return local.any(query, into: &reply)
        }
        // RFC 6147 section 5.5, case 3: who wants signatures and validates for itself gets the data as it is.
        let synthesizes = policy.views.synthesizes(for: client.address)
        if let count = local.answer(query, policy: policy, synthesizes: synthesizes, into: &reply) {
            counters.add(.local)
            return count
        }
        var plan = Plan.native
        var question = query.question
        if synthesizes, type == .aaaa, query.variant != [.dnssec, .checkingDisabled] {
            plan = synthesisIsSuspended ? .suspended : .synthesis
        } else if synthesizes, type == .ptr,
            case .address(let address, _) = ReversePlace(query.question.name, policy: policy)
        {
            plan = .reverse
            question.name = .reverse(of: address)
        }
        let hash = question.name.hash(cache.secret)
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        if let count = answerFromCache(query, plan, question.name, hash, policy: policy, at: seconds, into: &reply) {
            counters.add(.fromCache)
            return count
        }
        if settings.denialHoldsBelow, !query.wantsDNSSEC, plan != .reverse,
            let count = answerFromDenialAbove(query, at: seconds, into: &reply)
        {
            counters.add(.fromCache)
            return count
        }
        // RFC 1034 section 4.3.1: what the client does not want pursued is answered out of what is there.
        guard query.flags.contains(.recursionDesired) else { throw .recursion }
        guard waiters.count < settings.waitingClients, transactions.count < settings.outstandingQuestions,
            !settings.upstreams.isEmpty
        else { throw .overload }
        pursue(query, waiter, plan, question, hash, at: now)
        return nil
    }

    @inline(__always)
    private func answerFromCache(
        _ query: borrowing ClientQuery,
        _ plan: Plan,
        _ name: borrowing Name,
        _ hash: UInt64,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let shard = cache.shard(hash)
        shard.lock()
        defer { shard.unlock() }
        let second: RecordType = plan == .synthesis ? .a : query.question.type
        let found = shard.find(name, hash: hash, query.question.type, second, variant: query.variant)
        let octets = shard.octets
        let places = KnownAnswers.Places(
            one: Self.fresh(octets, found.first, at: now),
            two: Self.fresh(octets, found.second, at: now)
        )
        guard
            let count = known.write(query, plan, places, octets, octets, policy: policy, at: now, into: &reply)
        else { return nil }
        if places.one >= 0 { shard.touch(places.one) }
        if places.two >= 0 { shard.touch(places.two) }
        return count
    }

    /// The place, or -1 if what lies there is too old.
    @inline(__always)
    private static func fresh(_ octets: borrowing RawSpan, _ place: Int, at now: UInt32) -> Int {
        guard place >= 0 else { return -1 }
        let image = AnswerImage(octets, at: place)
        return image.age(at: now) < image.lifetime ? place : -1
    }

    /// An address below ip6.arpa has 34 labels; of names with more only the end is looked at, so that a name of 127
    /// labels does not cost a hundred looks into the cache.
    private static let labelsLookedAt = 36

    private func answerFromDenialAbove(
        _ query: borrowing ClientQuery,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int? {
        var name = query.question.name
        var labels = name.labelCount
        var start = 0
        while labels > Self.labelsLookedAt {
            start += 1 + Int(name.octet(start))
            labels -= 1
        }
        if start > 0 { name = name.suffix(from: start) }
        // The type is one that no record has, so that only what holds for every type is found.
        let nothing = RecordType(rawValue: 0)
        while let above = name.parent, !above.isRoot {
            let hash = above.hash(cache.secret)
            let shard = cache.shard(hash)
            shard.lock()
            defer { shard.unlock() }
            let octets = shard.octets
            let place = Self.fresh(
                octets,
                shard.find(above, hash: hash, nothing, nothing, variant: query.variant).first,
                at: now
            )
            if place >= 0 {
                shard.touch(place)
                let image = AnswerImage(octets, at: place)
                return local.denialBelow(query, octets, image, age: image.age(at: now), into: &reply)
            }
            name = above
        }
        return nil
    }

    /// A copy of what the cache knows, for an inquiry that waits for the other half.
    func copyFromCache(_ question: Question, _ hash: UInt64, _ variant: AnswerVariant, at now: UInt32) -> StoredAnswer?
    {
        let shard = cache.shard(hash)
        shard.lock()
        defer { shard.unlock() }
        let octets = shard.octets
        let found = shard.find(question.name, hash: hash, question.type, question.type, variant: variant)
        let place = Self.fresh(octets, found.first, at: now)
        return place < 0 ? nil : StoredAnswer(copying: octets, at: place)
    }
}
