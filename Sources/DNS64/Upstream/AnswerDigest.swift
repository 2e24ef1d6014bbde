import DNSWire
import PacketMemory
import Timing

/// One alias of a chain that an upstream left unfinished.
struct Alias {
    var owner: Name
    var type: RecordType
    var ttl: UInt32
    var target: Name
}

/// What an upstream's reply comes to.
enum Digested {
    /// The answer, whole.
    case answer(StoredAnswer)
    /// A chain of aliases that ends at this name without saying more about it: the question must go on there.
    case alias(Name)
}

/// Makes out of an upstream's reply the answer that is kept and given to clients.
///
/// The answer section is put in the order of its chain, and what does not belong to the chain is left out
/// (RFC 5452 section 6); records that occur twice are written once, records of one set get one TTL
/// (RFC 2181 sections 5, 5.2); TTLs are capped; a denial gets one SOA record whose TTL says how long it holds.
struct AnswerDigest: ~Copyable {
    private let longestTTL: UInt32
    let longestNegativeTTL: UInt32
    private let longestChain: Int
    private let rules: NameRules
    var scratch = OctetBuffer(count: 65_536)
    var records: [ResourceRecord] = []
    private var places: [UInt16] = []
    private var members: [Int] = []

    /// Records of a set above which duplicates are not looked for; a set that large comes over TCP alone.
    static let largestSearched = 256

    init(_ settings: DNS64Settings, _ rules: NameRules) {
        self.rules = rules
        longestTTL = UInt32(clamping: settings.longestTTL.seconds)
        longestNegativeTTL = UInt32(clamping: settings.longestNegativeTTL.seconds)
        longestChain = settings.longestChain
    }

    /// Reads a reply whose header and question were found right.
    ///
    /// - Parameters:
    ///   - asked: What this upstream was asked: the clients' question, or the end of the chain so far.
    ///   - question: What the clients asked.
    ///   - view: In which view of the rules that is, and to which group of upstreams this one belongs.
    ///   - isValidated: Whether our recursor found the reply to be secure.
    ///   - chain: The chain so far; grows when the reply is an unfinished one.
    mutating func digest(
        _ reply: borrowing RawSpan,
        asked: Name,
        question: Question,
        hash: UInt64,
        variant: AnswerVariant,
        view: Int,
        group: Int,
        isValidated: Bool,
        chain: inout [Alias],
        at now: UInt32
    ) throws(WireProblem) -> Digested {
        let header = try MessageHeader(reply)
        let questionEnd = MessageHeader.size + asked.count + 4
        let (answers, authorities) = try index(
            reply,
            header,
            from: header.questionCount == 0 ? MessageHeader.size : questionEnd
        )
        var facts = AnswerFacts(
            kind: .noData,
            type: question.type,
            variant: variant,
            hash: hash,
            nameCount: question.name.count,
            stored: now
        )
        var page = Page(limit: 65_535, keepsSignatures: variant.contains(.dnssec) || question.type == .rrsig)
        beginPage(question, &page)

        // The chain: what was known before, then what this reply adds.
        for alias in chain { try write(alias, on: &page) }
        let known = chain.count
        var current = asked
        var goesOn = false
        while question.type != .cname,
            let next = try link(reply, at: current, answers: answers, type: question.type, chain: &chain, on: &page)
        {
            let isLoop = chain.contains { $0.type == .cname && $0.owner == next }
            guard !isLoop, chain.count(where: { $0.type == .cname }) <= longestChain else { throw .aliasLoop }
            current = next
            goesOn = true
            if rules.leadsAway(from: group, next, in: view) { return .alias(next) }
        }

        if question.type == .cname {
            try writeDelegation(reply, above: current, answers: answers, chain: &chain, on: &page)
        }

        // The set asked for, at the end of the chain.
        let isAddress = question.type == .a || question.type == .aaaa
        if isAddress { page.writer.remembersNames = false }
        facts.firstAddress = isAddress ? page.writer.position : 0
        let set = try writeSet(reply, owner: current, type: question.type, answers: answers, facts: &facts, on: &page)
        var code = header.responseCode
        if set > 0 {
            facts.kind = .positive
            code = .noError
            if !isAddress { facts.firstAddress = 0 }
        } else {
            facts.firstAddress = 0
            facts.kind = code == .nameError ? .nameError : .noData
        }
        facts.authority = page.writer.position
        let answerCount = page.count
        facts.lifetime = min(page.shortest, longestTTL)
        if set > 0 {
            try copyRest(reply, from: answers, to: authorities, facts: &facts, on: &page)
        } else {
            let denied = try writeDenial(reply, of: current, from: answers, to: authorities, facts: &facts, on: &page)
            if !denied {
                if code == .noError, goesOn { return .alias(current) }
                if code == .noError, try refers(reply, current, answers..<authorities) { throw .referral }
                facts.lifetime = 0
            }
            facts.additional = page.writer.position
            if code == .nameError, chain.isEmpty { facts.flags |= AnswerImage.holdsForEveryType }
        }
        if !chain.isEmpty { facts.flags |= AnswerImage.hasChain }
        if leadsToNamed(chain, in: view) { facts.flags |= AnswerImage.leadsToNamed }
        if set == 0 { facts.error = error(of: reply, from: authorities) }
        // An alias of another source is not vouched for.
        if isValidated, known == 0 { facts.flags |= AnswerImage.validated }
        var out = MessageHeader(identifier: 0, flags: [.response, .recursionAvailable], questionCount: 1)
        out.responseCode = code
        out.answerCount = UInt16(clamping: answerCount)
        out.authorityCount = UInt16(clamping: page.authority - answerCount)
        out.additionalCount = UInt16(clamping: page.count - page.authority)
        return .answer(store(facts, out, page))
    }

