internal import DNS64
internal import IPAddressing
internal import Linux
internal import Timing

/// The addresses of ours that upstreams are asked from, where the routes decide: what the kernel says, asked again after
/// a second.
struct UpstreamSources {
    private struct Known {
        var address: IPAddress?
        var until = Moment.start
    }

    private var known: [Known] = []

    private static let lifetime = Moment.Span.seconds(1)

    /// The address for an upstream; nothing if there is no way to it.
    ///
    /// - Parameter number: Of the route.
    mutating func source(of number: Int, _ route: UpstreamRoute, at now: Moment) -> IPAddress? {
        if let source = route.source { return source }
        if number >= known.count {
            known.append(contentsOf: repeatElement(Known(), count: number + 1 - known.count))
        }
        if known[number].until <= now {
            let socket = try? UDPSocket(connectedTo: route.endpoint, scope: route.scope)
            known[number] = Known(address: socket?.name?.address, until: now + Self.lifetime)
        }
        return known[number].address
    }
}
