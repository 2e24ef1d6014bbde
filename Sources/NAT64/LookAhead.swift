import CPrefetch
import IPAddressing
import PacketMemory
import PacketWire

/// What a worker knows of a packet before its turn comes: see ``TranslatorWorker/lookAhead(_:_:)``.
public struct LookAhead: BitwiseCopyable, Sendable {
    /// The client of a packet from the IPv6 side, or the pool address of one from the IPv4 side.
    fileprivate var address = IPv6Address.unspecified
    /// Port, protocol and side; zero when nothing is known.
    fileprivate var key: UInt32 = 0
    /// Where the binding of the client probably is, as ``IndexSpace/guess(_:of:)`` says it.
    fileprivate var guess: UInt32 = 0
    /// The hash of the client.
    fileprivate var hash: UInt64 = 0
    /// What is known where the client probably has no binding.
    fileprivate var binding = BindingAhead()

    /// Nothing is known.
    @inline(__always)
    public init() {}

    @inline(__always)
    fileprivate init(_ side: Side, _ transport: TransportProtocol, _ address: IPv6Address, _ port: Port) {
        self.address = address
        key = Self.key(side, transport, port)
    }

    @inline(__always)
    fileprivate static func key(_ side: Side, _ transport: TransportProtocol, _ port: Port) -> UInt32 {
        UInt32(side.rawValue) << 24 | UInt32(transport.rawValue) << 16 | UInt32(port.number)
    }

    /// The shard that the packet is expected to be looked up in; nil when nothing is known.
    @inline(__always)
    public var shard: Int? {
        guard key != 0 else { return nil }
        return Int(truncatingIfNeeded: key >> 24 == UInt32(Side.ipv6.rawValue) ? hash : UInt64(key >> 6)) & 63
    }

    /// Whether the packet is from a client that probably has no binding, so that no short way leads on.
    @inline(__always)
    var isUnbound: Bool { binding.network != 0 }

    fileprivate enum Side: UInt8 {
        case ipv6 = 1
        case ipv4 = 2
    }
}

/// What is known of a binding before it is made.
struct BindingAhead: BitwiseCopyable, Sendable {
    /// The hash of the client's network; zero when it is not known.
    var network: UInt64 = 0
    /// Where its port is looked for first.
    var port = PortAhead()
}

// With a million sessions, what a look-up reads lies in memory and not in a cache, and each step waits for the one
// before. Whoever has several packets at hand asks for those lines early, for all packets at once. Nothing here is
// more than advice: it takes no lock, counts nothing, and a packet that was not looked at, or was looked at wrongly,
// is translated all the same.
//
// Mutating, though nothing of the worker changes: else all of it, two thousand octets, would be copied for the call.
extension TranslatorWorker {
    /// Looks at the addresses and ports of a packet and asks for the cache lines where the look-up begins: the first
    /// half of looking ahead. Whoever has several packets does this for all of them, then ``fetch(_:)``, then translates.
    ///
    /// - Parameters:
    ///   - memory: The slot the packet is in.
    ///   - frame: Where it lies there.
    /// - Returns: What ``fetch(_:)`` and ``translate(_:_:at:ahead:)`` want to know. Nothing is known of fragments, of ICMP
    ///   errors, and of IPv6 packets with extension headers; they are translated without.
    @inline(__always)
    public mutating func lookAhead(_ memory: borrowing MutableRawSpan, _ frame: PacketFrame) -> LookAhead {
        let at = frame.start
        guard at >= 0, frame.count >= 28, at &+ frame.count <= memory.byteCount else { return LookAhead() }
        let first = memory.octet(at: at)
        if first >> 4 == 6, frame.count >= 48 { return lookOutward(memory, at) }
        if first == 0x45 { return lookInward(memory, at) }
        return LookAhead()
    }

    @inline(__always)
    private mutating func lookOutward(_ memory: borrowing MutableRawSpan, _ at: Int) -> LookAhead {
        let transport: TransportProtocol
        var port = memory.uint16(at: at &+ 40)
        switch memory.octet(at: at &+ IPv6Field.nextHeader) {
        case IPProtocol.udp: transport = .udp
        case IPProtocol.tcp: transport = .tcp
        case IPProtocol.icmp6:
            transport = .icmpQuery
            port = memory.uint16(at: at &+ 40 &+ ICMPField.identifier)
        default: return LookAhead()
        }
        let client = ipv6Address(memory.bytes, at: at &+ IPv6Field.source)
        var ahead = LookAhead(.ipv6, transport, client, Port(port))
        ahead.hash = tables.hash(TransportAddress6(client, Port(port)), transport)
        tables.prefetchIndex(ahead.hash)
        return ahead
    }

