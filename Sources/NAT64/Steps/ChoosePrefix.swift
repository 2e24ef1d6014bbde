import IPAddressing
import Policy

// Which prefix stands for an IPv4 host that speaks first. A client that speaks first chooses by what it sends to.

extension Tables {
    /// The prefix for a peer that sends to a binding and to which the client has sent nothing: the one mapped for it,
    /// or else `usual`, the one the client used last, even if it may not carry the peer, who is refused then (RFC 6052
    /// section 3.1). Where that one stands for mapped addresses alone, and for a static binding that nobody has used, it
    /// is one that reaches the peer.
    ///
    /// - Returns: The number of a prefix; the first for a peer that no prefix reaches.
    // Asked once for a session. The check for allocations cannot see into another module and looks away.
    @_semantics("no_performance_analysis")
    @inline(never)
    func prefix(for peer: IPv4Address, _ policy: Policy, usual: UInt8?) -> UInt8 {
        let policy = successor(of: policy) ?? policy
        if let mapped = policy.mappedPrefix(for: peer) { return prefixes.number(of: policy.prefixes[mapped]) }
        if let usual, let index = index(of: usual, in: policy),
            policy.maps.leavesOpen(index, of: policy.prefixes.count)
        {
            return usual
        }
        return prefixes.number(of: policy.prefixes[policy.prefix(for: peer) ?? 0])
    }
}

extension TranslatorWorker {
    /// Where an ICMPv6 error comes from that stands for an ICMPv4 error of a router.
    ///
    /// Taken literally RFC 6146 section 3.6.1 would embed the quoted destination, and every hop of a traceroute would
    /// look like its target. We embed the router that speaks, unless the operator wants the letter.
    ///
    /// Mutating, though nothing of the worker changes: else all of it would be copied for the call.
    ///
    /// - Parameters:
    ///   - destination: Where the packet went that the error is about.
    ///   - prefix: The prefix of the session.
    @_semantics("no_performance_analysis")
    @inline(never)
    mutating func errorSource(
        _ router: IPv4Address,
        about destination: IPv4Address,
        under prefix: UInt8
    ) -> IPv6Address {
        switch view.settings.errorSource {
        case .destination: view.embed(destination, under: prefix)
        case .router:
            view.policy.mappedPrefix(for: router).map { view.policy.prefixes[$0].embed(router) }
                ?? view.embed(router, under: prefix)
        }
    }
}
