internal import DNS64
internal import DNSWire
internal import IPAddressing
internal import PacketMemory

/// What a worker knows of an answer besides its octets, as it lies in a page of the query log in front of them.
struct QueryNotes: Equatable {
    /// How an upstream was asked.
    enum Profile: UInt8 {
        case udp = 1
        case tcp
        case tls
        case recursive
    }

    /// When the question came, as Unix time in microseconds.
    var time: UInt64 = 0
    /// How long the answer took, in microseconds.
    var duration: UInt32 = 0
    /// What became of the question.
    var story = AnswerStory(bits: 0)
    /// Why there is no answer; the question is kept in its place then.
    var silence: SilenceReason?
    var client = IPAddress.v6(.unspecified)
    var clientPort: UInt16 = 0
    var transport = Client.Transport.udp
    /// The network of the client's view; nothing if no view names the client.
    var view: IPPrefix?
    /// How the upstream was asked that answered; nothing if none did.
    var profile: Profile?
    /// Which upstream answered; nothing if it was the recursor.
    var upstream: TransportAddress?
    /// The address of ours that it was asked from.
    var upstreamSource: IPAddress?
    /// What the filter says that holds for the question or its answer.
    var filterAction: Action?
    /// The network of the filter; nothing if it is for a name.
    var filterNetwork: IPPrefix?
    /// How many octets the answer has; a long one is not kept whole.
    var replyCount = 0
    /// How many octets of it lie behind the notes, then those of the names of the rule and of the filter.
    var kept = 0
    var ruleCount = 0
    var filterCount = 0

    /// What a filter says, in a word.
    enum Action: UInt8 {
        case allow = 1
        case nxdomain
        case nodata
        case override

        init(_ action: FilterAction) {
            switch action {
            case .allow: self = .allow
            case .nameError: self = .nxdomain
            case .noData: self = .nodata
            case .override: self = .override
            }
        }
    }

    /// How many octets the notes take.
    static let size = 120

    /// How many octets of an answer are kept.
    static let mostKept = 16_384

    /// How many octets notes and names and answer take.
    var total: Int { Self.size + kept + ruleCount + filterCount }

    init() {}
}

/// The notes as octets.
extension QueryNotes {
    func write(into page: inout MutableRawSpan, at start: Int) {
        page.store(time, at: start)
        page.store(story.bits, at: start + 8)
        page.store(duration, at: start + 16)
        page.store(clientPort, at: start + 20)
        page.store(upstream?.port.number ?? 0, at: start + 22)
        page.store(transport.rawValue, at: start + 24)
        page.store(silence.map { $0.rawValue + 1 } ?? 0, at: start + 25)
        page.store(profile?.rawValue ?? 0, at: start + 26)
        page.store(filterAction?.rawValue ?? 0, at: start + 27)
        page.store(UInt8(truncatingIfNeeded: ruleCount), at: start + 28)
        page.store(UInt8(truncatingIfNeeded: filterCount), at: start + 29)
        page.store(UInt16(truncatingIfNeeded: replyCount), at: start + 30)
        page.store(UInt16(truncatingIfNeeded: kept), at: start + 32)
        Self.store(view, lengthAt: start + 34, addressAt: start + 40, in: &page)
        Self.store(filterNetwork, lengthAt: start + 36, addressAt: start + 56, in: &page)
        Self.store(client, at: start + 72, in: &page)
        Self.store(upstream?.address ?? .v6(.unspecified), at: start + 88, in: &page)
        Self.store(upstreamSource ?? .v6(.unspecified), at: start + 104, in: &page)
    }

    init(_ page: borrowing RawSpan, at start: Int) {
        time = page.uint64(at: start)
        story = AnswerStory(bits: page.uint64(at: start + 8))
        duration = page.uint32(at: start + 16)
        clientPort = page.uint16(at: start + 20)
        transport = Client.Transport(rawValue: page.octet(at: start + 24)) ?? .udp
        silence = SilenceReason(rawValue: page.octet(at: start + 25) &- 1)
        profile = Profile(rawValue: page.octet(at: start + 26))
        filterAction = Action(rawValue: page.octet(at: start + 27))
        ruleCount = Int(page.octet(at: start + 28))
        filterCount = Int(page.octet(at: start + 29))
        replyCount = Int(page.uint16(at: start + 30))
        kept = Int(page.uint16(at: start + 32))
        view = Self.prefix(page, lengthAt: start + 34, addressAt: start + 40)
        filterNetwork = Self.prefix(page, lengthAt: start + 36, addressAt: start + 56)
        client = Self.address(page, at: start + 72)
        let port = Port(page.uint16(at: start + 22))
        if port.number != 0 { upstream = TransportAddress(Self.address(page, at: start + 88), port) }
        let source = Self.address(page, at: start + 104)
        if source != .v6(.unspecified) { upstreamSource = source }
    }

    private static func store(_ address: IPAddress, at place: Int, in page: inout MutableRawSpan) {
        page.store(address.mapped.high, at: place)
        page.store(address.mapped.low, at: place + 8)
    }

    private static func address(_ page: borrowing RawSpan, at place: Int) -> IPAddress {
        IPAddress.v6(IPv6Address(high: page.uint64(at: place), low: page.uint64(at: place + 8))).unmapped
    }

    private static func store(
        _ prefix: IPPrefix?,
        lengthAt length: Int,
        addressAt place: Int,
        in page: inout MutableRawSpan
    ) {
        switch prefix {
        case nil: page.store(UInt16.max, at: length)
        case .v4(let prefix):
            page.store(UInt16(4 << 8 | prefix.length), at: length)
            store(.v4(prefix.address), at: place, in: &page)
        case .v6(let prefix):
            page.store(UInt16(6 << 8 | prefix.length), at: length)
            store(.v6(prefix.address), at: place, in: &page)
        }
    }

    private static func prefix(_ page: borrowing RawSpan, lengthAt length: Int, addressAt place: Int) -> IPPrefix? {
        let (family, length) = page.uint16(at: length).quotientAndRemainder(dividingBy: 256)
        let (high, low) = (page.uint64(at: place), page.uint64(at: place + 8))
        switch family {
        case 4: return .v4(IPv4Prefix(IPv4Address(bits: UInt32(truncatingIfNeeded: low)), length: Int(length)))
        case 6: return .v6(IPv6Prefix(IPv6Address(high: high, low: low), length: Int(length)))
        default: return nil
        }
    }
}
