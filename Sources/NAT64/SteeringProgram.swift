public import PacketMemory

extension Translator {
    /// The key of all hashes, of which ``SteeringProgram`` is made.
    public var secret: KeyedHash { tables.secret }
}

/// The BPF program that tells the TUN which queue a packet is for, so that both directions of a session reach the
/// worker whose shards they are in, and no worker waits for the lock of another.
///
/// It returns a shard: for a packet from the IPv6 side the lowest six bits of the hash of its client, for one from the
/// IPv4 side the home of its port, which is the same as long as the client's shard has had a port left. The kernel
/// divides by the number of queues and takes the rest. What has no ports to be read at their usual places (fragments,
/// extension headers, ICMP errors) is for queue 0. Being wrong costs time and nothing else.
public struct SteeringProgram: Sendable {
    /// The instructions as the kernel takes them: RFC 9669 section 3.
    public private(set) var instructions: [UInt64] = []

    private enum Operation {
        static let loadAbsolute8: UInt64 = 0x30
        static let loadAbsolute16: UInt64 = 0x28
        static let loadAbsolute32: UInt64 = 0x20
        static let loadImmediate64: UInt64 = 0x18
        static let loadDouble: UInt64 = 0x79
        static let storeDouble: UInt64 = 0x7B
        static let move: UInt64 = 0xBF
        static let moveImmediate: UInt64 = 0xB7
        static let add: UInt64 = 0x0F
        static let xor: UInt64 = 0xAF
        static let xorImmediate: UInt64 = 0xA7
        static let or: UInt64 = 0x4F
        static let andImmediate: UInt64 = 0x57
        static let shiftLeft: UInt64 = 0x67
        static let shiftRight: UInt64 = 0x77
        static let jumpIfEqual: UInt64 = 0x15
        static let jumpIfNotEqual: UInt64 = 0x55
        static let jumpIfAny: UInt64 = 0x45
        static let jump: UInt64 = 0x05
        static let exit: UInt64 = 0x95
    }

    /// Writes the program for tables that hash clients under this secret.
    public init(secret: KeyedHash) {
        // A load from the packet wants its context in register 6, answers in 0 and spoils 1 to 5; beyond the packet's
        // end it ends the program with 0.
        add(Operation.move, 6, 1)
        add(Operation.loadAbsolute8, 0, 0, immediate: 0)
        let toIPv4 = jump(Operation.jumpIfEqual, 0, 0x45)
        add(Operation.shiftRight, 0, immediate: 4)
        var toNowhere = [jump(Operation.jumpIfNotEqual, 0, 6)]
        writeOutward(secret, &toNowhere)
        land(toIPv4)
        writeInward(&toNowhere)
        for place in toNowhere { land(place) }
        add(Operation.moveImmediate, 0, immediate: 0)
        add(Operation.exit)
    }

    /// IPv6: the hash of source address, source port and protocol, as in `Tables.hash`.
    private mutating func writeOutward(_ secret: KeyedHash, _ toNowhere: inout [Int]) {
        add(Operation.loadAbsolute8, immediate: 6)
        let toTCP = jump(Operation.jumpIfEqual, 0, 6)
        let toUDP = jump(Operation.jumpIfEqual, 0, 17)
        toNowhere.append(jump(Operation.jumpIfNotEqual, 0, 58))
        // Echo request and reply: 128 and 129.
        add(Operation.loadAbsolute8, immediate: 40)
        add(Operation.andImmediate, 0, immediate: 0xFE)
        toNowhere.append(jump(Operation.jumpIfNotEqual, 0, 128))
        add(Operation.loadAbsolute16, immediate: 44)
        add(Operation.moveImmediate, 8, immediate: Int32(TransportProtocol.icmpQuery.rawValue) << 16)
        let fromICMP = jump(Operation.jump, 0, 0)
        land(toTCP)
        add(Operation.moveImmediate, 8, immediate: Int32(TransportProtocol.tcp.rawValue) << 16)
        let fromTCP = jump(Operation.jump, 0, 0)
        land(toUDP)
        add(Operation.moveImmediate, 8, immediate: Int32(TransportProtocol.udp.rawValue) << 16)
        land(fromTCP)
        add(Operation.loadAbsolute16, immediate: 40)
        land(fromICMP)
        add(Operation.or, 8, 0)
        loadWord(9, at: 8)
        add(Operation.storeDouble, 10, 9, offset: -8)
        loadWord(7, at: 16)
        add(Operation.loadDouble, 9, 10, offset: -8)

        let start = [
            secret.key0 ^ 0x736F_6D65_7073_6575, secret.key1 ^ 0x646F_7261_6E64_6F6D,
            secret.key0 ^ 0x6C79_6765_6E65_7261, secret.key1 ^ 0x7465_6462_7974_6573,
        ]
        for (index, value) in start.enumerated() { loadImmediate(UInt64(index) + 1, value) }
        for word: UInt64 in [9, 7, 8] { absorb(word) }
        loadImmediate(9, 24 << 56)
        absorb(9)
        add(Operation.xorImmediate, 3, immediate: 0xFF)
        for _ in 0..<3 { addRound() }
        add(Operation.move, 0, 1)
        for state: UInt64 in 2...4 { add(Operation.xor, 0, state) }
        add(Operation.andImmediate, 0, immediate: 63)
        add(Operation.exit)
    }

