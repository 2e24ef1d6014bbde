/// The numbers by which all workers know the datagram sockets of an address.
///
/// A number is a slot, and above it how often the slot was given away before: a late answer cannot leave from another
/// address, and what a worker keeps does not grow with addresses that come and go.
struct ListenerNumbers {
    private var free: [Int] = []
    private var slots = 0

    /// More slots than a process may have descriptors open.
    private static let slotBits = 20

    /// Where a worker keeps the socket of this number.
    static func slot(of number: Int) -> Int { number & (1 << slotBits - 1) }

    /// A number that no socket has.
    mutating func take() -> Int {
        if let number = free.popLast() { return number }
        defer { slots += 1 }
        return slots
    }

    /// Gives back the number of a socket that is closed; its slot comes again under another, which fits into 32 bits.
    mutating func release(_ number: Int) { free.append((number + 1 << Self.slotBits) & 0xFFFF_FFFF) }
}
