import Glibc
import IPAddressing
import Linux
import Netlink
import TestNamespace
import Testing

/// An appliance between `eth0` and another namespace, whose translator the test plays by hand on the TUN.
private struct Stage {
    let device: Int32
    let far: OtherNamespace

    /// Reads packets from the TUN until one satisfies, at most five minutes; every other one is handed back.
    func read(until satisfies: ([UInt8]) -> Bool) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 70000)
        while true {
            var wait = pollfd(fd: device, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 300_000) == 1 else { return nil }
            let count = Glibc.read(device, &buffer, buffer.count)
            guard count > TunDevice.headerLength else { return nil }
            let packet = Array(buffer[TunDevice.headerLength..<count])
            if satisfies(packet) { return packet }
            guard packet[0] >> 4 == 4, Glibc.write(device, &buffer, count) == count else { return nil }
        }
    }

    func write(_ packet: [UInt8]) -> Bool {
        let framed = [UInt8](repeating: 0, count: TunDevice.headerLength) + packet
        return Glibc.write(device, framed, framed.count) == framed.count
    }
}

/// Runs a test on such a stage; the far end has 203.0.113.9.
private func onStage<Result: Sendable>(
    _ plan: NetworkPlan,
    _ body: @escaping @Sendable (Stage) throws -> Result
) async throws -> Result {
    try await inNamespace {
        let device = try makeDevice()
        let far = try OtherNamespace()
        try makeUplink()
        try run(
            """
            ip link set far netns \(far.process); echo 1 > /proc/sys/net/ipv4/ip_forward; \
            echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > /proc/sys/net/ipv4/neigh/eth0/proxy_delay
            """
        )
        try far.run("ip link set far up; ip addr add 203.0.113.9/24 dev far")
        var installation = try NetworkInstallation()
        _ = try installation.install(plan)
        let result = try body(Stage(device: device.descriptor(ofQueue: 0), far: far))
        withExtendedLifetime(device) {}
        return result
    }
}

/// A socket of the host bound to a UDP port of its own address.
private func boundSocket(port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard code == 0 else { throw CommandFailed(command: "bind", output: "\(errno)") }
    return descriptor
}

private func destinationPort(_ packet: [UInt8]) -> Int { Int(packet[22]) << 8 | Int(packet[23]) }

@Suite("Packets that meet the installation")
struct TrafficTests {
    private static let shared = plan(pool: [], shared: [shareOfUplink])

    @Test("of a shared address the translator's ports come to the TUN and the others to the host")
    func portsAreShared() async throws {
        let (packet, heard) = try await onStage(Self.shared) { stage in
            let host = try boundSocket(port: 5000)
            defer { close(host) }
            try stage.far.run("echo one > /dev/udp/203.0.113.5/5000; echo two > /dev/udp/203.0.113.5/62000")
            let packet = stage.read { $0[9] == 17 }
            var buffer = [UInt8](repeating: 0, count: 100)
            var wait = pollfd(fd: host, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, 300_000)
            let count = recv(host, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            return (packet, String(decoding: buffer[..<max(0, count)], as: UTF8.self))
        }
        let found = try #require(packet)
        #expect(destinationPort(found) == 62000)
        #expect(found[12..<20] == [203, 0, 113, 9, 203, 0, 113, 5])
        #expect(heard == "one\n")
    }

    @Test("the host still answers echoes, also fragmented ones, once the translator hands them back")
    func hostStillAnswers() async throws {
        let answers = try await onStage(Self.shared) { stage in
            let pinger = try lines(
                """
                nsenter --net=/proc/\(stage.far.process)/ns/net bash -c \
                'ping -c 1 -W 30 -s 4000 203.0.113.5 && ping -c 1 -W 30 203.0.113.5 \
                && echo last > /dev/udp/203.0.113.5/62000' >/dev/null 2>&1 & echo $!
                """
            )
            // Everything before the last datagram is handed back; it only comes when both echoes were answered.
            let last = stage.read { $0[9] == 17 }
            return (pinger, last != nil)
        }
        #expect(answers.1)
    }

    @Test("what the translator sends from the shared address reaches the other side, and the answer the translator")
    func translatorSends() async throws {
        let reply = try await onStage(Self.shared) { stage -> [UInt8]? in
            // An ICMP echo request of 28 octets from 203.0.113.5 to 203.0.113.9, with an identifier of the share.
            let request: [UInt8] = [
                0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0x02, 0xD1, 203, 0, 113, 5, 203, 0, 113, 9,
                8, 0, 0x05, 0xCA, 0xF2, 0x34, 0, 1,
            ]
            guard stage.write(request) else { return nil }
            return stage.read { $0[9] == 1 && $0[20] == 0 }
        }
        let found = try #require(reply)
        #expect(found[24..<28] == [0xF2, 0x34, 0, 1])
    }

    // What is handed back comes in by the TUN, where a socket of the uplink's does not hear it.
    @Test("NAT-21 a socket of the host that is bound to the uplink hears the answer to its ping")
    func boundToUplink() async throws {
        let heard = try await onStage(Self.shared) { _ in
            try lines("ping -c 1 -W 30 -e 4660 -I eth0 203.0.113.9 | grep -o '1 received'")
        }
        #expect(heard == ["1 received"])
    }

    @Test(
        "neighbours on the uplink's subnet reach every pool address there, the first and the last as well",
        arguments: ["203.0.113.64", "203.0.113.66", "203.0.113.67"]
    )
    func neighboursReachPool(address: String) async throws {
        let packet = try await onStage(plan(pool: ["203.0.113.64/30"])) { stage in
            try stage.far.run("echo hello > /dev/udp/\(address)/62000")
            return stage.read { $0[0] == 0x45 && $0[9] == 17 }
        }
        let found = try #require(packet)
        #expect(found[16..<20].map { "\($0)" }.joined(separator: ".") == address)
    }
}
