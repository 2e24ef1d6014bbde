import DNSWire
import IPAddressing
import PacketMemory
import Policy

/// Writing answers to one client straight into the reply.
///
/// Every function returns the count of octets, and writes a truncated answer (RFC 2181 section 9) when not all of it
/// fits. Nothing here allocates.
struct Answering {
    /// The UDP payload size that we tell clients.
    let payloadSize: UInt16

    /// Header and question; the counts are zero but for the question's.
    @inline(__always)
    func begin(
        _ query: borrowing ClientQuery,
        _ code: ResponseCode,
        into reply: inout MutableRawSpan,
        truncated: Bool = false
    ) -> Int {
        var flags: MessageHeader.Flags = [.response, .recursionAvailable]
        if truncated { flags.insert(.truncated) }
        flags.formUnion(query.flags.intersection([.recursionDesired, .checkingDisabled]))
        var header = MessageHeader(identifier: query.identifier, flags: flags, questionCount: query.hasQuestion ? 1 : 0)
        header.responseCode = code
        header.flags.rawValue |= query.flags.rawValue & 0x7800
        header.write(into: &reply)
        guard query.hasQuestion else { return MessageHeader.size }
        query.question.name.write(into: &reply, at: MessageHeader.size)
        let end = query.question.end
        reply.store(query.question.type.rawValue, at: end &- 4)
        reply.store(query.question.recordClass.rawValue, at: end &- 2)
        return end
    }

    /// Sets the counts and adds the OPT record that a query with one must get: RFC 6891 section 7.
    @inline(__always)
    func finish(
        _ query: borrowing ClientQuery,
        at position: Int,
        answers: Int,
        authority: Int = 0,
        additional: Int = 0,
        extendedCode: UInt8 = 0,
        error: ExtendedError? = nil,
        into reply: inout MutableRawSpan
    ) -> Int {
        reply.store(UInt16(truncatingIfNeeded: answers), at: 6)
        reply.store(UInt16(truncatingIfNeeded: authority), at: 8)
        guard let edns = query.edns else {
            reply.store(UInt16(truncatingIfNeeded: additional), at: 10)
            return position
        }
        reply.store(UInt16(truncatingIfNeeded: additional &+ 1), at: 10)
        let ours = EDNS(payloadSize: payloadSize, extendedCode: extendedCode, wantsDNSSEC: edns.wantsDNSSEC)
        let options = Self.options(query, error)
        ours.write(into: &reply, at: position, options: options)
        return position &+ options.size
    }

    /// How many octets the records may reach, with room kept for the OPT record.
    @inline(__always)
    func room(_ query: borrowing ClientQuery, _ reply: borrowing MutableRawSpan, _ error: ExtendedError?) -> Int {
        min(query.limit, reply.byteCount) &- (query.edns == nil ? 0 : Self.options(query, error).size)
    }

    /// What the OPT record says; the error of the moment goes before the one that is known of the query.
    @inline(__always)
    static func options(_ query: borrowing ClientQuery, _ error: ExtendedError?) -> EDNS.Options {
        var options = query.options
        if let error { options.error = error }
        return options
    }

    /// The extended error of an answer to one client: that it is too old says more than what came with it.
    @inline(__always)
    static func error(_ query: borrowing ClientQuery, _ image: AnswerImage) -> ExtendedError? {
        if let error = query.options.error { return error }
        return image.error
    }

    /// Says of an answer that is an error of which one more is known: that it is remembered (RFC 8914 section 4.14).
    ///
    /// - Returns: How many octets it has then.
    @inline(never)
    func addCachedError(_ query: borrowing ClientQuery, count: Int, into reply: inout MutableRawSpan) -> Int {
        guard query.edns != nil else { return count }
        let length = count &- Self.options(query, .other).size &+ 9
        reply.store(reply.uint16(at: length) &+ 6, at: length)
        reply.store(UInt32(15 &<< 16 | 2), at: count)
        reply.store(ExtendedError.cachedError.rawValue, at: count &+ 4)
        return count &+ 6
    }

    /// What is left of a TTL.
    @inline(__always)
    static func left(of ttl: UInt32, after age: UInt32, _ query: borrowing ClientQuery) -> UInt32 {
        left(of: ttl, after: age, stale: query.staleTTL)
    }

    /// What is left of a TTL.
    ///
    /// - Parameter stale: What there is when nothing is left.
    @inline(__always)
    static func left(of ttl: UInt32, after age: UInt32, stale: UInt32) -> UInt32 { ttl > age ? ttl &- age : stale }

    /// Ages the TTLs of a part of an image's message that was copied into a reply.
    ///
    /// - Parameters:
    ///   - place: The part, by offsets into the message.
    ///   - moved: How much further back it lies in the reply.
    @inline(__always)
    static func age(
        _ reply: inout MutableRawSpan,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        _ place: Range<Int>,
        by age: UInt32,
        moved: Int,
        stale: UInt32
    ) {
        for index in 0..<image.ttlCount {
            let offset = Int(octets.uint16(at: image.ttls &+ 2 &* index))
            guard offset >= place.lowerBound else { continue }
            guard offset < place.upperBound else { break }
            reply.store(left(of: reply.uint32(at: offset &+ moved), after: age, stale: stale), at: offset &+ moved)
        }
    }

