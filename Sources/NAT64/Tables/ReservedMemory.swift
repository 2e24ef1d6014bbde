import Glibc

/// Address space for a number of octets. The kernel gives pages as they are touched, all zero, so that tables that are
/// laid out for millions of entries cost nothing while they are empty.
@safe
struct ReservedMemory: ~Copyable, @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let count: Int

    /// Reserves this many octets; nothing if the kernel refuses.
    init?(count: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let address = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        // A huge page for the first octet of each table would make an idle appliance large.
        _ = unsafe madvise(address, count, MADV_NOHUGEPAGE)
        unsafe base = address
        self.count = count
    }

    /// Reserves this many octets, or ends the process: without its tables there is no translator.
    static func mustReserve(_ count: Int, for purpose: StaticString) -> ReservedMemory {
        guard let memory = ReservedMemory(count: max(count, 4096)) else {
            fatalError("the kernel refuses \(count) octets of address space for \(purpose)")
        }
        return memory
    }

    deinit { _ = unsafe munmap(base, count) }
}
