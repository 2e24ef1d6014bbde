import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

/// What RFC 6146 section 3.5 asks for, with dictionaries and without shards, wheels or indices. Times are whole seconds,
/// and what has lived its time is looked for in all sessions.
private struct ModelTables {
    struct Client: Hashable {
        var transport: TransportProtocol
        var address: TransportAddress6
    }
    struct Session {
        var state = TCPState.closed
        var lifetime: LifetimeClass
        var refreshed: UInt64
        var prefix: UInt8
    }
    struct Binding {
        var external: TransportAddress4
        var sessions: [TransportAddress4: Session] = [:]
    }
    struct Resting: Hashable {
        var transport: TransportProtocol
        var external: TransportAddress4
    }

    struct Waiting: Hashable {
        var external: TransportAddress4
        var peer: TransportAddress4
    }

    let rule: Filtering.Rule
    var bindings: [Client: Binding] = [:]
    /// Ports that may not be given to others before this second.
    var resting: [Resting: (until: UInt64, client: Client)] = [:]
    /// SYNs that wait, and since when.
    var waiting: [Waiting: UInt64] = [:]
    var events: [ExpiryEvent] = []

    static func seconds(_ lifetime: LifetimeClass) -> UInt64 {
        switch lifetime {
        case .udp: 300
        case .icmp: 60
        case .established: 7200
        case .transitory, .opening: 240
        case .incomingSyn: 6
        case .none, .holdDown: .max
        }
    }

    mutating func expire(_ now: UInt64) {
        for (syn, since) in waiting where now - since > Self.seconds(.incomingSyn) {
            events.append(.heldSyn(external: syn.external, peer: syn.peer))
            waiting[syn] = nil
        }
        for (client, binding) in bindings {
            for (peer, session) in binding.sessions where now - session.refreshed > Self.seconds(session.lifetime) {
                if session.state == .established {
                    bindings[client]?.sessions[peer]?.state = .trans
                    bindings[client]?.sessions[peer]?.lifetime = .transitory
                    bindings[client]?.sessions[peer]?.refreshed = now
                    let external = binding.external
                    events.append(
                        .probe(client: client.address, prefix: session.prefix, peer: peer, external: external)
                    )
                    continue
                }
                bindings[client]?.sessions[peer] = nil
            }
            if bindings[client]?.sessions.isEmpty ?? false {
                bindings[client] = nil
                if client.transport != .tcp {
                    let port = Resting(transport: client.transport, external: binding.external)
                    resting[port] = (now + 120, client)
                }
            }
        }
    }

    /// What must become of a packet from a client; given what the tables answered, because ports are theirs to choose.
    mutating func outward(
        _ client: Client,
        _ peer: TransportAddress4,
        _ tcp: TCPFlags,
        _ prefix: UInt8,
        _ now: UInt64,
        _ given: Result<TransportAddress4, DropReason>
    ) -> String? {
        let event = TCPEvent(fromIPv6: tcp)
        if bindings[client] == nil {
            if client.transport == .tcp, event != .v6Syn {
                return given.failure == .noSession ? nil : "a binding from \(event)"
            }
            guard let external = given.value else { return "refused with \(String(describing: given.failure))" }
            if bindings.contains(where: { $0.key.transport == client.transport && $0.value.external == external }) {
                return "\(external) is given twice"
            }
            if let rest = resting[Resting(transport: client.transport, external: external)], rest.client != client,
                rest.until > now
            {
                return "\(external) was to rest until \(rest.until)"
            }
            bindings[client] = Binding(external: external)
        }
        guard let external = bindings[client]?.external, given.value == external else { return "another binding" }
        if let session = bindings[client]?.sessions[peer] {
            bindings[client]?.sessions[peer] = Self.stepped(session, event, client.transport, now)
            bindings[client]?.sessions[peer]?.prefix = prefix
        } else if client.transport != .tcp || event == .v6Syn {
            var fresh = Session(lifetime: .none, refreshed: now, prefix: prefix)
            if client.transport == .tcp, waiting.removeValue(forKey: Waiting(external: external, peer: peer)) != nil {
                fresh.state = .v4Init
            }
            bindings[client]?.sessions[peer] = Self.stepped(fresh, event, client.transport, now)
        }
        return nil
    }

