import DNSWire
import IPAddressing
import PacketMemory
package import Policy
package import Timing

/// The short way: a question for A or AAAA without anything unusual, whose answer lies in the cache and gives nothing to
/// decide, is read in its place and answered in one piece. Whatever is else goes the long way, which would write the
/// same octets.
extension ResolverEngine {
    /// What the short way read of a question.
    private struct PlainQuestion {
        var name: PlacedName
        var type: RecordType
        /// Where the question ends.
        var end: Int
        var flags: MessageHeader.Flags
        /// Whether there is an OPT record; it says nothing but the payload size.
        var hasOPT: Bool
        var payloadSize: Int
    }

    /// Answers a question the short way.
    ///
    /// - Returns: The count of octets of the answer; -1 if the long way is to be gone. Nothing has happened then.
    @inline(never)
    package mutating func answerKnown(
        _ message: borrowing RawSpan,
        from client: Client,
        policy: Policy,
        at now: Moment,
        reply: inout MutableRawSpan
    ) -> Int {
        guard takesShortWay, !rates.isLimited, reply.byteCount >= 512, let question = Self.plain(message) else {
            return -1
        }
        switch PlacedName.folded(
            message,
            at: question.name.last,
            min(8, 1 &+ Int(message.octet(at: question.name.last)))
        ) {
        case FoldedLabel.arpa, FoldedLabel.localhost, FoldedLabel.invalid, FoldedLabel.onion: return -1
        default: break
        }
        guard policy.clients.admits(client.address) else { return -1 }
        let treatment = policy.treatment(of: client.address)
        let synthesizes = question.type == .aaaa
        if synthesizes {
            guard policy.treatsAlike, !synthesisIsSuspended, policy.synthesizes(treatment, for: client.address) else {
                return -1
            }
        }
        let view = rules.view(of: client.address)
        guard rules.isIdle || rules.saysNothing(message, question.name, question.type, in: view) else { return -1 }
        let hash = question.name.hash(message, cache.secret) ^ rules.salt(view)
        let shard = cache.shard(hash)
        shard.lock()
        defer { shard.unlock() }
        let found = shard.find(message, question.name, hash: hash, question.type, synthesizes ? .a : question.type)
        let octets = shard.octets
        let seconds = UInt32(truncatingIfNeeded: now.seconds)
        guard found.first >= 0, isGood(octets, found.first, question, at: seconds) else { return -1 }
        let one = AnswerImage(octets, at: found.first)
        let size = question.hasOPT ? 11 : 0
        let room = min(limit(question, client.transport), reply.byteCount) &- size
        var count = -1
        if !synthesizes || one.kind == .positive {
            guard
                !synthesizes
                    || answering.usable(octets, one, excluded: known.excludedByDefault) == one.addressCount
                        && one.addressCount > 0
            else { return -1 }
            count = writeNative(message, question, octets, one, treatment, policy, at: seconds, room: room, &reply)
            guard count >= 0 else { return -1 }
            if synthesizes { counters.add(.native) }
        } else {
            guard one.kind == .noData, one.flags & AnswerImage.signed == 0, found.second >= 0,
                isGood(octets, found.second, question, at: seconds)
            else { return -1 }
            let two = AnswerImage(octets, at: found.second)
            guard two.kind == .positive else { return -1 }
            var largest = KnownAnswers.ttlWithoutSOA
            if one.denialTTL != AnswerImage.noDenialTTL {
                largest = Answering.left(of: one.denialTTL, after: one.age(at: seconds), stale: 0)
            }
            count = writeSynthetic(
                message,
                question,
                octets,
                two,
                largest,
                treatment,
                policy,
                at: seconds,
                room: room,
                &reply
            )
            guard count >= 0 else { return -1 }
            shard.touch(found.second)
            counters.add(.synthesized)
        }
        shard.touch(found.first)
        counters.add(.queries)
        counters.add(.fromCache)
        viewCounters.add(treatment)
        guard question.hasOPT else { return count }
        EDNS(payloadSize: answering.payloadSize).write(into: &reply, at: count)
        reply.store(reply.uint16(at: 10) &+ 1, at: 10)
        return count &+ size
    }

    /// Reads a question; nothing if there is anything unusual about it.
    @inline(__always)
    private static func plain(_ message: borrowing RawSpan) -> PlainQuestion? {
        guard message.byteCount >= MessageHeader.size &+ 6 else { return nil }
        // A query, with RD and AD at most; one question, and one more record at most.
        let flags = message.uint16(at: 2)
        let counts = message.uint64(at: 4)
        guard flags & ~0x0120 == 0, counts & ~1 == 1 &<< 48, let name = PlacedName(in: message, at: MessageHeader.size)
        else { return nil }
        let end = name.start &+ name.count &+ 4
        guard name.count > 1, end <= message.byteCount, message.uint16(at: end &- 2) == RecordClass.internet.rawValue
        else {
            return nil
        }
        let type = message.uint16(at: end &- 4)
        guard type == RecordType.a.rawValue || type == RecordType.aaaa.rawValue else { return nil }
        var question = PlainQuestion(
            name: name,
            type: RecordType(rawValue: type),
            end: end,
            flags: MessageHeader.Flags(rawValue: flags),
            hasOPT: counts & 1 != 0,
            payloadSize: 512
        )
        guard question.hasOPT else { return question }
        // The root's name, OPT, no extended code, version zero, DO clear, no options; nothing behind it.
        guard message.byteCount == end &+ 11, message.octet(at: end) == 0,
            message.uint16(at: end &+ 1) == RecordType.opt.rawValue, message.uint32(at: end &+ 5) == 0,
            message.uint16(at: end &+ 9) == 0
        else { return nil }
        question.payloadSize = max(512, Int(message.uint16(at: end &+ 3)))
        return question
    }

