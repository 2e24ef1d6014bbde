public import IPAddressing

/// Something the operator may want to read in the log.
public enum ResolverEvent: Hashable, Sendable, CustomStringConvertible {
    /// A socket listens.
    case listening(ListenAddress, ListenTransport)
    /// A socket was closed, because its address is gone or no longer wanted.
    case stoppedListening(ListenAddress, ListenTransport)
    /// A socket could not be opened; it is tried again every second.
    case cannotListen(ListenProblem)
    /// From now on these are asked.
    case upstreams([TransportAddress])
    /// A resolver of this machine is not asked, because it is this one.
    case leftOutOurselves(TransportAddress)

    /// One line.
    public var description: String {
        switch self {
        case .listening(let address, let transport): "listening on \(transport.rawValue) \(address)"
        case .stoppedListening(let address, let transport): "no longer listening on \(transport.rawValue) \(address)"
        case .cannotListen(let problem): "cannot listen on \(problem)"
        case .upstreams(let all) where all.isEmpty:
            "no upstream resolver: set dns64.upstreams, or name one in /etc/resolv.conf"
        case .upstreams(let all): "upstreams \(all.map(\.description).joined(separator: ", "))"
        case .leftOutOurselves(let address): "upstream \(address) left out: it is this resolver itself"
        }
    }
}
