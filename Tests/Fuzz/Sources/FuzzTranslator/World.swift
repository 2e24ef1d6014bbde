import FuzzedInput
import IPAddressing
import NAT64
import PacketMemory
import PacketWire
import Timing

/// A translator with one worker, both sides of it, and a clock.
struct World: ~Copyable {
    /// A slot as the data plane has it.
    static let slotOctets = PacketFrame.margin + 65_536 + 64 + PacketFrame.margin

    private let translator = World.makeTranslator()
    private var worker: TranslatorWorker
    private var now = Moment(nanoseconds: 1 << 40)
    private var drops: [UInt64]
    /// Packets carried so far.
    private(set) var packets = 0

    init() {
        worker = translator.makeWorker()
        drops = translator.counters.drops
    }

    private static func makeTranslator() -> Translator {
        guard let first = IPv4Address("192.0.2.64"), let last = IPv4Address("192.0.2.65"),
            let shared = IPv4Address("198.51.100.1")
        else { fatalError("the literals are valid") }
        var settings = NAT64Settings()
        settings.pool = [
            PoolEntry(addresses: first...last, ports: Port(1024)...Port(1087)),
            PoolEntry(addresses: shared...shared, ports: PoolEntry.sharedPorts, sharedWithHost: true),
        ]
        // Small, so that everything is full now and then.
        settings.maximumBindings = 1024
        settings.maximumFurtherSessions = 1024
        settings.limits.sessionsPerClient = 40
        settings.translation.fragmentMemory = 1 << 17
        settings.translation.fragmentedDatagrams = 16
        settings.translation.heldSYNs = 2
        settings.translation.icmpErrorsPerSecond = 1000
        settings.translation.reportsRefusedInbound = true
        settings.filtering.udp = .endpointIndependent
        return Translator(settings: settings, policy: fuzzedPolicy, secret: fuzzedSecret)
    }

    mutating func feed(_ input: [UInt8], through room: inout MutableRawSpan) {
        var pieces = Pieces(input)
        while let length = pieces.number(), let manner = pieces.octet() {
            now = now + .milliseconds(UInt64(manner & 0x3F) * 100)
            // Small links for a while: then much more is fragmented, refused and clamped.
            if manner & 0x40 != 0 { translator.adopt(environment: Environment(ipv6MTU: 1280, ipv4MTU: 600)) }
            let header = pieces.piece(VirtioHeader.length)
            var packet = Array(pieces.piece(length))
            if manner & 0x80 == 0 { Mending.mend(&packet) }
            carry(packet, behind: header, through: &room)
            if manner & 0x40 != 0 { translator.adopt(environment: Environment()) }
            worker.tick(at: now)
            drain(through: &room)
        }
    }

    private mutating func carry(
        _ packet: [UInt8],
        behind header: ArraySlice<UInt8>,
        through room: inout MutableRawSpan
    ) {
        fill(
            &room,
            with: Array(header) + [UInt8](repeating: 0, count: 10),
            at: PacketFrame.margin - VirtioHeader.length
        )
        guard let offload = VirtioHeader.decode(room, at: PacketFrame.margin - VirtioHeader.length) else { return }
        fill(&room, with: packet, at: PacketFrame.margin)
        packets += 1
        var frame = PacketFrame(start: PacketFrame.margin, count: packet.count, offload: offload)
        switch worker.translate(&room, &frame, at: now) {
        case .send: check(room.bytes, frame)
        case .answer(let reason):
            counted(reason)
            check(room.bytes, frame)
        case .handBack:
            require(frame == PacketFrame(start: PacketFrame.margin, count: packet.count, offload: offload), "unchanged")
            for index in packet.indices {
                require(room.octet(at: frame.start + index) == packet[index], "what is handed back is as it came")
            }
        case .kept: break
        case .drop(let reason): counted(reason)
        }
        drain(through: &room)
    }

    /// A refusal has been counted under its name.
    private mutating func counted(_ reason: DropReason) {
        let before = drops[Int(reason.rawValue)]
        drops = translator.counters.drops
        require(drops[Int(reason.rawValue)] > before, "\(reason.name) is counted")
    }

    private mutating func drain(through room: inout MutableRawSpan) {
        var frame = PacketFrame(start: PacketFrame.margin, count: 0)
        var extras = 0
        while worker.nextExtra(into: &room, &frame, at: now) {
            check(room.bytes, frame)
            extras += 1
            require(extras < 100_000, "the extra packets come to an end")
        }
    }

    private func check(_ memory: borrowing RawSpan, _ frame: PacketFrame) {
        require(frame.start >= VirtioHeader.length && frame.count >= 20, "there is a packet, and room for its header")
        require(frame.start + frame.count <= memory.byteCount, "the packet lies in its memory")
        do {
            let layout = try PacketLayout(reading: memory, at: frame.start, count: frame.count)
            require(layout.end - layout.start == frame.count, "the header's length is the packet's")
            let offload = frame.offload
            guard offload.needsChecksum || offload.segmentation != .none else { return }
            require(Int(offload.checksumStart) == layout.payload - layout.start, "summing starts at the payload")
            let end = Int(offload.checksumStart) + Int(offload.checksumOffset) + 2
            require(end <= frame.count, "the checksum's field lies in the packet")
            switch offload.segmentation {
            case .none, .udpL4: break
            case .tcp4: require(!layout.isIPv6, "an IPv4 packet is cut as one")
            case .tcp6: require(layout.isIPv6, "an IPv6 packet is cut as one")
            }
        } catch {
            require(false, "what is sent can be read: \(error.reason)")
        }
    }

    /// Lets time pass until nothing that an input made is left: an established session is probed after two hours, ends four
    /// minutes later, and ports are kept for two.
    mutating func forget(through room: inout MutableRawSpan) {
        for _ in 0..<5 where !isEmpty {
            now = now + .seconds(3 * 3600)
            // Each tick ends only so many.
            for _ in 0..<64 {
                worker.tick(at: now)
                drain(through: &room)
            }
        }
        require(isEmpty, "nothing is left when all lifetimes have ended")
    }

    private var isEmpty: Bool {
        let totals = translator.tables.totals()
        let fragments = translator.fragmentsInUse
        return totals.sessions.all == 0 && totals.portsInUse == 0 && totals.heldSyns == 0 && fragments.blocks == 0
            && fragments.datagrams == 0
    }
}
