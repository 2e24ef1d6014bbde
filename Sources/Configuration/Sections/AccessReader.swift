internal import IPAddressing
internal import Policy

extension ValidatedConfiguration {
    /// `[clients]`.
    mutating func readClients(_ section: Section) {
        let empty = "nobody would be served; write networks, or \"links\" for the networks on this machine's links"
        guard let written = section.texts("allow", example: "2001:db8:6::/48", empty: empty) else { return }
        section.refuseRepeated(written.filter { $0.text == "links" }.map { ($0.text, $0) }, "allow")
        let prefixes = section.prefixes("allow", example: "2001:db8:6::/48", words: ["links"]) ?? []
        for client in prefixes {
            if let complaint = client.prefix.complaintAboutClients(prefixes: self.prefixes) {
                section.refuse(client.written, "allow", complaint)
            }
        }
        clients = Clients(networks: prefixes.map(\.prefix), includesLinks: written.contains { $0.text == "links" })
    }

    /// `[destinations]`.
    mutating func readDestinations(_ section: Section) {
        let allow = ipv4("allow", section)
        let refuse = ipv4("refuse", section)
        for (prefix, written) in allow {
            if let dead = SpecialPurpose.neverRouted.first(where: { $0.overlaps(prefix) }) {
                section.refuse(written, "allow", "has addresses in \(dead), which no network delivers")
            } else if !SpecialPurpose.notGlobal.contains(where: { $0.overlaps(prefix) }) {
                let message =
                    "is reachable anyway: allow opens special-purpose ranges such as \"10.0.0.0/8\", "
                    + "and refuse closes any range"
                section.refuse(written, "allow", message)
            }
            if let closed = refuse.first(where: { $0.0.contains(prefix) }) {
                let message =
                    "is closed again by refuse \"\(closed.1.text)\" "
                    + "\(closed.1.place.seen(from: written.place)); take one of them out"
                section.refuse(written, "allow", message)
            }
        }
        for (prefix, written) in refuse where prefix.length == 0 {
            section.refuse(written, "refuse", "closes the whole of IPv4; nothing would be left to translate")
        }
        destinations = DestinationRules(allow: allow.map(\.0), refuse: refuse.map(\.0))
    }

    private func ipv4(_ key: String, _ section: Section) -> [(IPv4Prefix, PlacedText)] {
        (section.prefixes(key, example: "10.0.0.0/8") ?? []).compactMap { item in
            guard case .v4(let prefix) = item.prefix else {
                section.refuse(item.written, key, "is IPv6; destinations behind the translator are IPv4")
                return nil
            }
            return (prefix, item.written)
        }
    }
}

extension IPPrefix {
    /// Why these cannot be clients, or nothing.
    fileprivate func complaintAboutClients(prefixes: [TranslationPrefix]) -> String? {
        switch self {
        case .v4(let prefix):
            return prefix.address.bits >> 28 == 0xE && prefix.length >= 4
                ? "is multicast; clients are single hosts" : nil
        case .v6(let prefix):
            if prefix.address.isMulticast, prefix.length >= 8 { return "is multicast; clients are single hosts" }
            if prefix.address.isIPv4Mapped, prefix.length >= 96 {
                let right = IPv4Prefix(
                    IPv4Address(bits: UInt32(truncatingIfNeeded: prefix.address.low)),
                    length: prefix.length - 96
                )
                return "is IPv4-mapped; write \"\(right)\""
            }
            // A wider network, such as ::/0, may hold the prefix: sources under it are dropped all the same.
            if let inside = prefixes.first(where: { $0.block.contains(prefix) }) {
                return
                    "lies under the translation prefix \(inside), from which no client may send (RFC 6146 section 3.5)"
            }
            return nil
        }
    }
}
