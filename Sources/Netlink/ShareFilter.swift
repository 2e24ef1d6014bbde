internal import IPAddressing

/// A traffic filter that takes the translator's share of an interface's address.
///
/// Four preferences, asked in this order: plain TCP and UDP to our ports goes to the TUN, and so do pings with identifiers
/// of ours; ICMP errors about what may have come from our ports; what else is plain stays with the host; TCP, UDP and ICMP
/// that does not show such a number at its usual place, because it is a fragment or has IPv4 options, goes to the TUN.
/// Whatever belongs to no session comes back from the TUN to the host unchanged, but by another interface, where sockets
/// that are bound to the uplink do not hear it.
///
/// The third kind ends the search, and filters of others that stand behind ours would not be asked any more. Where there
/// are such, it is left out, and the fourth kind names every bit by which a packet is not plain.
///
/// What the kernel itself has to say about a client's packet never reaches an interface, for its destination is here: of
/// the loopback device the errors go to the TUN that quote what may be a client's.
public struct ShareFilter: Hashable, Sendable {
    let preference: UInt16
    let keys: [FilterKey]
    let action: Action

    enum Action: Hashable, Sendable {
        case toTranslator
        case toHost
        /// Left over from a run whose TUN is gone: the kernel drops what it matches.
        case toNobody
    }

    static let firstPreference: UInt16 = 6400
    static let preferences: ClosedRange<UInt16> = firstPreference...6403

    /// The classes our filters assign. At ingress a class means nothing to the kernel, so its number is our mark; it
    /// also remembers over a crash whether the clsact discipline was there before us.
    enum Mark {
        static let foundClsact: UInt32 = 0x6400_0000
        static let madeClsact: UInt32 = 0x6401_0000
        static func isOurs(_ classID: UInt32) -> Bool { classID == foundClsact || classID == madeClsact }
    }

    /// The filters of one shared address, in the order they are asked.
    ///
    /// - Parameter beforeOthers: Whether filters of others stand behind ours.
    static func filters(for shared: NetworkPlan.SharedAddress, beforeOthers: Bool = false) -> [ShareFilter] {
        let address = FilterKey(value: shared.address.bits, mask: ~0, offset: 16)
        var filters: [ShareFilter] = []
        for number in [6, 17] as [UInt32] {
            for ports in portKeys(shared.ports) {
                let keys = [address, transport(number), withoutOptions, unfragmented, ports].filter { $0.mask != 0 }
                filters.append(ShareFilter(preference: 6400, keys: keys, action: .toTranslator))
            }
        }
        let message = [address, transport(1), withoutOptions, unfragmented]
        for identifiers in portKeys(shared.ports, at: 24, shift: 16) {
            let keys = (message + [echo, identifiers]).filter { $0.mask != 0 }
            filters.append(ShareFilter(preference: 6400, keys: keys, action: .toTranslator))
        }
        filters += errors(message, about: shared)
        if !beforeOthers {
            let keys = [address, withoutOptions, unfragmented]
            filters.append(ShareFilter(preference: 6402, keys: keys, action: .toHost))
        }
        for number in [1, 6, 17] as [UInt32] {
            for sign in beforeOthers ? signsOfNotPlain : [[]] {
                let keys = [address, transport(number)] + sign
                filters.append(ShareFilter(preference: 6403, keys: keys, action: .toTranslator))
            }
        }
        return filters
    }

    /// The filters at the loopback device, which take the kernel's own errors about packets from a shared address: that
    /// a packet is too big for its next link, that nobody answers there, or that the host's firewall rejects it
    /// (RFC 792, type 3).
    static func filters(ofOwnErrorsFor shared: NetworkPlan.SharedAddress) -> [ShareFilter] {
        let address = FilterKey(value: shared.address.bits, mask: ~0, offset: 16)
        let unreachable = FilterKey(value: 3 << 24, mask: 0xFF00_0000, offset: 20)
        return errors([address, transport(1), withoutOptions, unreachable], about: shared)
    }

