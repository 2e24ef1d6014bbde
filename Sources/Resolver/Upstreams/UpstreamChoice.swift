internal import DNS64
internal import IPAddressing
internal import Linux

/// Which upstreams are asked: those of the settings or those of the system, and never ourselves.
struct UpstreamChoice: Hashable {
    /// How they are reached, in their order.
    var routes: [UpstreamRoute] = []
    /// Those left out because they are this resolver.
    var ourselves: [TransportAddress] = []

    /// Reads the system's files where the settings want them.
    ///
    /// - Parameter listening: The addresses that this resolver listens on or is to listen on.
    init(_ settings: ResolverSettings, listening: Set<ListenAddress>) {
        let routes =
            settings.usesSystemUpstreams
            ? SystemResolvers.read(settings.systemResolvers).map {
                UpstreamRoute(endpoint: $0.endpoint, scope: $0.zone.isEmpty ? 0 : UDPSocket.scope(of: $0.zone))
            }
            : settings.dns64.upstreams.map { UpstreamRoute(endpoint: $0.endpoint) }
        for route in routes {
            if Self.isOurs(route.endpoint, listening) {
                ourselves.append(route.endpoint)
            } else {
                self.routes.append(route)
            }
        }
    }

    private static func isOurs(_ endpoint: TransportAddress, _ listening: Set<ListenAddress>) -> Bool {
        listening.contains { mine in
            guard mine.address.port == endpoint.port else { return false }
            if mine.address.address == endpoint.address { return true }
            switch (mine.address.address, endpoint.address) {
            case (.v4(let any), .v4) where any.bits == 0: return isOnThisMachine(endpoint.address)
            case (.v6(.unspecified), .v6): return isOnThisMachine(endpoint.address)
            default: return false
            }
        }
    }

    /// Only an address of this machine can be bound.
    private static func isOnThisMachine(_ address: IPAddress) -> Bool {
        do throws(SystemError) {
            _ = try UDPSocket(listeningOn: TransportAddress(address, Port(0)))
            return true
        } catch {
            return false
        }
    }
}
