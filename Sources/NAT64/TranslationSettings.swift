public import Timing

/// What the operator may choose about how packets are translated, apart from tables and pool.
///
/// A part of ``NAT64Settings``, which holds it as `translation`.
public struct TranslationSettings: Hashable, Sendable {
    /// What happens to an IPv4 UDP datagram without a checksum: RFC 7915 section 4.5, RFC 6146 section 3.4.
    @frozen
    public enum ZeroChecksum: String, Hashable, Sendable {
        /// It gets one.
        case compute
        /// It is dropped.
        case drop
    }

    /// Whose address an ICMPv6 error bears that stands for an ICMPv4 error of a router: RFC 6146 section 3.6.1.
    @frozen
    public enum ErrorSource: String, Hashable, Sendable {
        /// The router's, embedded, so that a traceroute shows each hop; not what the RFC says when taken literally.
        case router
        /// That of the host the packet was for, as the RFC has it.
        case destination
    }

    /// The largest IPv6 packet made from an IPv4 packet that may be fragmented; at least 1280 (RFC 7915 section 4).
    public var lowestIPv6MTU = 1280
    /// What happens to an IPv4 UDP datagram without a checksum.
    public var udpZeroChecksum = ZeroChecksum.compute
    /// Most ICMP errors of our own in a second, all workers together; 0 sets no limit.
    public var icmpErrorsPerSecond = 100
    /// Most ICMP errors of our own at once, before the limit per second counts; at least 1.
    public var icmpErrorBurst = 50
    /// Whose address a translated ICMPv4 error bears on the IPv6 side.
    public var errorSource = ErrorSource.router
    /// Whether we send ICMP errors of our own at all.
    public var sendsICMPErrors = true
    /// Whether IPv4 hosts learn by ICMPv4 3/13 or 3/1 that filtering or a missing binding refused their packet;
    /// RFC 6146 section 3.5.1 leaves this open, and silence tells a scanner less.
    public var reportsRefusedInbound = false
    /// Whether ICMP echo from clients is translated: RFC 6146 section 3.5.3.
    public var translatesEcho = true
    /// The octet that stands for traffic class and type of service in every translated packet, or nothing to copy it
    /// (RFC 7915 sections 4.1 and 5.1).
    public var fixedTrafficClass: UInt8?
    /// Whether the maximum segment size in SYNs is lowered to what both links carry.
    public var clampsSegmentSize = true
    /// Octets set aside for fragments that wait; allocated at start (RFC 6146 section 3.4).
    public var fragmentMemory = 4 << 20
    /// Most datagrams whose fragments are followed at once.
    public var fragmentedDatagrams = 1024
    /// How long the fragments of a datagram may take to come: FRAGMENT_MIN of RFC 6146 section 4, at least 2 seconds.
    public var fragmentLifetime = Moment.Span.seconds(2)
    /// Most SYNs from the IPv4 side kept while they wait for their client; allocated at start.
    public var heldSYNs = 256

    /// The defaults.
    public init() {}
}