    /// The filters for ICMP messages with these keys that quote a packet from one of our ports at a shared address, or a
    /// ping with an identifier of ours. A later fragment shows neither. A quote with IPv4 options shows them elsewhere
    /// (RFC 5508 requirement 3), so all of these go to the TUN.
    ///
    /// They have a preference of their own: a key that lies behind the packet's end ends the search in a preference.
    private static func errors(_ message: [FilterKey], about shared: NetworkPlan.SharedAddress) -> [ShareFilter] {
        let source = FilterKey(value: shared.address.bits, mask: ~0, offset: quote + 12)
        let length = FilterKey(value: withoutOptions.value, mask: withoutOptions.mask, offset: quote)
        var filters = signsOfOptions.map { sign in
            let keys = message + [FilterKey(value: sign, mask: sign, offset: quote), source]
            return ShareFilter(preference: 6401, keys: keys, action: .toTranslator)
        }
        for number in [1, 6, 17] as [UInt32] {
            for ports in portKeys(shared.ports, at: number == 1 ? quote + 24 : quote + 20, shift: 16) {
                let keys = (message + [length, transport(number, at: quote), source, ports]).filter { $0.mask != 0 }
                filters.append(ShareFilter(preference: 6401, keys: keys, action: .toTranslator))
            }
        }
        return filters
    }

    /// Where the quoted packet begins in an ICMP error without IPv4 options: RFC 792.
    private static let quote: Int32 = 28

    /// The protocol field: RFC 791 section 3.1, octet 9.
    private static func transport(_ number: UInt32, at header: Int32 = 0) -> FilterKey {
        FilterKey(value: number << 16, mask: 0x00FF_0000, offset: header + 8)
    }

    /// Echo or echo reply, 8 or 0: RFC 792.
    private static let echo = FilterKey(value: 0, mask: 0xF700_0000, offset: 20)

    /// A range of ports as the fewest values under masks: RFC 9293 section 3.1 and RFC 768, octet 2. Other numbers of 16
    /// bits lie elsewhere.
    private static func portKeys(_ ports: ClosedRange<Port>, at offset: Int32 = 20, shift: UInt32 = 0) -> [FilterKey] {
        var keys: [FilterKey] = []
        var next = UInt32(ports.lowerBound.number)
        let end = UInt32(ports.upperBound.number)
        while next <= end {
            var size: UInt32 = next == 0 ? 1 << 16 : next & (~next + 1)
            while next + size - 1 > end { size >>= 1 }
            keys.append(FilterKey(value: next << shift, mask: (0xFFFF & ~(size - 1)) << shift, offset: offset))
            next += size
        }
        return keys
    }

    /// A header of five words: RFC 791 section 3.1, octet 0.
    private static let withoutOptions = FilterKey(value: 0x0500_0000, mask: 0x0F00_0000, offset: 0)

    /// Neither "more fragments" nor an offset: RFC 791 section 3.1, octets 6 and 7.
    private static let unfragmented = FilterKey(value: 0, mask: 0x3FFF, offset: 4)

    /// The bits of the header's length, of 6 words at the least with options, that 5 has not.
    private static let signsOfOptions: [UInt32] = [0x0800_0000, 0x0200_0000]

    /// Each bit that is set in some packet with options or in some fragment, and in no plain packet: those of the header's
    /// length; "more fragments"; each of the offset.
    private static let signsOfNotPlain: [[FilterKey]] =
        signsOfOptions.map { [FilterKey(value: $0, mask: $0, offset: 0)] }
        + (0..<14).reversed().map { [FilterKey(value: 1 << $0, mask: 1 << $0, offset: 4)] }

    init(preference: UInt16, keys: [FilterKey], action: Action) {
        self.preference = preference
        self.keys = keys
        self.action = action
    }

    /// Reads a filter that stands at a link; nothing when it is not one of ours.
    init?(_ filter: TrafficFilter, device: LinkIndex?) {
        guard Self.preferences.contains(filter.preference), Mark.isOurs(filter.classID),
            filter.etherType == TrafficFilter.ipv4
        else { return nil }
        preference = filter.preference
        keys = filter.keys
        switch filter.action {
        case .pass: action = .toHost
        case .redirect(let target): action = target == device ? .toTranslator : .toNobody
        case .other: return nil
        }
    }

    func filter(on link: LinkIndex, to device: LinkIndex, mark: UInt32) -> TrafficFilter {
        let action: TrafficFilter.Action =
            switch action {
            case .toTranslator: .redirect(device)
            case .toHost: .pass
            case .toNobody: .redirect(LinkIndex(0))
            }
        return TrafficFilter(link: link, classID: mark, preference: preference, keys: keys, action: action)
    }
}

extension ShareFilter: CustomStringConvertible {
    /// `filter 6400 for 203.0.113.5`.
    public var description: String {
        let address = keys.first { $0.offset == 16 }.map { " for \(IPv4Address(bits: $0.value))" }
        return "filter \(preference)\(address ?? "")"
    }
}
