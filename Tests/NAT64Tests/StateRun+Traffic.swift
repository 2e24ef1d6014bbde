import IPAddressing
import PacketWire
import Policy
import Synchronization
import Testing
import Timing

@testable import NAT64

// Packets and time.
extension StateRun {
    mutating func client() -> TransportAddress6 {
        world.client(.random(in: 1...3, using: &dice), .random(in: 1...6, using: &dice), network: dice.next() % 5)
    }

    mutating func peer(_ transport: TransportProtocol) -> TransportAddress4 {
        world.peer(.random(in: 1...3, using: &dice), transport == .icmpQuery ? 0 : .random(in: 1...2, using: &dice))
    }

    mutating func flags(_ transport: TransportProtocol) -> TCPFlags {
        transport == .tcp ? pick([.syn, .syn, .syn, [.syn, .ack], .ack, .fin, .rst]) : []
    }

    func network(_ address: IPv6Address) -> IPv6Prefix { IPv6Prefix(address, length: settings.limits.clientLength) }

    mutating func send() {
        kind = .send
        let transport = pick([TransportProtocol.udp, .udp, .tcp, .tcp, .icmpQuery])
        var (client, peer, tcp) = (client(), peer(transport), flags(transport))
        if chance(20),
            let known = sessions.values.sorted(by: { "\($0)" < "\($1)" }).first(where: { $0.transport == transport })
        {
            (client, peer) = (known.client, known.peer)
        }
        let before = bindings[Key(transport: transport, client: client)]
        let alive = sessions.values.filter { $0.transport == transport && $0.client == client && $0.remaining > .zero }
        let result = world.send(transport, client, peer, tcp)
        if tcp == [] && transport == .tcp { tcp = .ack }
        text.append("send \(transport) \(client) > \(peer) \(tcp.rawValue): \(result)")
        let network = network(client.address)
        switch result {
        case .success(let external):
            if let before, !alive.isEmpty, before.external != external {
                flaw("another external address than \(before.external)")
            }
            if let before, before.isStatic, before.external != external { flaw("not its static binding") }
            let rest = resting[PoolPort(transport: transport, external: external)]
            if before == nil, let rest, rest.until > world.now, rest.client != client {
                flaw("port rests until \(rest.until) for \(rest.client)")
            }
            if before == nil, withheld.contains(PoolPort(transport: transport, external: external)) {
                flaw("port is the host's")
            }
            if before == nil {
                let entry = entries.first { $0.addresses.contains(external.address) }
                if entry == nil { flaw("address is not in the pool") }
                if let entry, !entry.ports.contains(external.port) { flaw("port is not in the pool") }
            }
            if !world.policy.clients.admits(.v6(client.address)) { flaw("client is refused") }
        case .failure(let reason):
            let ports = bindings.values.filter { !$0.isStatic && self.network($0.client.address) == network }.count
            let talks = sessions.values.filter { self.network($0.client.address) == network }.count
            let limits = settings.limits
            switch reason {
            case .clientLimit:
                let atPorts = limits.portsPerClient > 0 && ports >= limits.portsPerClient
                let atSessions = limits.sessionsPerClient > 0 && talks >= limits.sessionsPerClient
                if !atPorts, !atSessions, settings.portBlockSize == 0, !isComputed { flaw("no limit was reached") }
            case .bindingLimit:
                if (before?.sessions ?? 0) < limits.sessionsPerBinding { flaw("no limit of the binding") }
            case .poolExhausted:
                checkExhausted(transport, client)
            case .portsReserved:
                if limits.portsForNewClients == 0 { flaw("no reserve") }
                if ports == 0 { flaw("a new client is refused by the reserve") }
            case .tableFull:
                let all = world.tables.totals()
                if all.bindings.all + all.heldPorts < settings.maximumBindings { flaw("table is not full") }
            case .sessionLimit:
                let further = world.tables.furtherCount.load(ordering: .relaxed)
                if further < settings.maximumFurtherSessions { flaw("session table is not full") }
            case .noSession:
                if transport != .tcp { flaw("no session") }
                if tcp.contains(.syn), !tcp.contains(.rst) { flaw("no session for SYN") }
            case .clientRefused: if world.policy.clients.admits(.v6(client.address)) { flaw("not refused") }
            case .destinationRefused: break
            case .newBindingRate: if limits.newBindingsPerSecond == 0 { flaw("no rate") }
            case .blocksExhausted: if settings.portBlockSize == 0, !isComputed { flaw("no blocks") }
            default: flaw("strange refusal")
            }
        }
    }

