import IPAddressing
import Timing

/// A range of the pool: addresses side by side with numbers side by side, and the ports of each.
struct PoolRange {
    /// The addresses.
    let addresses: ClosedRange<IPv4Address>
    /// The ports of each.
    let ports: PoolPorts
    /// Whether the addresses are the host's as well.
    let sharedWithHost: Bool
    /// The number of the first address. A number is an address's for as long as the address is in the pool or drains.
    let firstNumber: Int
    /// When the range was taken out of the pool, if it only waits for its last bindings to end.
    let drainingSince: Moment?
    /// Whether the ports are for clients whose ports are computed. The spaces of such addresses are out of service: they
    /// are not among those that are shared out.
    let isComputed: Bool

    /// Whether the range was taken out of the pool and only waits for its last bindings to end.
    var isDraining: Bool { drainingSince != nil }
    /// How many addresses there are.
    var count: Int { Int(addresses.upperBound.bits - addresses.lowerBound.bits) + 1 }
    /// The numbers of the addresses.
    var numbers: Range<Int> { firstNumber..<firstNumber + count }
    /// How many ports clients can be given, of one protocol; those set aside for overloading are not among them.
    var portCount: UInt64 { isDraining || isComputed ? 0 : UInt64(count) * UInt64(ports.count) }

    /// A part of the range.
    func part(_ part: ClosedRange<IPv4Address>, drainingSince: Moment?) -> PoolRange {
        PoolRange(
            addresses: part,
            ports: ports,
            sharedWithHost: sharedWithHost,
            firstNumber: firstNumber + Int(part.lowerBound.bits - addresses.lowerBound.bits),
            drainingSince: drainingSince,
            isComputed: isComputed
        )
    }
}

/// An address of the pool.
struct PoolPlace {
    /// Its range, as a place in the layout it was found in.
    let range: Int
    /// Its number.
    let number: Int
    /// The address.
    let address: IPv4Address
    /// Whether it is the host's as well.
    let isShared: Bool
    /// Whether it was taken out of the pool and only waits for its last bindings to end.
    let isDraining: Bool
}

/// From the lowest to the highest address of the pool that is not the host's as well; those of most peers lie outside.
struct OwnAddresses: BitwiseCopyable {
    let first: UInt32
    let span: UInt32

    /// Whether an address may be one of the pool; if not, it is none.
    @inline(__always)
    func mayHold(_ address: IPv4Address) -> Bool { address.bits &- first <= span }
}

/// What the pool consists of at one moment: never changed, but replaced as a whole.
///
/// Packets look addresses up in ``bounds``, 16 octets for each range; everything else is for bindings as they are made
/// and end. Whoever makes a layout frees it when nobody can be looking at it any more.
@safe
struct PoolLayout: BitwiseCopyable {
    private struct Bounds: BitwiseCopyable {
        let first: UInt32
        let last: UInt32
        let number: UInt32
        let isShared: Bool
        let isDraining: Bool
    }

    /// Tells this layout from all others of its pool; never zero.
    var serial: UInt32 = 1
    /// How many ranges there are, the draining ones among them.
    let rangeCount: Int
    /// How many ports clients can be given, of one protocol.
    let portCount: UInt64
    /// How many addresses there are that do not drain.
    let addressCount: Int
    /// Whether any range drains.
    let isDraining: Bool
    /// Where the addresses lie that are ours alone.
    let own: OwnAddresses
    /// Client networks that have not gone where their hash leads.
    private(set) var pairings = Pairings()
    private let bounds: UnsafeMutablePointer<Bounds>
    private let ranges: UnsafeMutablePointer<PoolRange>
    /// For each range, the ports of all ranges before it and its own.
    private let portsUpToHere: UnsafeMutablePointer<UInt64>
    /// The places of the ranges, the lowest number first.
    private let byNumber: UnsafeMutablePointer<Int>

