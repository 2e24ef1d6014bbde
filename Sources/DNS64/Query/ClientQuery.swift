import DNSWire
import IPAddressing
import PacketMemory
import Policy

/// A client's message, decoded: everything that its answer depends on.
struct ClientQuery {
    var identifier: UInt16 = 0
    /// As they came.
    var flags = MessageHeader.Flags()
    var question = Question(.root, .a)
    /// Whether the question was read, so that an answer can hold it.
    var hasQuestion = false
    /// What the client's OPT record says.
    var edns: EDNS?
    /// How many octets the answer may have.
    var limit = 512
    /// Who asked.
    var client = IPAddress.v4(IPv4Address(bits: 0))
    /// The port the datagram came from; 0 for connections.
    var port: UInt16 = 0
    /// Which treatment of the Policy holds for the client.
    var treatment = 0
    /// Which view of the rules the client is in.
    var view = 0
    /// Whether the question is for AAAA of a name that nothing is synthesized for.
    var isExcluded = false
    /// Whether the client's view has DNS64, and the question is not for a name without.
    var synthesizes = false
    /// Whether the client is where it says: it holds a connection, or has a cookie of ours.
    var isProven = false
    /// What the answer's OPT record says.
    var options = EDNS.Options()
    /// Whether the answer is padded, because the question was and nobody between can read it (RFC 7830 section 4).
    var isPadded = false
    /// The TTL of records that are too old; zero while answers are fresh.
    var staleTTL: UInt32 = 0

    /// The header's identifier and flags alone are known.
    init(_ header: MessageHeader) {
        identifier = header.identifier
        flags = header.flags
    }

    init() {}

    /// The ladder of guards, cheapest first. What was read before a refusal stays, because the refusal is answered.
    ///
    /// Octets behind the last record are ignored; a record in the wrong section is walked and ignored.
    mutating func decode(_ message: borrowing RawSpan, _ header: MessageHeader) throws(Refusal) {
        guard header.operation == .query else {
            noteEDNS(message, header)
            if header.questionCount == 1, let read = try? Question(message) { (question, hasQuestion) = (read, true) }
            throw .operation
        }
        // RFC 9619 section 4: a query has exactly one question.
        guard header.questionCount == 1 else {
            noteEDNS(message, header)
            // RFC 7873 section 5.4: a client may ask for nothing but a cookie.
            guard header.questionCount == 0, let edns, edns.version == 0, edns.hasGoodCookieLength, edns.cookieCount > 0
            else { throw .questionCount }
            return
        }
        do throws(WireProblem) {
            question = try Question(message)
        } catch {
            throw .malformed
        }
        hasQuestion = true
        let records = Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount)
        if records > 0 { try readRecords(message, count: records) }
        if let edns, edns.version != 0 { throw .version }
        guard question.recordClass == .internet else { throw .recordClass }
        if question.type.isMeta {
            switch question.type {
            case .any: break
            case .axfr, .ixfr: throw .transfer
            default:
                // RFC 9824 section 3.5: NXNAME is no type to ask for.
                let type = question.type.rawValue
                if question.type == .opt || type == 0 || type == 128 || type >= 249 { throw .type }
            }
        }
    }

    /// Looks for an OPT record in a message that is refused for another reason, because the answer must have one too.
    private mutating func noteEDNS(_ message: borrowing RawSpan, _ header: MessageHeader) {
        let records = Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount)
        guard header.questionCount <= 8, records <= 8 else { return }
        do throws(WireProblem) {
            var offset = MessageHeader.size
            for _ in 0..<header.questionCount { offset = try Name.end(in: message, at: offset) + 4 }
            for _ in 0..<records {
                let record = try ResourceRecord(in: message, at: offset)
                offset = record.end
                if record.type == .opt { edns = try EDNS(record, in: message) }
            }
        } catch {
            // What cannot be read says nothing.
        }
    }

    /// Walks the records behind the question for the one OPT record there may be: RFC 6891 section 6.1.1.
    private mutating func readRecords(_ message: borrowing RawSpan, count: Int) throws(Refusal) {
        var offset = question.end
        for _ in 0..<count {
            let record: ResourceRecord
            do throws(WireProblem) {
                record = try ResourceRecord(in: message, at: offset)
            } catch {
                throw .malformed
            }
            offset = record.end
            guard record.type == .opt else { continue }
            guard edns == nil else { throw .malformedEDNS }
            do throws(WireProblem) {
                let read = try EDNS(record, in: message)
                edns = read
                guard read.hasGoodCookieLength else { throw .optOption }
            } catch {
                edns = EDNS(payloadSize: 512)
                throw .malformedEDNS
            }
        }
    }

    /// Finds out how the Policy in force treats the client.
    @inline(__always)
    mutating func take(_ policy: Policy) {
        treatment = policy.treatment(of: client)
        synthesizes = !isExcluded && policy.synthesizes(treatment, for: client)
    }

    /// Whether the client wants signatures.
    var wantsDNSSEC: Bool { edns?.wantsDNSSEC ?? false }

    /// Whether the client understands AD: RFC 6840 sections 5.7 and 5.8.
    var wantsToKnowWhetherValidated: Bool { wantsDNSSEC || flags.contains(.authenticData) }

    /// Whether the client validates for itself.
    var checksItself: Bool { flags.contains(.checkingDisabled) }

    /// Which answer of an upstream is right for the client.
    var variant: AnswerVariant {
        var variant: AnswerVariant = []
        if wantsDNSSEC { variant.insert(.dnssec) }
        if checksItself { variant.insert(.checkingDisabled) }
        return variant
    }
}

extension EDNS {
    /// Whether there is no cookie, or one as long as a client's alone or both may be: RFC 7873 section 5.2.2.
    fileprivate var hasGoodCookieLength: Bool {
        cookieCount == 0 && cookie == 0 || cookieCount == 8 || (16...40).contains(cookieCount)
    }
}
