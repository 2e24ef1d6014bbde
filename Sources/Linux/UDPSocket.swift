internal import CLinux
private import Glibc
public import IPAddressing

/// A non-blocking datagram socket.
@safe
public struct UDPSocket: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// How a listening socket takes its address.
    public struct Listening: OptionSet, Sendable {
        /// The bits of CLinux.
        public let rawValue: Int32
        /// Makes a set from its bits.
        public init(rawValue: Int32) { self.rawValue = rawValue }
        /// The address need not be on this machine yet (IP_FREEBIND).
        public static let beforeAddressExists = Listening(rawValue: CLINUX_LISTEN_FREEBIND)
        /// Shares the port with a socket of ours that has it already (SO_REUSEPORT). Without this the address must be
        /// free of everybody's sockets, also of those that would share it.
        public static let joiningOwn = Listening(rawValue: CLINUX_LISTEN_JOIN)
    }

    /// What a poll watches.
    public var number: Int32 { descriptor.number }

    /// A socket that hears datagrams for one address, or for all of this machine's if it is unspecified.
    ///
    /// - Parameter scope: The interface of a link-local address.
    public init(
        listeningOn address: TransportAddress,
        scope: UInt32 = 0,
        _ listening: Listening = []
    ) throws(SystemError) {
        var at = address.endpoint(scope: scope)
        let result = unsafe clinux_udp_listen(&at, listening.rawValue)
        descriptor = try OwnedDescriptor(adopting: result, from: "bind UDP \(address)")
    }

    /// A socket from a fresh random port that exchanges datagrams with one peer only: those of others never reach us,
    /// and ICMP errors are reported at once.
    ///
    /// - Parameters:
    ///   - scope: The interface of a link-local peer.
    ///   - source: The address of ours to send from; the routes decide if there is none.
    public init(
        connectedTo peer: TransportAddress,
        scope: UInt32 = 0,
        from source: IPAddress? = nil
    ) throws(SystemError) {
        let result = unsafe withEndpoints(peer, scope, source) { unsafe clinux_udp_connect($0, $1) }
        descriptor = try OwnedDescriptor(adopting: result, from: "connect UDP \(peer)")
    }

    /// The index of an interface, for link-local addresses written with a zone; 0 if there is none of this name.
    ///
    /// - Parameter zone: A name or the index itself.
    public static func scope(of zone: String) -> UInt32 {
        let named = unsafe if_nametoindex(zone)
        return named != 0 ? named : UInt32(zone) ?? 0
    }

    /// The address and port the socket has.
    public var name: TransportAddress? { SocketIO.name(of: number) }

    /// Sends one datagram to the peer.
    public func send(_ octets: borrowing RawSpan) throws(SystemError) {
        try SystemError.check(SocketIO.send(octets, on: number), "send UDP")
    }

    /// Takes one datagram from the peer. Returns how long it is; nil if none waits.
    ///
    /// - Throws: What the network reports about earlier datagrams, such as a refused port.
    public func receive(into octets: inout MutableRawSpan) throws(SystemError) -> Int? {
        let result = SocketIO.receive(into: &octets, on: number)
        if SocketIO.isTryAgain(result) { return nil }
        return Int(try SystemError.check(result, "receive UDP"))
    }
}

/// Calls `body` with pointers to a peer and, if there is one, to a source without a port.
@unsafe
func withEndpoints(
    _ peer: TransportAddress,
    _ scope: UInt32,
    _ source: IPAddress?,
    _ body: (UnsafePointer<clinux_endpoint>, UnsafePointer<clinux_endpoint>?) -> Int32
) -> Int32 {
    let to = peer.endpoint(scope: scope)
    guard let source else { return unsafe withUnsafePointer(to: to) { unsafe body($0, nil) } }
    let from = TransportAddress(source, Port(0)).endpoint(scope: scope)
    return unsafe withUnsafePointer(to: to) { to in
        unsafe withUnsafePointer(to: from) { from in unsafe body(to, from) }
    }
}
