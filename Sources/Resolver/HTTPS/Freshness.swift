internal import DNSWire
internal import NIOCore
internal import PacketMemory

/// How long an answer may be kept by caches of HTTP: RFC 8484 section 5.1.
enum Freshness {
    /// The smallest TTL of the answer section; of a denial that of its SOA record and its minimum (RFC 2308); zero for
    /// anything that may be another answer in a moment.
    static func seconds(of message: ByteBuffer) -> UInt32 {
        let octets = message.readableBytesSpan
        do throws(WireProblem) {
            let header = try MessageHeader(octets)
            let code = header.responseCode
            guard code == .noError || code == .nameError, !header.flags.contains(.truncated) else { return 0 }
            var offset = MessageHeader.size
            for _ in 0..<header.questionCount { offset = try Name.end(in: octets, at: offset) + 4 }
            var smallest = UInt32.max
            for _ in 0..<header.answerCount {
                let record = try ResourceRecord(in: octets, at: offset)
                smallest = min(smallest, record.ttl)
                offset = record.end
            }
            for _ in 0..<header.authorityCount {
                let record = try ResourceRecord(in: octets, at: offset)
                offset = record.end
                guard record.type == .soa, record.end >= record.data + 4 else { continue }
                // Also of an alias at whose end there is nothing.
                smallest = min(smallest, record.ttl, octets.uint32(at: record.end - 4))
            }
            return smallest == .max ? 0 : smallest
        } catch {
            // The message was written by us.
            return 0
        }
    }
}
