internal import DNS64
internal import IPAddressing

extension Resolver.State {
    /// The encrypted listeners as clients are told of them (RFC 9462): those of one port together, DNS over TLS first.
    func designated(_ certificate: ServerCertificate) -> [DesignatedResolver] {
        guard settings.discovers, settings.certificate != nil, let name = settings.name ?? certificate.names?.host
        else { return [] }
        return [ListenTransport.tls, .https].flatMap { transport -> [DesignatedResolver] in
            let places = wanted.filter { $0.transport == transport }.sorted()
            return Set(places.map(\.address.address.port.number)).sorted().map { port in
                var resolver = DesignatedResolver(
                    name: name,
                    protocols: transport == .tls ? ["dot"] : ["h2", "http/1.1"],
                    port: port,
                    path: transport == .https ? HTTPSRequest.template : nil
                )
                // Clients elsewhere must be able to reach what they are told.
                for place in places where place.address.address.port.number == port && place.address.isForOthers {
                    switch place.address.address.address {
                    case .v4(let address): if resolver.ipv4.count < Self.mostHints { resolver.ipv4.append(address) }
                    case .v6(let address): if resolver.ipv6.count < Self.mostHints { resolver.ipv6.append(address) }
                    }
                }
                return resolver
            }
        }
    }

    /// So many addresses of a family fit beside others into a datagram.
    private static let mostHints = 8
}

extension ListenAddress {
    /// Whether a client on another machine can reach it, and knows by it alone what is meant.
    var isForOthers: Bool {
        switch address.address {
        case .v4(let address): address.bits != 0 && address.bits >> 24 != 127
        case .v6(let address): address != .unspecified && address != .loopback && !address.isLinkLocal
        }
    }
}
