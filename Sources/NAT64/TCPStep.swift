/// What an event does to a session; only those of TCP have states.
struct TCPStep: Hashable {
    /// The state after it.
    let state: TCPState
    /// The lifetime the session starts anew; nothing leaves the old one running.
    let lifetime: LifetimeClass?
    /// Whether an end of the session is to be asked if it is still there.
    let probes: Bool

    @inline(__always)
    init(_ state: TCPState, lifetime: LifetimeClass? = nil, probes: Bool = false) {
        self.state = state
        self.lifetime = lifetime
        self.probes = probes
    }
}

extension TCPState {
    /// The state machine of RFC 6146 section 3.5.2.2, one case per sentence of the RFC, in its order.
    ///
    /// It decides and does nothing else: the tables apply the step.
    ///
    /// - Parameters:
    ///   - held: Whether a SYN from the IPv4 side without a session is kept because it has no binding, or filtering
    ///     refuses it.
    ///   - shortAfterReset: Whether a reset after a FIN leaves the session no more than the transitory lifetime.
    @inline(__always)
    func step(on event: TCPEvent, held: Bool = false, shortAfterReset: Bool = false) -> TCPStep {
        switch (self, event) {
        // CLOSED
        case (.closed, .v6Syn): TCPStep(.v6Init, lifetime: .opening)
        case (.closed, .v4Syn): TCPStep(.v4Init, lifetime: held ? .incomingSyn : .opening)

        // V4 INIT
        case (.v4Init, .v6Syn): TCPStep(.established, lifetime: .established)

        // V6 INIT
        case (.v6Init, .v4Syn): TCPStep(.established, lifetime: .established)
        case (.v6Init, .v6Syn): TCPStep(.v6Init, lifetime: .opening)

        // ESTABLISHED. The RFC names no lifetime where it speaks of a FIN; what is left of the old one may be a second, and
        // RFC 5382 (requirement 5) lets no connection end so soon after a segment.
        case (.established, .v4Fin): TCPStep(.v4FinReceived, lifetime: .established)
        case (.established, .v6Fin): TCPStep(.v6FinReceived, lifetime: .established)
        case (.established, .v4Rst), (.established, .v6Rst): TCPStep(.trans, lifetime: .transitory)
        case (.established, .lifetimeExpired): TCPStep(.trans, lifetime: .transitory, probes: true)
        case (.established, _): TCPStep(.established, lifetime: .established)

        // V4 FIN RCV and V6 FIN RCV
        case (.v4FinReceived, .v6Fin), (.v6FinReceived, .v4Fin):
            TCPStep(.v4FinV6FinReceived, lifetime: .transitory)
        case (.v4FinReceived, .lifetimeExpired), (.v6FinReceived, .lifetimeExpired): TCPStep(.closed)
        case (.v4FinReceived, .v4Rst), (.v4FinReceived, .v6Rst), (.v6FinReceived, .v4Rst), (.v6FinReceived, .v6Rst):
            TCPStep(self, lifetime: shortAfterReset ? .transitory : .established)
        case (.v4FinReceived, _), (.v6FinReceived, _): TCPStep(self, lifetime: .established)

        // V4 FIN + V6 FIN RCV. The RFC leaves a new connection between the same ends to die with the old one; we
        // follow it from its first segment instead.
        case (.v4FinV6FinReceived, .v6Syn): TCPStep(.v6Init, lifetime: .opening)
        case (.v4FinV6FinReceived, .v4Syn): TCPStep(.v4Init, lifetime: .opening)

        // TRANS: anything but a reset shows the session is alive after all.
        case (.trans, .v4Rst), (.trans, .v6Rst): TCPStep(.trans)
        case (.trans, .lifetimeExpired): TCPStep(.closed)
        case (.trans, _): TCPStep(.established, lifetime: .established)

        // Every state the rules above leave alone.
        case (_, .lifetimeExpired): TCPStep(.closed)
        case (_, _): TCPStep(self)
        }
    }
}
