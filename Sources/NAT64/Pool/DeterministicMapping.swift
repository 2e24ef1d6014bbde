public import IPAddressing

/// A computed share of ports for each client network, so that who had a port needs no log (RFC 7422).
///
/// The ports of an address are cut into as many parts as ``clientsPerAddress`` and ``overflowParts`` together say. Client
/// networks get the parts in order: the first network the first part of the first address, and so on (the "sequential"
/// algorithm of section 2.2). What follows the last network's part is for blocks that networks take when their part is
/// used up. A value is taken as it is: whoever reads one from a file asks for its ``complaint`` first.
public struct DeterministicMapping: Sendable, Hashable {
    /// The inside prefix: I.
    public let clients: IPv6Prefix
    /// How many bits name a client network, at most 64 more than the length of ``clients``.
    public let clientLength: Int
    /// The outside range: O.
    public let addresses: ClosedRange<IPv4Address>
    /// The ports of each address that are shared out; all others are reserved: R.
    public let ports: ClosedRange<Port>
    /// How many client networks have a part of one address, at least 1: the compression ratio C.
    public let clientsPerAddress: Int
    /// How many parts of each address are for blocks that are taken beyond the computed part: the factor D.
    public let overflowParts: Int
    /// How many ports of each protocol a client network may have, its part and its blocks together: M.
    public let mostPorts: Int
    /// How many ports a block has.
    public let blockSize: Int

    /// - Parameter mostPorts: Nothing means a quarter more than ``portsPerClient``, or just these without overflow.
    public init(
        clients: IPv6Prefix,
        clientLength: Int = 64,
        addresses: ClosedRange<IPv4Address>,
        ports: ClosedRange<Port> = PoolEntry.usualPorts,
        clientsPerAddress: Int,
        overflowParts: Int = 1,
        mostPorts: Int? = nil,
        blockSize: Int = 64
    ) {
        self.clients = clients
        self.clientLength = clientLength
        self.addresses = addresses
        self.ports = ports
        self.clientsPerAddress = clientsPerAddress
        self.overflowParts = overflowParts
        self.blockSize = blockSize
        let part = ports.length / max(clientsPerAddress + overflowParts, 1)
        self.mostPorts = mostPorts ?? (overflowParts > 0 ? part + part / 4 : part)
    }

    /// How many ports of each protocol a client network's part has.
    public var portsPerClient: Int { ports.length / max(clientsPerAddress + overflowParts, 1) }
    /// How many addresses there are.
    public var addressCount: Int { Int(addresses.upperBound.bits - addresses.lowerBound.bits) + 1 }
    /// How many client networks have a part.
    public var room: UInt64 { UInt64(addressCount) * UInt64(clientsPerAddress) }
    /// How many client networks there are; the highest number if there are more.
    public var clientCount: UInt64 {
        let bits = clientLength - clients.length
        return bits < 0 ? 0 : bits > 63 ? .max : 1 << UInt64(bits)
    }

    /// Why these numbers do not go together; nothing if they do.
    public var complaint: String? {
        guard clientLength >= clients.length else {
            return "\(clients) is smaller than one client network, which has /\(clientLength) "
                + "(nat64.limits.client-length)"
        }
        guard portsPerClient > 0 else {
            let parts = clientsPerAddress + overflowParts
            return "\(ports.length) ports cannot be cut into \(parts) parts; take fewer clients-per-address"
        }
        guard clientCount <= room else {
            let count = clientCount == .max ? "more than 2^63" : "\(clientCount)"
            return "\(clients) has \(count) client networks of /\(clientLength), and \(room) fit: "
                + "\(addressCount) addresses with \(clientsPerAddress) clients-per-address; raise that, add addresses, or take a smaller ipv6"
        }
        guard mostPorts >= portsPerClient else {
            return "most-ports-per-client is \(mostPorts), and each client network has \(portsPerClient) computed ports"
        }
        guard overflowParts > 0 || mostPorts == portsPerClient else {
            return "most-ports-per-client is more than the \(portsPerClient) computed ports, and there is no overflow"
        }
        return nil
    }

    // MARK: From the inside

