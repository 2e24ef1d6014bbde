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
    /// - Parameter boundary: Huge pages are asked for from this offset on, a multiple of ``hugePage``, so that a random
    ///   access to millions of entries finds its page in the processor's own table. What lies before has small ones: a
    ///   huge page for the first octet of each table would make an idle appliance large.
    init?(count: Int, hugePagesFrom boundary: Int = .max) {
        let isHuge = boundary < count
        reserved = isHuge ? count + Self.hugePage : count
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let address = unsafe mmap(nil, reserved, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        unsafe start = address
        let past = Int(bitPattern: address) & (Self.hugePage - 1)
        unsafe base = isHuge && past != 0 ? address + (Self.hugePage - past) : address
        self.count = count
        _ = unsafe madvise(address, reserved, MADV_NOHUGEPAGE)
        if isHuge { _ = unsafe madvise(base + boundary, count - boundary, MADV_HUGEPAGE) }
    }

    /// Reserves this many octets, or ends the process: without its tables there is no translator.
    static func mustReserve(
        _ count: Int,
        for purpose: StaticString,
        hugePagesFrom boundary: Int = .max
    ) -> ReservedMemory {
        guard let memory = ReservedMemory(count: max(count, 4096), hugePagesFrom: boundary) else {
            fatalError("the kernel refuses \(count) octets of address space for \(purpose)")
        }
        return memory
    }

    deinit { _ = unsafe munmap(start, reserved) }
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
