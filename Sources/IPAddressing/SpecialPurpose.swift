/// What an IPv4 address may be used for, as far as a translator must know: the registry of RFC 6890.
public enum SpecialPurpose {
    /// Ranges that name no host anywhere else: "this" network, loopback, link-local, multicast, reserved and limited
    /// broadcast. A packet to or from them is never right on a network (RFC 1812 sections 4.2.2.11, 5.3.7).
    public static let neverRouted: [IPv4Prefix] = [
        IPv4Prefix(IPv4Address(0, 0, 0, 0), length: 8),
        IPv4Prefix(IPv4Address(127, 0, 0, 0), length: 8),
        IPv4Prefix(IPv4Address(169, 254, 0, 0), length: 16),
        IPv4Prefix(IPv4Address(224, 0, 0, 0), length: 4),
        IPv4Prefix(IPv4Address(240, 0, 0, 0), length: 4),
    ]

    /// Ranges that have hosts, but none that is the same everywhere: private, shared, protocol assignments,
    /// documentation, 6to4 relays and benchmarking.
    public static let notGlobal: [IPv4Prefix] = [
        IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 8),
        IPv4Prefix(IPv4Address(100, 64, 0, 0), length: 10),
        IPv4Prefix(IPv4Address(172, 16, 0, 0), length: 12),
        IPv4Prefix(IPv4Address(192, 0, 0, 0), length: 24),
        IPv4Prefix(IPv4Address(192, 0, 2, 0), length: 24),
        IPv4Prefix(IPv4Address(192, 88, 99, 0), length: 24),
        IPv4Prefix(IPv4Address(192, 168, 0, 0), length: 16),
        IPv4Prefix(IPv4Address(198, 18, 0, 0), length: 15),
        IPv4Prefix(IPv4Address(198, 51, 100, 0), length: 24),
        IPv4Prefix(IPv4Address(203, 0, 113, 0), length: 24),
    ]

    /// What RFC 6052 section 3.1 forbids under the well-known prefix.
    public static let all = neverRouted + notGlobal
}
