import DNSWire
import PacketMemory

/// The sections behind the answer: what comes with one, and what a denial needs.
extension AnswerDigest {
    /// Copies authority and additional section as they are, but for what belongs to one hop only.
    mutating func copyRest(
        _ reply: borrowing RawSpan,
        from answers: Int,
        to authorities: Int,
        facts: inout AnswerFacts,
        on page: inout Page
    ) throws(WireProblem) {
        try copySection(reply, answers..<authorities, on: &page)
        page.authority = page.count
        facts.additional = page.writer.position
        do throws(WireProblem) {
            try copySection(reply, authorities..<records.count, on: &page)
        } catch {
            // An additional record that cannot be read is no reason to lose the answer.
        }
    }

    private mutating func copySection(
        _ reply: borrowing RawSpan,
        _ range: Range<Int>,
        on page: inout Page
    ) throws(WireProblem) {
        for index in range {
            let record = records[index]
            guard record.recordClass == .internet, record.type != .opt, record.type != .tsig else { continue }
            if !page.keepsSignatures, record.type == .rrsig || record.type == .nsec || record.type == .nsec3 {
                continue
            }
            let owner = try Name(in: reply, at: record.owner)
            if try isRepeated(reply, index, owner: owner, since: range.lowerBound) { continue }
            guard try copy(reply, index, owner: owner, ttl: capped(record.ttl), on: &page) else { return }
        }
    }

    private func isRepeated(
        _ reply: borrowing RawSpan,
        _ index: Int,
        owner: borrowing Name,
        since first: Int
    ) throws(WireProblem) -> Bool {
        guard index - first < Self.largestSearched else { return false }
        for earlier in first..<index where isSame(reply, earlier, index) {
            if try Name(in: reply, at: records[earlier].owner) == owner { return true }
        }
        return false
    }

    /// Whether an authority section without an SOA record that fits the name says who knows more: RFC 2308 section 2.2.
    func refers(_ reply: borrowing RawSpan, _ name: borrowing Name, _ authority: Range<Int>) throws(WireProblem) -> Bool
    {
        for index in authority where records[index].type == .ns && records[index].recordClass == .internet {
            if name.isAtOrBelow(try Name(in: reply, at: records[index].owner)) { return true }
        }
        return false
    }

    /// Writes the one SOA record of a denial with what proves it; false if there is none that fits the name.
    mutating func writeDenial(
        _ reply: borrowing RawSpan,
        of name: Name,
        from answers: Int,
        to authorities: Int,
        facts: inout AnswerFacts,
        on page: inout Page
    ) throws(WireProblem) -> Bool {
        defer { page.authority = page.count }
        for index in answers..<authorities where records[index].type == .soa && records[index].recordClass == .internet
        {
            let owner = try Name(in: reply, at: records[index].owner)
            guard name.isAtOrBelow(owner) else { continue }
            let soa = try StartOfAuthority(records[index], in: reply)
            // RFC 2308 section 5: a denial holds for the lesser of the two.
            let ttl = min(soa.ttl, soa.minimum, longestNegativeTTL)
            guard try copy(reply, index, owner: owner, ttl: ttl, on: &page) else { throw .recordCut }
            facts.denialTTL = ttl
            facts.lifetime = min(facts.lifetime, ttl)
            guard page.keepsSignatures else { return true }
            for proof in answers..<authorities
            where [.rrsig, .nsec, .nsec3].contains(records[proof].type) && records[proof].recordClass == .internet {
                let owner = try Name(in: reply, at: records[proof].owner)
                guard try copy(reply, proof, owner: owner, ttl: min(capped(records[proof].ttl), ttl), on: &page) else {
                    break
                }
                facts.flags |= AnswerImage.signed
            }
            return true
        }
        return false
    }
}