    /// What must become of a packet from outside to a port that a client has.
    mutating func inward(
        _ transport: TransportProtocol,
        _ external: TransportAddress4,
        _ peer: TransportAddress4,
        _ tcp: TCPFlags,
        _ now: UInt64
    ) -> Result<InwardResult, DropReason> {
        let event = TCPEvent(fromIPv4: tcp)
        let isSyn = transport == .tcp && event == .v4Syn
        let owner = bindings.first { $0.key.transport == transport && $0.value.external == external }
        let syn = Waiting(external: external, peer: peer)
        guard let (client, binding) = owner else { return isSyn ? .success(.hold) : .failure(.noSession) }
        if let session = binding.sessions[peer] {
            bindings[client]?.sessions[peer] = Self.stepped(session, event, transport, now)
            return .success(.client(client.address, prefix: session.prefix))
        }
        let knows = binding.sessions.contains { $0.key.address == peer.address }
        guard rule == .endpointIndependent || rule == .addressDependent && knows else {
            guard isSyn else { return .failure(.filtered) }
            if waiting[syn] == nil { waiting[syn] = now }
            return .success(.hold)
        }
        if transport != .tcp || isSyn {
            let fresh = Session(lifetime: .none, refreshed: now, prefix: 0)
            bindings[client]?.sessions[peer] = Self.stepped(fresh, event, transport, now)
            waiting[syn] = nil
        }
        return .success(.client(client.address, prefix: 0))
    }

    private static func stepped(
        _ session: Session,
        _ event: TCPEvent,
        _ transport: TransportProtocol,
        _ now: UInt64
    ) -> Session {
        var session = session
        let step =
            switch transport {
            case .tcp: session.state.step(on: event)
            case .udp: TCPStep(.closed, lifetime: .udp)
            case .icmpQuery: TCPStep(.closed, lifetime: .icmp)
            }
        session.state = step.state
        if let lifetime = step.lifetime {
            session.lifetime = lifetime
            session.refreshed = now
        }
        return session
    }
}

@Suite("The tables against a model of dictionaries")
struct TablesModelTests {
    @Test(
        "random traffic has the same fate in the tables and in the model",
        arguments: Filtering.Rule.allCases,
        [1, 2, 3] as [UInt64]
    )
    func randomTraffic(rule: Filtering.Rule, seed: UInt64) {
        var dice = Dice(state: seed)
        let world = TablesFixture(ports: Port(5000)...Port(5199)) { $0.filtering = Filtering(rule) }
        var model = ModelTables(rule: rule)
        let flags: [TCPFlags] = [.syn, .syn, [.syn, .ack], .ack, .ack, .ack, .fin, .rst]
        for round in 0..<1200 {
            let transport = TransportProtocol.allCases.randomElement(using: &dice) ?? .udp
            let tcp = transport == .tcp ? flags.randomElement(using: &dice) ?? .ack : []
            let peer = world.peer(
                UInt32.random(in: 1...4, using: &dice),
                transport == .icmpQuery ? 0 : .random(in: 1...2, using: &dice)
            )
            let seconds = world.now.seconds
            if Bool.random(using: &dice) {
                let client = world.client(.random(in: 1...8, using: &dice), .random(in: 1...3, using: &dice))
                let given = world.send(transport, client, peer, tcp)
                let wrong = model.outward(.init(transport: transport, address: client), peer, tcp, 0, seconds, given)
                #expect(wrong == nil, "round \(round) of seed \(seed)")
            } else {
                let bound = model.bindings.filter { $0.key.transport == transport }.map(\.value.external)
                    .sorted { $0.port < $1.port }
                guard let external = bound.randomElement(using: &dice) else { continue }
                let expected = model.inward(transport, external, peer, tcp, seconds)
                let result = world.receive(transport, external, peer, tcp)
                #expect(result == expected, "round \(round) of seed \(seed)")
            }
            if round % 8 == 0 {
                world.pass(.seconds([1, 1, 5, 5, 30, 100, 250, 7300].randomElement(using: &dice) ?? 1))
                world.sweep()
                model.expire(world.now.seconds)
                #expect(Set(world.events) == Set(model.events), "round \(round) of seed \(seed)")
                world.events = []
                model.events = []
            }
            if round % 128 == 0 { compare(world, model) }
        }
        compare(world, model)
    }

    private func compare(_ world: TablesFixture, _ model: ModelTables) {
        #expect(world.tables.brokenInvariants() == [])
        let sessions = world.sessions()
        #expect(sessions.count == model.bindings.values.map(\.sessions.count).reduce(0, +))
        for session in sessions {
            let binding = model.bindings[.init(transport: session.transport, address: session.client)]
            #expect(binding?.external == session.external)
            let expected = binding?.sessions[session.peer]
            #expect(session.transport != .tcp || session.state == expected?.state)
            guard let expected else { continue }
            let left = ModelTables.seconds(expected.lifetime) - (world.now.seconds - expected.refreshed)
            #expect(session.remaining.seconds == left || session.remaining.seconds == left + 1)
        }
    }
}
