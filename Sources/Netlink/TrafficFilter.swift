internal import CNetlink

/// A queueing discipline at a link: only which there are matters here.
struct QueueingDiscipline: Hashable {
    let link: LinkIndex
    let kind: String

    init(_ entry: cnetlink_qdisc) {
        link = LinkIndex(entry.link)
        kind = text(entry.kind)
    }
}

/// 32 bits of an IPv4 packet that a filter compares.
struct FilterKey: Hashable, Sendable {
    /// The bits that must be found.
    var value: UInt32
    /// Which bits are compared.
    var mask: UInt32
    /// Octets from the start of the IPv4 header, a multiple of 4.
    var offset: Int32
}

/// A filter that stands at the ingress or egress of a link.
struct TrafficFilter: Hashable, Sendable {
    var link: LinkIndex
    /// The kernel's number for it, unique with link and preference; 0 before it is added.
    var handle: UInt32 = 0
    /// The class it assigns, which at ingress means nothing and so is free to carry a mark.
    var classID: UInt32
    /// Filters of a smaller preference are asked first.
    var preference: UInt16
    var etherType: UInt16
    var keys: [FilterKey]
    var action: Action

    enum Action: Hashable, Sendable {
        /// None: the packet goes on into the host.
        case pass
        /// The packet is sent out of the link, or dropped when that link is gone, which is then 0.
        case redirect(LinkIndex)
        /// Anything else.
        case other
    }

    /// IPv4 as Ethernet numbers it.
    static let ipv4: UInt16 = 0x0800

    /// Reads a rule; nothing for the hash tables and headings that the kernel lists beside rules.
    init?(_ entry: cnetlink_filter) {
        guard entry.is_rule else { return nil }
        link = LinkIndex(entry.link)
        handle = entry.handle
        classID = entry.class_id
        preference = entry.preference
        etherType = entry.ether_type
        keys = []
        guard entry.is_u32, entry.is_terminal, Int(entry.key_count) <= Self.mostKeys else {
            action = .other
            return
        }
        action =
            if entry.redirects {
                .redirect(LinkIndex(entry.target))
            } else {
                entry.action_count == 0 ? .pass : .other
            }
        unsafe withUnsafeBytes(of: entry.keys) { octets in
            let places = unsafe octets.bindMemory(to: cnetlink_key.self)
            for index in 0..<Int(entry.key_count) {
                let key = unsafe places[index]
                keys.append(FilterKey(value: key.value, mask: key.mask, offset: key.offset))
            }
        }
    }

    init(link: LinkIndex, classID: UInt32, preference: UInt16, keys: [FilterKey], action: Action) {
        self.link = link
        self.classID = classID
        self.preference = preference
        self.etherType = Self.ipv4
        self.keys = keys
        self.action = action
    }

    /// How many keys the C side carries.
    static let mostKeys = 8

    var entry: cnetlink_filter {
        var entry = cnetlink_filter()
        entry.link = link.number
        entry.handle = handle
        entry.class_id = classID
        entry.preference = preference
        entry.ether_type = etherType
        if case .redirect(let target) = action {
            entry.redirects = true
            entry.target = target.number
        }
        entry.key_count = UInt8(keys.count)
        unsafe withUnsafeMutableBytes(of: &entry.keys) { octets in
            let places = unsafe octets.bindMemory(to: cnetlink_key.self)
            for (index, key) in keys.prefix(Self.mostKeys).enumerated() {
                unsafe places[index] = cnetlink_key(value: key.value, mask: key.mask, offset: key.offset)
            }
        }
        return entry
    }
}
