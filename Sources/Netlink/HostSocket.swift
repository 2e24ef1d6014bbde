internal import Glibc
public import IPAddressing

/// A socket of this host, as /proc/net lists it.
public struct HostSocket: Hashable, Sendable {
    /// `TCP` or `UDP`.
    public let transport: String
    /// The address it is bound to, of either family; unspecified is all.
    public let address: IPAddress
    /// The port it is bound to.
    public let port: Port

    /// The sockets that hear what is sent to some ports of an IPv4 address: bound to the address, to its IPv4-mapped form
    /// or to all addresses. Connections that are over are left out.
    ///
    /// Those of the calling thread's network namespace; none when they cannot be read.
    public static func bound(to address: IPv4Address, in ports: ClosedRange<Port>) -> [HostSocket] {
        var found: Set<HostSocket> = []
        for (file, transport) in [("tcp", "TCP"), ("tcp6", "TCP"), ("udp", "UDP"), ("udp6", "UDP")] {
            for line in lines(of: "/proc/thread-self/net/\(file)", with: ports) {
                guard let socket = HostSocket(line, transport: transport), socket.hears(address) else { continue }
                found.insert(socket)
            }
        }
        return found.sorted()
    }

    private func hears(_ wanted: IPv4Address) -> Bool {
        switch address {
        case .v4(let own): own == wanted || own.bits == 0
        case .v6(let own):
            own == .unspecified || own.high == 0 && own.low == 0xFFFF_0000_0000 | UInt64(wanted.bits)
        }
    }

    /// Reads a line: number, local end, remote end, state and more. Addresses are words in the host's octet order.
    init?(_ line: Substring, transport: String) {
        let words = line.split(separator: " ", maxSplits: 4)
        guard words.count > 3, words[3] != Self.timeWait || transport != "TCP" else { return nil }
        let ends = words[1].split(separator: ":")
        guard ends.count == 2, let port = UInt16(ends[1], radix: 16) else { return nil }
        let digits = Array(ends[0])
        var words32: [UInt32] = []
        for start in stride(from: 0, to: digits.count, by: 8) {
            guard start + 8 <= digits.count, let word = UInt32(String(digits[start..<start + 8]), radix: 16) else {
                return nil
            }
            words32.append(UInt32(bigEndian: word))
        }
        switch words32.count {
        case 1: address = .v4(IPv4Address(bits: words32[0]))
        case 4:
            let halves = (0..<2).map { UInt64(words32[2 * $0]) << 32 | UInt64(words32[2 * $0 + 1]) }
            address = .v6(IPv6Address(high: halves[0], low: halves[1]))
        default: return nil
        }
        self.port = Port(port)
        self.transport = transport
    }

    /// The state of a TCP socket that no program has any more.
    private static let timeWait = "06"

    /// The lines of a table whose local port is one of these; a busy host has very many of others.
    private static func lines(of path: String, with ports: ClosedRange<Port>) -> [Substring] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { _ = close(descriptor) }
        var found: [Substring] = []
        var text: [UInt8] = []
        var octets = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe octets.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return found }
            text += octets[..<count]
            var start = 0
            while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = text[start..<end]
                if let port = localPort(line), ports.contains(port) {
                    found.append(Substring(decoding: line, as: UTF8.self))
                }
                start = end + 1
            }
            text.removeFirst(start)
        }
    }

    /// The port behind the second colon, in four hexadecimal digits.
    private static func localPort(_ line: ArraySlice<UInt8>) -> Port? {
        guard let number = line.firstIndex(of: UInt8(ascii: ":")),
            let colon = line[(number + 1)...].firstIndex(of: UInt8(ascii: ":")), colon + 4 < line.endIndex
        else { return nil }
        var port: UInt16 = 0
        for octet in line[(colon + 1)...(colon + 4)] {
            guard let digit = Character(UnicodeScalar(octet)).hexDigitValue else { return nil }
            port = port << 4 | UInt16(digit)
        }
        return Port(port)
    }
}

extension HostSocket: Comparable {
    /// TCP before UDP, then by port.
    public static func < (left: HostSocket, right: HostSocket) -> Bool {
        (left.transport, left.port, "\(left.address)") < (right.transport, right.port, "\(right.address)")
    }
}

extension HostSocket: CustomStringConvertible {
    /// `UDP port 62000`, with the address unless it is all.
    public var description: String {
        let isAll = address == .v4(IPv4Address(bits: 0)) || address == .v6(.unspecified)
        return "\(transport) port \(port)" + (isAll ? "" : " of \(address)")
    }
}
