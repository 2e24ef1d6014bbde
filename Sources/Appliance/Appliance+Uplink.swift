internal import Configuration
internal import Dataplane
internal import IPAddressing
internal import Linux
internal import Logging
internal import NAT64
internal import Netlink
internal import Resolver
internal import Timing

/// Links and addresses that change while the appliance runs, and what follows from it.
extension Appliance {
    /// Looks at links and addresses again, and tells the parts that depend on them.
    func readFacts() {
        let fresh: UplinkFacts
        do throws(NetlinkError) {
            fresh = try installation.uplinkFacts(without: configuration.device)
        } catch {
            log.warning("links and addresses cannot be read: \(error)")
            return
        }
        guard fresh != facts else { return }
        facts = fresh
        if clientLinks.follow(fresh.networks, at: MonotonicClock.now()) { adoptPolicy() }
        listenOnOwnAddresses()
        followAddresses()
    }

    /// Ends what clients have whose networks went from the links and did not come back.
    func forgetLostNetworks(at now: Moment) {
        let lost = clientLinks.forget(at: now)
        guard !lost.isEmpty else { return }
        let names = lost.map(\.description).joined(separator: ", ")
        log.notice("on no link for five minutes, so no client by \"links\" any more: \(names)")
        adoptPolicy()
    }

    /// Lets everything follow the addresses of the moment, or waits if a shared one has just gone.
    private func followAddresses() {
        let wanted = configuration.pool.resolve(by: facts, keeping: pool.shares)
        if !waits(before: wanted) { follow(wanted) }
        adoptEnvironment()
        coupleHalves()
    }

    /// Tells the translator of links, own addresses and the pool, whose facts it goes by: after every change of one of these.
    private func adoptEnvironment() {
        translator?.adopt(environment: facts.environment(sharing: pool, behind: plan))
    }

    /// How long a shared address that goes may take to come back before anything is changed for that.
    private static var addressPatience: Moment.Span { .seconds(1) }

    /// Whether all is to be left as it is for a moment, because an address that is shared has gone: whoever renews an
    /// address or moves it to another interface takes it away first, and a second uplink would take its place, and end
    /// all sessions, for the thousandth of a second until it is back.
    private func waits(before wanted: ResolvedPool) -> Bool {
        let left = Set(wanted.shares.map(\.address))
        guard dataplane != nil, plan != nil, !pool.shares.allSatisfy({ left.contains($0.address) }) else {
            awaitedUntil = nil
            return false
        }
        let now = MonotonicClock.now()
        let end = awaitedUntil ?? now + Self.addressPatience
        awaitedUntil = now < end ? end : nil
        return now < end
    }

    /// Goes on without an address that did not come back.
    func endWait(at now: Moment) {
        guard let end = awaitedUntil, now >= end else { return }
        // It may have come this very moment.
        readFacts()
        // Where nothing has changed since, nothing was followed either.
        if awaitedUntil != nil { followAddresses() }
        repair()
    }

    /// Lets the data plane follow the pool that goes with the addresses of the moment.
    ///
    /// Sessions live on as long as their addresses can come back: while there is none, translation is held; when the same
    /// ones are there again, be it on another interface, it goes on. Under another address no peer would know them: they end,
    /// and those of the pool's other addresses live on.
    func follow(_ fresh: ResolvedPool) {
        awaitedUntil = nil
        if !fresh.entries.isEmpty {
            for complaint in fresh.complaints where !pool.complaints.contains(complaint) {
                log.warning("a part of the pool is not in use: \(complaint)")
            }
        }
        guard dataplane != nil else {
            guard fresh != pool else { return }
            followed += 1
            log.notice("the pool changes")
            pool = fresh
            return restartDataplane()
        }
        if fresh.entries.isEmpty {
            hold(because: fresh.complaints.joined(separator: " "))
        } else if fresh.entries == pool.entries {
            pool = fresh
            followLinks()
        } else {
            log.notice("the pool changes")
            change(to: fresh)
        }
    }

    /// Puts another pool in force while packets pass. What stood for addresses that this machine has no more ends; all
    /// else lives on.
    private func change(to fresh: ResolvedPool) {
        // One whose ports have changed is there still.
        let shared = pool.entries.filter { entry in
            entry.sharedWithHost && !fresh.entries.contains { $0.addresses.overlaps(entry.addresses) }
        }
        let lost = Set(shared.map(\.addresses.lowerBound))
        guard let translator, translator.change(pool: fresh.entries, losing: lost, at: MonotonicClock.now())
        else {
            pool = fresh
            return restartDataplane()
        }
        pool = fresh
        adoptStaticBindings()
        followLinks()
        lookAtHostSockets()
    }

