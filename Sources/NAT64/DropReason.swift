/// Why a packet was not translated. Each reason is one counter and one line of `status`; what it means says
/// ``explanation``.
@frozen
public enum DropReason: UInt8, Error, Sendable, CaseIterable {
    // What the packet looks like.
    case malformed
    case badHeaderChecksum
    case badTransportChecksum
    case badOffload
    case extensionChain
    case jumbogram
    case routingHeader
    case sourceRoute
    case zeroChecksum
    case unsupportedProtocol
    case unsupportedMessage
    case echoRefused
    case illegalSource
    case illegalDestination
    case destinationOutsidePrefix
    case destinationOutsidePool
    case hairpinLoop
    // What its way forbids.
    case hopLimitExceeded
    case tooBig
    // Fragments.
    case tinyFragment
    case overlappingFragment
    case duplicateFragment
    case badFragment
    case fragmentMemory
    case fragmentTimeout
    case fragmentOfRefused
    // What an ICMP error quotes.
    case quoteTooShort
    case quoteNested
    case quoteUntranslatable
    case quoteUnknown
    // What the policy and the tables say.
    case clientRefused
    case destinationRefused
    case poolExhausted
    case noSession
    case filtered
    case inboundRefused
    case sessionLimit
    case clientLimit
    case newBindingRate
    case tableFull
    case heldSYNLimit
    case heldSYNExpired
    // What nobody sent to be translated.
    case linkLocal
    // The tables again; they came later, and the order of `status` stays.
    case portsReserved
    case blocksExhausted
    case bindingLimit
}

extension DropReason {
    /// The reason as `status` and the metrics spell it: words joined by hyphens.
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
            ("bad-transport-checksum", "The checksum of an ICMP error is wrong (RFC 5508 requirement 3).")
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
            ("zero-checksum", "A UDP datagram has no checksum, which IPv6 or the configuration demands.")
        case .unsupportedProtocol:
            ("unsupported-protocol", "Only TCP, UDP and ICMP can be translated with state (RFC 6146 section 3.4).")
        case .unsupportedMessage:
            ("unsupported-message", "This ICMP message has no counterpart in the other family (RFC 7915).")
        case .echoRefused:
            ("echo-refused", "The configuration refuses ICMP echo (RFC 6146 section 3.5.3).")
        case .illegalSource:
            (
                "illegal-source",
                "The source address can belong to no host, or is the pool's or the host's own and comes from outside."
            )
        case .illegalDestination:
            ("illegal-destination", "The destination is a multicast or broadcast address.")
        case .destinationOutsidePrefix:
            ("destination-outside-prefix", "The destination lies under none of the translation prefixes.")
        case .destinationOutsidePool:
            ("destination-outside-pool", "The destination is not an address of the pool.")
        case .hairpinLoop:
            (
                "hairpin-loop",
                "The source lies under a translation prefix, so that the packet would go round (RFC 6146 section 5.4)."
            )
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
            ("fragment-timeout", "The rest of a fragmented datagram did not come in time.")
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