    /// The number of the client network of an address, from 0; nothing if it is none of these.
    public func number(of client: IPv6Address) -> UInt64? {
        guard clients.contains(client) else { return nil }
        let bits = UInt128(client.high) << 64 | UInt128(client.low)
        let mask = (UInt128(1) << UInt128(clientLength - clients.length)) - 1
        return UInt64(truncatingIfNeeded: bits >> UInt128(128 - clientLength) & mask)
    }

    /// The address and the ports of a client network.
    ///
    /// - Parameter number: Below ``clientCount``.
    public func part(of number: UInt64) -> (address: IPv4Address, ports: ClosedRange<Port>) {
        let (row, place) = number.quotientAndRemainder(dividingBy: UInt64(clientsPerAddress))
        let first = Int(ports.lowerBound.number) + Int(place) * portsPerClient
        let address = IPv4Address(bits: addresses.lowerBound.bits + UInt32(truncatingIfNeeded: row))
        return (address, Self.range(first, portsPerClient))
    }

    // MARK: From the outside

    /// Whose a port of an address is.
    public enum Use: Sendable, Hashable {
        /// That of a client network, whose part has these ports.
        case client(IPv6Prefix, ports: ClosedRange<Port>)
        /// That of whoever has taken the block, which the log says.
        case block(ClosedRange<Port>)
        /// Nobody's.
        case nobody
    }

    /// Whose a port is; nothing if the address is none of these.
    public func use(of address: IPv4Address, _ port: Port) -> Use? {
        guard addresses.contains(address) else { return nil }
        guard ports.contains(port) else { return .nobody }
        if let block = block(of: port) { return .block(blockPorts(block)) }
        let place = (Int(port.number) - Int(ports.lowerBound.number)) / portsPerClient
        let row = UInt64(address.bits - addresses.lowerBound.bits)
        let number = row * UInt64(clientsPerAddress) + UInt64(place)
        guard place < clientsPerAddress, number < clientCount else { return .nobody }
        return .client(network(number), ports: part(of: number).ports)
    }

    /// The client network with a number.
    public func network(_ number: UInt64) -> IPv6Prefix {
        let base = UInt128(clients.address.high) << 64 | UInt128(clients.address.low)
        let bits = base | UInt128(number) << UInt128(128 - clientLength)
        let address = IPv6Address(high: UInt64(bits >> 64), low: UInt64(truncatingIfNeeded: bits))
        return IPv6Prefix(address, length: clientLength)
    }

    // MARK: Blocks

    private var firstOverflow: Int { Int(ports.lowerBound.number) + clientsPerAddress * portsPerClient }

    /// How many blocks each address has, of which the last may have fewer ports than the others.
    var blockCount: Int {
        overflowParts == 0 ? 0 : (Int(ports.upperBound.number) - firstOverflow + blockSize) / blockSize
    }

    /// The block a port belongs to; nothing if it belongs to none.
    func block(of port: Port) -> Int? {
        guard Int(port.number) >= firstOverflow else { return nil }
        let block = (Int(port.number) - firstOverflow) / blockSize
        return block < blockCount ? block : nil
    }

    /// The ports of a block.
    func blockPorts(_ block: Int) -> ClosedRange<Port> {
        let first = firstOverflow + block * blockSize
        return Self.range(first, min(blockSize, Int(ports.upperBound.number) + 1 - first))
    }

    private static func range(_ first: Int, _ count: Int) -> ClosedRange<Port> {
        Port(UInt16(truncatingIfNeeded: first))...Port(UInt16(truncatingIfNeeded: first + count - 1))
    }
}

extension DeterministicMapping: CustomStringConvertible {
    /// Everything that the mapping follows from, as RFC 7422 section 3 wants it on record.
    public var description: String {
        "I=\(clients) client-length=\(clientLength) O=\(addresses.lowerBound)-\(addresses.upperBound) "
            + "C=\(clientsPerAddress) D=\(overflowParts) ports-per-client=\(portsPerClient) M=\(mostPorts) "
            + "A=sequential R=0-\(Int(ports.lowerBound.number) - 1)"
            + (ports.upperBound.number < 65_535 ? ",\(Int(ports.upperBound.number) + 1)-65535" : "")
            + " block=\(blockSize)"
    }
}
