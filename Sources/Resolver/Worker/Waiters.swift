internal import DNS64
internal import IPAddressing
internal import Linux
internal import NIOCore
internal import Timing

/// A client whose question an upstream must answer first.
struct Waiter {
    /// How the answer finds the client.
    enum Way {
        /// By the listening socket of this number, to the peer and from the address of the question.
        case udp(listener: Int, ends: UDPEnds)
        /// By a connection.
        case tcp(TCPConnectionID, client: IPAddress, port: UInt16, Client.Transport)
    }

    var way: Way
    /// The question, to be asked again when the engine is replaced by one with other settings.
    var question: ByteBuffer
    /// When it came.
    var since: Moment
    /// Whether the answer goes to the query log.
    var isLogged = false
}

/// The waiting clients of one worker, by the name under which the engine knows them.
///
/// Invariant: a slot holds a waiter or stands on the free list.
struct Waiters {
    private var slots: [Waiter?] = []
    private var generations: [UInt32] = []
    private var free: [UInt32] = []
    /// Memory of questions that are answered, for the next.
    private var spare: [ByteBuffer] = []

    /// How many wait.
    var count: Int { slots.count - free.count }

    /// The name of the next waiter, without taking it: a question answered from the cache never needs one.
    var next: WaiterID {
        guard let slot = free.last else { return WaiterID(UInt64(slots.count)) }
        return WaiterID(UInt64(generations[Int(slot)]) << 32 | UInt64(slot))
    }

    /// Keeps a waiter under the name that ``next`` gave.
    mutating func keep(_ waiter: Waiter) {
        if let slot = free.popLast() {
            slots[Int(slot)] = waiter
        } else {
            slots.append(waiter)
            generations.append(0)
        }
    }

    /// Empty memory for a question.
    mutating func memory() -> ByteBuffer {
        var memory = spare.popLast() ?? ByteBuffer()
        memory.clear()
        return memory
    }

    /// Keeps the memory of a question that is answered, unless there is much of it.
    mutating func keep(memory: ByteBuffer) {
        if spare.count < 1024, memory.capacity <= 512 { spare.append(memory) }
    }

    /// Takes a waiter out; nothing if it is not there any more.
    mutating func take(_ id: WaiterID) -> Waiter? {
        let slot = Int(id.number & 0xFFFF_FFFF)
        guard slot < slots.count, UInt64(generations[slot]) == id.number >> 32, let waiter = slots[slot] else {
            return nil
        }
        slots[slot] = nil
        generations[slot] &+= 1
        free.append(UInt32(slot))
        return waiter
    }

    /// Takes all out.
    mutating func takeAll() -> [Waiter] {
        let all = slots.compactMap(\.self)
        for slot in slots.indices where slots[slot] != nil {
            slots[slot] = nil
            generations[slot] &+= 1
            free.append(UInt32(slot))
        }
        return all
    }
}
