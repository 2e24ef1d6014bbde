internal import DNS64
internal import IPAddressing
internal import Linux
internal import Recursion

/// Which upstreams are asked: those of the settings or those of the system, those of the rules, and never ourselves.
struct UpstreamChoice: Hashable {
    /// The upstreams of names without a rule, in their order.
    var upstreams: [UpstreamAddress] = []
    /// The rules, without upstreams that are this resolver; a rule may have none left.
    var rules: [ForwardingRule] = []
    /// The views, their rules without upstreams that are this resolver.
    var views: [ViewNames] = []
    /// What the recursor is to do; nothing if nobody is to ask it.
    var recursion: RecursionSettings?
    /// Those left out because they are this resolver.
    var ourselves: [TransportAddress] = []

    /// Reads the system's files where the settings want them.
    ///
    /// - Parameter listening: The addresses that this resolver listens on or is to listen on.
    init(_ settings: ResolverSettings, listening: Set<ListenAddress>) {
        let wanted =
            settings.usesSystemUpstreams
            ? SystemResolvers.read(settings.systemResolvers).map {
                UpstreamAddress($0.endpoint, scope: $0.zone.isEmpty ? 0 : UDPSocket.scope(of: $0.zone))
            } : settings.dns64.upstreams
        // Many rules may name the same upstream.
        var known: [TransportAddress: Bool] = [:]
        func isOurs(_ endpoint: TransportAddress) -> Bool {
            if let answer = known[endpoint] { return answer }
            let answer = Self.isOurs(endpoint, listening)
            known[endpoint] = answer
            if answer { ourselves.append(endpoint) }
            return answer
        }
        upstreams = wanted.filter { !isOurs($0.endpoint) }
        func withoutOurselves(_ rules: [ForwardingRule]) -> [ForwardingRule] {
            rules.map { rule in
                guard case .ask(let named) = rule.action, named.contains(where: { isOurs($0.endpoint) }) else {
                    return rule
                }
                return ForwardingRule(domain: rule.domain, action: .ask(named.filter { !isOurs($0.endpoint) }))
            }
        }
        rules = withoutOurselves(settings.dns64.rules)
        views = settings.dns64.views
        for index in views.indices { views[index].rules = views[index].rules.map(withoutOurselves) }
        chooseRecursion(settings.recursion)
    }

    /// Whoever validates asks the recursor alone, which asks the upstreams; without any there is nobody to ask.
    private mutating func chooseRecursion(_ wanted: RecursionSettings) {
        var recursion = wanted
        if recursion.validates, !upstreams.isEmpty, upstreams != [.recursor] {
            recursion.forwarders = upstreams.map { RecursionSettings.Forwarder($0.endpoint, scope: $0.scope) }
            upstreams = [.recursor]
        }
        let isAsked =
            upstreams.contains(.recursor)
            || (rules + views.flatMap { $0.rules ?? [] }).contains { rule in
                if case .ask(let named) = rule.action { named.contains(.recursor) } else { false }
            }
        if isAsked { self.recursion = recursion }
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
