import IPAddressing
import Synchronization

extension Tables {
    /// What is wrong with the tables, in sentences; nothing if all invariants hold. For tests, while no packet passes.
    func brokenInvariants() -> [String] {
        var broken: [String] = []
        var ports = [Int](repeating: 0, count: pool.addressCount * 3)
        var waiting = 0
        for index in 0..<Self.shardCount {
            let shard = shard(index)
            shard.lock()
            checkBindings(shard, index, &ports, &broken)
            waiting += checkFurther(shard, index, &broken)
            checkWheel(shard, index, &broken)
            shard.unlock()
        }
        if waiting != heldSyns.load(ordering: .relaxed) { broken.append("held SYNs: \(waiting) are there") }
        for number in 0..<pool.addressCount {
            for transport in TransportProtocol.allCases {
                let used = pool.space(number, transport).used
                let bound = ports[number * 3 + Int(transport.rawValue)]
                if used != bound { broken.append("address \(number): \(used) \(transport) ports used, \(bound) bound") }
            }
        }
        for transport in TransportProtocol.allCases {
            let used = (0..<pool.addressCount).reduce(0) { $0 + pool.space($1, transport).used }
            if pool.inUse(transport) != UInt64(used) { broken.append("pool: \(used) \(transport) ports used") }
        }
        return broken
    }

    private func checkBindings(_ shard: Shard, _ index: Int, _ ports: inout [Int], _ broken: inout [String]) {
        var live = [0, 0, 0]
        var held = 0
        for slot in 0..<shard.highWater(further: false) {
            let id = BindingID(slot)
            let binding = shard[id]
            guard binding.standing != .free else { continue }
            let transport = binding.transport
            ports[Int(binding.poolAddress) * 3 + Int(transport.rawValue)] += 1
            if shard.findBinding(binding.hash, binding.clientAddress, transport) != id {
                broken.append("binding \(slot) of shard \(index) is not found by its client")
            }
            let owner = pool.owner(Int(binding.poolAddress), transport, binding.externalPort)
            if owner != (slot &+ 1) << 6 | UInt32(index) { broken.append("port of binding \(slot) has another owner") }
            if !pool.space(Int(binding.poolAddress), transport).isUsed(binding.externalPort) {
                broken.append("port of binding \(slot) is free")
            }
            if binding.standing == .held {
                held += 1
                if binding.session.owner > 0 || binding.session.kind != .free { broken.append("held, with sessions") }
            } else {
                live[Int(transport.rawValue)] += 1
                if binding.session.owner == 0, binding.session.kind == .free { broken.append("live, no session") }
            }
        }
        let counts = shard.counts
        if held != counts.held { broken.append("shard \(index): \(held) bindings held, \(counts.held) counted") }
        for transport in 0..<3 where live[transport] != counts.bindings[transport] {
            broken.append("shard \(index): \(live[transport]) bindings, \(counts.bindings[transport]) counted")
        }
    }

    /// Returns how many SYNs wait.
    private func checkFurther(_ shard: Shard, _ index: Int, _ broken: inout [String]) -> Int {
        var waiting = 0
        var further: [UInt32: UInt32] = [:]
        var unbound = 0
        var sessions = 0
        for slot in 0..<shard.highWater(further: true) {
            let id = SessionID(further: slot)
            let session = shard[id]
            switch session.kind {
            case .free: continue
            case .session:
                further[session.owner, default: 0] += 1
                sessions += 1
                if session.isHeld { waiting += 1 }
                if findSession(BindingID(session.owner), session.peerAddress, in: shard) != id {
                    broken.append("further session \(slot) of shard \(index) is not found")
                }
            case .unbound:
                unbound += 1
                waiting += 1
            case .peerAddress:
                if session.extra == 0 { broken.append("a peer address without sessions") }
            }
        }
        for slot in 0..<shard.highWater(further: false) where shard[BindingID(slot)].standing != .free {
            let first = shard[BindingID(slot)].session
            if first.owner != further[slot] ?? 0 { broken.append("binding \(slot): \(first.owner) further sessions") }
            if first.kind == .session { sessions += 1 }
            if first.kind == .session, first.isHeld { waiting += 1 }
        }
        let counts = shard.counts
        if unbound != counts.unbound { broken.append("shard \(index): \(unbound) unbound sessions") }
        if sessions != counts.sessions[0] + counts.sessions[1] + counts.sessions[2] {
            broken.append("shard \(index): \(sessions) sessions")
        }
        return waiting
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

extension Shard {
    /// How far clients stand from their places in the index, for tests of the hash.
    func clientProbeLengths() -> (longest: Int, sum: Int) { unsafe state.pointee.clients.probeLengths() }
}
