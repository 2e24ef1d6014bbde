internal import DNS64
internal import DNSWire
internal import IPAddressing
internal import PacketMemory

/// What a worker knows of an answer besides its octets, as it lies in a page of the query log in front of them.
struct QueryNotes: Equatable {
    /// When the question came, as Unix time in microseconds.
    var time: UInt64 = 0
    /// How long the answer took, in microseconds.
    var duration: UInt32 = 0
    /// What became of the question.
    var trace = AnswerTrace(bits: 0)
    var client = IPAddress.v6(.unspecified)
    var clientPort: UInt16 = 0
    var transport = Client.Transport.udp
    /// The network of the client's view; nothing if no view names the client.
    var view: IPPrefix?
    /// Which upstream answered.
    var upstream: TransportAddress?
    var upstreamIsRecursor = false
    /// How many octets the answer has; a long one is not kept whole.
    var replyCount = 0
    /// How many of them lie behind the notes, then those of the names of the rule and of the filter.
    var kept = 0
    var ruleCount = 0
    var filterCount = 0

    /// How many octets the notes take.
    static let size = 88

    /// How many octets of an answer are kept.
    static let mostKept = 16_384

    /// How many octets notes and names and answer take.
    var total: Int { Self.size + kept + ruleCount + filterCount }

    func write(into page: inout MutableRawSpan, at start: Int) {
        page.store(time, at: start)
        page.store(duration, at: start + 8)
        page.store(trace.bits, at: start + 12)
        let client = client.mapped
        page.store(client.high, at: start + 16)
        page.store(client.low, at: start + 24)
        page.store(clientPort, at: start + 32)
        page.store(transport.rawValue, at: start + 34)
        page.store(UInt8(truncatingIfNeeded: ruleCount), at: start + 35)
        page.store(UInt8(truncatingIfNeeded: filterCount), at: start + 36)
        page.store(UInt8(upstreamIsRecursor ? 2 : upstream == nil ? 0 : 1), at: start + 37)
        page.store(UInt16(truncatingIfNeeded: replyCount), at: start + 38)
        page.store(UInt16(truncatingIfNeeded: kept), at: start + 40)
        page.store(upstream?.port.number ?? 0, at: start + 42)
        let address = upstream?.address.mapped ?? .unspecified
        page.store(address.high, at: start + 48)
        page.store(address.low, at: start + 56)
        switch view {
        case nil: page.store(UInt8(0), at: start + 44)
        case .v4(let prefix):
            page.store(UInt8(4), at: start + 44)
            page.store(UInt8(truncatingIfNeeded: prefix.length), at: start + 45)
            page.store(UInt64(prefix.address.bits), at: start + 72)
        case .v6(let prefix):
            page.store(UInt8(6), at: start + 44)
            page.store(UInt8(truncatingIfNeeded: prefix.length), at: start + 45)
            page.store(prefix.address.high, at: start + 64)
            page.store(prefix.address.low, at: start + 72)
        }
    }

    init() {}

    init(_ page: borrowing RawSpan, at start: Int) {
        time = page.uint64(at: start)
        duration = page.uint32(at: start + 8)
        trace = AnswerTrace(bits: page.uint32(at: start + 12))
        client = Self.address(page, at: start + 16)
        clientPort = page.uint16(at: start + 32)
        transport = Client.Transport(rawValue: page.octet(at: start + 34)) ?? .udp
        ruleCount = Int(page.octet(at: start + 35))
        filterCount = Int(page.octet(at: start + 36))
        upstreamIsRecursor = page.octet(at: start + 37) == 2
        replyCount = Int(page.uint16(at: start + 38))
        kept = Int(page.uint16(at: start + 40))
        if page.octet(at: start + 37) == 1 {
            upstream = TransportAddress(Self.address(page, at: start + 48), Port(page.uint16(at: start + 42)))
        }
        let length = Int(page.octet(at: start + 45))
        let (high, low) = (page.uint64(at: start + 64), page.uint64(at: start + 72))
        switch page.octet(at: start + 44) {
        case 4: view = .v4(IPv4Prefix(IPv4Address(bits: UInt32(truncatingIfNeeded: low)), length: length))
        case 6: view = .v6(IPv6Prefix(IPv6Address(high: high, low: low), length: length))
        default: view = nil
        }
    }

    private static func address(_ page: borrowing RawSpan, at start: Int) -> IPAddress {
        IPAddress.v6(IPv6Address(high: page.uint64(at: start), low: page.uint64(at: start + 8))).unmapped
    }
}
