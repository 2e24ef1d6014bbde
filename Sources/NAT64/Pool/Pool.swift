import IPAddressing
import PacketMemory
import Synchronization

/// The IPv4 transport addresses that stand for clients, which of them are in use, and by which bindings.
///
/// For each address and protocol there is a ``PortSpace`` and an array that names, for every port, the shard and slot of
/// its binding: an inward packet finds its binding by two reads, without hashing. Both cost memory only where they
/// have been touched.
@safe
struct Pool: ~Copyable, @unchecked Sendable {
    /// A range of the pool, the address lowest first.
    struct Range {
        let addresses: ClosedRange<IPv4Address>
        let ports: PoolPorts
        let sharedWithHost: Bool
        /// The number of the first address; numbers count through all ranges.
        let firstNumber: Int
        /// Ports of all ranges before this one and of this one.
        let portsUpToHere: UInt64
    }

    /// How many ranges there are.
    let rangeCount: Int
    /// How many addresses there are.
    let addressCount: Int
    /// The ports of all addresses, for one protocol.
    let portCount: UInt64
    /// How many ports of all addresses are in use or held, by protocol, so that a pool that has none left is not
    /// searched from end to end for every packet that wants one.
    private let taken: [3 of Atomic<UInt64>]
    private let ranges: UnsafeMutablePointer<Range>
    private let spaces: ReservedMemory
    private let owners: ReservedMemory

    /// Lays out a pool. Where entries overlap, the one with the lower first address has what they share.
    init(_ entries: [PoolEntry]) {
        var ranges: [Range] = []
        var number = 0
        var ports: UInt64 = 0
        for entry in entries.sorted(by: { $0.addresses.lowerBound < $1.addresses.lowerBound }) {
            var first = entry.addresses.lowerBound
            if let before = ranges.last?.addresses.upperBound, before >= first {
                guard before.bits < entry.addresses.upperBound.bits else { continue }
                first = IPv4Address(bits: before.bits + 1)
            }
            let count = Int(entry.addresses.upperBound.bits - first.bits) + 1
            let poolPorts = PoolPorts(entry.ports)
            ports += UInt64(count) * UInt64(poolPorts.count)
            ranges.append(
                Range(
                    addresses: first...entry.addresses.upperBound,
                    ports: poolPorts,
                    sharedWithHost: entry.sharedWithHost,
                    firstNumber: number,
                    portsUpToHere: ports
                )
            )
            number += count
        }
        precondition(number <= NAT64Settings.mostPoolAddresses, "the pool has more addresses than are allowed")
        rangeCount = ranges.count
        addressCount = number
        portCount = ports
        taken = InlineArray { _ in Atomic<UInt64>(0) }
        unsafe self.ranges = .allocate(capacity: max(ranges.count, 1))
        for (index, range) in ranges.enumerated() { unsafe (self.ranges + index).initialize(to: range) }
        spaces = .mustReserve(number * 3 * PortSpace.octets, for: "the pool's ports")
        owners = .mustReserve(number * 3 << 18, for: "the pool's ports")
    }

    deinit { unsafe ranges.deallocate() }

    /// Lets `body` read a range.
    @inline(__always)
    func withRange<Result>(at index: Int, _ body: (borrowing Range) -> Result) -> Result {
        unsafe body(ranges[index])
    }

    /// Whether the addresses of a range are the host's own.
    @inline(__always)
    func isShared(range index: Int) -> Bool { unsafe ranges[index].sharedWithHost }

    /// Whose a transport address is.
    @inline(__always)
    func membership(of external: TransportAddress4) -> PoolMembership {
        guard let place = find(external.address) else { return .outside }
        let range = unsafe ranges[place.range]
        let isOurs = external.port.number >= range.ports.first && external.port.number <= range.ports.last
        return isOurs ? .pool : range.sharedWithHost ? .host : .unusedPort
    }

    /// The place of the range that holds an address, and the number of the address.
    @inline(__always)
    func find(_ address: IPv4Address) -> (range: Int, number: Int)? {
        var low = 0
        var high = rangeCount
        while low < high {
            let middle = (low &+ high) >> 1
            let addresses = unsafe ranges[middle].addresses
            if address > addresses.upperBound {
                low = middle &+ 1
            } else if address < addresses.lowerBound {
                high = middle
            } else {
                let number = unsafe ranges[middle].firstNumber &+ Int(address.bits &- addresses.lowerBound.bits)
                return (middle, number)
            }
        }
        return nil
    }

