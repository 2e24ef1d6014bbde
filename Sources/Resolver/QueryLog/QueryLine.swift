internal import DNS64
internal import DNSWire
internal import IPAddressing
internal import PacketMemory
internal import Policy
internal import Timing

/// One line of the query log: a JSON object of ASCII alone. Names are written as in a zone file (RFC 1035 section 5.1),
/// so that whatever octets a stranger puts into one, the line is one object and can be read back.
struct QueryLine {
    /// Major: a field has another meaning; minor: there are more fields.
    static let version = "2.0"

    let node: String
    let settings: QueryLogSettings
    let policy: Policy

    /// Adds the line of the answer that lies in a page.
    ///
    /// - Returns: Where the next one begins.
    func append(_ page: borrowing RawSpan, at start: Int, to lines: inout [UInt8]) -> Int {
        let notes = QueryNotes(page, at: start)
        let reply = page.extracting(start + QueryNotes.size..<start + QueryNotes.size + notes.kept)
        var line = JSONLine()
        line.add("version", Self.version)
        line.add("node", node)
        line.add("ts", Self.timestamp(notes.time))
        line.add("view", notes.view.map(\.description) ?? "default")
        line.add("srcaddr", shown(notes.client).description)
        if notes.clientPort != 0 { line.add("srcport", Int(notes.clientPort)) }
        line.add("transport", "\(notes.transport)")
        addReply(reply, notes, to: &line)
        let story = notes.story
        if notes.silence == nil, let cache = story.cache { line.add("cache", cache) }
        if let reason = story.synthesisReason {
            line.add("dns64", story.synthesis)
            line.add("dns64_reason", reason)
        }
        if let refusal = notes.silence?.word ?? story.refusal { line.add("refused", refusal) }
        let names = start + QueryNotes.size + notes.kept
        if notes.ruleCount > 0, let rule = Self.name(page, at: names) { line.add("rule", rule) }
        if let action = notes.filterAction {
            let name = notes.filterCount > 0 ? Self.name(page, at: names + notes.ruleCount) : nil
            line.add("filter_rule", notes.filterNetwork?.description ?? name ?? "")
            line.add("filter_action", "\(action)")
        }
        if let profile = notes.profile { line.add("profile", "\(profile)") }
        if let upstream = notes.upstream { line.add("upstream", upstream.description) }
        if let source = notes.upstreamSource { line.add("upstream_source", source.description) }
        line.add("us", Int(notes.duration))
        line.add("bytes", notes.replyCount)
        line.end(into: &lines)
        return start + notes.total
    }

    private func shown(_ client: IPAddress) -> IPAddress {
        switch client {
        case .v4(let address):
            let bits = settings.ipv4Length == 0 ? 0 : UInt32.max << UInt32(32 - settings.ipv4Length)
            return .v4(IPv4Address(bits: address.bits & bits))
        case .v6(let address):
            let mask = IPv6Prefix.mask(settings.ipv6Length)
            return .v6(IPv6Address(high: address.high & mask.high, low: address.low & mask.low))
        }
    }

    /// What the answer itself says, as far as it can be read.
    private func addReply(_ reply: borrowing RawSpan, _ notes: QueryNotes, to line: inout JSONLine) {
        guard let header = try? MessageHeader(reply) else { return }
        var offset = MessageHeader.size
        if header.questionCount > 0, let question = try? Question(reply) {
            line.add("query_name", question.name.description)
            line.add("query_type", question.type.description)
            line.add("query_class", Self.text(question.recordClass))
            offset = question.end
        }
        guard notes.silence == nil else { return }
        var records: [ResourceRecord] = []
        let total = Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount)
        while records.count < total, let record = try? ResourceRecord(in: reply, at: offset) {
            records.append(record)
            offset = record.end
        }
        var edns: EDNS?
        if let option = records.last(where: { $0.type == .opt }) { edns = try? EDNS(option, in: reply) }
        let code = header.responseCode.rawValue & 15 | UInt16(edns?.extendedCode ?? 0) << 4
        line.add("rcode", ResponseCode(rawValue: code).description)
        if let error = edns?.error { line.add("ede", Int(error.rawValue)) }
        if header.flags.contains(.truncated) { line.add("truncated", true) }
        if header.flags.contains(.authenticData) { line.add("dnssec", "validated") }
        line.beginList("answers")
        let answers = records.prefix(Int(header.answerCount))
        for record in answers {
            line.beginObject()
            line.add("Rdata", RecordPresentation.text(record, in: reply))
            line.add("Type", record.type.description)
            line.add("Class", Self.text(record.recordClass))
            line.add("Ttl", Int(record.ttl))
            line.endObject()
        }
        line.endList()
        guard notes.story.has(.synthesized) else { return }
        var made: [(prefix: Int, address: IPv4Address)] = []
        for record in answers where record.type == .aaaa && record.dataCount == 16 {
            let (high, low) = (reply.uint64(at: record.data), reply.uint64(at: record.data + 8))
            if let source = policy.extract(IPv6Address(high: high, low: low)) { made.append(source) }
        }
        guard let first = made.first else { return }
        line.add("prefix", policy.prefixes[first.prefix].description)
        line.beginList("from_a")
        var told: Set<IPv4Address> = []
        for source in made where told.insert(source.address).inserted { line.add(source.address.description) }
        line.endList()
    }

    private static func name(_ page: borrowing RawSpan, at start: Int) -> String? {
        (try? Name(in: page, at: start))?.description
    }

    private static func text(_ recordClass: RecordClass) -> String {
        recordClass == .internet ? "IN" : recordClass == .any ? "ANY" : "CLASS\(recordClass.rawValue)"
    }

    /// As RFC 3339 writes it, with microseconds.
    static func timestamp(_ microseconds: UInt64) -> String {
        let (seconds, fraction) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        let digits = String(fraction)
        return "\(CalendarTime(seconds: seconds)).\(String(repeating: "0", count: 6 - digits.count))\(digits)Z"
    }
}
