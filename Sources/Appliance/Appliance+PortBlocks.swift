internal import Configuration
internal import Control
internal import ControlAPI
internal import IPAddressing
internal import Linux
internal import NAT64
internal import Timing

/// Who has which ports of the pool: blocks, and ports that are computed.
extension Appliance {
    /// A page of the blocks of ports that pass a filter.
    func portBlocks(filter: EntryFilter, cursor: String?, limit: Int) -> Result<PortBlockPage, ControlRefusal> {
        do throws(ControlRefusal) {
            let matcher = try EntryMatcher(filter)
            let (records, next) = try page(cursor, limit: limit) { tables, place, room in
                tables.portBlocks(from: place, limit: room)
            } matches: { record in
                matcher.matches(record.block)
            }
            let entries = records.map { block, inUse in
                PortBlockEntry(
                    client: "\(block.client)",
                    address: "\(block.address)",
                    ports: "\(block.ports.lowerBound)-\(block.ports.upperBound)",
                    since: UTCTime(seconds: WallClock.seconds(at: block.taken)),
                    inUse: UInt64(inUse)
                )
            }
            return .success(PortBlockPage(blocks: entries, next: next))
        } catch {
            return .failure(error)
        }
    }

    /// Whose an external port is, and has been since a moment: by a block or computed, and by static bindings, which may
    /// stand inside of somebody else's block.
    ///
    /// - Parameters:
    ///   - external: `192.0.2.1:2050`.
    ///   - time: The moment; nothing means now.
    func portHolder(external text: String, at time: UTCTime?) -> Result<PortOwner, ControlRefusal> {
        guard case .v4(let external)? = TransportAddress(text) else {
            return .failure(ControlRefusal(.badRequest, "\"\(text)\" is no external port; write 203.0.113.1:2050."))
        }
        let fixed = staticBindings(at: external)
        let found = portHolder(of: external, at: time)
        guard let first = fixed.first else { return found }
        switch found {
        case .success(var owner):
            owner.staticBindings = fixed.map(\.entry)
            return .success(owner)
        case .failure(let refusal) where time == nil && refusal.kind == .notFound:
            return .success(
                PortOwner(
                    external: "\(external)",
                    client: "\(first.network)",
                    ports: "\(external.port)-\(external.port)",
                    source: .static,
                    staticBindings: fixed.map(\.entry)
                )
            )
        case .failure: return found
        }
    }

    /// The static bindings in force that have an external port, each as one of that port alone, and their clients'
    /// networks.
    private func staticBindings(at external: TransportAddress4) -> [(entry: StaticBindingEntry, network: IPv6Prefix)] {
        let length = configuration.nat64.limits.clientLength
        let file = configuration.staticBindings
        let all = file + runtimeBindings.bindings.filter { !file.contains($0) }
        return all.compactMap { binding in
            guard staticProblems[binding] == nil, binding.external == external.address,
                let client = binding.client(of: external.port)
            else { return nil }
            let entry = StaticBindingEntry(
                transport: binding.transport.word,
                external: "\(external)",
                client: "\(client)",
                origin: file.contains(binding) ? .file : .runtime
            )
            return (entry, IPv6Prefix(client.address, length: length))
        }
    }

    private func portHolder(of external: TransportAddress4, at time: UTCTime?) -> Result<PortOwner, ControlRefusal> {
        for mapping in configuration.nat64.deterministic {
            guard case .client(let network, let ports)? = mapping.use(of: external.address, external.port) else {
                continue
            }
            return .success(
                PortOwner(
                    external: "\(external)",
                    client: "\(network)",
                    ports: "\(ports.lowerBound)-\(ports.upperBound)",
                    source: .computed
                )
            )
        }
        var cursor: String?
        repeat {
            let filter = EntryFilter(external: "\(external)")
            switch portBlocks(filter: filter, cursor: cursor, limit: 1) {
            case .failure(let refusal): return .failure(refusal)
            case .success(let page):
                if let block = page.blocks.first {
                    return holder(of: external, block, at: time)
                }
                cursor = page.next
            }
        } while cursor != nil
        guard configuration.nat64.portBlockSize > 0 || !configuration.nat64.deterministic.isEmpty else {
            return .failure(
                ControlRefusal(
                    .notFound,
                    "Ports are given out one by one here; who has it now: appliance-ctl bindings --external \(external)"
                )
            )
        }
        return .failure(ControlRefusal(.notFound, "No client network has \(external) now."))
    }

    private func holder(
        of external: TransportAddress4,
        _ block: PortBlockEntry,
        at time: UTCTime?
    ) -> Result<PortOwner, ControlRefusal> {
        if let time, time.seconds < block.since.seconds {
            let sentence = "\(block.client) has \(external) since \(block.since); who had it before is in the journal."
            return .failure(ControlRefusal(.notFound, sentence))
        }
        return .success(
            PortOwner(
                external: "\(external)",
                client: block.client,
                ports: block.ports,
                since: block.since,
                source: .block
            )
        )
    }
}
