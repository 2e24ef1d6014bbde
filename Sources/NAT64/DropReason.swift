/// Why a packet was not translated. Each reason is one counter and one line of `status`.
@frozen
public enum DropReason: UInt8, Error, Sendable, CaseIterable {
    // What the packet looks like.
    /// The packet is too short or its lengths contradict each other.
    case malformed
    /// The checksum of the IPv4 header is wrong.
    case badHeaderChecksum
    /// The checksum of an ICMP message or of a reassembled datagram is wrong.
    case badTransportChecksum
    /// The kernel's offload header does not fit the packet it came with.
    case badOffload
    /// The IPv6 extension headers are too many or stand where they must not.
    case extensionChain
    /// IPv6 jumbograms cannot be translated.
    case jumbogram
    /// An IPv6 routing header still names segments to visit (RFC 7915 section 5.1).
    case routingHeader
    /// An IPv4 source route is not finished (RFC 7915 section 4.1).
    case sourceRoute
    /// A UDP datagram without a checksum may not or could not be given one.
    case zeroChecksum
    /// Only TCP, UDP and ICMP can be translated with state (RFC 6146 section 3.4).
    case unsupportedProtocol
    /// This ICMP message has no counterpart in the other family (RFC 7915).
    case unsupportedMessage
    /// The configuration refuses ICMP echo (RFC 6146 section 3.5.3).
    case echoRefused
    /// The source address can belong to no host, lies under a translation prefix, or is one of the pool or the host's own
    /// on a packet that came from outside.
    case illegalSource
    /// The destination is a multicast or broadcast address.
    case illegalDestination
    /// The destination lies under none of the translation prefixes.
    case destinationOutsidePrefix
    /// The destination is not an address of the pool.
    case destinationOutsidePool
    /// The packet would pass the translator again and again (RFC 6146 section 5.4).
    case hairpinLoop
    // What its way forbids.
    /// The packet's hop limit or time to live ends here.
    case hopLimitExceeded
    /// The translated packet does not fit the next link and may not be fragmented.
    case tooBig
    // Fragments.
    /// A first fragment without the whole transport header, or one that rewrites it (RFC 1858).
    case tinyFragment
    /// Fragments of one datagram overlap (RFC 5722).
    case overlappingFragment
    /// A fragment came twice, or brought nothing.
    case duplicateFragment
    /// A fragment's length or offset is impossible.
    case badFragment
    /// The memory for waiting fragments is full.
    case fragmentMemory
    /// The first fragment did not come in time.
    case fragmentTimeout
    /// The first fragment of the same datagram was refused.
    case fragmentOfRefused
    // What an ICMP error quotes.
    /// An ICMP error quotes too little of the packet it is about.
    case quoteTooShort
    /// An ICMP error is about an ICMP error.
    case quoteNested
    /// An ICMP error quotes a packet that cannot be translated.
    case quoteUntranslatable
    /// An ICMP error is about a packet of no session of ours.
    case quoteUnknown
    // What the policy and the tables say.
    /// The client's network is not among those served.
    case clientRefused
    /// The IPv4 destination may not be reached; see [destinations] allow.
    case destinationRefused
    /// No address and port of the pool is free; give the pool more addresses or ports.
    case poolExhausted
    /// No binding or session knows the packet.
    case noSession
    /// The client has sent nothing to this peer, and filtering wants that first.
    case filtered
    /// Connections opened from the IPv4 side are refused.
    case inboundRefused
    /// The table of sessions is at its limit.
    case sessionLimit
    /// The client's network is at its limit of sessions, ports or blocks of ports.
    case clientLimit
    /// The client's network makes new bindings faster than allowed.
    case newBindingRate
    /// The table of bindings is at its limit.
    case tableFull
    /// As many SYNs from the IPv4 side wait for their client as are allowed.
    case heldSYNLimit
    /// A SYN from the IPv4 side waited for its client in vain (RFC 6146 section 3.5.2.2).
    case heldSYNExpired
    // What nobody sent to be translated.
    /// The packet is for the link itself, as the kernel's multicast listener reports on every interface.
    case linkLocal
    /// The last ports of the pool are kept for clients that have none; see limits.ports-for-new-clients.
    case portsReserved
    /// No block of ports is free; give the pool more addresses, or take smaller blocks.
    case blocksExhausted
    /// The binding is at its limit of sessions; see limits.sessions-per-binding.
    case bindingLimit
}

extension DropReason {
    /// The reason as `status`, the metrics and traces spell it: words joined by hyphens.
    public var name: StaticString { description.name }

    /// One sentence for the operator.
    public var explanation: StaticString { description.explanation }

