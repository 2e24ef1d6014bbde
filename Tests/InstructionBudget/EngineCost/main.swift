// What the instruction budget counts: packets of 64 octets of payload through the engine, 64 flows in turn, as translator.c beside
// this folder does it.
//
//   EngineCost KIND up|down PACKETS [idle]    idle: the same loop without the translation
//
// Kinds: udp, tcp, echo; super and datagrams, super-packets of ten segments; syn and fin, segments that open or close; new,
// datagrams of which each is the first of a client, looked ahead at as the data plane does it.

import Glibc
import IPAddressing
import NAT64
import PacketMemory
import PacketWire
import Policy
import TestPackets
import Timing

/// Flows, packets and memory of one run.
struct Run: ~Copyable {
    static let flows = 64
    static let length = 256
    static let segment = 1428
    let kind: String
    let isUp: Bool
    let translator: Translator
    var worker: TranslatorWorker
    var memory = OctetBuffer(count: 20_000)
    var templates = OctetBuffer(count: flows * length)
    var lengths = [Int](repeating: 0, count: flows)
    let start = Moment(nanoseconds: 1_000_000_000_000)

    init(_ kind: String, isUp: Bool) {
        self.kind = kind
        self.isUp = isUp
        var settings = NAT64Settings()
        settings.maximumBindings = 65_536
        settings.maximumFurtherSessions = 65_536
        let external = IPv4Address(203, 0, 113, 1)
        settings.pool = [PoolEntry(addresses: external...external)]
        guard let prefix = IPv6Prefix("2001:db8:64::/96"), let clients = IPPrefix("2001:db8:6::/48"),
            let translation = try? TranslationPrefix(prefix)
        else { fatalError("prefixes") }
        let policy = Policy(
            generation: 1,
            prefixes: [translation],
            clients: ClientAccess(networks: [clients]),
            destinations: DestinationRules(),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
        translator = Translator(settings: settings, policy: policy, secret: KeyedHash(key0: 1, key1: 2))
        worker = translator.makeWorker()
        for flow in 0..<Self.flows { open(flow) }
    }

    private var isSuper: Bool { kind == "super" || kind == "datagrams" }
    private var isTCP: Bool { !["udp", "datagrams", "new", "echo"].contains(kind) }
    /// What is said of the packet besides its ends.
    private var details: String {
        switch kind {
        case "super": "flags A size \(10 * Self.segment)"
        case "datagrams": "size \(10 * Self.segment)"
        case "tcp": "flags A size 64"
        case "syn": "flags SA mss 1460"
        case "fin": "flags FA"
        default: "size 64"
        }
    }

    /// Opens a flow and writes the packet that will be sent in it.
    private mutating func open(_ flow: Int) {
        let inside = "2001:db8:6::\(String(0xC0 + flow % 8, radix: 16))"
        let peer = "198.51.100.\(10 + flow % 4)"
        let peer6 = "2001:db8:64::\(peer)"
        let port = 40000 + flow
        var packet = PacketDescription("")
        if kind == "echo" {
            let opened = sent("ping \(inside) > \(peer6) id \(port)")
            let identifier = UInt16(opened[24]) << 8 | UInt16(opened[25])
            packet = PacketDescription(
                isUp
                    ? "ping \(inside) > \(peer6) id \(port) size 64"
                    : "pong \(peer) > 203.0.113.1 df id \(identifier) size 64"
            )
        } else {
            let transport = isTCP ? "tcp" : "udp"
            let outward = "\(transport) [\(inside)]:\(port) > [\(peer6)]:443"
            let opened = sent("\(outward)\(isTCP ? " flags S" : "")")
            let external = UInt16(opened[20]) << 8 | UInt16(opened[21])
            let inward = "\(transport) \(peer):443 > 203.0.113.1:\(external)"
            if isTCP { _ = sent("\(inward) flags SA") }
            packet = PacketDescription(isUp ? "\(outward) \(details)" : "\(inward) df \(details)")
        }
        guard let octets = packet?.octets else { fatalError(kind) }
        lengths[flow] = octets.count
        var room = templates.mutableOctets
        for (index, octet) in octets.prefix(Self.length).enumerated() {
            room.store(octet, at: flow * Self.length + index)
        }
    }

    private mutating func sent(_ line: String) -> [UInt8] { Self.sent(line, &worker, &memory, start) }

    private static func sent(
        _ line: String,
        _ worker: inout TranslatorWorker,
        _ memory: inout OctetBuffer,
        _ start: Moment
    ) -> [UInt8] {
        guard let packet = PacketDescription(line)?.octets else { fatalError(line) }
        var slot = memory.mutableOctets
        for (index, octet) in packet.enumerated() { slot.store(octet, at: 128 + index) }
        var frame = PacketFrame(start: 128, count: packet.count)
        guard worker.translate(&slot, &frame, at: start) == .send else { fatalError(line) }
        return (0..<frame.count).map { slot.octet(at: frame.start + $0) }
    }

    /// Sends so many packets.
    mutating func go(_ packets: Int, isIdle: Bool) -> Int {
        var offload = Offload.none
        if isSuper {
            let header: UInt16 = isUp ? 40 : 20
            offload = Offload(
                needsChecksum: true,
                segmentation: kind == "datagrams" ? .udpL4 : isUp ? .tcp6 : .tcp4,
                segmentSize: UInt16(Self.segment),
                headerLength: header + (kind == "datagrams" ? 8 : 20),
                checksumStart: header,
                checksumOffset: kind == "datagrams" ? 6 : 16
            )
        }
        let frame = PacketFrame(start: 128, count: lengths[0], offload: offload)
        return Self.go(packets, isIdle, kind == "new", &worker, &memory, templates, frame, start)
    }

    private static func go(
        _ packets: Int,
        _ isIdle: Bool,
        _ areNew: Bool,
        _ worker: inout TranslatorWorker,
        _ memory: inout OctetBuffer,
        _ templates: borrowing OctetBuffer,
        _ template: PacketFrame,
        _ start: Moment
    ) -> Int {
        var sent = 0
        var slot = memory.mutableOctets
        for number in 0..<packets {
            var frame = template
            slot.copy(templates.octets, from: (number & (Self.flows - 1)) * Self.length, to: 128, count: 128)
            var ahead = LookAhead()
            if areNew {
                // Another port each time, and another host now and then; nobody asks whether the checksum is right.
                slot.store(UInt16(truncatingIfNeeded: number &>> 4), at: 128 + 22)
                slot.store(UInt16(truncatingIfNeeded: 1024 &+ number), at: 128 + 40)
            }
            if isIdle {
                sent &+= slot.octet(at: 148 + (number & 7)) >= 0 ? 1 : 0
                continue
            }
            if areNew {
                ahead = worker.lookAhead(slot, frame)
                worker.fetch(&ahead)
            }
            // A switch, as in the data plane: comparing verdicts would be a call that is no part of the translation.
            let now = start + Moment.Span(nanoseconds: UInt64(number))
            switch worker.translate(&slot, &frame, at: now, ahead: ahead) {
            case .send: sent &+= 1
            default: break
            }
        }
        return sent
    }
}

func main() -> CInt {
    let words = CommandLine.arguments
    guard words.count >= 4, let packets = Int(words[3]) else { return 2 }
    var run = Run(words[1], isUp: words[2] == "up")
    let sent = run.go(packets, isIdle: words.count > 4)
    print("\(sent) of \(packets)")
    return sent == packets ? 0 : 1
}

exit(main())
