import IPAddressing

/// Ports that are equally good for a client.
struct PortClass {
    /// Which ports of each block of 64.
    let bits: UInt64
    private let wantsEven: Bool
    private let wantsOdd: Bool
    private let isAll: Bool
    private let isLow: Bool

    /// The class to look in at the n-th attempt for a client that uses a port; nothing after the last.
    ///
    /// RFC 6146 sections 3.5.1.1 and 3.5.2.3: the port stays below 1024 or above where it can, and UDP keeps its parity
    /// as well, on the other side of 1024 too (RFC 4787, requirements 3 and 4). Any identifier is as good as another for
    /// ICMP queries (section 3.5.3).
    @inline(__always)
    init?(attempt: Int, _ transport: TransportProtocol, like wanted: Port) {
        // UDP has all four; TCP the second and the last, which do not ask for parity; queries the last.
        let step =
            switch transport {
            case .udp: attempt
            case .tcp: 2 * attempt + 1
            case .icmpQuery: attempt + 3
            }
        guard step < 4 else { return nil }
        isLow = wanted.number < 1024
        isAll = step >= 2
        let keepsParity = step & 1 == 0
        let isEven = wanted.number & 1 == 0
        wantsEven = !keepsParity || isEven
        wantsOdd = !keepsParity || !isEven
        bits = (wantsEven ? PortSpace.even : 0) | (wantsOdd ? PortSpace.odd : 0)
    }

    /// The blocks of a word of ``PortSpace``'s summary that belong to the class; those below port 1024 are the first
    /// of each of the shards 0 to 15.
    @inline(__always)
    func blocks(_ word: Int) -> UInt64 {
        if isAll { return ~0 }
        let low: UInt64 = word < 4 ? 0x0001_0001_0001_0001 : 0
        return isLow ? low : ~low
    }

    /// The blocks that are full for the class, from those whose even ports and those whose odd ports are all in use.
    @inline(__always)
    func full(even: UInt64, odd: UInt64) -> UInt64 { (wantsEven ? even : ~0) & (wantsOdd ? odd : ~0) }
}
