import DNSWire
import IPAddressing
import PacketMemory
import Policy
public import Timing

/// From a question that the cache cannot answer to the upstreams that can: inquiries and transactions.
extension ResolverEngine {
    /// Lets a client wait for a question, together with all who ask the same.
    ///
    /// - Parameter half: Whether the cache has one of the answers that synthesis rests on.
    mutating func pursue(
        _ query: borrowing ClientQuery,
        _ waiter: WaiterID,
        _ plan: Plan,
        _ question: Question,
        _ hash: UInt64,
        half: Bool,
        client: UInt64,
        staleIsThere: Bool,
        policy: Policy,
        at now: Moment
    ) {
        counters.add(.waited)
        let variant = query.variant
        let ownExclusion = policy.treatments[query.treatment].excludeAAAA != nil
        let key = PursuitKey(
            hash: hash,
            type: question.type.rawValue,
            variant: variant.rawValue,
            plan: (plan == .suspended ? .native : plan).rawValue,
            treatment: ownExclusion ? UInt16(truncatingIfNeeded: query.treatment &+ 1) : 0
        )
        let place = waiters.insert(
            Waiter(id: waiter, query: copy query, client: client, story: decisions.story, next: nil)
        )
        shares.waits(client)
        if let known = inquiryByKey[key], inquiries[known].question.name == question.name {
            counters.add(.merged)
            join(place, known)
            return
        }
        let inquiry = inquiries.insert(
            Inquiry(
                key: key,
                question: question,
                plan: plan,
                excluded: known.excluded(query, policy),
                firstWaiter: place,
                lastWaiter: place
            )
        )
        if inquiryByKey[key] == nil { inquiryByKey[key] = inquiry }
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        let view = query.view
        if plan == .synthesis {
            // RFC 6147 section 5.1.8: both at the same time; half of it may be known.
            inquiries[inquiry].one = part(
                question,
                hash,
                variant,
                half,
                in: view,
                for: inquiry,
                client,
                at: now,
                seconds
            )
            let second = Question(question.name, .a)
            inquiries[inquiry].two = part(second, hash, variant, half, in: view, for: inquiry, client, at: now, seconds)
            limitAAAA(inquiry, afterA: .zero, at: now)
        } else {
            inquiries[inquiry].one.transaction = transaction(
                question,
                hash,
                variant,
                in: view,
                for: inquiry,
                client,
                at: now
            )
            if plan == .service {
                askAddresses(of: question.name, hash, for: inquiry, client, variant, in: view, at: now)
            }
        }
        // RFC 8767 section 5: the first client does not wait long.
        if staleIsThere { deadlines.append(.stale(inquiry), at: now + settings.patienceBeforeStale) }
    }

    private mutating func join(_ waiter: Slots<Waiter>.Reference, _ inquiry: Slots<Inquiry>.Reference) {
        if let last = inquiries[inquiry].lastWaiter { waiters[last].next = waiter }
        inquiries[inquiry].lastWaiter = waiter
    }

    private mutating func part(
        _ question: Question,
        _ hash: UInt64,
        _ variant: AnswerVariant,
        _ half: Bool,
        in view: Int,
        for inquiry: Slots<Inquiry>.Reference,
        _ client: UInt64,
        at now: Moment,
        _ seconds: UInt32
    ) -> Inquiry.Part {
        if half, let answer = copyFromCache(question, hash, variant, at: seconds) {
            return Inquiry.Part(answer: answer)
        }
        return Inquiry.Part(
            transaction: transaction(question, hash, variant, in: view, for: inquiry, client, at: now)
        )
    }

    /// The transaction for a question, begun if it is not under way.
    mutating func transaction(
        _ question: Question,
        _ hash: UInt64,
        _ variant: AnswerVariant,
        in view: Int,
        for inquiry: Slots<Inquiry>.Reference,
        _ client: UInt64,
        at now: Moment
    ) -> Slots<Transaction>.Reference {
        let key = PursuitKey(question, hash, variant)
        if let known = transactionByKey[key], transactions[known].question.name == question.name {
            transactions[known].listeners.append(inquiry)
            return known
        }
        let reference = begin(question, key, variant, in: view, client: client, at: now)
        transactions[reference].listeners = Few(inquiry)
        if transactionByKey[key] == nil { transactionByKey[key] = reference }
        askUnlessElsewhere(reference, at: now)
        return reference
    }

