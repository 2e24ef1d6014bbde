import PacketWire

/// What happens to a TCP session: the words of RFC 6146 section 3.5.2.2.
enum TCPEvent: UInt8, CaseIterable {
    /// A segment with SYN from the IPv4 side, with or without ACK.
    case v4Syn
    /// A segment with SYN from the IPv6 side, with or without ACK.
    case v6Syn
    /// A segment with FIN from the IPv4 side.
    case v4Fin
    /// A segment with FIN from the IPv6 side.
    case v6Fin
    /// A segment with RST from the IPv4 side.
    case v4Rst
    /// A segment with RST from the IPv6 side.
    case v6Rst
    /// Any other segment from the IPv4 side.
    case v4Other
    /// Any other segment from the IPv6 side.
    case v6Other
    /// The session has lived its time without traffic.
    case lifetimeExpired
}

extension TCPEvent {
    /// The event a segment from the IPv4 side is. A reset is a reset whatever else it claims to be, and a segment
    /// that both opens and closes only opens.
    @inline(__always)
    init(fromIPv4 flags: TCPFlags) {
        self = flags.isDisjoint(with: .opensOrCloses) ? .v4Other : Self.marked(flags, .v4Rst, .v4Syn, .v4Fin)
    }

    /// The event a segment from the IPv6 side is.
    @inline(__always)
    init(fromIPv6 flags: TCPFlags) {
        self = flags.isDisjoint(with: .opensOrCloses) ? .v6Other : Self.marked(flags, .v6Rst, .v6Syn, .v6Fin)
    }

    private static func marked(_ flags: TCPFlags, _ rst: TCPEvent, _ syn: TCPEvent, _ fin: TCPEvent) -> TCPEvent {
        if flags.contains(.rst) { return rst }
        return flags.contains(.syn) ? syn : fin
    }
}
