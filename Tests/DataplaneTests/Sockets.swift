import Glibc
import IPAddressing
import Linux

/// A socket of this machine, closed with its owner; every wait ends after five minutes.
final class Socket: Sendable {
    let number: Int32

    init(adopting number: Int32) throws {
        guard number >= 0 else { throw SystemError(call: "socket", code: errno) }
        self.number = number
        var patience = timeval(tv_sec: 300, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(number, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(number) }

    /// A socket of this transport and the family of an address.
    convenience init(_ type: __socket_type, like address: TransportAddress) throws {
        let family = if case .v4 = address.address { AF_INET } else { AF_INET6 }
        try self.init(adopting: socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    }

    /// A UDP socket or a listening TCP socket.
    static func bound(_ type: __socket_type, to address: TransportAddress) throws -> Socket {
        let socket = try Socket(type, like: address)
        guard address.withPointer({ bind(socket.number, $0, $1) }) == 0 else {
            throw SystemError(call: "bind \(address)", code: errno)
        }
        if type == SOCK_STREAM { listen(socket.number, 8) }
        return socket
    }

    static func connected(_ type: __socket_type, to address: TransportAddress) throws -> Socket {
        let socket = try Socket(type, like: address)
        guard address.withPointer({ connect(socket.number, $0, $1) }) == 0 else {
            throw SystemError(call: "connect \(address)", code: errno)
        }
        return socket
    }

    func accepted() throws -> Socket { try Socket(adopting: accept(number, nil, nil)) }

    /// Sends all of it; false if the other side went away.
    @discardableResult
    func send(_ octets: [UInt8]) -> Bool {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes {
                Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    func endSending() { shutdown(number, Int32(SHUT_WR)) }

    /// One datagram, and who sent it.
    func receive() -> (octets: [UInt8], from: TransportAddress)? {
        var octets = [UInt8](repeating: 0, count: 70_000)
        var from = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &from) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(number, &octets, octets.count, 0, $0, &length)
            }
        }
        guard count >= 0, let sender = TransportAddress(from) else { return nil }
        return (Array(octets[..<count]), sender)
    }

    /// Sends one datagram.
    func send(_ octets: [UInt8], to address: TransportAddress) {
        _ = address.withPointer { sendto(number, octets, octets.count, 0, $0, $1) }
    }

    /// Everything up to the end of the connection; nothing if it broke.
    func receiveAll() -> [UInt8]? {
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = recv(number, &buffer, buffer.count, 0)
            if count == 0 { return octets }
            guard count > 0 else { return nil }
            octets += buffer[..<count]
        }
    }
}

extension TransportAddress {
    /// Calls `body` with the address as the kernel takes it.
    fileprivate func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch self {
        case .v4(let pair):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = pair.port.number.bigEndian
            address.sin_addr.s_addr = pair.address.bits.bigEndian
            return withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .v6(let pair):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = pair.port.number.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { octets in
                octets.storeBytes(of: pair.address.high.bigEndian, as: UInt64.self)
                octets.storeBytes(of: pair.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
    }

    /// The address that the kernel filled in.
    fileprivate init?(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }
            self = .v4(
                TransportAddress4(
                    IPv4Address(bits: UInt32(bigEndian: address.sin_addr.s_addr)),
                    Port(UInt16(bigEndian: address.sin_port))
                )
            )
        case AF_INET6:
            let address = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self) }
            let (high, low) = withUnsafeBytes(of: address.sin6_addr) {
                (
                    UInt64(bigEndian: $0.load(as: UInt64.self)),
                    UInt64(bigEndian: $0.load(fromByteOffset: 8, as: UInt64.self))
                )
            }
            self = .v6(TransportAddress6(IPv6Address(high: high, low: low), Port(UInt16(bigEndian: address.sin6_port))))
        default: return nil
        }
    }
}