    /// The address that a client network is paired with: every address in proportion to its ports.
    func address(for network: UInt64) -> (range: Int, number: Int, address: IPv4Address)? {
        guard portCount > 0 else { return nil }
        let target = network.multipliedFullWidth(by: portCount).high
        var low = 0
        var high = rangeCount - 1
        while low < high {
            let middle = (low + high) >> 1
            if unsafe ranges[middle].portsUpToHere <= target { low = middle + 1 } else { high = middle }
        }
        let before = low == 0 ? 0 : unsafe ranges[low - 1].portsUpToHere
        let offset = Int(target - before) / (unsafe ranges[low].ports.count)
        let first = unsafe ranges[low].addresses.lowerBound
        return (low, unsafe ranges[low].firstNumber + offset, IPv4Address(bits: first.bits + UInt32(offset)))
    }

    /// The address after another one, and the first after the last.
    func address(after number: Int) -> (range: Int, number: Int, address: IPv4Address) {
        let next = number + 1 < addressCount ? number + 1 : 0
        var range = 0
        while range + 1 < rangeCount, unsafe ranges[range + 1].firstNumber <= next { range += 1 }
        let first = unsafe ranges[range].addresses.lowerBound
        let offset = unsafe next - ranges[range].firstNumber
        return (range, next, IPv4Address(bits: first.bits + UInt32(offset)))
    }

    /// Whether no address has a port left for a protocol.
    func isExhausted(_ transport: TransportProtocol) -> Bool { inUse(transport) >= portCount }

    /// How many ports of all addresses are in use or held for a protocol.
    func inUse(_ transport: TransportProtocol) -> UInt64 { taken[Int(transport.rawValue)].load(ordering: .relaxed) }

    /// Takes note that a port was taken out of one of the spaces.
    func countTaken(_ transport: TransportProtocol) {
        taken[Int(transport.rawValue)].wrappingAdd(1, ordering: .relaxed)
    }

    /// Gives a port of an address back.
    func give(back port: Port, _ number: Int, _ transport: TransportProtocol) {
        space(number, transport).give(back: port)
        taken[Int(transport.rawValue)].wrappingSubtract(1, ordering: .relaxed)
    }

    /// The ports of an address for a protocol.
    @inline(__always)
    func space(_ number: Int, _ transport: TransportProtocol) -> PortSpace {
        unsafe PortSpace(spaces.base + (number &* 3 &+ Int(transport.rawValue)) &* PortSpace.octets)
    }

    /// The binding that has a port: its shard in the low six bits, above them its slot plus one; zero is none.
    ///
    /// It is written under the lock of the shard it names, and so holds still for whoever has that lock.
    @inline(__always)
    func owner(_ number: Int, _ transport: TransportProtocol, _ port: Port) -> UInt32 {
        unsafe ownerWord(number, transport, port).pointee.load(ordering: .acquiring)
    }

    /// Says which binding has a port.
    @inline(__always)
    func setOwner(_ number: Int, _ transport: TransportProtocol, _ port: Port, _ owner: UInt32) {
        unsafe ownerWord(number, transport, port).pointee.store(owner, ordering: .releasing)
    }

    @inline(__always)
    private func ownerWord(
        _ number: Int,
        _ transport: TransportProtocol,
        _ port: Port
    ) -> UnsafeMutablePointer<Atomic<UInt32>> {
        let place = (number &* 3 &+ Int(transport.rawValue)) << 16 | Int(port.number)
        return unsafe owners.base.assumingMemoryBound(to: Atomic<UInt32>.self) + place
    }
}

/// Whose an IPv4 transport address is.
enum PoolMembership {
    /// Not of a pool address.
    case outside
    /// One that may stand for a client.
    case pool
    /// One of a pool address that is ours alone, outside the range of ports we use.
    case unusedPort
    /// One of the host's own address, outside the range of ports it shares with us.
    case host
}