    private var description: (name: StaticString, explanation: StaticString) {
        switch self {
        case .malformed:
            ("malformed", "The packet is too short or its lengths contradict each other.")
        case .badHeaderChecksum:
            ("bad-header-checksum", "The checksum of the IPv4 header is wrong.")
        case .badTransportChecksum:
            ("bad-transport-checksum", "The checksum of an ICMP message or of a reassembled datagram is wrong.")
        case .badOffload:
            ("bad-offload", "The kernel's offload header does not fit the packet it came with.")
        case .extensionChain:
            ("extension-chain", "The IPv6 extension headers are too many or stand where they must not.")
        case .jumbogram:
            ("jumbogram", "IPv6 jumbograms cannot be translated.")
        case .routingHeader:
            ("routing-header", "An IPv6 routing header still names segments to visit (RFC 7915 section 5.1).")
        case .sourceRoute:
            ("source-route", "An IPv4 source route is not finished (RFC 7915 section 4.1).")
        case .zeroChecksum:
            ("zero-checksum", "A UDP datagram without a checksum may not or could not be given one.")
        case .unsupportedProtocol:
            ("unsupported-protocol", "Only TCP, UDP and ICMP can be translated with state (RFC 6146 section 3.4).")
        case .unsupportedMessage:
            ("unsupported-message", "This ICMP message has no counterpart in the other family (RFC 7915).")
        case .echoRefused:
            ("echo-refused", "The configuration refuses ICMP echo (RFC 6146 section 3.5.3).")
        case .illegalSource:
            (
                "illegal-source",
                "The source address can belong to no host, lies under a prefix, or is the pool's or the host's own outside."
            )
        case .illegalDestination:
            ("illegal-destination", "The destination is a multicast or broadcast address.")
        case .destinationOutsidePrefix:
            ("destination-outside-prefix", "The destination lies under none of the translation prefixes.")
        case .destinationOutsidePool:
            ("destination-outside-pool", "The destination is not an address of the pool.")
        case .hairpinLoop:
            ("hairpin-loop", "The packet would pass the translator again and again (RFC 6146 section 5.4).")
        case .hopLimitExceeded:
            ("hop-limit-exceeded", "The packet's hop limit or time to live ends here.")
        case .tooBig:
            ("too-big", "The translated packet does not fit the next link and may not be fragmented.")
        case .tinyFragment:
            (
                "tiny-fragment",
                "A first fragment without the whole transport header, or one that rewrites it (RFC 1858)."
            )
        case .overlappingFragment:
            ("overlapping-fragment", "Fragments of one datagram overlap (RFC 5722).")
        case .duplicateFragment:
            ("duplicate-fragment", "A fragment came twice, or brought nothing.")
        case .badFragment:
            ("bad-fragment", "A fragment's length or offset is impossible.")
        case .fragmentMemory:
            ("fragment-memory", "The memory for waiting fragments is full.")
        case .fragmentTimeout:
            ("fragment-timeout", "The first fragment did not come in time.")
        case .fragmentOfRefused:
            ("fragment-of-refused", "The first fragment of the same datagram was refused.")
        case .quoteTooShort:
            ("quote-too-short", "An ICMP error quotes too little of the packet it is about.")
        case .quoteNested:
            ("quote-nested", "An ICMP error is about an ICMP error.")
        case .quoteUntranslatable:
            ("quote-untranslatable", "An ICMP error quotes a packet that cannot be translated.")
        case .quoteUnknown:
            ("quote-unknown", "An ICMP error is about a packet of no session of ours.")
        case .clientRefused:
            ("client-refused", "The client's network is not among those served.")
        case .destinationRefused:
            ("destination-refused", "The IPv4 destination may not be reached; see [destinations] allow.")
        case .poolExhausted:
            ("pool-exhausted", "No address and port of the pool is free; give the pool more addresses or ports.")
        case .noSession:
            ("no-session", "No binding or session knows the packet.")
        case .filtered:
            ("filtered", "The client has sent nothing to this peer, and filtering wants that first.")
        case .inboundRefused:
            ("inbound-refused", "Connections opened from the IPv4 side are refused.")
        case .sessionLimit:
            ("session-limit", "The table of sessions is at its limit.")
        case .clientLimit:
            ("client-limit", "The client's network is at its limit of sessions, ports or blocks of ports.")
        case .newBindingRate:
            ("new-binding-rate", "The client's network makes new bindings faster than allowed.")
        case .tableFull:
            ("table-full", "The table of bindings is at its limit.")
        case .heldSYNLimit:
            ("held-syn-limit", "As many SYNs from the IPv4 side wait for their client as are allowed.")
        case .heldSYNExpired:
            ("held-syn-expired", "A SYN from the IPv4 side waited for its client in vain (RFC 6146 section 3.5.2.2).")
        case .portsReserved:
            (
                "ports-reserved",
                "The last ports of the pool are kept for clients that have none; see limits.ports-for-new-clients."
            )
        case .blocksExhausted:
            ("blocks-exhausted", "No block of ports is free; give the pool more addresses, or take smaller blocks.")
        case .bindingLimit:
            ("binding-limit", "The binding is at its limit of sessions; see limits.sessions-per-binding.")
        case .linkLocal:
            ("link-local", "The kernel's own messages on the device, such as multicast reports; nothing is amiss.")
        }
    }
}
