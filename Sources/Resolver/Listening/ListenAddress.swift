public import IPAddressing

/// An address to listen on.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address and the port.
    public var address: TransportAddress
    /// The index of the interface, for a link-local address, which means nothing without one; 0 for all others.
    public var scope: UInt32

    /// Names an address.
    ///
    /// - Parameter scope: Kept for link-local addresses only.
    public init(_ address: TransportAddress, scope: UInt32 = 0) {
        self.address = address
        if case .v6(let pair) = address, pair.address.isLinkLocal { self.scope = scope } else { self.scope = 0 }
    }

    /// `192.0.2.1:53`, or `[fe80::1]:53 on interface 2`.
    public var description: String { scope == 0 ? "\(address)" : "\(address) on interface \(scope)" }
}

/// How questions come to an address.
public enum ListenTransport: String, Hashable, Sendable, CaseIterable {
    /// Datagrams.
    case udp = "UDP"
    /// Connections.
    case tcp = "TCP"
    /// Encrypted connections: RFC 7858.
    case tls = "TLS"
    /// Requests of HTTP on encrypted connections: RFC 8484.
    case https = "HTTPS"

    /// Whether connections begin with a handshake that needs a certificate.
    public var isEncrypted: Bool { self == .tls || self == .https }

    /// The key that names its addresses.
    var key: String {
        switch self {
        case .udp, .tcp: "dns64.listen"
        case .tls: "dns64.listen-tls"
        case .https: "dns64.listen-https"
        }
    }
}

/// A socket that listens, or should.
public struct ListenPlace: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The address.
    public var address: ListenAddress
    /// How questions come to it.
    public var transport: ListenTransport

    /// Names a socket.
    public init(_ address: ListenAddress, _ transport: ListenTransport) {
        self.address = address
        self.transport = transport
    }

    /// By address, then by transport.
    public static func < (left: ListenPlace, right: ListenPlace) -> Bool {
        let (first, second) = (left.address.description, right.address.description)
        if first != second { return first < second }
        return ListenTransport.allCases.firstIndex(of: left.transport) ?? 0
            < ListenTransport.allCases.firstIndex(of: right.transport) ?? 0
    }

    /// `UDP 192.0.2.1:53`.
    public var description: String { "\(transport.rawValue) \(address)" }
}

/// An address that is not being listened on although it should be.
public struct ListenProblem: Hashable, Sendable, CustomStringConvertible {
    /// The address.
    public var address: ListenAddress
    /// Which of its sockets.
    public var transport: ListenTransport
    /// The kernel's error number, positive.
    public var code: Int32
    /// What the kernel says, and to which call if not to that which binds the socket.
    public var reason: String
    /// Who has the port, if somebody has and can be seen: `dnsmasq (process 812)`.
    public var holder: String?

    /// `UDP 192.0.2.1:53: already in use by dnsmasq (process 812); stop it, or set dns64.listen to other addresses`.
    public var description: String {
        guard let holder else { return "\(transport.rawValue) \(address): \(reason)" }
        return "\(transport.rawValue) \(address): already in use by \(holder); "
            + "stop it, or set \(transport.key) to other addresses"
    }

    /// The socket.
    var place: ListenPlace { ListenPlace(address, transport) }
}