    mutating func begin(
        _ question: Question,
        _ key: PursuitKey,
        _ variant: AnswerVariant,
        in view: Int,
        client: UInt64?,
        at now: Moment
    ) -> Slots<Transaction>.Reference {
        if let client { shares.asks(client) }
        return transactions.insert(
            Transaction(
                key: key,
                question: Question(question.name.folded, question.type),
                variant: variant,
                view: view,
                group: rules.group(for: question.name, in: view),
                client: client,
                started: now
            )
        )
    }

    /// Asks upstreams, or leaves that to the worker that asks them the same already.
    private mutating func askUnlessElsewhere(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        let until = claim(transactions[reference].key, awaitingNews: true, at: now)
        transactions[reference].isElsewhere = until != nil
        guard let until else { return askFirst(reference, at: now) }
        counters.add(.mergedAcross)
        transactions[reference].retryAt = until
        deadlines.append(.transaction(reference), at: until)
    }

    /// Claims a question for this worker.
    ///
    /// - Parameter awaitingNews: Whether the worker that has it is to tell this one what comes of it.
    /// - Returns: Nothing if it is ours; else when it is no longer left to the other worker.
    mutating func claim(_ key: PursuitKey, awaitingNews: Bool, at now: Moment) -> Moment? {
        cache.claim(
            key,
            worker: worker,
            awaitingNews: awaitingNews,
            until: now + settings.patience + .seconds(1),
            at: now
        )
    }

    /// Takes the answer that another worker has found.
    public mutating func hear(_ news: AnswerNews, at now: Moment) {
        guard let reference = transactionByKey[news.key], transactions[reference].isElsewhere,
            // A hash that is the same by chance is no answer.
            transactions[reference].question.name
                .isSpelled(in: news.answer.octets, at: AnswerImage.fixedSize + MessageHeader.size)
        else { return }
        if news.key.type == RecordType.aaaa.rawValue, news.answerer != nil, let group = transactions[reference].group {
            rankings[group].heardAAAA()
        }
        finish(reference, with: news.answer, from: news.answerer, isKept: true, isStale: news.isStale, at: now)
    }

    /// The worker that was to bring the answer did not: the question is pursued here if nobody else does.
    mutating func lookElsewhere(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        let transaction = transactions[reference]
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        if let answer = copyFromCache(transaction.question, transaction.key.hash, transaction.variant, at: seconds) {
            return finish(reference, with: answer, at: now)
        }
        transactions[reference].started = now
        askUnlessElsewhere(reference, at: now)
    }

    /// When the A answer is known, the AAAA answer is not awaited for ever.
    ///
    /// - Parameter took: How long the A answer took; a slow path makes both slow.
    private mutating func limitAAAA(_ reference: Slots<Inquiry>.Reference, afterA took: Moment.Span, at now: Moment) {
        guard inquiries[reference].plan == .synthesis, inquiries[reference].one.answer == nil,
            !inquiries[reference].gaveUpOne, let other = inquiries[reference].two.answer?.image,
            other.kind == .positive,
            // RFC 6147 section 5.5: in a signed zone, silence proves nothing.
            !other.isValidated, let transaction = inquiries[reference].one.transaction
        else { return }
        let took = min(took, settings.patience)
        let twice = Moment.Span(nanoseconds: took.nanoseconds * 2)
        let patience =
            transactions[transaction].group.map { rankings[$0].patienceForAAAA(afterA: took, settings) }
            ?? settings.patienceForAAAA
        let end = transactions[transaction].started + max(patience, twice)
        if end <= now { inquiryIsDue(reference, at: now) } else { deadlines.append(.inquiry(reference), at: end) }
    }

    /// The patience for an AAAA answer is at its end.
    mutating func inquiryIsDue(_ reference: Slots<Inquiry>.Reference, at now: Moment) {
        guard inquiries.holds(reference) else { return }
        if inquiries[reference].plan == .service {
            inquiries[reference].gaveUpSides = true
        } else {
            guard inquiries[reference].one.answer == nil else { return }
            inquiries[reference].gaveUpOne = true
            if let transaction = inquiries[reference].one.transaction, transactions.holds(transaction),
                let group = transactions[transaction].group,
                // Only who had the full time was silent.
                now - transactions[transaction].started >= settings.patienceForAAAA
            {
                rankings[group].missedAAAA()
            }
        }
        settleIfKnown(reference)
    }

