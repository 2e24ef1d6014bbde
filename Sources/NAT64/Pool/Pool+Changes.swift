import IPAddressing
import Synchronization
import Timing

// Changing the pool while packets pass. One thread at a time.
extension Pool {
    /// Makes the pool consist of these entries. Addresses that are new can be used at once; of those that are not
    /// listed any more no port is given out, and they stay, draining, until ``dropDrained(besides:)`` finds them unused.
    /// Addresses that are listed again go on as they are, also with other ports: bindings on ports outside the new
    /// range live on.
    ///
    /// - Parameters:
    ///   - moment: From when on those drain that are not listed any more.
    ///   - pairings: Says which client networks keep the address that the first layout pairs them with, where the second
    ///     would pair them with another.
    ///   - waitForShards: Returns when every shard's lock has been free for a moment, so that nobody is choosing a port
    ///     by the layout before.
    /// - Returns: Whether there is room for so many addresses, the draining ones included; nothing has changed if not.
    func change(
        to entries: [PoolEntry],
        at moment: Moment,
        pairings: (PoolLayout, PoolLayout) -> [UInt64: Int],
        waitForShards: () -> Void
    ) -> Bool {
        changes.withLock { changes in
            let before = layout
            var fresh: [PoolRange] = []
            var numbers = changes.freeNumbers
            for piece in Self.pieces(of: entries, overloads: overloads) {
                guard Self.place(piece, before.all, &numbers, &fresh) else { return false }
            }
            let opened = max(changes.opened, fresh.map(\.numbers.upperBound).max() ?? 0)
            guard open(numbersTo: opened, opened: changes.opened) else { return false }
            changes.opened = opened
            changes.freeNumbers = numbers
            let leaving = Self.remains(of: before.all, without: fresh, at: moment)
            let all = Self.joined((fresh + leaving).sorted { $0.addresses.lowerBound < $1.addresses.lowerBound })
            let after = PoolLayout(all)
            let old = unsafe publish(after.keeping(Pairings(pairings(before, after))))
            unsafe changes.retired.append(Retired(layout: old, numbers: []))
            waitForShards()
            for range in leaving {
                for number in range.numbers where !space(number, .udp).isRetired { setRetired(true, number) }
            }
            for range in fresh { putInService(range, before) }
            return true
        }
    }

    /// Whether these entries have room beside the addresses that there are, which may all have to drain.
    func hasRoom(for entries: [PoolEntry]) -> Bool {
        changes.withLock { changes in
            let before = layout.all
            var numbers = changes.freeNumbers
            var fresh: [PoolRange] = []
            return Self.pieces(of: entries, overloads: overloads)
                .allSatisfy { Self.place($0, before, &numbers, &fresh) }
        }
    }

    /// Takes those draining addresses out of the pool of which no port is in use or held.
    ///
    /// - Parameter sharing: Addresses whose overloaded ports are in use, which are not counted here; asked if it matters.
    /// - Returns: Whether there were any.
    func dropDrained(besides sharing: () -> Set<IPv4Address>) -> Bool {
        changes.withLock { changes in
            let before = layout
            guard before.isDraining else { return false }
            lazy var shared = sharing()
            var left: [PoolRange] = []
            var gone: [Range<Int>] = []
            for range in before.all {
                guard range.isDraining else {
                    left.append(range)
                    continue
                }
                for (offset, number) in range.numbers.enumerated() {
                    let address = IPv4Address(bits: range.addresses.lowerBound.bits + UInt32(offset))
                    if isUnused(number), !shared.contains(address) {
                        gone.append(number..<number + 1)
                    } else {
                        left.append(range.part(address...address, drainingSince: range.drainingSince))
                    }
                }
            }
            guard !gone.isEmpty else { return false }
            let after = PoolLayout(Self.joined(left))
            let old = unsafe publish(after.keeping(before.pairings.copy()))
            unsafe changes.retired.append(Retired(layout: old, numbers: Self.joined(gone)))
            return true
        }
    }

