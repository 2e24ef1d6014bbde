import DNSWire
import IPAddressing
import PacketMemory
import Policy
import Timing

/// RFC 9460 section 4.2.1: the data of SVCB and HTTPS records stays as it is; what DNS64 does for them is to give the
/// AAAA records of their targets along, synthetic ones if there are no others.
extension ResolverEngine {
    /// Adds the AAAA records of the targets to a finished answer, as far as they are known and there is room. Nothing
    /// here allocates.
    ///
    /// - Parameters:
    ///   - gaveUp: Whether AAAA answers that are under way were awaited long enough, so that they count as failures.
    ///   - count: How many octets the answer has.
    /// - Returns: How many it has then.
    @inline(never)
    mutating func addServiceAddresses(
        _ query: borrowing ClientQuery,
        gaveUp: Bool = false,
        count: Int,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int {
        let size = answering.optionsSize(query, reply, count: count)
        guard size >= 0, reply.uint16(at: 6) > 0 else { return count }
        let room = min(query.limit, reply.byteCount) - size
        let targets = ServiceTargets(reply.bytes.extracting(0..<count))
        var position = count - size
        var added = 0
        if let target = targets.first {
            added += add(target, query, gaveUp, from: count, to: &position, room, policy: policy, at: now, into: &reply)
        }
        if let target = targets.second {
            added += add(target, query, gaveUp, from: count, to: &position, room, policy: policy, at: now, into: &reply)
        }
        guard added > 0 else { return count }
        decisions.count(.serviceAddresses)
        let before = Int(reply.uint16(at: 10)) - (query.edns == nil ? 0 : 1)
        return answering.finish(
            query,
            at: position,
            answers: Int(reply.uint16(at: 6)),
            authority: Int(reply.uint16(at: 8)),
            additional: before + added,
            into: &reply
        )
    }

    /// Adds the AAAA records of one target; how many.
    private mutating func add(
        _ target: Name,
        _ query: borrowing ClientQuery,
        _ gaveUp: Bool,
        from count: Int,
        to position: inout Int,
        _ room: Int,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int {
        guard !isThere(target, in: reply.bytes.extracting(0..<count)) else { return 0 }
        let entry = rules.isIdle ? NameRules.Entry() : rules.entry(for: target, in: query.view)
        guard !isHeldBack(entry, query, policy) else { return 0 }
        let hash = hash(target, in: query.view)
        let shard = cache.shard(hash)
        shard.lock()
        defer { shard.unlock() }
        let octets = shard.octets
        let found = shard.find(target, hash: hash, .aaaa, .a, variant: query.variant)
        let (six, four) = (Self.fresh(octets, found.first, at: now), Self.fresh(octets, found.second, at: now))
        let excluded = known.excluded(query, policy)
        let isSilent = gaveUp ? isAwaited(Question(copy target, .aaaa), hash, query.variant) : false
        let step = Synthesis.step(
            aaaa: six < 0 ? (isSilent ? .failure : .unknown) : known.finding(octets, six, excluded: excluded),
            a: four < 0 ? .unknown : known.finding(octets, four, excluded: excluded)
        )
        guard step == .native && six >= 0 || step == .synthesize && !entry.isExcluded else { return 0 }
        let image = AnswerImage(octets, at: step == .native ? six : four)
        // With a chain before them the addresses belong to another name.
        guard image.kind == .positive, image.flags & AnswerImage.hasChain == 0 else { return 0 }
        let stride = image.addressOwnerCount + (step == .native ? 26 : 14)
        let ttl = Answering.left(of: image.addressTTL, after: image.age(at: now), query)
        var added = 0
        for index in 0..<image.addressCount {
            let end = image.message + image.firstAddress + (index + 1) * stride
            if step == .native {
                let address = IPv6Address(high: octets.uint64(at: end - 16), low: octets.uint64(at: end - 8))
                guard !excluded.contains(where: { $0.contains(address) }), !isFiltered(address, query, policy) else {
                    continue
                }
                guard write(address, of: target, query, ttl: ttl, at: &position, room, into: &reply) else { break }
                added += 1
                continue
            }
            let address = IPv4Address(bits: octets.uint32(at: end - 4))
            guard !isFiltered(IPAddress.v4(address).mapped, query, policy) else { continue }
            let own = policy.treatments[query.treatment].prefixes
            for number in 0..<(own?.count ?? policy.prefixes.count) {
                let prefix = own?[number] ?? number
                guard policy.handsOut(address, under: prefix) else { continue }
                let made = policy.prefixes[prefix].embed(address)
                guard write(made, of: target, query, ttl: min(ttl, 600), at: &position, room, into: &reply) else {
                    return added
                }
                added += 1
            }
        }
        return added
    }

    /// Whether upstreams are being asked a question.
    private mutating func isAwaited(_ question: Question, _ hash: UInt64, _ variant: AnswerVariant) -> Bool {
        guard let transaction = transactionByKey[PursuitKey(question, hash, variant)] else { return false }
        return transactions[transaction].question.name == question.name
    }

    /// Whether the operator wrote that the addresses of a name are not those that upstreams know.
    private mutating func isHeldBack(_ entry: NameRules.Entry, _ query: borrowing ClientQuery, _ policy: Policy) -> Bool
    {
        if entry.local >= 0 || rules.blocks(entry) { return true }
        guard entry.filter >= 0, policy.treatments[query.treatment].filters else { return false }
        return rules.filters[Int(entry.filter)] != .allow
    }

    private mutating func isFiltered(_ address: IPv6Address, _ query: borrowing ClientQuery, _ policy: Policy) -> Bool {
        guard !rules.addresses.isEmpty, policy.treatments[query.treatment].filters else { return false }
        let place = rules.addresses.longest(address)
        return place >= 0 && rules.addressActions[place] != .allow
    }

    /// Whether the upstream gave AAAA records of a name along.
    private mutating func isThere(_ name: Name, in message: borrowing RawSpan) -> Bool {
        do throws(WireProblem) {
            let header = try MessageHeader(message)
            var offset = try Question(message).end
            let before = Int(header.answerCount) + Int(header.authorityCount)
            for index in 0..<before + Int(header.additionalCount) {
                let record = try ResourceRecord(in: message, at: offset)
                offset = record.end
                if index >= before, record.type == .aaaa, try Name(in: message, at: record.owner) == name {
                    return true
                }
            }
            return false
        } catch {
            return true
        }
    }

    /// Writes one record; false if there is no room.
    private mutating func write(
        _ address: IPv6Address,
        of owner: Name,
        _ query: borrowing ClientQuery,
        ttl: UInt32,
        at position: inout Int,
        _ room: Int,
        into reply: inout MutableRawSpan
    ) -> Bool {
        let isQuestion = owner == query.question.name
        let ownerCount = isQuestion ? 2 : owner.count
        guard position + ownerCount + 26 <= room else { return false }
        if isQuestion { reply.store(UInt16(0xC00C), at: position) } else { owner.write(into: &reply, at: position) }
        let fixed = position + ownerCount
        reply.store(RecordType.aaaa.rawValue, at: fixed)
        reply.store(RecordClass.internet.rawValue, at: fixed + 2)
        reply.store(ttl, at: fixed + 4)
        reply.store(UInt16(16), at: fixed + 8)
        reply.store(address.high, at: fixed + 10)
        reply.store(address.low, at: fixed + 18)
        position = fixed + 26
        return true
    }

    // MARK: Asking

    /// Asks for the addresses of a service at the same time, or as soon as its name is known, so that they can be
    /// given with it.
    mutating func askAddresses(
        of name: Name,
        _ hash: UInt64,
        for inquiry: Slots<Inquiry>.Reference,
        _ client: UInt64,
        _ variant: AnswerVariant,
        in view: Int,
        at now: Moment
    ) {
        guard let group = rules.group(for: name, in: view), rankings[group].count > 0 else { return }
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        for type in [RecordType.aaaa, .a] where transactions.count < settings.outstandingQuestions {
            let question = Question(name, type)
            guard copyFromCache(question, hash, variant, at: seconds) == nil else { continue }
            inquiries[inquiry].sides.append(
                transaction(question, hash, variant, in: view, for: inquiry, client, at: now)
            )
        }
        if let first = inquiries[inquiry].one.transaction, transactions.holds(first) {
            deadlines.append(.inquiry(inquiry), at: transactions[first].started + settings.patienceForAAAA)
        } else {
            deadlines.append(.inquiry(inquiry), at: now + settings.patienceForAAAA)
        }
    }

    /// The answer about a service has come: its targets' addresses are asked for where they are not known.
    mutating func askTargets(_ reference: Slots<Inquiry>.Reference, at now: Moment) {
        let inquiry = inquiries[reference]
        guard let answer = inquiry.one.answer, answer.image.kind == .positive, !inquiry.gaveUpSides,
            let waiter = inquiry.firstWaiter
        else { return }
        let image = answer.image
        let message = answer.octets.extracting(image.message..<image.message + image.messageCount)
        let (client, view) = (waiters[waiter].client, waiters[waiter].query.view)
        let variant = AnswerVariant(rawValue: inquiry.key.variant)
        for target in ServiceTargets(message).names where target != inquiry.question.name {
            askAddresses(of: target, hash(target, in: view), for: reference, client, variant, in: view, at: now)
        }
    }

    /// When everything else about a service is known, the AAAA answers of upstreams that are known to drop such questions
    /// are awaited no longer than by clients that ask for AAAA.
    ///
    /// - Parameter took: How long what came last took; a slow path makes all slow.
    mutating func limitSides(_ reference: Slots<Inquiry>.Reference, after took: Moment.Span, at now: Moment) {
        guard inquiries[reference].one.answer != nil, !inquiries[reference].sides.isEmpty else { return }
        var end = now
        for side in inquiries[reference].sides {
            guard transactions.holds(side), transactions[side].question.type == .aaaa,
                let group = transactions[side].group, rankings[group].isDeaf
            else { return }
            let took = min(took, settings.patience)
            let twice = Moment.Span(nanoseconds: took.nanoseconds * 2)
            let patience = max(rankings[group].patienceForAAAA(afterA: took, settings), twice)
            end = max(end, transactions[side].started + patience)
        }
        // At once if that is past already: the inquiry is looked at next.
        guard end > now else { return inquiries[reference].gaveUpSides = true }
        deadlines.append(.inquiry(reference), at: end)
    }
}
