internal import IPAddressing
internal import NAT64

extension PoolSpecification {
    /// What stands in `pool` and `ports` of `[nat64]`.
    init(reading section: Section) {
        self.init()
        let example = "\"192.0.2.64/28\", \"192.0.2.1-192.0.2.9\", \"192.0.2.1\" or \"share:eth0\""
        var written: [(PoolSource, PlacedText)] = []
        let empty =
            "no address is left for translation (RFC 6146 section 3); leave the key out to share the uplink's address"
        for text in section.texts("pool", example: "192.0.2.64/28", empty: empty) ?? [] {
            if let source = Self.source(text, section, example: example) { written.append((source, text)) }
        }
        Self.refuseOverlaps(written, section)
        sources = written.map(\.0)
        readPorts(section)
    }

    private static func source(_ text: PlacedText, _ section: Section, example: String) -> PoolSource? {
        if text.text.hasPrefix("share:") {
            let interface = String(text.text.dropFirst("share:".count))
            if let complaint = InterfaceName.complaint(about: interface) {
                section.refuse(text, "pool", "names no interface: \(complaint)")
                return nil
            }
            return .share(interface: interface)
        }
        guard let range = addresses(text, section, example: example) else { return nil }
        let bad = SpecialPurpose.neverRouted.first { $0.range.overlaps(range) }
        if let bad {
            section.refuse(text, "pool", "has addresses in \(bad), which no network delivers to us")
            return nil
        }
        if range.contains(.dummy) {
            section.refuse(text, "pool", "contains \(IPv4Address.dummy), which the TUN device itself bears")
            return nil
        }
        for address in [IPv4Address(192, 0, 0, 170), IPv4Address(192, 0, 0, 171)] where range.contains(address) {
            let message = "contains \(address), by which hosts discover the prefixes and at which nobody may be "
            section.refuse(text, "pool", message + "(RFC 7050 section 3.2.1)")
            return nil
        }
        guard range.upperBound.bits - range.lowerBound.bits < mostAddresses else {
            section.refuse(text, "pool", "has more than \(mostAddresses) addresses; take fewer")
            return nil
        }
        return .addresses(range)
    }

    /// The largest pool.
    static let mostAddresses = UInt32(NAT64Settings.mostPoolAddresses)

    private static func addresses(
        _ text: PlacedText,
        _ section: Section,
        example: String
    ) -> ClosedRange<IPv4Address>? {
        let ends = text.text.split(separator: "-", omittingEmptySubsequences: false)
        if ends.count == 2, let first = IPv4Address(ends[0]), let last = IPv4Address(ends[1]) {
            guard first <= last else {
                section.refuse(text, "pool", "ends before it begins; write \"\(last)-\(first)\"")
                return nil
            }
            return first...last
        }
        do throws(PrefixProblem) {
            guard case .v4(let prefix) = try IPPrefix(parsing: text.text) else {
                section.refuse(text, "pool", "is IPv6; the pool is made of IPv4 addresses (RFC 6146 section 3)")
                return nil
            }
            return prefix.range
        } catch .bitsPastLength(let right) {
            section.refuse(text, "pool", "has bits set past its length; write \"\(right)\"")
        } catch .lengthOutOfRange {
            section.refuse(text, "pool", "has a length beyond the bits of the address")
        } catch {
            let near = text.text.hasPrefix("share") ? "; did you mean \"share:INTERFACE\"?" : "; write \(example)"
            section.refuse(text, "pool", "is no address, prefix or range of IPv4\(near)")
        }
        return nil
    }

    private static func refuseOverlaps(_ written: [(PoolSource, PlacedText)], _ section: Section) {
        section.refuseRepeated(written, "pool")
        var total: UInt64 = 0
        var taken: [(ClosedRange<IPv4Address>, PlacedText)] = []
        for case (.addresses(let range), let text) in written {
            total += UInt64(range.upperBound.bits - range.lowerBound.bits) + 1
            if let (other, first) = taken.first(where: { $0.0.overlaps(range) && $0.0 != range }) {
                let shared = max(other.lowerBound, range.lowerBound)
                let message = "overlaps \"\(first.text)\" \(first.place.seen(from: text.place)): both have \(shared)"
                section.refuse(text, "pool", message)
            }
            taken.append((range, text))
        }
        if total > UInt64(mostAddresses), let last = taken.last {
            section.refuse(last.1, "pool", "makes \(total) addresses in all; the most is \(mostAddresses)")
        }
    }

    private mutating func readPorts(_ section: Section) {
        guard let text = section.text("ports", example: "1024-65535") else { return }
        guard let range = PortRangeText.range(text.text) else {
            section.refuse(text, "ports", "is not a range of ports; write FIRST-LAST such as \"1024-65535\"")
            return
        }
        guard range.lowerBound > 0 else {
            section.refuse(text, "ports", "begins at 0, which is no port; begin at 1024, or at 1 at the least")
            return
        }
        let shares = sources.isEmpty || !sharedInterfaces.isEmpty
        if shares, range.lowerBound < 1024 {
            let message = "takes ports below 1024 from a host that shares its address; begin at 1024 or above"
            section.refuse(text, "ports", message)
            return
        }
        ports = Port(range.lowerBound)...Port(range.upperBound)
        sharedPorts = ports
    }
}