    @inline(__always)
    private mutating func lookInward(_ memory: borrowing MutableRawSpan, _ at: Int) -> LookAhead {
        let transport: TransportProtocol
        var port = memory.uint16(at: at &+ 22)
        switch memory.octet(at: at &+ IPv4Field.proto) {
        case IPProtocol.udp: transport = .udp
        case IPProtocol.tcp: transport = .tcp
        case IPProtocol.icmp:
            transport = .icmpQuery
            port = memory.uint16(at: at &+ 20 &+ ICMPField.identifier)
        default: return LookAhead()
        }
        let external = ipv4Address(memory.bytes, at: at &+ IPv4Field.destination)
        tables.prefetchOwner(TransportAddress4(external, Port(port)), transport)
        return LookAhead(.ipv4, transport, IPv6Address(high: 0, low: UInt64(external.bits)), Port(port))
    }

    /// Asks for the cache line of the binding that a packet will need: the second half of looking ahead, when what the
    /// first has asked for has come, which takes about a tenth of a microsecond. Notes in `ahead` which binding that is.
    @inline(__always)
    public mutating func fetch(_ ahead: inout LookAhead) {
        guard ahead.key != 0 else { return }
        if ahead.key >> 24 == UInt32(LookAhead.Side.ipv6.rawValue) {
            ahead.guess = tables.prefetchBinding(ahead.hash)
            if ahead.guess == 0 { prefetchPort(&ahead) }
            return
        }
        let external = TransportAddress4(
            IPv4Address(bits: UInt32(truncatingIfNeeded: ahead.address.low)),
            Port(UInt16(truncatingIfNeeded: ahead.key))
        )
        guard let transport = TransportProtocol(rawValue: UInt8(truncatingIfNeeded: ahead.key >> 16)) else { return }
        tables.prefetchBinding(of: external, transport)
    }

    /// Asks for what a binding will need that the packet's client probably does not have yet.
    @inline(never)
    private mutating func prefetchPort(_ ahead: inout LookAhead) {
        guard let transport = TransportProtocol(rawValue: UInt8(truncatingIfNeeded: ahead.key >> 16)) else { return }
        let client = TransportAddress6(ahead.address, Port(UInt16(truncatingIfNeeded: ahead.key)))
        ahead.binding.network = tables.networkHash(client.address)
        ahead.binding.port = tables.prefetchPort(for: client, ahead.binding.network, transport, ahead.hash)
    }

    /// The hash of a client, computed once if `ahead` is of a packet of its, and where its binding probably is.
    @inline(__always)
    func hash(
        of client: TransportAddress6,
        _ transport: TransportProtocol,
        _ ahead: LookAhead
    ) -> (hash: UInt64, guess: UInt32) {
        guard ahead.key == LookAhead.key(.ipv6, transport, client.port), ahead.address == client.address
        else { return (tables.hash(client, transport), 0) }
        return (ahead.hash, ahead.guess)
    }

    /// What `ahead` knows of the binding that a client is to have.
    @inline(__always)
    func binding(
        of client: TransportAddress6,
        _ transport: TransportProtocol,
        _ ahead: LookAhead
    ) -> BindingAhead {
        guard ahead.key == LookAhead.key(.ipv6, transport, client.port), ahead.address == client.address
        else { return BindingAhead() }
        return ahead.binding
    }
}

extension Tables {
    /// Asks for the place in the index where the search for a client begins, and for its shard's lock.
    @inline(__always)
    func prefetchIndex(_ hash: UInt64) {
        let index = Int(hash & 63)
        shard(index).prefetch()
        memory.clients.prefetch(UInt32(truncatingIfNeeded: hash >> 32), of: index)
    }

    /// Asks for the binding of a client.
    ///
    /// - Returns: What ``IndexSpace/guess(_:of:)`` says.
    @inline(__always)
    func prefetchBinding(_ hash: UInt64) -> UInt32 {
        let guess = memory.clients.guess(UInt32(truncatingIfNeeded: hash >> 32), of: Int(hash & 63))
        memory.bindings.prefetch(guess &- 1, MemoryLayout<Binding>.stride)
        return guess
    }

    /// Asks for the word that says whose a port is.
    @inline(__always)
    func prefetchOwner(_ external: TransportAddress4, _ transport: TransportProtocol) {
        guard let place = pool.find(external.address) else { return }
        pool.prefetchOwner(place.number, transport, external.port)
    }

    /// Asks for the binding that has a port, and for its shard's lock.
    @inline(__always)
    func prefetchBinding(of external: TransportAddress4, _ transport: TransportProtocol) {
        guard let place = pool.find(external.address) else { return }
        let owner = pool.owner(place.number, transport, external.port)
        guard owner != 0 else { return }
        shard(Int(owner & 63)).prefetch()
        memory.bindings.prefetch(owner >> 6 &- 1, MemoryLayout<Binding>.stride)
    }
}
