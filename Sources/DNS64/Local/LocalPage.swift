import DNSWire
import IPAddressing
import PacketMemory
import Policy

extension LocalAnswers {
    /// A message that is written record by record.
    struct Page {
        private var writer: MessageWriter
        private let query: ClientQuery
        private let answering: Answering
        private(set) var answers = 0
        private var authority = 0
        private var fits = true
        /// How the question ended.
        var code = ResponseCode.noError
        /// What the OPT record adds to that.
        var error: ExtendedError?
        /// Whether records written from now on belong to the authority section.
        var isAuthority = false
        /// Whether records written from now on belong to the additional section, which may be cut short.
        var isAdditional = false
        private var additional = 0

        init(_ query: borrowing ClientQuery, _ answering: Answering, _ reply: borrowing MutableRawSpan) {
            // Room for an extended error, whether one comes or not.
            writer = MessageWriter(limit: answering.room(query, reply, .other))
            self.query = copy query
            self.answering = answering
        }

        /// Writes the header and the question, spelled as the client did.
        mutating func begin(into reply: inout MutableRawSpan) {
            _ = answering.begin(query, code, into: &reply)
            fits = writer.question(query.question.name, query.question.type, query.question.recordClass, into: &reply)
        }

        mutating func address(_ owner: Name, _ address: IPv4Address, ttl: UInt32, into reply: inout MutableRawSpan) {
            note(writer.address(owner, address, ttl: ttl, into: &reply))
        }

        mutating func address(_ owner: Name, _ address: IPv6Address, ttl: UInt32, into reply: inout MutableRawSpan) {
            note(writer.address(owner, address, ttl: ttl, into: &reply))
        }

        /// AAAA records made of an IPv4 address under every prefix of the client's view.
        mutating func synthetic(
            _ owner: Name,
            _ address: IPv4Address,
            ttl: UInt32,
            policy: Policy,
            into reply: inout MutableRawSpan
        ) {
            let own = policy.treatments[query.treatment].prefixes
            for number in 0..<(own?.count ?? policy.prefixes.count) {
                let prefix = own?[number] ?? number
                guard policy.handsOut(address, under: prefix) else { continue }
                self.address(owner, policy.prefixes[prefix].embed(address), ttl: ttl, into: &reply)
            }
        }

        /// A record of the operator's own.
        mutating func record(
            _ owner: Name,
            _ record: LocalName.Record,
            of local: LocalName,
            into reply: inout MutableRawSpan
        ) {
            let data = local.octets.span.extracting(record.first..<record.first + record.count)
            note(writer.record(owner, record.type, ttl: record.ttl, data: data, into: &reply))
        }

        /// A record whose data is at hand.
        mutating func data(
            _ owner: Name,
            _ type: RecordType,
            _ data: [UInt8],
            ttl: UInt32,
            into reply: inout MutableRawSpan
        ) {
            note(writer.record(owner, type, ttl: ttl, data: data.span, into: &reply))
        }

        mutating func name(
            _ owner: Name,
            _ type: RecordType,
            _ name: Name,
            ttl: UInt32,
            into reply: inout MutableRawSpan
        ) {
            note(writer.record(owner, type, ttl: ttl, name: name, into: &reply))
        }

        /// The SOA record of RFC 6303 section 3.
        mutating func soa(_ zone: Name, ttl: UInt32, into reply: inout MutableRawSpan) {
            note(
                writer.startOfAuthority(
                    zone,
                    ttl: ttl,
                    server: zone,
                    mailbox: LocalAnswers.nobody,
                    numbers: (1, 3600, 1200, 604_800, ttl),
                    into: &reply
                )
            )
        }

        /// Copies a record of another message.
        mutating func copy(
            _ record: ResourceRecord,
            ttl: UInt32,
            of source: borrowing RawSpan,
            into reply: inout MutableRawSpan
        ) throws(WireProblem) {
            let owner = try Name(in: source, at: record.owner)
            note(try writer.copy(record, owner: owner, ttl: ttl, of: source, into: &reply))
        }

        /// Ends the message; a truncated one if not everything fitted.
        func finish(
            _ query: borrowing ClientQuery,
            _ answering: Answering,
            into reply: inout MutableRawSpan
        ) -> Int {
            guard fits else { return answering.truncated(query, into: &reply) }
            return answering.finish(
                query,
                at: writer.position,
                answers: answers,
                authority: authority,
                additional: additional,
                error: error,
                into: &reply
            )
        }

        private mutating func note(_ written: Bool) {
            guard !isAdditional else {
                // RFC 2181 section 9: they may be left out without a word.
                if written { additional += 1 }
                return
            }
            fits = fits && written
            if isAuthority { authority += 1 } else { answers += 1 }
        }

    }
}