    /// - Parameter sorted: The ranges, the lowest address first, none overlapping another.
    init(_ sorted: [PoolRange]) {
        rangeCount = sorted.count
        portCount = sorted.reduce(0) { $0 + $1.portCount }
        addressCount = sorted.reduce(0) { $0 + ($1.isDraining || $1.isComputed ? 0 : $1.count) }
        isDraining = sorted.contains(where: \.isDraining)
        let own = sorted.filter { !$0.sharedWithHost }
        let first = own.first?.addresses.lowerBound.bits ?? .max
        self.own = OwnAddresses(first: first, span: (own.last?.addresses.upperBound.bits ?? .max) - first)
        let room = max(sorted.count, 1)
        unsafe bounds = .allocate(capacity: room)
        unsafe ranges = .allocate(capacity: room)
        unsafe portsUpToHere = .allocate(capacity: room)
        unsafe byNumber = .allocate(capacity: room)
        var ports: UInt64 = 0
        for (index, range) in sorted.enumerated() {
            let first = range.addresses.lowerBound.bits
            let bound = Bounds(
                first: first,
                last: range.addresses.upperBound.bits,
                number: UInt32(range.firstNumber),
                isShared: range.sharedWithHost,
                isDraining: range.isDraining
            )
            ports += range.portCount
            unsafe (bounds + index).initialize(to: bound)
            unsafe (ranges + index).initialize(to: range)
            unsafe (portsUpToHere + index).initialize(to: ports)
        }
        for (place, index) in sorted.indices.sorted(by: { sorted[$0].firstNumber < sorted[$1].firstNumber })
            .enumerated()
        {
            unsafe (byNumber + place).initialize(to: index)
        }
    }

    /// The same with networks that keep their addresses; there must be none so far.
    func keeping(_ pairings: Pairings) -> PoolLayout {
        var layout = self
        layout.pairings = pairings
        return layout
    }

    /// Frees the memory. Nobody may look at the layout afterwards.
    func free() {
        pairings.free()
        unsafe bounds.deallocate()
        unsafe ranges.deallocate()
        unsafe portsUpToHere.deallocate()
        unsafe byNumber.deallocate()
    }

    /// Every range, the lowest address first.
    var all: [PoolRange] { (0..<rangeCount).map { unsafe ranges[$0] } }

    /// How many blocks of a size clients can be given.
    func blockCount(ofSize size: Int) -> Int {
        var count = 0
        for index in 0..<rangeCount {
            withRange(at: index) { range in
                guard range.portCount > 0 else { return }
                count += range.count * (Int(range.ports.last) / size - Int(range.ports.first) / size + 1)
            }
        }
        return count
    }

    /// Lets `body` read a range.
    @inline(__always)
    func withRange<Result>(at index: Int, _ body: (borrowing PoolRange) -> Result) -> Result {
        unsafe body(ranges[index])
    }

    /// The place of an address, draining or not.
    @inline(__always)
    func find(_ address: IPv4Address) -> PoolPlace? {
        var low = 0
        var high = rangeCount
        while low < high {
            let middle = (low &+ high) >> 1
            let here = unsafe bounds[middle]
            if address.bits > here.last {
                low = middle &+ 1
            } else if address.bits < here.first {
                high = middle
            } else {
                let number = Int(here.number &+ (address.bits &- here.first))
                return PoolPlace(
                    range: middle,
                    number: number,
                    address: address,
                    isShared: here.isShared,
                    isDraining: here.isDraining
                )
            }
        }
        return nil
    }

    /// The address of a client network by its keyed hash: the one it keeps, or else the one the hash leads to, every
    /// address in proportion to its ports.
    func place(for hash: UInt64) -> PoolPlace? {
        guard portCount > 0 else { return nil }
        if pairings.count > 0, let number = pairings.number(for: hash), let kept = place(ofNumber: number) {
            return kept
        }
        let target = hash.multipliedFullWidth(by: portCount).high
        var low = 0
        var high = rangeCount - 1
        while low < high {
            let middle = (low + high) >> 1
            if unsafe portsUpToHere[middle] <= target { low = middle + 1 } else { high = middle }
        }
        let before = low == 0 ? 0 : unsafe portsUpToHere[low - 1]
        let portsOfEach = unsafe ranges[low].ports.count
        return place(low, offset: Int(target - before) / portsOfEach)
    }

    /// The address that has a number; nothing if it drains, or if none has it.
    func place(ofNumber number: Int) -> PoolPlace? {
        var low = 0
        var high = rangeCount
        while low < high {
            let middle = (low + high) >> 1
            let index = unsafe byNumber[middle]
            let numbers = unsafe ranges[index].numbers
            if number >= numbers.upperBound {
                low = middle + 1
            } else if number < numbers.lowerBound {
                high = middle
            } else {
                return unsafe ranges[index].isDraining ? nil : place(index, offset: number - numbers.lowerBound)
            }
        }
        return nil
    }

    private func place(_ range: Int, offset: Int) -> PoolPlace {
        let first = unsafe ranges[range].addresses.lowerBound.bits
        return PoolPlace(
            range: range,
            number: unsafe ranges[range].firstNumber + offset,
            address: IPv4Address(bits: first + UInt32(offset)),
            isShared: unsafe ranges[range].sharedWithHost,
            isDraining: unsafe ranges[range].isDraining
        )
    }
}