    /// How many octets an OPT record takes at the end of an answer to a query.
    func optionsSize(_ query: borrowing ClientQuery, _ reply: borrowing MutableRawSpan, count: Int) -> Int {
        guard query.edns != nil else { return 0 }
        // Written last, with or without an error of the moment.
        let plain = query.options.size
        return reply.uint16(at: count &- plain &+ 9) == UInt16(plain &- 11) && reply.octet(at: count &- plain) == 0
            && reply.uint16(at: count &- plain &+ 1) == RecordType.opt.rawValue ? plain : -1
    }

    /// Says that everything in the answer and the authority section was validated (RFC 4035 section 3.2.3), to those
    /// who want to know (RFC 6840 section 5.8). What is too old was validated too long ago.
    @inline(__always)
    private func markValidated(_ query: borrowing ClientQuery, in reply: inout MutableRawSpan) {
        guard query.staleTTL == 0 else { return }
        reply.store(reply.octet(at: 3) | UInt8(MessageHeader.Flags.authenticData.rawValue), at: 3)
    }

    /// An answer without records.
    func empty(
        _ query: borrowing ClientQuery,
        _ code: ResponseCode,
        error: ExtendedError? = nil,
        into reply: inout MutableRawSpan
    ) -> Int {
        let position = begin(query, code, into: &reply)
        let extended = UInt8(truncatingIfNeeded: code.rawValue &>> 4)
        return finish(query, at: position, answers: 0, extendedCode: extended, error: error, into: &reply)
    }

    /// The question alone with TC set: the client comes back over TCP.
    func truncated(_ query: borrowing ClientQuery, into reply: inout MutableRawSpan) -> Int {
        let position = begin(query, .noError, into: &reply, truncated: true)
        return finish(query, at: position, answers: 0, into: &reply)
    }

    /// An upstream's answer, aged.
    func native(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        age: UInt32,
        error: ExtendedError? = nil,
        into reply: inout MutableRawSpan
    ) -> Int {
        let header = image.message
        let code = ResponseCode(rawValue: octets.uint16(at: header &+ 2) & 15)
        var error = error
        if error == nil { error = Self.error(query, image) }
        let room = room(query, reply, error)
        var end = image.messageCount
        var additional = Int(octets.uint16(at: header &+ 10))
        if end > room {
            // Additional records may be left out without a word (RFC 2181 section 9).
            end = image.additional
            additional = 0
            guard end <= room else { return truncated(query, into: &reply) }
        }
        let position = begin(query, code, into: &reply)
        if image.isValidated, image.kind != .failure, query.wantsToKnowWhetherValidated {
            markValidated(query, in: &reply)
        }
        reply.copy(octets, from: header &+ position, to: position, count: end &- position)
        Self.age(&reply, octets, image, position..<end, by: age, moved: 0, stale: query.staleTTL)
        return finish(
            query,
            at: end,
            answers: Int(octets.uint16(at: header &+ 6)),
            authority: Int(octets.uint16(at: header &+ 8)),
            additional: additional,
            error: error,
            into: &reply
        )
    }