    /// Lets client networks go where their hash leads that do not keep their address any more.
    ///
    /// - Parameter pairings: Says which do, as for ``change(to:pairings:waitForShards:)``.
    /// - Returns: Whether there were any.
    func renewPairings(_ pairings: (PoolLayout, PoolLayout) -> [UInt64: Int]) -> Bool {
        changes.withLock { changes in
            let before = layout
            guard before.pairings.count > 0 else { return false }
            let after = PoolLayout(before.all)
            let left = pairings(before, after)
            guard left.count < before.pairings.count else {
                after.free()
                return false
            }
            let old = unsafe publish(after.keeping(Pairings(left)))
            unsafe changes.retired.append(Retired(layout: old, numbers: []))
            return true
        }
    }

    /// Whether no port of an address is in use or held, and no block is taken.
    private func isUnused(_ number: Int) -> Bool {
        TransportProtocol.allCases.allSatisfy { space(number, $0).used == 0 } && blocks.taken(number) == 0
    }

    /// Says at which generation of the workers' view what was retired so far had been replaced.
    func stampRetired(_ generation: UInt64) {
        changes.withLock { changes in
            for index in changes.retired.indices where changes.retired[index].generation == nil {
                changes.retired[index].generation = generation
            }
        }
    }

    /// Frees the layouts and numbers that no worker can be looking at.
    ///
    /// - Parameter seen: The oldest generation that any worker has for its view.
    func reclaim(seen: UInt64) {
        changes.withLock { changes in
            changes.retired.removeAll { old in
                guard let generation = old.generation, generation <= seen else { return false }
                for numbers in old.numbers { clear(numbers) }
                changes.freeNumbers = Self.joined(changes.freeNumbers + old.numbers)
                unsafe Self.free(old.layout)
                return true
            }
        }
    }

    /// Opens the addresses of a range that were not in the pool before, or drained, or had other ports.
    private func putInService(_ range: PoolRange, _ before: PoolLayout) {
        for (offset, number) in range.numbers.enumerated() {
            if range.isComputed {
                if !space(number, .udp).isRetired { setRetired(true, number) }
                continue
            }
            let address = IPv4Address(bits: range.addresses.lowerBound.bits + UInt32(offset))
            if let old = before.find(address),
                before.withRange(at: old.range, { !$0.isDraining && $0.ports == range.ports })
            {
                continue
            }
            if !isUnused(number) { mayHaveOutside(number) }
            if space(number, .udp).isRetired {
                setRetired(false, number)
            } else {
                for transport in TransportProtocol.allCases { open(transport).open(number) }
                openForBlocks.open(number)
            }
        }
    }

    // MARK: Arithmetic of ranges

    /// What the entries come to, the lowest address first and none overlapping another.
    private static func pieces(of entries: [PoolEntry], overloads: Bool) -> [PoolRange] {
        var pieces: [PoolRange] = []
        for entry in entries.sorted(by: { $0.addresses.lowerBound < $1.addresses.lowerBound }) {
            var first = entry.addresses.lowerBound
            if let before = pieces.last?.addresses.upperBound, before >= first {
                guard before.bits < entry.addresses.upperBound.bits else { continue }
                first = IPv4Address(bits: before.bits + 1)
            }
            pieces.append(
                PoolRange(
                    addresses: first...entry.addresses.upperBound,
                    ports: PoolPorts(entry.ports, sharing: overloads && !entry.isComputed),
                    sharedWithHost: entry.sharedWithHost,
                    firstNumber: 0,
                    drainingSince: nil,
                    isComputed: entry.isComputed
                )
            )
        }
        return pieces
    }

