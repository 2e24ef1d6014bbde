internal import IPAddressing
internal import NAT64

extension ValidatedConfiguration {
    /// `[[nat64.deterministic]]`; held against the pool and the client length, which have been read.
    mutating func readDeterministic(_ section: Section) {
        for section in section.sections("deterministic") {
            guard let mapping = mapping(section) else { continue }
            if let complaint = mapping.complaint {
                section.problems.add(section.place, section.name, complaint)
            } else if nat64.deterministic.contains(where: { $0.clients.overlaps(mapping.clients) }) {
                section.problems.add(
                    section.place(of: "ipv6"),
                    section.path("ipv6"),
                    "overlaps that of another mapping"
                )
            } else if let taken = addressConflict(of: mapping.addresses) {
                section.problems.add(section.place(of: "ipv4"), section.path("ipv4"), taken)
            } else {
                nat64.deterministic.append(mapping)
                let entry = PoolEntry(addresses: mapping.addresses, ports: mapping.ports, isComputed: true)
                pool.deterministic.append(entry)
            }
        }
    }

    private func addressConflict(of addresses: ClosedRange<IPv4Address>) -> String? {
        if pool.ownRanges.contains(where: { $0.overlaps(addresses) }) {
            return "has addresses of nat64.pool; take them out there, they are for these clients alone"
        }
        if pool.deterministic.contains(where: { $0.addresses.overlaps(addresses) }) {
            return "overlaps that of another mapping"
        }
        return nil
    }

    private func mapping(_ section: Section) -> DeterministicMapping? {
        section.require("ipv6", "the prefix of the clients")
        section.require("ipv4", "the prefix of their external addresses")
        section.require("clients-per-address", "how many client networks share an address")
        let inside = section.text("ipv6", example: "2001:db8:6::/56")
            .flatMap { section.prefix($0, "ipv6", example: "2001:db8:6::/56") }
        let outside = section.text("ipv4", example: "203.0.113.0/27")
            .flatMap { section.prefix($0, "ipv4", example: "203.0.113.0/27") }
        let each = section.integer("clients-per-address", in: 1...64_512)
        let overflow = section.integer("overflow-parts", in: 0...1024)
        let most = section.integer("most-ports-per-client", in: 1...64_512)
        let block = section.integer("block-size", in: 64...4096)
        let ports = section.text("ports", example: "1024-65535")
        var range = PoolEntry.usualPorts
        if let ports {
            guard let read = PortRangeText.range(ports.text), read.lowerBound >= 1024 else {
                let message = "is no range of ports from 1024 on; system ports are left out (RFC 7422 section 2)"
                section.refuse(ports, "ports", message)
                return nil
            }
            range = Port(read.lowerBound)...Port(read.upperBound)
        }
        guard let inside, let outside, let each else { return nil }
        guard case .v6(let clients) = inside else {
            section.problems.add(section.place(of: "ipv6"), section.path("ipv6"), "is IPv4; clients have IPv6")
            return nil
        }
        guard case .v4(let addresses) = outside, addresses.length >= 16 else {
            section.problems.add(section.place(of: "ipv4"), section.path("ipv4"), "is no IPv4 prefix of /16 to /32")
            return nil
        }
        if let bad = SpecialPurpose.neverRouted.first(where: { $0.range.overlaps(addresses.range) }) {
            let message = "has addresses in \(bad), which no network delivers to us"
            section.problems.add(section.place(of: "ipv4"), section.path("ipv4"), message)
            return nil
        }
        return DeterministicMapping(
            clients: clients,
            clientLength: nat64.limits.clientLength,
            addresses: addresses.range,
            ports: range,
            clientsPerAddress: each,
            overflowParts: overflow ?? 1,
            mostPorts: most,
            blockSize: block ?? 64
        )
    }
}