    @inline(__always)
    private func limit(_ question: PlainQuestion, _ transport: Client.Transport) -> Int {
        switch transport {
        case .tcp, .tls, .https: 65_535
        case .udp: min(question.payloadSize, max(512, settings.largestUDPAnswer))
        }
    }

    /// Whether an image is fresh, needs not be asked again, and does not have to be said to be validated.
    @inline(__always)
    private func isGood(_ octets: borrowing RawSpan, _ place: Int, _ question: PlainQuestion, at now: UInt32) -> Bool {
        let image = AnswerImage(octets, at: place)
        let age = image.age(at: now)
        guard age < image.lifetime, image.kind != .failure else { return false }
        if image.isValidated, question.flags.contains(.authenticData) { return false }
        guard settings.prefetches else { return true }
        return (image.lifetime &- age) &* 10 > image.lifetime || image.lifetime < 10 || image.refreshAt > now
            || image.flags & AnswerImage.referenced == 0
    }

    /// Header and question, which is copied as it is spelled.
    @inline(__always)
    private func begin(
        _ message: borrowing RawSpan,
        _ question: PlainQuestion,
        _ code: UInt16,
        _ answers: Int,
        _ reply: inout MutableRawSpan
    ) {
        reply.copy(message, from: 0, to: 0, count: question.end)
        reply.store(0x8080 | question.flags.rawValue & 0x0100 | code, at: 2)
        reply.store(UInt16(truncatingIfNeeded: answers), at: 6)
    }

    /// An upstream's answer, aged; -1 if that is not what the client gets.
    @inline(__always)
    private mutating func writeNative(
        _ message: borrowing RawSpan,
        _ question: PlainQuestion,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        _ treatment: Int,
        _ policy: Policy,
        at now: UInt32,
        room: Int,
        _ reply: inout MutableRawSpan
    ) -> Int {
        let end = image.messageCount
        guard end <= room, image.flags & AnswerImage.hasError == 0,
            !known.isFiltered(octets, image, treatment, question.type, policy: policy)
        else { return -1 }
        let code = octets.uint16(at: image.message &+ 2) & 15
        begin(message, question, code, Int(octets.uint16(at: image.message &+ 6)), &reply)
        reply.store(octets.uint32(at: image.message &+ 8), at: 8)
        let count = end &- question.end
        reply.copy(octets, from: image.message &+ question.end, to: question.end, count: count)
        Answering.age(&reply, octets, image, question.end..<end, by: image.age(at: now), moved: 0, stale: 0)
        return end
    }

    /// AAAA records made from A records; -1 if that is not what the client gets.
    @inline(never)
    private mutating func writeSynthetic(
        _ message: borrowing RawSpan,
        _ question: PlainQuestion,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        _ largest: UInt32,
        _ treatment: Int,
        _ policy: Policy,
        at now: UInt32,
        room: Int,
        _ reply: inout MutableRawSpan
    ) -> Int {
        guard image.addressCount > 0, image.firstAddress <= room,
            !known.isFiltered(octets, image, treatment, question.type, policy: policy)
        else { return -1 }
        let age = image.age(at: now)
        var position = max(question.end, image.firstAddress)
        let stride = image.addressOwnerCount &+ 14
        let ttl = min(Answering.left(of: image.addressTTL, after: age, stale: 0), largest)
        let prefixes = policy.prefixCount(for: treatment)
        var made = 0
        for index in 0..<image.addressCount {
            let record = image.message &+ image.firstAddress &+ index &* stride
            let address = IPv4Address(bits: octets.uint32(at: record &+ stride &- 4))
            for number in 0..<prefixes {
                let prefix = policy.prefix(number, for: treatment)
                guard policy.handsOut(address, under: prefix) else { continue }
                guard position &+ image.addressOwnerCount &+ 26 <= room else { return -1 }
                let embedded = policy.prefixes[prefix].embed(address)
                position = answering.write(
                    owner: record,
                    of: octets,
                    image,
                    ttl: ttl,
                    embedded,
                    at: position,
                    into: &reply
                )
                made &+= 1
            }
        }
        guard made > 0 else { return -1 }
        let answers = made &+ answering.chainCount(octets, image)
        begin(message, question, 0, answers, &reply)
        if image.firstAddress > question.end {
            let count = image.firstAddress &- question.end
            reply.copy(octets, from: image.message &+ question.end, to: question.end, count: count)
            let place = question.end..<image.firstAddress
            Answering.age(&reply, octets, image, place, by: age, moved: 0, stale: 0)
        }
        guard
            let rest = answering.rest(octets, image, age: age, at: position, room: room, stale: 0, into: &reply)
        else { return -1 }
        reply.store(UInt16(truncatingIfNeeded: rest.authority), at: 8)
        reply.store(UInt16(truncatingIfNeeded: rest.additional), at: 10)
        return rest.end
    }
}
