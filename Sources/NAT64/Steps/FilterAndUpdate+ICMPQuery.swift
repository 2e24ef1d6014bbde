extension TCPStep {
    /// An ICMP query session begins with its first message, and has no states: RFC 6146 section 3.5.3.
    @inline(__always)
    static var firstOfICMPQuery: TCPStep { TCPStep(.closed, lifetime: .icmp) }
}
