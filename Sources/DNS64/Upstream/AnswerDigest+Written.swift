import DNSWire
import PacketMemory

/// Answers that end in what the operator wrote: aliases that lead to local records, or to names that nobody is asked about.
extension AnswerDigest {
    /// What there is at the end of the chain.
    enum End {
        /// The local records of the name.
        case records(LocalName)
        /// Nothing, in the domain of a rule that asks nobody.
        case nothing(zone: Name, exists: Bool)
    }

    /// Makes the answer.
    ///
    /// - Parameters:
    ///   - name: Where the chain ends.
    ///   - view: In which view of the rules that is.
    mutating func written(
        _ question: Question,
        hash: UInt64,
        variant: AnswerVariant,
        chain: [Alias],
        at name: Name,
        _ end: End,
        view: Int,
        now: UInt32
    ) throws(WireProblem) -> StoredAnswer {
        var facts = AnswerFacts(
            kind: .noData,
            type: question.type,
            variant: variant,
            hash: hash,
            nameCount: question.name.count,
            stored: now
        )
        var page = Page(limit: 65_535, keepsSignatures: false)
        beginPage(question, &page)
        for alias in chain { try write(alias, on: &page) }
        let isAddress = question.type == .a || question.type == .aaaa
        if isAddress { page.writer.remembersNames = false }
        let start = page.writer.position
        if case .records(let local) = end {
            for record in local.records where record.type == question.type {
                try write(record, of: local, at: name, on: &page)
                facts.addressTTL = facts.kind == .positive ? min(facts.addressTTL, record.ttl) : record.ttl
                facts.kind = .positive
                facts.addressCount += 1
            }
        }
        let answerCount = page.count
        facts.authority = page.writer.position
        if facts.kind == .positive, isAddress {
            facts.firstAddress = start
            facts.addressOwnerCount =
                (page.writer.position - start) / facts.addressCount - (question.type == .a ? 14 : 26)
        } else {
            facts.addressCount = 0
        }
        var code = ResponseCode.noError
        if facts.kind != .positive {
            // The denials hold as long as those of answers without a chain.
            var (zone, ttl) = (name, LocalAnswers.denialTTL)
            if case .nothing(let domain, let exists) = end {
                (zone, ttl) = (domain, LocalAnswers.filterTTL)
                if !exists, name != zone { code = .nameError }
            }
            try writeAuthority(zone, ttl: ttl, on: &page)
            if code == .nameError { facts.kind = .nameError }
            facts.denialTTL = ttl
        }
        facts.lifetime = page.shortest
        facts.additional = page.writer.position
        if !chain.isEmpty { facts.flags |= AnswerImage.hasChain }
        if leadsToNamed(chain, in: view) { facts.flags |= AnswerImage.leadsToNamed }
        var out = MessageHeader(identifier: 0, flags: [.response, .recursionAvailable], questionCount: 1)
        out.responseCode = code
        out.answerCount = UInt16(clamping: answerCount)
        out.authorityCount = UInt16(clamping: page.count - answerCount)
        return store(facts, out, page)
    }

    private mutating func write(
        _ record: LocalName.Record,
        of local: LocalName,
        at name: Name,
        on page: inout Page
    ) throws(WireProblem) {
        let data = local.octets.span.extracting(record.first..<record.first + record.count)
        var memory = scratch.mutableOctets
        guard page.writer.record(name, record.type, ttl: record.ttl, data: data, into: &memory) else {
            throw .recordCut
        }
        note(record.ttl, on: &page)
    }

    private mutating func writeAuthority(_ zone: Name, ttl: UInt32, on page: inout Page) throws(WireProblem) {
        var memory = scratch.mutableOctets
        guard
            page.writer.startOfAuthority(
                zone,
                ttl: ttl,
                server: zone,
                mailbox: LocalAnswers.nobody,
                numbers: (1, 3600, 1200, 604_800, ttl),
                into: &memory
            )
        else { throw .recordCut }
        note(ttl, on: &page)
    }
}
