import IPAddressing
import PacketMemory
import Synchronization

/// Which binding talks to which peer from which overloaded port (RFC 7857 section 3): a claim for each session, so that
/// no two of them have both in common and an inward packet finds its binding.
///
/// Cut into 64 parts by the keyed hash, each with a lock that is only ever taken last, for one look-up. Without
/// overloading there is nothing of it.
@safe
struct SharedPorts: ~Copyable, @unchecked Sendable {
    /// A claim, 24 octets; all zero is none.
    private struct Claim: BitwiseCopyable {
        var external: UInt32
        var peer: UInt32
        var externalPort: UInt16
        var peerPort: UInt16
        var transport: UInt8
        /// The binding, as in ``Pool/owner(_:_:_:)``.
        var owner: UInt32
        /// The next free slot of a free one.
        var link: UInt32 = 0

        init(
            _ transport: TransportProtocol,
            _ external: TransportAddress4,
            _ peer: TransportAddress4,
            _ owner: UInt32
        ) {
            self.external = external.address.bits
            self.peer = peer.address.bits
            externalPort = external.port.number
            peerPort = peer.port.number
            self.transport = transport.rawValue
            self.owner = owner
        }

        func hash(under secret: KeyedHash) -> UInt64 {
            let ports = UInt64(peerPort) | UInt64(externalPort) << 32
            return secret(UInt64(external) << 32 | UInt64(peer), ports | UInt64(transport) << 16 | 1 << 24)
        }

        func isLike(_ other: Claim) -> Bool {
            external == other.external && peer == other.peer && externalPort == other.externalPort
                && peerPort == other.peerPort && transport == other.transport
        }
    }

    private struct Part: ~Copyable {
        let lock = ShardLock()
        var index: KeyedIndex
        var numbers: SlotNumbers
    }

    /// The parts; nothing without overloading.
    private let parts: UnsafeMutablePointer<Part>?
    private let slots: UnsafeMutablePointer<Claim>
    private let claims: ReservedMemory
    private let indices: ReservedMemory
    private let total = Atomic<Int>(0)

    /// - Parameter count: How many claims there may be; zero without overloading.
    init(claims count: Int) {
        claims = Slab.memory(for: count, of: MemoryLayout<Claim>.stride)
        indices = IndexSpace.memory(for: count)
        let slab = Slab(claims, for: count)
        unsafe slots = slab.slots.assumingMemoryBound(to: Claim.self)
        guard count > 0 else {
            unsafe parts = nil
            return
        }
        let space = IndexSpace(indices, for: count)
        let parts = UnsafeMutablePointer<Part>.allocate(capacity: Tables.shardCount)
        for index in 0..<Tables.shardCount {
            let part = Part(index: KeyedIndex(space, shard: index), numbers: SlotNumbers(slab, shard: index))
            unsafe (parts + index).initialize(to: part)
        }
        unsafe self.parts = parts
    }

    deinit {
        guard let parts = unsafe parts else { return }
        unsafe parts.deinitialize(count: Tables.shardCount)
        unsafe parts.deallocate()
    }

    /// How many claims there are: sessions on overloaded ports.
    var count: Int { total.load(ordering: .relaxed) }

    /// Claims a peer on a port for a binding, if no other binding has it.
    ///
    /// - Returns: Whether the binding has it now; no also if there is no room for more claims.
    func claim(
        _ transport: TransportProtocol,
        _ external: TransportAddress4,
        _ peer: TransportAddress4,
        _ owner: UInt32,
        _ secret: KeyedHash
    ) -> Bool {
        let wanted = Claim(transport, external, peer, owner)
        let hash = wanted.hash(under: secret)
        guard let part = unsafe lockPart(hash) else { return false }
        defer { unsafe part.pointee.lock.unlock() }
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        guard unsafe find(wanted, tag, part) == nil else { return false }
        guard let slot = unsafe part.pointee.numbers.take(MemoryLayout<Claim>.stride, { unsafe slots[Int($0)].link })
        else { return false }
        guard unsafe part.pointee.index.insert(tag, slot) else {
            unsafe slots[Int(slot)].link = part.pointee.numbers.give(back: slot)
            return false
        }
        unsafe slots[Int(slot)] = wanted
        total.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    /// The binding that has claimed a peer on a port.
    func find(
        _ transport: TransportProtocol,
        _ external: TransportAddress4,
        _ peer: TransportAddress4,
        _ secret: KeyedHash
    ) -> UInt32? {
        let wanted = Claim(transport, external, peer, 0)
        let hash = wanted.hash(under: secret)
        guard let part = unsafe lockPart(hash) else { return nil }
        defer { unsafe part.pointee.lock.unlock() }
        guard let slot = unsafe find(wanted, UInt32(truncatingIfNeeded: hash >> 32), part) else { return nil }
        return unsafe slots[Int(slot)].owner
    }

    /// Gives a claim up.
    func giveUp(
        _ transport: TransportProtocol,
        _ external: TransportAddress4,
        _ peer: TransportAddress4,
        _ secret: KeyedHash
    ) {
        let wanted = Claim(transport, external, peer, 0)
        let hash = wanted.hash(under: secret)
        guard let part = unsafe lockPart(hash) else { return }
        defer { unsafe part.pointee.lock.unlock() }
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        guard let slot = unsafe find(wanted, tag, part) else { return }
        unsafe part.pointee.index.remove(tag, slot)
        unsafe slots[Int(slot)].link = part.pointee.numbers.give(back: slot)
        total.wrappingSubtract(1, ordering: .relaxed)
    }

    /// The part where a claim belongs, with its lock taken; nothing without overloading.
    @inline(__always)
    private func lockPart(_ hash: UInt64) -> UnsafeMutablePointer<Part>? {
        guard let parts = unsafe parts else { return nil }
        let part = unsafe parts + Int(hash & 63)
        _ = unsafe part.pointee.lock.lock()
        return unsafe part
    }

    @inline(__always)
    private func find(_ wanted: Claim, _ tag: UInt32, _ part: UnsafeMutablePointer<Part>) -> UInt32? {
        unsafe part.pointee.index.find(tag) { unsafe slots[Int($0)].isLike(wanted) }
    }
}
