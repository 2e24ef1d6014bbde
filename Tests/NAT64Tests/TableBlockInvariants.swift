import IPAddressing

@testable import NAT64

extension Tables {
    /// Whether every port made for traffic lies in a block of its client's network, and the blocks count right.
    func checkBlocks(_ broken: inout [String]) {
        struct Use: Hashable {
            let address: Int
            let first: UInt16
            let transport: TransportProtocol
        }
        var blocks: [(number: Int, block: PortBlockRecord)] = []
        var taken: [Int: Int] = [:]
        pool.blocks.forEach { id, block in
            blocks.append((id.number, block))
            taken[id.number, default: 0] += 1
        }
        if blocks.count != pool.blocks.count { broken.append("\(blocks.count) blocks are there") }
        for (number, count) in taken where pool.blocks.taken(number) != count {
            broken.append("address \(number): \(count) blocks are there, \(pool.blocks.taken(number)) bits are set")
        }
        var counts: [Use: Int] = [:]
        for index in 0..<Self.shardCount {
            let shard = shard(index)
            for slot in memory.bindings.slots(of: index) {
                let binding = shard[BindingID(slot)]
                let isTraffic = binding.standing == .live || binding.standing == .held || binding.standing == .ending
                guard isTraffic, !binding.sharesPort else { continue }
                let (number, port) = (Int(binding.poolAddress), binding.externalPort.number)
                let owner = blocks.first { number == $0.number && port >= $0.block.first && port <= $0.block.last }
                if let owner = owner?.block {
                    counts[Use(address: number, first: owner.first, transport: binding.transport), default: 0] += 1
                    let network = IPv6Prefix(owner.client, length: settings.limits.clientLength)
                    if !network.contains(binding.client) { broken.append("binding \(slot) is in the block of another") }
                } else if settings.portBlockSize > 0, !hasComputedPorts(binding.client) {
                    broken.append("binding \(slot) is in no block")
                }
            }
        }
        for (number, block) in blocks {
            for transport in TransportProtocol.allCases {
                let count = counts[Use(address: number, first: block.first, transport: transport)] ?? 0
                if Int(block[transport]) != count {
                    broken.append("block \(block.first) of \(number): \(count) ports, \(block[transport]) counted")
                }
            }
        }
    }
}
