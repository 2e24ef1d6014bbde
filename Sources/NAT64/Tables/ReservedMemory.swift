import Glibc

/// Address space for a number of octets. The kernel gives pages as they are touched, all zero, so that tables that are
/// laid out for millions of entries cost nothing while they are empty.
@safe
struct ReservedMemory: ~Copyable, @unchecked Sendable {
    /// Octets of a huge page.
    static var hugePage: Int { 2 << 20 }

    let base: UnsafeMutableRawPointer
    let count: Int
    private let start: UnsafeMutableRawPointer
    private let reserved: Int

    /// Reserves this many octets; nothing if the kernel refuses.
    ///
    /// - Parameter forHugePages: Whether the memory begins where a huge page may, so that parts of it can become such:
    ///   ``joinPages(_:)``. All pages are small at first.
    init?(count: Int, forHugePages isHuge: Bool = false) {
        reserved = isHuge ? count + Self.hugePage : count
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let address = unsafe mmap(nil, reserved, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        unsafe start = address
        let past = Int(bitPattern: address) & (Self.hugePage - 1)
        unsafe base = isHuge && past != 0 ? address + (Self.hugePage - past) : address
        self.count = count
        _ = unsafe madvise(address, reserved, MADV_NOHUGEPAGE)
    }

    /// Reserves this many octets, or ends the process: without its tables there is no translator.
    static func mustReserve(
        _ count: Int,
        for purpose: StaticString,
        forHugePages isHuge: Bool = false
    ) -> ReservedMemory {
        guard let memory = ReservedMemory(count: max(count, 4096), forHugePages: isHuge) else {
            fatalError("the kernel refuses \(count) octets of address space for \(purpose)")
        }
        return memory
    }

    deinit { _ = unsafe munmap(start, reserved) }
}

// Who calls these is not on the way of packets.
extension ReservedMemory {
    /// Has the kernel give and clear the pages of a range now, so that nobody waits for it later. A kernel that cannot
    /// (before 5.14), or has no memory left, does nothing.
    static func layIn(_ address: UnsafeMutableRawPointer, count: Int) {
        let past = Int(bitPattern: address) & (Int(getpagesize()) - 1)
        _ = unsafe madvise(address - past, count + past, MADV_POPULATE_WRITE)
    }

    /// Has the kernel put the small pages from a place on, where a huge page may begin, into a huge one, so that a random
    /// access among millions of entries finds its page in the processor's own table. What is in them stays; whoever wants
    /// it meanwhile waits, for as long as the kernel copies. A kernel that cannot (before 6.1) does it in its own time.
    static func joinPages(_ address: UnsafeMutableRawPointer) {
        warmHugePage()
        _ = unsafe madvise(address, hugePage, MADV_HUGEPAGE)
        // MADV_COLLAPSE, which not every C library has a name for.
        _ = unsafe madvise(address, hugePage, 25)
    }

    /// Takes a huge page and gives it back, so that the next one, which is this again, comes fast: in a virtual machine,
    /// the host may have to find the memory first, and that takes longer than the copying.
    private static func warmHugePage() {
        guard let scratch = ReservedMemory(count: hugePage, forHugePages: true) else { return }
        _ = unsafe madvise(scratch.base, hugePage, MADV_HUGEPAGE)
        unsafe scratch.base.storeBytes(of: 1, as: UInt8.self)
    }
}

// Address space of which only a part is memory, so that what may grow large later costs nothing before, not even where
// the kernel promises no more memory than there is.
extension ReservedMemory {
    /// What ranges are rounded to: no kernel has larger pages.
    private static var grain: Int { 65_536 }

    /// Reserves address space for this many octets, none of which can be used yet, or ends the process.
    static func mustReserve(addressSpace count: Int, for purpose: StaticString) -> ReservedMemory {
        guard let memory = ReservedMemory(addressSpace: (count + grain - 1) & ~(grain - 1)) else {
            fatalError("the kernel refuses \(count) octets of address space for \(purpose)")
        }
        return memory
    }

    private init?(addressSpace count: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let address = unsafe mmap(nil, count, PROT_NONE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        unsafe start = address
        unsafe base = address
        self.count = count
        reserved = count
        _ = unsafe madvise(address, count, MADV_NOHUGEPAGE)
    }

    /// Makes a range of octets usable; they are zero, save for what had been usable before.
    ///
    /// - Returns: Whether the kernel gave the memory.
    func open(_ octets: Range<Int>) -> Bool {
        guard !octets.isEmpty else { return true }
        let first = octets.lowerBound & ~(Self.grain - 1)
        let end = min((octets.upperBound + Self.grain - 1) & ~(Self.grain - 1), count)
        return unsafe mprotect(base + first, end - first, PROT_READ | PROT_WRITE) == 0
    }

    /// Makes a range of usable octets zero, and gives the pages in it back to the kernel.
    func clear(_ octets: Range<Int>) {
        let first = (octets.lowerBound + Self.grain - 1) & ~(Self.grain - 1)
        let end = octets.upperBound & ~(Self.grain - 1)
        guard first < end else { return unsafe (base + octets.lowerBound).initializeZero(octets.count) }
        unsafe (base + octets.lowerBound).initializeZero(first - octets.lowerBound)
        _ = unsafe madvise(base + first, end - first, MADV_DONTNEED)
        unsafe (base + end).initializeZero(octets.upperBound - end)
    }
}

extension UnsafeMutableRawPointer {
    fileprivate func initializeZero(_ count: Int) {
        unsafe initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }
}
