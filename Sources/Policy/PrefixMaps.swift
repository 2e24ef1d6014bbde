public import IPAddressing

/// An IPv4 range and the translation prefix that stands for it.
public struct PrefixMap: Hashable, Sendable {
    /// The range.
    public let ipv4: IPv4Prefix
    /// The prefix, as an index into `Policy.prefixes`.
    public let prefix: Int

    /// Describes a map.
    public init(ipv4: IPv4Prefix, prefix: Int) {
        self.ipv4 = ipv4
        self.prefix = prefix
    }
}

/// Which prefix stands for which IPv4 range. Of ranges that hold an address the longest decides.
///
/// A prefix that some range names stands for its ranges; the others stand for whatever no range names. Where every
/// prefix is named they all do, so that no address is left without one.
public struct PrefixMaps: Hashable, Sendable {
    /// The most ranges; they are searched one after the other.
    public static let most = 256

    /// The ranges, longest first; of two that are equal only the first counts.
    public let maps: [PrefixMap]

    /// Sorts the ranges so that the first match is the right one.
    public init(_ maps: [PrefixMap] = []) {
        self.maps = maps.enumerated()
            .sorted { ($1.element.ipv4.length, $0.offset) < ($0.element.ipv4.length, $1.offset) }
            .map(\.element)
    }

    /// Whether no range is mapped.
    public var isEmpty: Bool { maps.isEmpty }

    /// The prefix mapped for an address, as an index into `Policy.prefixes`; nothing if no range holds it.
    public func prefix(for address: IPv4Address) -> Int? { maps.first { $0.ipv4.contains(address) }?.prefix }

    /// Whether a prefix stands for addresses that no range holds.
    ///
    /// - Parameter count: How many prefixes there are.
    public func leavesOpen(_ prefix: Int, of count: Int) -> Bool {
        !isNamed(prefix) || (0..<count).allSatisfy(isNamed)
    }

    private func isNamed(_ prefix: Int) -> Bool { maps.contains { $0.prefix == prefix } }
}
