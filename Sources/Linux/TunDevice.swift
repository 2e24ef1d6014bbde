private import CLinux
private import Glibc

/// A TUN device with several queues, each packet behind the virtio header of 10 octets. It lives as long as a queue
/// of it is open, so nothing of it outlasts the process.
public struct TunDevice: ~Copyable, Sendable {
    /// What the kernel may leave undone in packets it hands over, and we in those we write.
    public struct Offloads: OptionSet, Sendable, CustomStringConvertible {
        /// The kernel's TUN_F bits.
        public let rawValue: UInt32
        /// Makes a set from the kernel's bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Checksums hold the pseudo-header alone.
        public static let checksum = Offloads(rawValue: UInt32(CLINUX_OFFLOAD_CHECKSUM.rawValue))
        /// TCP over IPv4 comes in super-packets.
        public static let tcp4 = Offloads(rawValue: UInt32(CLINUX_OFFLOAD_TCP4.rawValue))
        /// TCP over IPv6 comes in super-packets.
        public static let tcp6 = Offloads(rawValue: UInt32(CLINUX_OFFLOAD_TCP6.rawValue))
        /// Super-packets may carry congestion marks.
        public static let ecn = Offloads(rawValue: UInt32(CLINUX_OFFLOAD_ECN.rawValue))
        /// UDP of both families comes in super-packets; the kernel takes this pair together (Linux 6.2).
        public static let udp = Offloads(
            rawValue: UInt32(CLINUX_OFFLOAD_UDP4.rawValue) | UInt32(CLINUX_OFFLOAD_UDP6.rawValue)
        )

        /// The names of the classes, as `status` shows them.
        public var names: [String] {
            let all: [(Offloads, String)] = [
                (.checksum, "checksum"), (.tcp4, "tcp4"), (.tcp6, "tcp6"), (.ecn, "ecn"), (.udp, "udp"),
            ]
            return all.compactMap { contains($0.0) ? $0.1 : nil }
        }

        /// The names with commas between.
        public var description: String { names.isEmpty ? "none" : names.joined(separator: ", ") }
    }

    /// The octets of the virtio header in front of every packet.
    public static let headerLength = 10

    /// The device's name.
    public let name: String
    /// What the kernel agreed to.
    public let offloads: Offloads
    private let queues: [Queue]

    private final class Queue: Sendable {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    /// Makes the device and opens its queues. Each class of offloads that the kernel refuses is dropped by itself.
    ///
    /// - Parameters:
    ///   - name: At most 15 octets.
    ///   - queues: How many; at least one.
    public init(name: String, queues count: Int) throws(SystemError) {
        var queues: [Queue] = []
        for _ in 0..<max(1, count) {
            let call = "open /dev/net/tun for \(name)"
            queues.append(Queue(try OwnedDescriptor(adopting: unsafe clinux_tun_open(name), from: call)))
        }
        var agreed: Offloads = []
        let first = queues[0].descriptor.number
        for wanted: Offloads in [.checksum, .tcp4, .tcp6, .ecn, .udp]
        where wanted == .checksum || agreed.contains(.checksum) {
            if clinux_tun_set_offload(first, agreed.union(wanted).rawValue) == 0 { agreed.formUnion(wanted) }
        }
        try SystemError.check(clinux_tun_set_offload(first, agreed.rawValue), "TUNSETOFFLOAD \(name)")
        self.name = name
        self.queues = queues
        offloads = agreed
    }

    /// Lets a program choose the queue of each packet: what it answers, modulo the number of queues.
    public func steer(by filter: borrowing SteeringFilter) throws(SystemError) {
        let result = clinux_tun_set_steering(queues[0].descriptor.number, filter.descriptor.number)
        try SystemError.check(result, "TUNSETSTEERINGEBPF \(name)")
    }

    /// How many queues are open.
    public var queueCount: Int { queues.count }

    /// The descriptor of one queue, good as long as the device lives.
    public func descriptor(ofQueue index: Int) -> Int32 { queues[index].descriptor.number }
}
