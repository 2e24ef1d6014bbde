internal import CLinux
public import IPAddressing

/// Both ends of a datagram: who sent it, and which address of ours it was sent to, so that the answer leaves from there.
public struct UDPEnds: Sendable {
    var ends: clinux_udp_ends

    init(_ ends: clinux_udp_ends) { self.ends = ends }

    /// Who sent the datagram.
    public var peer: TransportAddress { TransportAddress(endpoint: ends.peer) }
}

extension TransportAddress {
    init(endpoint: clinux_endpoint) {
        if endpoint.family == 4 {
            self = .v4(
                TransportAddress4(IPv4Address(bits: UInt32(truncatingIfNeeded: endpoint.low)), Port(endpoint.port))
            )
        } else {
            self = .v6(TransportAddress6(IPv6Address(high: endpoint.high, low: endpoint.low), Port(endpoint.port)))
        }
    }

    /// The address as C takes it.
    ///
    /// - Parameter scope: The interface of a link-local address.
    func endpoint(scope: UInt32 = 0) -> clinux_endpoint {
        var endpoint = clinux_endpoint()
        endpoint.port = port.number
        switch address {
        case .v4(let address):
            endpoint.family = 4
            endpoint.low = UInt64(address.bits)
        case .v6(let address):
            endpoint.family = 6
            endpoint.high = address.high
            endpoint.low = address.low
            endpoint.scope = scope
        }
        return endpoint
    }
}
