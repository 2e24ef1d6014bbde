import IPAddressing
import PacketMemory
import PacketWire
import Policy
import Synchronization
import Timing

@testable import NAT64

/// Tables with a clock that stands until it is moved, and short ways to say what comes from where.
final class TablesFixture {
    let tables: Tables
    var policy: Policy
    var now = Moment.start + .seconds(1000)
    /// Random numbers, the same in every run.
    var dice = Dice(state: 1)
    /// What expiry has asked to be sent.
    var events: [ExpiryEvent] = []

    static let firstExternal = IPv4Address(198, 51, 100, 1)

    init(
        addresses: UInt32 = 1,
        ports: ClosedRange<Port> = PoolEntry.usualPorts,
        secret: KeyedHash = KeyedHash(key0: 0x0123_4567_89AB_CDEF, key1: 0xFEDC_BA98_7654_3210),
        _ change: (inout NAT64Settings) -> Void = { _ in }
    ) {
        var settings = NAT64Settings()
        let first = Self.firstExternal
        settings.pool = [
            PoolEntry(addresses: first...IPv4Address(bits: first.bits + addresses - 1), ports: ports)
        ]
        settings.maximumBindings = 1 << 20
        settings.maximumFurtherSessions = 1 << 18
        change(&settings)
        policy = Self.policy()
        tables = Tables(settings: settings, secret: secret, prefixes: policy.prefixes)
    }

    static func policy(
        prefixes: [String] = ["2001:db8:64::/96", "2001:db8:65::/96"],
        clients: [String] = ["::/0"],
        refuse: [String] = [],
        generation: UInt64 = 1
    ) -> Policy {
        Policy(
            generation: generation,
            prefixes: prefixes.compactMap { text in
                guard let prefix = IPv6Prefix(text) else { return nil }
                do throws(TranslationPrefix.Problem) { return try TranslationPrefix(prefix) } catch { return nil }
            },
            clients: ClientAccess(networks: clients.compactMap { IPPrefix($0) }),
            destinations: DestinationRules(refuse: refuse.compactMap { IPv4Prefix($0) }),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
    }

    /// The client `2001:db8:NETWORK::HOST`.
    func client(_ host: UInt64, _ port: UInt16, network: UInt64 = 1) -> TransportAddress6 {
        TransportAddress6(IPv6Address(high: 0x2001_0DB8_0000_0000 | network, low: host), Port(port))
    }

    /// The peer 203.0.HIGH.LOW.
    func peer(_ number: UInt32, _ port: UInt16 = 443) -> TransportAddress4 {
        TransportAddress4(IPv4Address(bits: 0xCB00_0000 | number), Port(port))
    }

    func pass(_ span: Moment.Span) { now = now + span }

    /// Lets lifetimes end as far as they are over.
    func sweep() {
        var budget = 10_000_000
        while let event = tables.expire(at: now, budget: &budget) { events.append(event) }
    }

    /// Keeps a port of the first address as for a static binding.
    func reserve(_ port: Port, _ transport: TransportProtocol) -> Bool { tables.pool.reserve(port, 0, transport) }

    /// Takes draining addresses that nothing uses out of the pool.
    func dropDrained() -> Bool { tables.dropDrained() }

    /// How many layouts of the pool wait for workers to look away.
    var retiredPools: Int { tables.pool.changes.withLock { $0.retired.count } }

    /// A packet from a client: what stands for it, or why it was refused.
    @discardableResult
    func send(
        _ transport: TransportProtocol,
        _ client: TransportAddress6,
        _ peer: TransportAddress4,
        _ tcp: TCPFlags = [],
        prefix: UInt8 = 0
    ) -> Result<TransportAddress4, DropReason> {
        let flow = OutwardFlow(transport: transport, client: client, prefix: prefix, peer: peer, tcp: tcp)
        do throws(DropReason) {
            let hash = tables.hash(flow.client, flow.transport)
            return .success(try tables.outward(flow, hash, at: now, policy: policy))
        } catch {
            return .failure(error)
        }
    }

    /// A packet from a peer: what becomes of it, or why it was refused.
    @discardableResult
    func receive(
        _ transport: TransportProtocol,
        _ external: TransportAddress4?,
        _ peer: TransportAddress4,
        _ tcp: TCPFlags = []
    ) -> Result<InwardResult, DropReason> {
        guard let external else { return .failure(.malformed) }
        let flow = InwardFlow(transport: transport, external: external, peer: peer, tcp: tcp)
        do throws(DropReason) {
            return .success(try tables.inward(flow, at: now, policy: policy))
        } catch {
            return .failure(error)
        }
    }

    /// Every session there is.
    func sessions() -> [SessionRecord] {
        var all: [SessionRecord] = []
        var cursor: TableCursor? = .start
        while let place = cursor {
            let slice = tables.sessions(from: place, limit: 100, at: now)
            all += slice.records
            cursor = slice.next
        }
        return all
    }

    /// Every binding there is.
    func bindings() -> [BindingRecord] {
        var all: [BindingRecord] = []
        var cursor: TableCursor? = .start
        while let place = cursor {
            let slice = tables.bindings(from: place, limit: 100)
            all += slice.records
            cursor = slice.next
        }
        return all
    }

    /// The state of the only session.
    var state: TCPState? {
        let all = sessions()
        return all.count == 1 ? all[0].state : nil
    }
}

extension Result {
    /// What was given, if something was.
    var value: Success? {
        guard case .success(let value) = self else { return nil }
        return value
    }

    /// Why it was refused, if it was.
    var failure: Failure? {
        guard case .failure(let failure) = self else { return nil }
        return failure
    }
}

/// Random numbers that are the same in every run.
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

extension Tables {
    /// Makes the pool consist of these entries, at a moment that does not matter.
    func change(pool entries: [PoolEntry]) -> Bool { change(pool: entries, at: .start) }
}
