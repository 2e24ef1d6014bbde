private import CLinux
public import IPAddressing

/// The stream sockets that stand beside the datagram sockets: DNS over TCP.
public enum TCPSocket {
    /// A socket bound to an address, non-blocking, not listening yet; whoever gets its number must close it.
    ///
    /// - Parameter scope: The interface of a link-local address.
    public static func bound(
        to address: TransportAddress,
        scope: UInt32 = 0,
        _ listening: UDPSocket.Listening = []
    ) throws(SystemError) -> Int32 {
        var at = address.endpoint(scope: scope)
        return try SystemError.check(unsafe clinux_tcp_bind(&at, listening.rawValue), "bind TCP \(address)")
    }

    /// A socket that begins to connect; it is writable when the connection stands or has failed.
    ///
    /// - Parameters:
    ///   - scope: The interface of a link-local peer.
    ///   - source: The address of ours to connect from; the routes decide if there is none.
    public static func connecting(
        to peer: TransportAddress,
        scope: UInt32 = 0,
        from source: IPAddress? = nil
    ) throws(SystemError) -> OwnedDescriptor {
        let result = unsafe withEndpoints(peer, scope, source) { unsafe clinux_tcp_connect($0, $1) }
        return try OwnedDescriptor(adopting: result, from: "connect TCP \(peer)")
    }
}