    /// Whether an alias leads to a name that the operator wrote something about.
    func leadsToNamed(_ chain: [Alias], in view: Int) -> Bool {
        chain.contains { $0.type == .cname && rules.minds(aliasTo: $0.target, in: view) }
    }

    /// The answer that stands for a question that came to nothing.
    ///
    /// - Parameter isBogus: Whether that is because no answer was genuine.
    mutating func failure(
        _ question: Question,
        hash: UInt64,
        variant: AnswerVariant,
        error: ExtendedError,
        isBogus: Bool,
        lifetime: UInt32,
        at now: UInt32
    ) -> StoredAnswer {
        var facts = AnswerFacts(
            kind: .failure,
            type: question.type,
            variant: variant,
            hash: hash,
            nameCount: question.name.count,
            stored: now
        )
        facts.error = error
        if isBogus { facts.flags |= AnswerImage.validated }
        var page = Page(limit: 512, keepsSignatures: false)
        beginPage(question, &page)
        var out = MessageHeader(identifier: 0, flags: [.response, .recursionAvailable], questionCount: 1)
        out.responseCode = .serverFailure
        facts.lifetime = lifetime
        facts.authority = page.writer.position
        facts.additional = page.writer.position
        return store(facts, out, page)
    }

    mutating func beginPage(_ question: Question, _ page: inout Page) {
        places.removeAll(keepingCapacity: true)
        var memory = scratch.mutableOctets
        _ = page.writer.question(question.name, question.type, .internet, into: &memory)
    }

    /// Puts the header before what was written.
    mutating func store(_ facts: AnswerFacts, _ header: MessageHeader, _ page: Page) -> StoredAnswer {
        var memory = scratch.mutableOctets
        header.write(into: &memory)
        return StoredAnswer(facts, message: scratch.octets, messageCount: page.writer.position, ttls: places.span)
    }

    // MARK: Reading