    /// Gives the addresses of a piece the numbers they had, and free ones to those that had none.
    ///
    /// - Returns: Whether there were enough.
    private static func place(
        _ piece: PoolRange,
        _ before: [PoolRange],
        _ free: inout [Range<Int>],
        _ placed: inout [PoolRange]
    ) -> Bool {
        var next = UInt64(piece.addresses.lowerBound.bits)
        let end = UInt64(piece.addresses.upperBound.bits)
        while next <= end {
            let old = before.first { UInt64($0.addresses.upperBound.bits) >= next }
            let oldFirst = old.map { UInt64($0.addresses.lowerBound.bits) } ?? .max
            let number: Int
            let last: UInt64
            if let old, oldFirst <= next {
                number = old.firstNumber + Int(next - oldFirst)
                last = min(end, UInt64(old.addresses.upperBound.bits))
            } else {
                guard let run = free.first else { return false }
                last = min(min(end, oldFirst - 1), next + UInt64(run.count) - 1)
                number = run.lowerBound
                free[0] = run.lowerBound + Int(last - next) + 1..<run.upperBound
                if free[0].isEmpty { free.removeFirst() }
            }
            placed.append(
                PoolRange(
                    addresses: IPv4Address(bits: UInt32(next))...IPv4Address(bits: UInt32(last)),
                    ports: piece.ports,
                    sharedWithHost: piece.sharedWithHost,
                    firstNumber: number,
                    drainingSince: nil,
                    isComputed: piece.isComputed
                )
            )
            next = last + 1
        }
        return true
    }

    /// The parts of ranges that lie in no fresh one, as draining ranges. What drains already goes on with that.
    private static func remains(
        of before: [PoolRange],
        without fresh: [PoolRange],
        at moment: Moment
    ) -> [PoolRange] {
        var remains: [PoolRange] = []
        for range in before {
            var next = UInt64(range.addresses.lowerBound.bits)
            let end = UInt64(range.addresses.upperBound.bits)
            for other in fresh where other.addresses.overlaps(range.addresses) {
                let first = UInt64(other.addresses.lowerBound.bits)
                if first > next { remains.append(range.draining(next, first - 1, at: moment)) }
                next = max(next, UInt64(other.addresses.upperBound.bits) + 1)
            }
            if next <= end { remains.append(range.draining(next, end, at: moment)) }
        }
        return remains
    }

    /// Sorted ranges with those put together that go on where the one before ends.
    private static func joined(_ ranges: [PoolRange]) -> [PoolRange] {
        var joined: [PoolRange] = []
        for range in ranges {
            if let last = joined.last, last.continues(in: range) {
                joined[joined.count - 1] = PoolRange(
                    addresses: last.addresses.lowerBound...range.addresses.upperBound,
                    ports: last.ports,
                    sharedWithHost: last.sharedWithHost,
                    firstNumber: last.firstNumber,
                    drainingSince: last.drainingSince,
                    isComputed: last.isComputed
                )
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    private static func joined(_ numbers: [Range<Int>]) -> [Range<Int>] {
        var joined: [Range<Int>] = []
        for range in numbers.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, last.upperBound == range.lowerBound {
                joined[joined.count - 1] = last.lowerBound..<range.upperBound
            } else {
                joined.append(range)
            }
        }
        return joined
    }
}

extension PoolRange {
    fileprivate func draining(_ first: UInt64, _ last: UInt64, at moment: Moment) -> PoolRange {
        let addresses = IPv4Address(bits: UInt32(first))...IPv4Address(bits: UInt32(last))
        return part(addresses, drainingSince: drainingSince ?? moment)
    }

    /// Whether another range goes on where this one ends, alike in all else.
    fileprivate func continues(in other: PoolRange) -> Bool {
        UInt64(addresses.upperBound.bits) + 1 == UInt64(other.addresses.lowerBound.bits)
            && numbers.upperBound == other.firstNumber && ports == other.ports
            && sharedWithHost == other.sharedWithHost && drainingSince == other.drainingSince
            && isComputed == other.isComputed
    }
}
