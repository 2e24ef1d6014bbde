internal import IPAddressing

/// The translation prefixes of `[nat64]`: RFC 6052 section 2.
enum PrefixReader {
    static let most = 16
    private static let key = "prefixes"

    static func prefixes(_ section: Section) -> [TranslationPrefix]? {
        let empty =
            "a NAT64 without a prefix translates nothing (RFC 6146 section 3); the default is [\"64:ff9b::/96\"]"
        guard let texts = section.texts(key, example: "64:ff9b::/96", empty: empty) else { return nil }
        var accepted: [(TranslationPrefix, PlacedText)] = []
        for text in texts {
            guard let prefix = section.prefix(text, key, example: "64:ff9b::/96"),
                let translation = translationPrefix(prefix, text, section)
            else { continue }
            accepted.append((translation, text))
        }
        section.refuseRepeated(accepted, key)
        if accepted.count > most {
            section.refuse(accepted[most].1, key, "is one prefix too many; at most \(most) are possible")
            return accepted[..<most].map(\.0)
        }
        for (index, (prefix, text)) in accepted.enumerated() {
            let other = accepted[..<index].first { $0.0 != prefix && $0.0.block.overlaps(prefix.block) }
            if let other {
                let message =
                    "overlaps \"\(other.1.text)\" \(other.1.place.seen(from: text.place)); "
                    + "an address must lie under one prefix only"
                section.refuse(text, key, message)
            }
        }
        return accepted.map(\.0)
    }

    private static func translationPrefix(
        _ prefix: IPPrefix,
        _ text: PlacedText,
        _ section: Section
    ) -> TranslationPrefix? {
        guard case .v6(let block) = prefix else {
            section.refuse(text, key, "is IPv4; a translation prefix is IPv6 (RFC 6052 section 2)")
            return nil
        }
        do throws(TranslationPrefix.Problem) {
            let prefix = try TranslationPrefix(block)
            if let address = discoveryAddress(in: prefix) {
                let message =
                    "has the octets of \(address) where a shorter prefix has the IPv4 address; hosts that "
                    + "discover prefixes by that address would find the wrong one (RFC 7050 section 3)"
                section.refuse(text, key, message)
            }
            return prefix
        } catch {
            section.refuse(text, key, advice(on: error, block))
            return nil
        }
    }

    /// The well-known IPv4 address that stands inside a prefix itself at a place where RFC 6052 puts IPv4 addresses.
    private static func discoveryAddress(in prefix: TranslationPrefix) -> IPv4Address? {
        for length in TranslationPrefix.Length.allCases where length.rawValue < prefix.length.rawValue {
            let shorter = IPv6Prefix(prefix.address, length: length.rawValue)
            guard let other = try? TranslationPrefix(shorter) else { continue }
            let address = other.extract(prefix.address)
            if address == IPv4Address(192, 0, 0, 170) || address == IPv4Address(192, 0, 0, 171) { return address }
        }
        return nil
    }

    private static func advice(on problem: TranslationPrefix.Problem, _ block: IPv6Prefix) -> String {
        switch problem {
        case .length:
            return "has length \(block.length); RFC 6052 section 2.2 allows /32, /40, /48, /56, /64 and /96"
        case .octet8:
            let address = IPv6Address(high: block.address.high, low: block.address.low & ~(0xFF << 56))
            return "has bits 64 to 71 set, which RFC 6052 section 2.2 wants to be zero; "
                + "\"\(address)/96\" would be right"
        case .wellKnownAtOtherLength:
            return "is the well-known prefix at another length; RFC 6052 section 2.1 knows \"64:ff9b::/96\" only"
        case .notUnicast:
            return "is not a unicast prefix that can be routed to a translator; use \"64:ff9b::/96\" or one of your own"
        }
    }
}