    /// Finds all records; the counts of the first and of the first two sections.
    private mutating func index(
        _ reply: borrowing RawSpan,
        _ header: MessageHeader,
        from start: Int
    ) throws(WireProblem) -> (answers: Int, authorities: Int) {
        records.removeAll(keepingCapacity: true)
        var offset = start
        let answers = Int(header.answerCount)
        let authorities = answers + Int(header.authorityCount)
        for number in 0..<authorities + Int(header.additionalCount) {
            let record = try ResourceRecord(in: reply, at: offset)
            offset = record.end
            if number < authorities { try RecordDataLayout.check(record, in: reply) }
            records.append(record)
        }
        return (answers, authorities)
    }

    /// What the upstream says of its denial (RFC 8914 section 3): the code of its first extended error. Its text, which may
    /// be anything, is passed on to nobody.
    private func error(of reply: borrowing RawSpan, from authorities: Int) -> ExtendedError? {
        guard let option = records[authorities...].firstIndex(where: { $0.type == .opt }) else { return nil }
        do throws(WireProblem) {
            return try EDNS(records[option], in: reply).error?.passedOn
        } catch {
            return nil
        }
    }

    private func find(
        _ reply: borrowing RawSpan,
        _ owner: borrowing Name,
        _ type: RecordType,
        in range: Range<Int>
    ) throws(WireProblem) -> Int? {
        for index in range where records[index].type == type && records[index].recordClass == .internet {
            if try Name(in: reply, at: records[index].owner) == owner { return index }
        }
        return nil
    }

    func capped(_ ttl: UInt32) -> UInt32 { min(ttl, longestTTL) }

    // MARK: Writing

    /// The page that is being written.
    struct Page {
        var writer: MessageWriter
        let keepsSignatures: Bool
        /// Records written so far.
        var count = 0
        /// Records written when the authority section ended.
        var authority = 0
        /// The shortest TTL written so far.
        var shortest = UInt32.max

        init(limit: Int, keepsSignatures: Bool) {
            writer = MessageWriter(limit: limit)
            self.keepsSignatures = keepsSignatures
        }
    }

    /// Writes the next alias of the chain, and with it the DNAME it was made from, once; where it leads to, or nothing if
    /// the chain ends here.
    private mutating func link(
        _ reply: borrowing RawSpan,
        at current: Name,
        answers: Int,
        type: RecordType,
        chain: inout [Alias],
        on page: inout Page
    ) throws(WireProblem) -> Name? {
        guard try find(reply, current, type, in: 0..<answers) == nil else { return nil }
        let dname = try writeDelegation(reply, above: current, answers: answers, chain: &chain, on: &page)
        guard let cname = try find(reply, current, .cname, in: 0..<answers) else {
            // RFC 6672 section 3.1: the CNAME follows from the DNAME.
            guard let dname, let target = current.replacing(dname.owner, with: dname.target) else { return nil }
            chain.append(Alias(owner: current, type: .cname, ttl: dname.ttl, target: target))
            try write(chain[chain.count - 1], on: &page)
            return target
        }
        let target = try Name(in: reply, at: records[cname].data)
        let alias = Alias(owner: current, type: .cname, ttl: capped(records[cname].ttl), target: target)
        try write(alias, on: &page)
        try copySignatures(reply, owner: current, covering: .cname, in: 0..<answers, ttl: alias.ttl, on: &page)
        chain.append(alias)
        return target
    }

    /// Writes the DNAME above a name, if there is one and it was not written before.
    @discardableResult
    private mutating func writeDelegation(
        _ reply: borrowing RawSpan,
        above name: Name,
        answers: Int,
        chain: inout [Alias],
        on page: inout Page
    ) throws(WireProblem) -> Alias? {
        for index in 0..<answers where records[index].type == .dname && records[index].recordClass == .internet {
            let owner = try Name(in: reply, at: records[index].owner)
            guard name.isBelow(owner) else { continue }
            let target = try Name(in: reply, at: records[index].data)
            let dname = Alias(owner: owner, type: .dname, ttl: capped(records[index].ttl), target: target)
            guard !chain.contains(where: { $0.type == .dname && $0.owner == owner }) else { return dname }
            chain.append(dname)
            try write(dname, on: &page)
            try copySignatures(reply, owner: owner, covering: .dname, in: 0..<answers, ttl: dname.ttl, on: &page)
            return dname
        }
        return nil
    }