    mutating func checkExhausted(_ transport: TransportProtocol, _ client: TransportAddress6) {
        // Where a client network may go on anywhere, every port must be in use.
        guard settings.limits.spillsToOtherAddresses, settings.portBlockSize == 0,
            !isComputed || client.address.high & 0xFFFF > 1,
            !settings.overloadsPorts
        else { return }
        let tables = world.tables
        for entry in entries where !entry.isComputed {
            for bits in entry.addresses.lowerBound.bits...entry.addresses.upperBound.bits {
                guard let place = tables.pool.find(IPv4Address(bits: bits)) else { continue }
                let space = tables.pool.space(place.number, transport)
                let ports = tables.pool.layout.withRange(at: place.range) { $0.ports.first...$0.ports.last }
                let free = ports.filter { !space.isUsed(Port($0)) }
                if !free.isEmpty { flaw("\(free.count) free ports at \(IPv4Address(bits: bits))") }
            }
        }
    }

    mutating func receive() {
        kind = .receive
        let transport = pick([TransportProtocol.udp, .udp, .tcp, .tcp, .icmpQuery])
        let bound = bindings.values.filter { $0.transport == transport }.map(\.external)
            .sorted { ($0.address.bits, $0.port.number) < ($1.address.bits, $1.port.number) }
        let external: TransportAddress4
        if chance(90), !bound.isEmpty {
            external = bound[Int(dice.next() % UInt64(bound.count))]
        } else {
            external = TransportAddress4(
                IPv4Address(198, 51, 100, UInt8(dice.next() % 4)),
                Port(5000 + UInt16(dice.next() % 100))
            )
        }
        let peer = peer(transport)
        let tcp = flags(transport)
        let owners = bindings.values.filter { $0.transport == transport && $0.external == external }
        let session = sessions[Talk(transport: transport, external: external, peer: peer)]
        let knows = sessions.values.contains {
            $0.transport == transport && $0.external == external && $0.peer.address == peer.address
        }
        let result = world.receive(transport, external, peer, tcp)
        text.append("receive \(transport) \(external) < \(peer) \(tcp.rawValue): \(result)")
        let rule = world.tables.rule(for: transport)
        switch result {
        case .success(.client(let client, _)):
            guard let owner = owners.first(where: { $0.client == client }) else {
                return flaw("nobody's port leads to a client")
            }
            if let session, session.client != client { flaw("it is the session of \(session.client)") }
            if session == nil, !owner.isStatic {
                if rule == .addressAndPortDependent || rule == .addressDependent && !knows { flaw("filter") }
                if owners.count > 1 { flaw("shared port without session") }
            }
        case .success: break
        case .failure(let reason):
            if let session, session.remaining > .zero { flaw("session is there") }
            let owner = owners.first
            switch reason {
            case .noSession:
                // An overloaded port, or one whose last session was over.
                if let owner,
                    owner.isStatic
                        || owners.count == 1 && !settings.overloadsPorts
                            && sessions.values.contains(where: {
                                $0.client == owner.client && $0.transport == transport && $0.remaining > .zero
                            })
                {
                    flaw("has a binding")
                }
            case .filtered:
                if let owner,
                    owner.isStatic || rule == .endpointIndependent
                        || rule == .addressDependent && knows && (transport != .tcp)
                {
                    flaw("not to be filtered")
                }
            case .destinationOutsidePool, .destinationRefused, .clientRefused: break
            case .inboundRefused: if settings.filtering.admitsConnectionsFromOutside { flaw("inbound") }
            case .heldSYNLimit, .sessionLimit, .clientLimit, .bindingLimit: break
            default: flaw("strange refusal")
            }
        }
    }

    mutating func time() {
        kind = .time
        let span = pick([1, 1, 3, 7, 30, 61, 121, 250, 301, 1000, 7300] as [UInt64])
        world.pass(.seconds(span))
        if chance(85) { world.sweep() }
        world.events = []
        text.append("time +\(span) = \(world.now.seconds)")
    }
}