    /// IPv4: the block of the destination port, as in `Tables.homeShard`.
    private mutating func writeInward(_ toNowhere: inout [Int]) {
        add(Operation.loadAbsolute16, immediate: 6)
        toNowhere.append(jump(Operation.jumpIfAny, 0, 0x3FFF))
        add(Operation.loadAbsolute8, immediate: 9)
        let toTCP = jump(Operation.jumpIfEqual, 0, 6)
        let toUDP = jump(Operation.jumpIfEqual, 0, 17)
        toNowhere.append(jump(Operation.jumpIfNotEqual, 0, 1))
        // Echo reply and request: 0 and 8.
        add(Operation.loadAbsolute8, immediate: 20)
        toNowhere.append(jump(Operation.jumpIfAny, 0, 0xF7))
        add(Operation.loadAbsolute16, immediate: 24)
        let fromICMP = jump(Operation.jump, 0, 0)
        land(toTCP)
        land(toUDP)
        add(Operation.loadAbsolute16, immediate: 22)
        land(fromICMP)
        add(Operation.shiftRight, 0, immediate: 6)
        add(Operation.andImmediate, 0, immediate: 63)
        add(Operation.exit)
    }

    // MARK: SipHash-1-3, its state in registers 1 to 4

    private mutating func absorb(_ word: UInt64) {
        add(Operation.xor, 4, word)
        addRound()
        add(Operation.xor, 1, word)
    }

    private mutating func addRound() {
        add(Operation.add, 1, 2)
        rotate(2, by: 13)
        add(Operation.xor, 2, 1)
        rotate(1, by: 32)
        add(Operation.add, 3, 4)
        rotate(4, by: 16)
        add(Operation.xor, 4, 3)
        add(Operation.add, 1, 4)
        rotate(4, by: 21)
        add(Operation.xor, 4, 1)
        add(Operation.add, 3, 2)
        rotate(2, by: 17)
        add(Operation.xor, 2, 3)
        rotate(3, by: 32)
    }

    private mutating func rotate(_ register: UInt64, by count: Int32) {
        add(Operation.move, 5, register)
        add(Operation.shiftLeft, register, immediate: count)
        add(Operation.shiftRight, 5, immediate: 64 - count)
        add(Operation.or, register, 5)
    }

    // MARK: Instructions

    /// Eight octets of the packet.
    private mutating func loadWord(_ register: UInt64, at offset: Int32) {
        add(Operation.loadAbsolute32, immediate: offset)
        add(Operation.move, register, 0)
        add(Operation.shiftLeft, register, immediate: 32)
        add(Operation.loadAbsolute32, immediate: offset + 4)
        add(Operation.or, register, 0)
    }

    private mutating func loadImmediate(_ register: UInt64, _ value: UInt64) {
        add(Operation.loadImmediate64, register, immediate: Int32(truncatingIfNeeded: value))
        add(0, immediate: Int32(truncatingIfNeeded: value >> 32))
    }

    private mutating func add(
        _ operation: UInt64,
        _ target: UInt64 = 0,
        _ source: UInt64 = 0,
        offset: Int16 = 0,
        immediate: Int32 = 0
    ) {
        instructions.append(
            operation | target << 8 | source << 12 | UInt64(UInt16(bitPattern: offset)) << 16
                | UInt64(UInt32(bitPattern: immediate)) << 32
        )
    }

    /// A jump whose target is still to come.
    private mutating func jump(_ operation: UInt64, _ register: UInt64, _ value: Int32) -> Int {
        add(operation, register, immediate: value)
        return instructions.count - 1
    }

    /// Lets a jump lead to the next instruction.
    private mutating func land(_ place: Int) {
        instructions[place] |= UInt64(UInt16(instructions.count - place - 1)) << 16
    }
}
