import IPAddressing
import Synchronization

@testable import NAT64

extension Tables {
    /// What is wrong with the tables, in sentences; nothing if all invariants hold. To be asked while no packet passes.
    func brokenInvariants() -> [String] {
        var broken: [String] = []
        let numbers = pool.layout.all.flatMap { $0.numbers }
        var ports = [Int](repeating: 0, count: ((numbers.max() ?? 0) + 1) * 3)
        var waiting = 0
        var further = 0
        for index in 0..<Self.shardCount {
            let shard = shard(index)
            shard.lock()
            checkBindings(shard, index, &ports, &broken)
            let found = checkFurther(shard, index, &broken)
            waiting += found.waiting
            further += found.further
            checkWheel(shard, index, &broken)
            shard.unlock()
        }
        for (port, number) in withheld.withLock(\.kept) {
            ports[number * 3 + Int(port.transport.rawValue)] += 1
            let (transport, port) = (port.transport, port.external.port)
            if !pool.space(number, transport).isUsed(port) { broken.append("a withheld port is free") }
            if pool.owner(number, transport, port) != 0 { broken.append("a withheld port is bound") }
        }
        let bound = (0..<Self.shardCount).reduce(0) { sum, index in
            let counts = shard(index).counts
            return sum + counts.held + counts.bindings[0] + counts.bindings[1] + counts.bindings[2]
        }
        if bound != bindingCount.load(ordering: .relaxed) { broken.append("bindings: \(bound) are there") }
        if further != furtherCount.load(ordering: .relaxed) { broken.append("further sessions: \(further) are there") }
        if waiting != heldSyns.total { broken.append("held SYNs: \(waiting) are there") }
        for number in numbers {
            for transport in TransportProtocol.allCases {
                let used = pool.space(number, transport).used
                let bound = ports[number * 3 + Int(transport.rawValue)]
                if used != bound { broken.append("address \(number): \(used) \(transport) ports used, \(bound) bound") }
            }
        }
        if usesBlocks { checkBlocks(&broken) }
        for transport in TransportProtocol.allCases {
            let serving = numbers.filter { !pool.space($0, .udp).isRetired }
            let used = serving.reduce(0) { $0 + pool.space($1, transport).used }
            if pool.inUse(transport) != UInt64(used) { broken.append("pool: \(used) \(transport) ports used") }
        }
        return broken
    }

    private func checkBindings(_ shard: Shard, _ index: Int, _ ports: inout [Int], _ broken: inout [String]) {
        var live = [0, 0, 0]
        var held = 0
        for slot in memory.bindings.slots(of: index) {
            let id = BindingID(slot)
            let binding = shard[id]
            guard binding.standing != .free else { continue }
            let transport = binding.transport
            if shard.findBinding(binding.hash, binding.clientAddress, transport) != id {
                broken.append("binding \(slot) of shard \(index) is not found by its client")
            }
            checkPort(of: binding, slot, index, &ports, &broken)
            if binding.standing == .held {
                held += 1
                if binding.session.owner > 0 || binding.session.kind != .free { broken.append("held, with sessions") }
            } else {
                live[Int(transport.rawValue)] += 1
                let isEmpty = binding.session.owner == 0 && binding.session.kind == .free
                if isEmpty, binding.standing != .fixed { broken.append("live, no session") }
            }
        }
        let counts = shard.counts
        if held != counts.held { broken.append("shard \(index): \(held) bindings held, \(counts.held) counted") }
        for transport in 0..<3 where live[transport] != counts.bindings[transport] {
            broken.append("shard \(index): \(live[transport]) bindings, \(counts.bindings[transport]) counted")
        }
    }

