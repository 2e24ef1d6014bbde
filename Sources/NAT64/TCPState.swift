/// Where a TCP session stands: RFC 6146 section 3.5.2.2.
@frozen
public enum TCPState: UInt8, Sendable, Hashable, CaseIterable {
    /// There is no session.
    case closed
    /// A SYN came from the IPv4 side.
    case v4Init
    /// A SYN came from the IPv6 side.
    case v6Init
    /// Both sides have sent a SYN.
    case established
    /// The IPv4 side has sent a FIN.
    case v4FinReceived
    /// The IPv6 side has sent a FIN.
    case v6FinReceived
    /// Both sides have sent a FIN.
    case v4FinV6FinReceived
    /// A reset was seen, or the session was idle for too long: it may be alive or not.
    case trans
}

extension TCPState {
    /// The state as RFC 6146 spells it.
    public var name: StaticString {
        switch self {
        case .closed: "CLOSED"
        case .v4Init: "V4 INIT"
        case .v6Init: "V6 INIT"
        case .established: "ESTABLISHED"
        case .v4FinReceived: "V4 FIN RCV"
        case .v6FinReceived: "V6 FIN RCV"
        case .v4FinV6FinReceived: "V4 FIN + V6 FIN RCV"
        case .trans: "TRANS"
        }
    }
}