    /// Takes routes and filters away until there is an address again; device, threads and sessions stay.
    private func hold(because complaint: String) {
        dataplaneProblem = complaint
        guard plan != nil else { return }
        clearLeftovers()
        plan = nil
        networkProblems = []
        followed += 1
        log.warning("NAT64 is held, its sessions are kept: \(complaint)")
    }

    /// Goes on, if translation was held for want of an address and could not go on when there was one again, because
    /// something was in its way: the kernel may tell nobody that it has gone.
    func goOn() {
        guard dataplane != nil, plan == nil else { return }
        let wanted = configuration.pool.resolve(by: facts, keeping: pool.shares)
        guard !wanted.entries.isEmpty else { return }
        follow(wanted)
        coupleHalves()
    }

    /// Makes the plan follow links, addresses and Policy: the device gets the MTU that the links ask for now, because
    /// otherwise the kernel would refuse on its way to the translator what a link that has grown could carry; filters of
    /// a shared address stand where answers to it may come in.
    func followLinks() {
        guard dataplane != nil, let wanted = wantedPlan, wanted != plan else {
            return
        }
        do throws(StartFailure) {
            try install(wanted, to: "follow the links")
            if let plan {
                if plan.mtu != wanted.mtu {
                    log.notice("the MTU of \(wanted.device) is \(wanted.mtu) now, after those of the links")
                }
                if plan.shared != wanted.shared { log.notice("the share follows the links: \(wanted.sharedText)") }
            } else {
                log.notice("NAT64 goes on: \(wanted.sharedText)")
            }
            followed += 1
            dataplaneProblem = nil
            plan = wanted
            // A reload shares an address, or what was held goes on: no link has changed then.
            adoptEnvironment()
        } catch {
            // Tried every second while translation is held; told once.
            guard plan != nil || dataplaneProblem != error.report else { return }
            log.error("the kernel's tables do not follow the links: \(error.report)")
            if plan == nil { dataplaneProblem = error.report }
        }
    }

    /// Looks for programs of the host that have ports of the share, has the translator keep these ports from clients,
    /// and tells of those that are new.
    func lookAtHostSockets() {
        guard let translator, let plan else { return }
        var wanted: [PoolPort: HostSocket] = [:]
        for shared in plan.shared {
            for socket in HostSocket.bound(to: shared.address, in: shared.ports) {
                let external = TransportAddress4(shared.address, socket.port)
                wanted[PoolPort(transport: socket.transport == "TCP" ? .tcp : .udp, external: external)] = socket
            }
        }
        let before = hostPorts
        let awaited = translator.tables.withhold(Set(wanted.keys)).awaited
        hostPorts = HostPorts(
            withheld: wanted.filter { !awaited.contains($0.key) }.map(\.value).sorted(),
            awaited: wanted.filter { awaited.contains($0.key) }.map(\.value).sorted()
        )
        let fresh = hostPorts.awaited.filter { !before.awaited.contains($0) }
        if !fresh.isEmpty { log.warning("\(HostPorts.sentence(fresh)), which a client has until it is done with it") }
        let kept = hostPorts.withheld.filter { !before.withheld.contains($0) }
        if !kept.isEmpty { log.notice("\(HostPorts.sentence(kept)), kept from clients") }
        // A port that has become free may be one that the operator wants for a client.
        if hostPorts.withheld != before.withheld, !staticProblems.isEmpty { adoptStaticBindings() }
    }
}

/// Ports of the share that programs of the host have.
struct HostPorts: Equatable {
    /// Those kept from clients.
    var withheld: [HostSocket] = []
    /// Those that a client has had since before, or a static binding.
    var awaited: [HostSocket] = []

    /// How long until sockets are looked at again: a second, or longer where a look takes more than a hundredth of that,
    /// because the host has very many.
    static func pause(afterLookOf span: Moment.Span) -> Moment.Span {
        Moment.Span(nanoseconds: min(max(span.nanoseconds, 10_000_000), 100_000_000) * 100)
    }

    /// `programs of this host have UDP port 62000, TCP port 62001 of the translator's share`, and not too many of them.
    static func sentence(_ sockets: [HostSocket]) -> String {
        let names = sockets.prefix(8).map(\.description) + (sockets.count > 8 ? ["\(sockets.count - 8) more"] : [])
        return "programs of this host have \(names.joined(separator: ", ")) of the translator's share"
    }
}

extension NetworkPlan {
    /// Which addresses are shared on which interfaces.
    fileprivate var sharedText: String {
        guard !shared.isEmpty else { return "no address is shared" }
        return shared.map { "\($0.address) on \(([$0.interface] + $0.furtherEntrances).joined(separator: ", "))" }
            .joined(separator: "; ")
    }
}
