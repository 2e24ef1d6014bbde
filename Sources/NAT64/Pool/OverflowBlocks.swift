public import IPAddressing
import Synchronization
public import Timing

/// A block of ports that a client network has taken or given back: what the log must say (RFC 7422 section 2.3).
public struct PortBlockEvent: Sendable, Hashable {
    /// Whether it was taken; if not, it was given back.
    public let isTaken: Bool
    /// The client network.
    public let client: IPv6Prefix
    /// The external address.
    public let address: IPv4Address
    /// The ports of the block.
    public let ports: ClosedRange<Port>
    /// When it was taken; nothing if it was given back, which is no later than the event is collected.
    public let moment: Moment?
}

/// Which client networks have taken which blocks beyond their computed ports.
///
/// A block is its network's for all protocols, and free again when no port of it is in use or held. One lock for all:
/// only bindings of networks that have used up their part come here.
struct OverflowBlocks: ~Copyable {
    struct Block {
        let number: Int
        /// How many of its ports the network may use: fewer than there are where it reaches the most it may have.
        let count: Int
        var used = [0, 0, 0]
    }

    struct Client: Hashable {
        let mapping: Int
        let number: UInt64
    }

    struct State {
        /// The free blocks of each address that has ever given one.
        var free: [IPv4Address: [Int]] = [:]
        var taken: [Client: [Block]] = [:]
        /// Whose a block is, by address and first port.
        var owners: [TransportAddress4: Client] = [:]
        var events: [PortBlockEvent] = []
    }

    /// No block is taken while so many events wait to be collected: there is no block without a record.
    static let mostEvents = 65_536

    let mappings: [DeterministicMapping]
    private let state = Mutex(State())

    init(_ mappings: [DeterministicMapping]) { self.mappings = mappings }

    /// The mapping and number of a client's network.
    func find(_ client: IPv6Address) -> (mapping: Int, number: UInt64)? {
        for index in mappings.indices {
            if let number = mappings[index].number(of: client) { return (index, number) }
        }
        return nil
    }

    /// Takes a port in a block of a client network, which gets a further block if it needs and may have one.
    ///
    /// - Parameter take: Takes a port out of a range.
    /// - Throws: ``DropReason/clientLimit`` if the network has all it may have, ``DropReason/poolExhausted``.
    func take(
        _ index: Int,
        _ number: UInt64,
        _ transport: TransportProtocol,
        choice: UInt64,
        at moment: Moment,
        _ take: (PoolPorts) -> Port?
    ) throws(DropReason) -> Port {
        let mapping = mappings[index]
        let client = Client(mapping: index, number: number)
        let address = mapping.part(of: number).address
        let kind = Int(transport.rawValue)
        let result: Result<Port, DropReason> = state.withLock { state in
            let blocks = state.taken[client] ?? []
            for place in blocks.indices.reversed() where blocks[place].used[kind] < blocks[place].count {
                let ports = mapping.blockPorts(blocks[place].number)
                if let port = take(PoolPorts(ports)) {
                    state.taken[client]?[place].used[kind] += 1
                    return .success(port)
                }
            }
            let left = mapping.mostPorts - mapping.portsPerClient - blocks.reduce(0) { $0 + $1.count }
            guard left > 0 else { return .failure(.clientLimit) }
            var free = state.free[address] ?? Array(0..<mapping.blockCount)
            guard !free.isEmpty, state.events.count < Self.mostEvents else { return .failure(.poolExhausted) }
            // Out of the order of their numbers, so that the next is hard to guess.
            free.swapAt(Int(choice >> 32 & 0xFFFF) % free.count, free.count - 1)
            var block = Block(number: free.removeLast(), count: min(left, mapping.blockSize))
            let ports = mapping.blockPorts(block.number)
            guard let port = take(PoolPorts(ports)) else { return .failure(.poolExhausted) }
            block.used[kind] = 1
            state.free[address] = free
            state.taken[client, default: []].append(block)
            state.owners[TransportAddress4(address, ports.lowerBound)] = client
            state.events.append(
                PortBlockEvent(
                    isTaken: true,
                    client: mapping.network(number),
                    address: address,
                    ports: ports,
                    moment: moment
                )
            )
            return .success(port)
        }
        return try result.get()
    }

    /// Takes note of a port that has been given back.
    func gaveBack(_ external: TransportAddress4, _ transport: TransportProtocol) {
        guard let mapping = mappings.first(where: { $0.addresses.contains(external.address) }),
            let number = mapping.block(of: external.port)
        else { return }
        let ports = mapping.blockPorts(number)
        let name = TransportAddress4(external.address, ports.lowerBound)
        state.withLock { state in
            guard let client = state.owners[name],
                let place = state.taken[client]?.firstIndex(where: { $0.number == number })
            else { return }
            state.taken[client]?[place].used[Int(transport.rawValue)] -= 1
            guard state.taken[client]?[place].used == [0, 0, 0] else { return }
            state.taken[client]?.remove(at: place)
            if state.taken[client]?.isEmpty == true { state.taken[client] = nil }
            state.owners[name] = nil
            state.free[external.address]?.append(number)
            state.events.append(
                PortBlockEvent(
                    isTaken: false,
                    client: mapping.network(client.number),
                    address: external.address,
                    ports: ports,
                    moment: nil
                )
            )
        }
    }

    /// How many blocks are taken.
    var count: Int { state.withLock { $0.owners.count } }

    /// What has happened since the last call, in order.
    func collect() -> [PortBlockEvent] {
        state.withLock { state in
            defer { state.events = [] }
            return state.events
        }
    }
}
