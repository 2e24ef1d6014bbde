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
    /// The host as a peer of its own clients.
    public var hostSide: HostSide

    /// Describes the machine; the defaults are those of Ethernet on both sides.
    public init(
        ipv6MTU: Int = 1500,
        ipv4MTU: Int = 1500,
        ipv6Address: IPv6Address? = nil,
        ipv4Address: IPv4Address? = nil,
        hostSide: HostSide = HostSide()
    ) {
        self.ipv6MTU = min(max(ipv6MTU, 1280), 65_575)
        self.ipv4MTU = min(max(ipv4MTU, 68), 65_535)
        self.ipv6Address = ipv6Address
        self.ipv4Address = ipv4Address
        self.hostSide = hostSide
    }
}

/// One worker's own copy of everything it must know per packet, so that no packet touches what others write.
struct WorkerView {
    /// The Policy in force.
    var policy: Policy
    /// The numbers of the first prefixes of the Policy, an octet for each, the first lowest: as one number it can be
    /// gone through where it is, while an array would be copied for each packet.
    private(set) var numbers: UInt128
    /// How many of ``numbers`` count.
    private(set) var prefixCount: Int
    /// What the numbers of prefixes mean.
    let numbered: PrefixList.ByNumber
    /// The machine around us.
    var environment: Environment
    /// The operator's choices.
    let settings: TranslationSettings
    /// The host as a peer of its own clients.
    let hostSide: HostSideView
    /// Where the addresses of the pool lie that are ours alone.
    let own: OwnAddresses
    /// MTU of the way to IPv6 clients.
    var ipv6MTU: Int
    /// MTU of the way to IPv4 peers.
    var ipv4MTU: Int
    /// The largest IPv6 packet made of a packet that may be fragmented.
    var lowestIPv6MTU: Int
    /// The most a SYN may announce, whichever way it goes (checklist TCP-33).
    var segmentLimit: UInt16

    init(
        policy: Policy,
        environment: Environment,
        settings: TranslationSettings,
        numbered: PrefixList,
        own: OwnAddresses
    ) {
        self.policy = policy
        self.environment = environment
        self.settings = settings
        hostSide = HostSideView(environment.hostSide)
        self.own = own
        self.numbered = numbered.byNumber
        numbers = 0
        prefixCount = 0
        for prefix in policy.prefixes where prefixCount < 16 {
            let number = numbered.number(of: prefix)
            guard number != PrefixList.none else { continue }
            numbers |= UInt128(number) << (8 * prefixCount)
            prefixCount += 1
        }
        ipv6MTU = environment.ipv6MTU
        ipv4MTU = environment.ipv4MTU
        lowestIPv6MTU = min(max(settings.lowestIPv6MTU, 1280), ipv6MTU)
        segmentLimit = UInt16(clamping: min(ipv6MTU - 60, ipv4MTU - 40))
    }

    /// The number of the prefix an address lies under and the IPv4 address it stands for.
    @inline(__always)
    func extract(_ address: IPv6Address) -> (prefix: UInt8, address: IPv4Address)? {
        var left = prefixCount
        var rest = numbers
        while left > 0 {
            let number = UInt8(truncatingIfNeeded: rest)
            if numbered[number].contains(address) { return (number, numbered[number].extract(address)) }
            rest &>>= 8
            left &-= 1
        }
        return nil
    }

    /// The IPv6 address that stands for an IPv4 address under the prefix with a number.
    @inline(__always)
    func embed(_ address: IPv4Address, under prefix: UInt8) -> IPv6Address { numbered[prefix].embed(address) }
}