    /// The part of an answer before its address records: the chain of aliases.
    @inline(__always)
    private func chain(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        age: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int {
        let position = begin(query, .noError, into: &reply)
        guard image.firstAddress > position else { return position }
        reply.copy(octets, from: image.message &+ position, to: position, count: image.firstAddress &- position)
        Self.age(&reply, octets, image, position..<image.firstAddress, by: age, moved: 0, stale: query.staleTTL)
        return image.firstAddress
    }

    /// How many records an answer's chain has.
    @inline(__always)
    func chainCount(_ octets: borrowing RawSpan, _ image: AnswerImage) -> Int {
        var count = 0
        while count < image.ttlCount, Int(octets.uint16(at: image.ttls &+ 2 &* count)) < image.firstAddress {
            count &+= 1
        }
        return count
    }

    /// What follows the answer section, moved; nothing in it points behind the first address record.
    @inline(__always)
    func rest(
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        age: UInt32,
        at position: Int,
        room: Int,
        stale: UInt32,
        into reply: inout MutableRawSpan
    ) -> (end: Int, authority: Int, additional: Int)? {
        var end = image.messageCount
        var additional = Int(octets.uint16(at: image.message &+ 10))
        let authority = Int(octets.uint16(at: image.message &+ 8))
        if position &+ end &- image.authority > room {
            end = image.additional
            additional = 0
            guard position &+ end &- image.authority <= room else { return nil }
        }
        let count = end &- image.authority
        reply.copy(octets, from: image.message &+ image.authority, to: position, count: count)
        let moved = position &- image.authority
        Self.age(&reply, octets, image, image.authority..<end, by: age, moved: moved, stale: stale)
        return (position &+ count, authority, additional)
    }

    /// AAAA records made from an answer's A records: RFC 6147 section 5.1.7; nothing if no A record may be reached.
    ///
    /// The chain stays before them (section 5.1.5); authority and additional section are those of the answer to A
    /// (section 5.4). Signatures over the A records would sign nothing that is here, so they go. AD is set if the A
    /// records and the denial of AAAA records were validated, for clients that want signatures (section 5.5, case 2).
    func synthetic(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        age: UInt32,
        largestTTL: UInt32,
        isValidated: Bool,
        policy: Policy,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let stride = image.addressOwnerCount &+ 14
        let room = room(query, reply, nil)
        guard image.firstAddress <= room else { return truncated(query, into: &reply) }
        var position = chain(query, octets, image, age: age, into: &reply)
        let ttl = min(Self.left(of: image.addressTTL, after: age, query), largestTTL)
        var made = 0
        let prefixCount = policy.prefixCount(for: query.treatment)
        for index in 0..<image.addressCount {
            let record = image.message &+ image.firstAddress &+ index &* stride
            let address = IPv4Address(bits: octets.uint32(at: record &+ stride &- 4))
            for number in 0..<prefixCount {
                let prefix = policy.prefix(number, for: query.treatment)
                guard policy.handsOut(address, under: prefix) else { continue }
                guard position &+ image.addressOwnerCount &+ 26 <= room else { return truncated(query, into: &reply) }
                let embedded = policy.prefixes[prefix].embed(address)
                position = write(owner: record, of: octets, image, ttl: ttl, embedded, at: position, into: &reply)
                made &+= 1
            }
        }
        guard made > 0 else { return nil }
        if isValidated, query.wantsDNSSEC { markValidated(query, in: &reply) }
        let stale = query.staleTTL
        guard let rest = rest(octets, image, age: age, at: position, room: room, stale: stale, into: &reply) else {
            return truncated(query, into: &reply)
        }
        return finish(
            query,
            at: rest.end,
            answers: chainCount(octets, image) &+ made,
            authority: rest.authority,
            additional: rest.additional,
            into: &reply
        )
    }

    /// An upstream's AAAA records without those that are excluded: RFC 6147 section 5.1.4, record by record.
    func filtered(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        age: UInt32,
        excluded: [IPv6Prefix],
        into reply: inout MutableRawSpan
    ) -> Int {
        let stride = image.addressOwnerCount &+ 26
        let room = room(query, reply, nil)
        guard image.firstAddress <= room else { return truncated(query, into: &reply) }
        var position = chain(query, octets, image, age: age, into: &reply)
        let ttl = Self.left(of: image.addressTTL, after: age, query)
        var kept = 0
        for index in 0..<image.addressCount {
            let record = image.message &+ image.firstAddress &+ index &* stride
            let address = Self.address(octets, at: record &+ stride &- 16)
            if excluded.contains(where: { $0.contains(address) }) { continue }
            guard position &+ stride <= room else { return truncated(query, into: &reply) }
            position = write(owner: record, of: octets, image, ttl: ttl, address, at: position, into: &reply)
            kept &+= 1
        }
        let stale = query.staleTTL
        guard let rest = rest(octets, image, age: age, at: position, room: room, stale: stale, into: &reply) else {
            return truncated(query, into: &reply)
        }
        return finish(
            query,
            at: rest.end,
            answers: chainCount(octets, image) &+ kept,
            authority: rest.authority,
            additional: rest.additional,
            into: &reply
        )
    }

    /// How many of an answer's AAAA records are not excluded.
    func usable(_ octets: borrowing RawSpan, _ image: AnswerImage, excluded: [IPv6Prefix]) -> Int {
        let stride = image.addressOwnerCount &+ 26
        var usable = 0
        for index in 0..<image.addressCount {
            let record = image.message &+ image.firstAddress &+ index &* stride
            let address = Self.address(octets, at: record &+ stride &- 16)
            if !excluded.contains(where: { $0.contains(address) }) { usable &+= 1 }
        }
        return usable
    }

    @inline(__always)
    private static func address(_ octets: borrowing RawSpan, at offset: Int) -> IPv6Address {
        IPv6Address(high: octets.uint64(at: offset), low: octets.uint64(at: offset &+ 8))
    }

    @inline(__always)
    func write(
        owner: Int,
        of octets: borrowing RawSpan,
        _ image: AnswerImage,
        ttl: UInt32,
        _ address: IPv6Address,
        at position: Int,
        into reply: inout MutableRawSpan
    ) -> Int {
        reply.copy(octets, from: owner, to: position, count: image.addressOwnerCount)
        let fixed = position &+ image.addressOwnerCount
        reply.store(RecordType.aaaa.rawValue, at: fixed)
        reply.store(RecordClass.internet.rawValue, at: fixed &+ 2)
        reply.store(ttl, at: fixed &+ 4)
        reply.store(UInt16(16), at: fixed &+ 8)
        reply.store(address.high, at: fixed &+ 10)
        reply.store(address.low, at: fixed &+ 18)
        return fixed &+ 26
    }
}
