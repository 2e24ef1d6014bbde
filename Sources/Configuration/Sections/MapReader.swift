public import IPAddressing
internal import Policy

/// A range of IPv4 with the prefix that stands for it, as `[[nat64.map]]` says.
public struct MappedRange: Hashable, Sendable {
    /// The range.
    public var ipv4: IPv4Prefix
    /// One of the translation prefixes.
    public var prefix: TranslationPrefix
}

extension ValidatedConfiguration {
    /// `[[nat64.map]]`; held against prefixes and destinations, which have been read.
    mutating func readMaps(_ section: Section) {
        var taken: [IPv4Prefix: Place] = [:]
        for section in section.sections("map") {
            section.require("ipv4", "the IPv4 range the prefix is for")
            section.require("prefix", "one of nat64.prefixes")
            let prefix = mappedPrefix(section)
            for range in section.prefixes("ipv4", example: "10.0.0.0/8", empty: "write the range, or take it out") ?? []
            {
                guard case .v4(let ipv4) = range.prefix else {
                    section.refuse(range.written, "ipv4", "is IPv6; a translation prefix stands for IPv4 addresses")
                    continue
                }
                if let place = taken[ipv4] {
                    let first = place.seen(from: range.written.place)
                    section.refuse(range.written, "ipv4", "is mapped already, \(first); a range has one prefix")
                    continue
                }
                taken[ipv4] = range.written.place
                guard let prefix else { continue }
                if let complaint = complaint(aboutMapping: ipv4, to: prefix) {
                    section.refuse(range.written, "ipv4", complaint)
                    continue
                }
                maps.append(MappedRange(ipv4: ipv4, prefix: prefix))
                if maps.count == PrefixMaps.most + 1 {
                    section.refuse(
                        range.written,
                        "ipv4",
                        "is one range too many; at most \(PrefixMaps.most) are possible"
                    )
                }
            }
        }
    }

    private func mappedPrefix(_ section: Section) -> TranslationPrefix? {
        guard let text = section.text("prefix", example: "2001:db8:64::/96"),
            let prefix = section.prefix(text, "prefix", example: "2001:db8:64::/96")
        else { return nil }
        if case .v6(let block) = prefix, let known = prefixes.first(where: { $0.block == block }) { return known }
        let known = prefixes.map { "\"\($0)\"" }.joined(separator: ", ")
        section.refuse(text, "prefix", "is not one of nat64.prefixes, which are \(known); write it there as well")
        return nil
    }

    /// Why a range would never be reached under a prefix, or nothing.
    private func complaint(aboutMapping range: IPv4Prefix, to prefix: TranslationPrefix) -> String? {
        if let dead = SpecialPurpose.neverRouted.first(where: { $0.contains(range) }) {
            return "lies in \(dead), which no network delivers"
        }
        if let closed = destinations.refuse.first(where: { $0.contains(range) }) {
            return "is closed by destinations.refuse \"\(closed)\"; take one of them out"
        }
        guard prefix.isWellKnown, let special = SpecialPurpose.notGlobal.first(where: { $0.contains(range) }),
            !destinations.allow.contains(where: { $0.overlaps(range) })
        else { return nil }
        return "lies in \(special), which \(prefix) may not stand for (RFC 6052 section 3.1); "
            + "map it to a prefix of your own, or open it by destinations.allow"
    }
}
