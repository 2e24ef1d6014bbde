import DNSWire
import PacketMemory

/// Discovery of the encrypted ways to this resolver: RFC 9462.
extension LocalAnswers {
    /// How long a client may believe what it is told, in seconds: a change of address is to be heard of.
    private static var designationTTL: UInt32 { 300 }

    private static let designatedName = Name("_dns.resolver.arpa.") ?? .root

    /// The answer for a name at or below resolver.arpa: the SVCB records of `_dns`, with the addresses of their targets
    /// (section 4), and no data for anything else (section 6.4).
    func designated(_ query: borrowing ClientQuery, into reply: inout MutableRawSpan) -> Int {
        guard query.question.type == .svcb, query.question.name == Self.designatedName, !designatedResolvers.isEmpty
        else { return denial(query, zone: LocalZone.designated.apex, .noError, ttl: Self.designationTTL, into: &reply) }
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        for (index, resolver) in designatedResolvers.enumerated() {
            page.data(
                query.question.name,
                .svcb,
                resolver.data(priority: UInt16(truncatingIfNeeded: index + 1)),
                ttl: Self.designationTTL,
                into: &reply
            )
        }
        page.isAdditional = true
        var told: Set<Name> = []
        for resolver in designatedResolvers where told.insert(resolver.name).inserted {
            for address in resolver.ipv4 {
                page.address(resolver.name, address, ttl: Self.designationTTL, into: &reply)
            }
            for address in resolver.ipv6 {
                page.address(resolver.name, address, ttl: Self.designationTTL, into: &reply)
            }
        }
        return page.finish(query, answering, into: &reply)
    }
}