    private func checkPort(
        of binding: Binding,
        _ slot: UInt32,
        _ index: Int,
        _ ports: inout [Int],
        _ broken: inout [String]
    ) {
        let (number, transport) = (Int(binding.poolAddress), binding.transport)
        guard !binding.sharesPort else {
            guard binding.session.kind == .session else { return }
            let (external, peer) = (binding.externalAddress, binding.session.peerAddress)
            let owner = sharedPorts.find(transport, external, peer, secret)
            if owner != (slot &+ 1) << 6 | UInt32(index) { broken.append("binding \(slot) has no claim to its peer") }
            return
        }
        ports[number * 3 + Int(transport.rawValue)] += 1
        let owner = pool.owner(number, transport, binding.externalPort)
        if owner != (slot &+ 1) << 6 | UInt32(index) { broken.append("port of binding \(slot) has another owner") }
        if !pool.space(number, transport).isUsed(binding.externalPort) {
            broken.append("port of binding \(slot) is free")
        }
    }

    /// Returns how many SYNs wait, and how many further sessions there are.
    private func checkFurther(
        _ shard: Shard,
        _ index: Int,
        _ broken: inout [String]
    ) -> (waiting: Int, further: Int) {
        var further: [UInt32: UInt32] = [:]
        var unbound = 0
        var sessions = 0
        for slot in memory.sessions.slots(of: index) {
            let id = SessionID(further: slot)
            let session = shard[id]
            switch session.kind {
            case .free: continue
            case .session:
                further[session.owner, default: 0] += 1
                sessions += 1
                if findSession(BindingID(session.owner), session.peerAddress, in: shard) != id {
                    broken.append("further session \(slot) of shard \(index) is not found")
                }
            case .unbound:
                unbound += 1
            case .peerAddress:
                if session.extra == 0 { broken.append("a peer address without sessions") }
            }
        }
        for slot in memory.bindings.slots(of: index) where shard[BindingID(slot)].standing != .free {
            let first = shard[BindingID(slot)].session
            if first.owner != further[slot] ?? 0 { broken.append("binding \(slot): \(first.owner) further sessions") }
            if first.kind == .session { sessions += 1 }
        }
        let counts = shard.counts
        if unbound != counts.unbound { broken.append("shard \(index): \(unbound) unbound sessions") }
        if sessions != counts.sessions[0] + counts.sessions[1] + counts.sessions[2] {
            broken.append("shard \(index): \(sessions) sessions")
        }
        return (unbound, further.values.reduce(0) { $0 + Int($1) })
    }

    private func checkWheel(_ shard: Shard, _ index: Int, _ broken: inout [String]) {
        let wheel = shard.wheel
        var hanging = 0
        for bucket in 0..<ExpiryWheel.bucketCount {
            var previous = SessionID.none
            var id = wheel.head(of: bucket)
            while id != .none {
                hanging += 1
                if shard[id].previous != previous || UInt32(shard[id].bucket) != bucket {
                    broken.append("shard \(index): a session hangs wrongly in bucket \(bucket)")
                    return
                }
                previous = id
                id = shard[id].next
            }
        }
        let counts = shard.counts
        let expected = counts.sessions[0] + counts.sessions[1] + counts.sessions[2] + counts.held + counts.unbound
        if hanging != expected || hanging != Int(wheel.count) {
            broken.append("shard \(index): \(hanging) hang, \(wheel.count) counted, \(expected) expected")
        }
    }
}

extension Slab {
    /// The slots a shard has or had in use, and some that it never had.
    func slots(of index: Int) -> [UInt32] { (0..<end).filter { shard(of: $0) == index } }
}

extension Tables {
    /// Octets of memory that the sessions there are take, in slots and indices, with what the pool keeps of each port.
    func octetsInUse() -> Int {
        let slots = Int(memory.bindings.end) * 64 + Int(memory.sessions.end) * 32
        let places = (0..<Self.shardCount).reduce(0) { $0 + shard($1).places }
        let ports = (0..<Self.shardCount).reduce(0) { $0 + shard($1).counts.bindings[0] }
        return slots + places * 8 + ports * 5 + Self.shardCount * ExpiryWheel.octets
    }
}

extension Shard {
    /// Places of both indices.
    fileprivate var places: Int { unsafe state.pointee.clients.capacity + state.pointee.further.capacity }

    /// How far clients stand from their places in the index, for tests of the hash.
    func clientProbeLengths() -> (longest: Int, sum: Int, beyondLine: Int) {
        unsafe state.pointee.clients.probeLengths()
    }
}
