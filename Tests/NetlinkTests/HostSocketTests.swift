import Glibc
import IPAddressing
import TestNamespace
import Testing

@testable import Netlink

/// Binds a socket of the calling thread's namespace; nothing when it cannot be.
private func bound(_ family: Int32, _ kind: __socket_type, _ address: String, _ port: UInt16) -> Int32? {
    let descriptor = socket(family, Int32(kind.rawValue), 0)
    var storage = sockaddr_storage()
    let size = withUnsafeMutablePointer(to: &storage) { place in
        if family == AF_INET {
            return place.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { place in
                place.pointee.sin_family = sa_family_t(AF_INET)
                place.pointee.sin_port = port.bigEndian
                inet_pton(AF_INET, address, &place.pointee.sin_addr)
                return MemoryLayout<sockaddr_in>.size
            }
        }
        return place.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { place in
            place.pointee.sin6_family = sa_family_t(AF_INET6)
            place.pointee.sin6_port = port.bigEndian
            inet_pton(AF_INET6, address, &place.pointee.sin6_addr)
            return MemoryLayout<sockaddr_in6>.size
        }
    }
    let code = withUnsafePointer(to: &storage) { place in
        place.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(size)) }
    }
    guard code == 0 else {
        close(descriptor)
        return nil
    }
    if kind == SOCK_STREAM { listen(descriptor, 1) }
    return descriptor
}

@Suite("Sockets of the host")
struct HostSocketTests {
    @Test("those that hear what is sent to ports of the share are found, and no others")
    func socketsAreFound() async throws {
        let found = try await inNamespace {
            try makeUplink()
            try run("ip link set lo up; ip addr add 203.0.113.7/24 dev eth0; ip addr add 2001:db8::5/64 dev eth0 nodad")
            let sockets = [
                bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 62000), bound(AF_INET, SOCK_STREAM, "203.0.113.5", 61440),
                bound(AF_INET6, SOCK_STREAM, "::", 65535), bound(AF_INET6, SOCK_DGRAM, "::ffff:203.0.113.5", 62001),
                // Of no account: another port, another address, IPv6.
                bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 61439), bound(AF_INET, SOCK_STREAM, "203.0.113.7", 62002),
                bound(AF_INET, SOCK_STREAM, "127.0.0.1", 62003), bound(AF_INET6, SOCK_DGRAM, "2001:db8::5", 62004),
            ]
            let found = HostSocket.bound(to: IPv4Address(203, 0, 113, 5), in: Port(61440)...Port(65535))
            for socket in sockets { if let socket { close(socket) } }
            #expect(sockets.allSatisfy { $0 != nil })
            return found.map(\.description)
        }
        #expect(
            found == [
                "TCP port 61440 of 203.0.113.5", "TCP port 65535", "UDP port 62000",
                "UDP port 62001 of ::ffff:203.0.113.5",
            ]
        )
    }

    @Test(
        "a line that is none, or a connection that is over, is passed over",
        arguments: [
            "", "  sl  local_address rem_address   st tx_queue", "  0: 0100007F:XXXX 00000000:0000 0A",
            "  0: 01:F230 02:0000 0A",
            "  0: 057100CB:F230 00000000:0000 06 00000000:00000000", "0: 057100CB057100CB:F230 00000000:0000 0A",
        ]
    )
    func linesAreRead(line: String) {
        #expect(HostSocket(Substring(line), transport: "TCP") == nil)
    }
}
