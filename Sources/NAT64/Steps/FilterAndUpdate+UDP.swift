extension TCPStep {
    /// A UDP session begins with its first datagram, and has no states: RFC 6146 section 3.5.1.
    @inline(__always)
    static var firstOfUDP: TCPStep { TCPStep(.closed, lifetime: .udp) }
}
