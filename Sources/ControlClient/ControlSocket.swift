internal import ControlAPI
private import Glibc

/// The control socket, seen from the operator's side: one connection per request, bounded in time and size.
package struct ControlSocket: Sendable {
    /// Where the socket lies if nobody says otherwise.
    static let defaultPath = ControlDefaults.socketPath

    /// Where the socket lies.
    package let path: String

    /// How long to wait for the daemon to take or give anything, in seconds.
    private static let patience = 60

    /// Names a socket; nothing is opened yet.
    package init(path: String) { self.path = path }

    /// Asks for something and reads it as a value.
    package func get<Value: Decodable>(_ type: Value.Type, _ target: String) throws(ControlFailure) -> Value {
        try decode(type, from: send("GET", target))
    }

    /// Sends a request and returns the body of the reply.
    ///
    /// - Throws: The problem, if the reply is not a success.
    package func send(_ method: String, _ target: String, body: [UInt8]? = nil) throws(ControlFailure) -> [UInt8] {
        let reply = try exchange(request(method, target, body: body))
        guard (200...299).contains(reply.status) else {
            let problem = try? WireFormat.decode(Problem.self, from: reply.body)
            throw .refused(
                problem
                    ?? Problem(
                        status: reply.status,
                        title: "Refused",
                        detail: "The daemon answered with HTTP status \(reply.status) and no reason."
                    )
            )
        }
        return reply.body
    }

    /// Reads a value from the body of a reply.
    package func decode<Value: Decodable>(_ type: Value.Type, from body: [UInt8]) throws(ControlFailure) -> Value {
        do {
            return try WireFormat.decode(type, from: body)
        } catch {
            throw .notReached(
                "the answer from \(path) cannot be read; is the daemon of another version? "
                    + "Try: appliance-ctl version; systemctl restart nat64-appliance"
            )
        }
    }

    private func request(_ method: String, _ target: String, body: [UInt8]?) -> [UInt8] {
        var head =
            "\(method) \(target) HTTP/1.1\r\nhost: appliance\r\naccept: application/json\r\nconnection: close\r\n"
        if let body { head += "content-type: application/json\r\ncontent-length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }

    /// Sends the octets and reads until the reply is whole.
    private func exchange(_ request: [UInt8]) throws(ControlFailure) -> HTTPReply {
        let connection = try open()
        defer { close(connection) }
        var rest = request[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent < 0, errno == EINTR { continue }
            // A daemon that refuses early closes early; what it said can still be read.
            guard sent > 0 else { break }
            rest = rest.dropFirst(sent)
        }
        var reader = HTTPReplyReader()
        var room = [UInt8](repeating: 0, count: 64 * 1_024)
        while true {
            let count = unsafe room.withUnsafeMutableBytes {
                unsafe Glibc.recv(connection, $0.baseAddress, $0.count, 0)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .notReached(silence(errno)) }
            do throws(MalformedReply) {
                if let reply = try count == 0 ? reader.finish() : reader.take(room[..<count]) { return reply }
            } catch {
                throw .notReached("what answers on \(path) is not the appliance: \(error.reason)")
            }
        }
    }

    private func silence(_ code: Int32) -> String {
        let reason = code == EAGAIN ? "it said nothing for \(Self.patience) seconds" : Self.words(code)
        return "the daemon on \(path) does not answer: \(reason). Look at it with: "
            + "systemctl status nat64-appliance; journalctl -u nat64-appliance"
    }

    /// Connects.
    private func open() throws(ControlFailure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path), !path.isEmpty else {
            throw .notReached("\(path): the path of a socket is 1 to 107 octets long")
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            for (index, octet) in path.utf8.enumerated() { unsafe room[index] = octet }
        }
        let connection = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard connection >= 0 else { throw .notReached("no socket to be had: \(Self.words(errno))") }
        var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = unsafe setsockopt(connection, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
                unsafe connect(connection, rebound, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(connection)
            throw .notReached(unreached(code))
        }
        return connection
    }

    /// Why nobody was reached, and what to do.
    private func unreached(_ code: Int32) -> String {
        switch code {
        case EACCES, EPERM:
            guard let group = owningGroup(), group != "root" else {
                return "permission denied on \(path). Call again with sudo."
            }
            return "permission denied on \(path): it is for root and for members of the group \(group). "
                + "Call again with sudo, or join the group: sudo adduser $USER \(group)"
        case ENOENT, ECONNREFUSED:
            return "no appliance answers on \(path) (\(Self.words(code))). Is it running? "
                + "Look with: systemctl status nat64-appliance"
        default:
            return "no appliance answers on \(path): \(Self.words(code)). "
                + "Look with: systemctl status nat64-appliance"
        }
    }

    /// The name of the group that the socket belongs to.
    private func owningGroup() -> String? {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else { return nil }
        var entry = unsafe group()
        var result: UnsafeMutablePointer<group>?
        var memory = [CChar](repeating: 0, count: 64 * 1_024)
        let code = unsafe getgrgid_r(found.st_gid, &entry, &memory, memory.count, &result)
        guard code == 0, unsafe result != nil else { return "\(found.st_gid)" }
        return unsafe String(cString: entry.gr_name)
    }

    private static func words(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