    mutating func write(_ alias: Alias, on page: inout Page) throws(WireProblem) {
        var memory = scratch.mutableOctets
        guard page.writer.record(alias.owner, alias.type, ttl: alias.ttl, name: alias.target, into: &memory) else {
            throw .recordCut
        }
        note(alias.ttl, on: &page)
    }

    /// Takes note of the record written last.
    mutating func note(_ ttl: UInt32, on page: inout Page) {
        page.count += 1
        page.shortest = min(page.shortest, ttl)
        places.append(UInt16(page.writer.ttlPlace))
    }

    /// Copies a record; nothing happens if it does not fit.
    mutating func copy(
        _ reply: borrowing RawSpan,
        _ index: Int,
        owner: Name,
        ttl: UInt32,
        on page: inout Page
    ) throws(WireProblem) -> Bool {
        let record = records[index]
        var memory = scratch.mutableOctets
        guard try page.writer.copy(record, owner: owner, ttl: ttl, of: reply, into: &memory) else { return false }
        note(ttl, on: &page)
        return true
    }

    /// Writes the records of the type asked for, each once, all with the lowest of their TTLs.
    private mutating func writeSet(
        _ reply: borrowing RawSpan,
        owner: Name,
        type: RecordType,
        answers: Int,
        facts: inout AnswerFacts,
        on page: inout Page
    ) throws(WireProblem) -> Int {
        members.removeAll(keepingCapacity: true)
        var ttl = longestTTL
        for index in 0..<answers where records[index].type == type && records[index].recordClass == .internet {
            guard try Name(in: reply, at: records[index].owner) == owner else { continue }
            ttl = min(ttl, records[index].ttl)
            if members.count < Self.largestSearched, members.contains(where: { isSame(reply, $0, index) }) { continue }
            members.append(index)
        }
        guard !members.isEmpty else { return 0 }
        let start = page.writer.position
        for place in members.indices {
            guard try copy(reply, members[place], owner: owner, ttl: ttl, on: &page) else { throw .recordCut }
        }
        if type == .a || type == .aaaa {
            facts.addressCount = members.count
            facts.addressTTL = ttl
            let stride = (page.writer.position - start) / members.count
            facts.addressOwnerCount = stride - (type == .a ? 14 : 26)
        }
        try copySignatures(reply, owner: owner, covering: type, in: 0..<answers, ttl: ttl, on: &page)
        return members.count
    }

    /// Whether two records of one owner have the same type and the same data, octet by octet.
    func isSame(_ reply: borrowing RawSpan, _ left: Int, _ right: Int) -> Bool {
        let (left, right) = (records[left], records[right])
        guard left.type == right.type, left.dataCount == right.dataCount else { return false }
        for offset in 0..<left.dataCount
        where reply.octet(at: left.data + offset) != reply.octet(at: right.data + offset) { return false }
        return true
    }

    /// Copies the signatures over a set, if the client wanted any.
    private mutating func copySignatures(
        _ reply: borrowing RawSpan,
        owner: Name,
        covering type: RecordType,
        in range: Range<Int>,
        ttl: UInt32,
        on page: inout Page
    ) throws(WireProblem) {
        guard page.keepsSignatures, type != .rrsig else { return }
        for index in range where records[index].type == .rrsig && records[index].dataCount >= 18 {
            guard reply.uint16(at: records[index].data) == type.rawValue,
                try Name(in: reply, at: records[index].owner) == owner
            else { continue }
            _ = try copy(reply, index, owner: owner, ttl: ttl, on: &page)
        }
    }
}
