public import IPAddressing
import Policy

/// What the translator must know about the machine around it; the data plane tells and tells again when it changes.
public struct Environment: Hashable, Sendable {
    /// MTU of the way to IPv6 clients; 1280 to 65,575.
    public var ipv6MTU: Int
    /// MTU of the way to IPv4 peers; 68 to 65,535.
    public var ipv4MTU: Int
    /// The source of ICMPv6 errors of our own. Without it they come from the embedded form of ``ipv4Address``.
    public var ipv6Address: IPv6Address?
    /// The source of ICMPv4 errors of our own. Without it they come from the pool address the packet was sent to.
    public var ipv4Address: IPv4Address?

    /// Describes the machine; the defaults are those of Ethernet on both sides.
    public init(
        ipv6MTU: Int = 1500,
        ipv4MTU: Int = 1500,
        ipv6Address: IPv6Address? = nil,
        ipv4Address: IPv4Address? = nil
    ) {
        self.ipv6MTU = min(max(ipv6MTU, 1280), 65_575)
        self.ipv4MTU = min(max(ipv4MTU, 68), 65_535)
        self.ipv6Address = ipv6Address
        self.ipv4Address = ipv4Address
    }

    /// 192.0.0.8, the address of RFC 7600 for a translator that has none of its own.
    static let dummyIPv4 = IPv4Address(192, 0, 0, 8)
}

/// One worker's own copy of everything it must know per packet, so that no packet touches what others write.
struct WorkerView {
    /// The Policy in force.
    var policy: Policy
    /// The first prefixes of the Policy, inline.
    var prefixes: [16 of TranslationPrefix]
    /// How many of ``prefixes`` count.
    var prefixCount: Int
    /// The machine around us.
    var environment: Environment
    /// The operator's choices.
    let settings: TranslationSettings
    /// MTU of the way to IPv6 clients.
    var ipv6MTU: Int
    /// MTU of the way to IPv4 peers.
    var ipv4MTU: Int
    /// The largest IPv6 packet made of a packet that may be fragmented.
    var lowestIPv6MTU: Int
    /// The most a SYN may announce, whichever way it goes (checklist TCP-33).
    var segmentLimit: UInt16

    init(policy: Policy, environment: Environment, settings: TranslationSettings) {
        self.policy = policy
        self.environment = environment
        self.settings = settings
        prefixes = .init(repeating: policy.prefixes[0])
        prefixCount = min(policy.prefixes.count, 16)
        for index in 0..<prefixCount { prefixes[index] = policy.prefixes[index] }
        ipv6MTU = environment.ipv6MTU
        ipv4MTU = environment.ipv4MTU
        lowestIPv6MTU = min(max(settings.lowestIPv6MTU, 1280), ipv6MTU)
        segmentLimit = UInt16(clamping: min(ipv6MTU - 60, ipv4MTU - 40))
    }

    /// The prefix an address lies under and the IPv4 address it stands for.
    @inline(__always)
    func extract(_ address: IPv6Address) -> (prefix: UInt8, address: IPv4Address)? {
        var index = 0
        while index < prefixCount {
            if prefixes[index].contains(address) {
                return (UInt8(truncatingIfNeeded: index), prefixes[index].extract(address))
            }
            index &+= 1
        }
        return prefixCount < policy.prefixes.count ? extractFurther(address) : nil
    }

    /// Looks under the prefixes that have no place in ``prefixes``.
    @inline(never)
    private func extractFurther(_ address: IPv6Address) -> (prefix: UInt8, address: IPv4Address)? {
        policy.extract(address).map { (UInt8(clamping: $0.prefix), $0.address) }
    }

    /// The IPv6 address that stands for an IPv4 address under a prefix of ours.
    @inline(__always)
    func embed(_ address: IPv4Address, under prefix: UInt8) -> IPv6Address {
        let index = Int(prefix)
        return index < prefixCount ? prefixes[index].embed(address) : embedFurther(address, under: index)
    }

    /// A session whose prefix is no longer in the Policy is about to end; until then the first prefix stands in.
    @inline(never)
    private func embedFurther(_ address: IPv4Address, under index: Int) -> IPv6Address {
        policy.prefixes[index < policy.prefixes.count ? index : 0].embed(address)
    }
}
