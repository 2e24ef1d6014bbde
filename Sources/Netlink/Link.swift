internal import CNetlink
internal import Glibc

/// The number by which the kernel knows a link in one network namespace.
public struct LinkIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number, 1 or more.
    public let number: UInt32

    /// The link of this number.
    init(_ number: UInt32) { self.number = number }

    /// Orders links by number, which is the order they were made in.
    public static func < (left: LinkIndex, right: LinkIndex) -> Bool { left.number < right.number }

    /// The number in decimal.
    public var description: String { String(number) }
}

/// A network interface.
public struct Link: Hashable, Sendable {
    /// The number it has in this network namespace.
    public let index: LinkIndex
    /// Its name, at most 15 octets.
    public let name: String
    /// The largest packet it carries, in octets.
    public let mtu: UInt32
    /// Whether an administrator set it up (IFF_UP).
    public let isUp: Bool
    /// Whether it is a loopback interface.
    public let isLoopback: Bool
    /// Whether neighbours on it are found by ARP and neighbour discovery.
    let hasNeighbourDiscovery: Bool
    /// What made it: `tun`, `veth`, `vlan`; empty for hardware.
    public let kind: String
    /// Whether the kernel gives it an IPv6 link-local address when it comes up.
    let makesLinkLocalAddress: Bool

    init(_ entry: cnetlink_link) {
        index = LinkIndex(entry.index)
        name = text(entry.name)
        mtu = entry.mtu
        isUp = entry.flags & UInt32(IFF_UP) != 0
        isLoopback = entry.flags & UInt32(IFF_LOOPBACK) != 0
        hasNeighbourDiscovery = entry.flags & UInt32(IFF_NOARP) == 0
        kind = text(entry.kind)
        makesLinkLocalAddress = entry.address_mode != 1 && entry.address_mode != 255
    }
}

/// Sixteen octets of C text up to the first zero.
typealias ShortText = (
    CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar
)

func text(_ octets: ShortText) -> String {
    unsafe withUnsafeBytes(of: octets) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