    /// Brings an answer to all who wait for it and to the cache; the transaction is over.
    ///
    /// - Parameters:
    ///   - answerer: Who gave it.
    ///   - isKept: Whether the answer came from the cache, where it stays as it is.
    ///   - isStale: Whether it is too old.
    mutating func finish(
        _ reference: Slots<Transaction>.Reference,
        with answer: StoredAnswer,
        from answerer: AnswerStory.Answerer? = nil,
        isKept: Bool = false,
        isStale: Bool = false,
        at now: Moment
    ) {
        guard transactions.holds(reference) else { return }
        let key = transactions[reference].key
        let took = now - transactions[reference].started
        let (listeners, exchanges) = (transactions[reference].listeners, transactions[reference].exchanges)
        if let client = transactions[reference].client { shares.asksNoMore(client) }
        if !transactions[reference].isElsewhere {
            let others = cache.finish(key, with: isKept ? nil : answer, worker: worker)
            if !others.isEmpty {
                news.append((others, AnswerNews(key: key, answer: answer, isStale: isStale, answerer: answerer)))
            }
        }
        transactions.discard(reference)
        if transactionByKey[key] == reference { transactionByKey[key] = nil }
        for exchange in exchanges { leave(exchange, at: now) }
        for inquiry in listeners where inquiries.holds(inquiry) {
            if inquiries[inquiry].one.transaction == reference {
                inquiries[inquiry].one = Inquiry.Part(
                    answer: answer,
                    isStale: isStale,
                    answerer: answerer
                )
                if inquiries[inquiry].plan == .service { askTargets(inquiry, at: now) }
            }
            if inquiries[inquiry].two.transaction == reference {
                inquiries[inquiry].two = Inquiry.Part(
                    answer: answer,
                    isStale: isStale,
                    answerer: answerer
                )
                limitAAAA(inquiry, afterA: took, at: now)
            }
            if inquiries[inquiry].plan == .service {
                inquiries[inquiry].sides.removeAll { $0 == reference }
                limitSides(inquiry, after: took, at: now)
            }
            settleIfKnown(inquiry)
        }
    }

    /// The question came to nothing.
    mutating func fail(_ reference: Slots<Transaction>.Reference, at now: Moment) {
        counters.add(.failedQuestions)
        let transaction = transactions[reference]
        // What is known, even if it is too old, is not given up for a failure: RFC 8767 section 4.
        let kept =
            !transaction.isBogus && settings.servesStale || transaction.listeners.isEmpty
            ? stalePart(
                transaction.question,
                transaction.key.hash,
                transaction.variant,
                postponing: settings.staleRecheck,
                at: now
            ) : Inquiry.Part()
        if let answer = kept.answer, settings.servesStale || !kept.isStale {
            return finish(reference, with: answer, isKept: true, isStale: kept.isStale, at: now)
        }
        let answer = digest.failure(
            transaction.question,
            hash: transaction.key.hash,
            variant: transaction.variant,
            error: transaction.error ?? .noReachableAuthority,
            isBogus: transaction.isBogus,
            lifetime: UInt32(clamping: settings.failureTTL.seconds),
            at: UInt32(truncatingIfNeeded: now.seconds)
        )
        finish(reference, with: answer, at: now)
    }

    /// Puts an inquiry in the line of those that are answered, if enough is known.
    mutating func settleIfKnown(_ reference: Slots<Inquiry>.Reference) {
        guard inquiries.holds(reference) else { return }
        if inquiries[reference].plan == .synthesis {
            guard
                known.isEnough(
                    one: inquiries[reference].one.answer,
                    two: inquiries[reference].two.answer,
                    gaveUpOne: inquiries[reference].gaveUpOne,
                    excluded: inquiries[reference].excluded
                )
            else { return }
        } else {
            guard let answer = inquiries[reference].one.answer else { return }
            if inquiries[reference].plan == .service, answer.image.kind == .positive,
                !inquiries[reference].sides.isEmpty, !inquiries[reference].gaveUpSides
            {
                return
            }
        }
        let key = inquiries[reference].key
        if inquiryByKey[key] == reference { inquiryByKey[key] = nil }
        settled.append(inquiries.rename(reference))
    }
}

extension KnownAnswers {
    /// Whether the clients of an inquiry can be answered.
    func isEnough(one: StoredAnswer?, two: StoredAnswer?, gaveUpOne: Bool, excluded: [IPv6Prefix]) -> Bool {
        let one = one.map { finding($0.octets, 0, excluded: excluded) } ?? (gaveUpOne ? .failure : .unknown)
        let two = two.map { finding($0.octets, 0, excluded: excluded) } ?? .unknown
        return Synthesis.step(aaaa: one, a: two) != .wait
    }
}
