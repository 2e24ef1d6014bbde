internal import Glibc

/// A kernel setting of the calling thread's network namespace, under /proc/sys/net.
public struct Sysctl: Hashable, Sendable, CustomStringConvertible {
    private let parts: [String]

    private init(_ parts: String...) { self.parts = parts }

    /// A setting of IPv4 as a whole: `net.ipv4.ip_forward`.
    static func ipv4(_ setting: String) -> Sysctl { Sysctl("ipv4", setting) }

    /// A setting of IPv4 on an interface, or of `all`, or the `default` of new ones.
    public static func ipv4(interface: String, _ setting: String) -> Sysctl {
        Sysctl("ipv4", "conf", interface, setting)
    }

    /// A setting of IPv6 on an interface, or of `all`, or the `default` of new ones.
    static func ipv6(interface: String, _ setting: String) -> Sysctl {
        Sysctl("ipv6", "conf", interface, setting)
    }

    /// The name as sysctl(8) and sysctl.d(5) write it; a dot in an interface's name becomes a slash there.
    public var description: String {
        "net."
            + parts.map { part in String(part.map { $0 == "." ? "/" : $0 }) }.joined(separator: ".")
    }

    /// The line of sysctl.d(5) that sets it: `net.ipv4.ip_forward = 1`.
    public func line(_ value: String) -> String { "\(self) = \(value)" }

    /// A path below /proc/sys/net, nothing when a part would lead elsewhere.
    private var path: String? {
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("/") }) else { return nil }
        return "/proc/sys/net/" + parts.joined(separator: "/")
    }

    /// The value in force, without white space at its ends; nothing when there is no such setting.
    public func read() -> String? {
        guard let path else { return nil }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var octets = [UInt8](repeating: 0, count: 4096)
        var count = octets.count
        // The kernel gives as much as there is room for, and nothing to who reads on: a list of ports may be long.
        while true {
            count = unsafe octets.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
            guard count == octets.count else { break }
            octets = [UInt8](repeating: 0, count: 8 * count)
        }
        guard count >= 0 else { return nil }
        let words = octets[..<count].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") || $0 == 9 }
        return words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    /// The value in force, if it is a number.
    func number() -> Int? { read().flatMap { Int($0) } }

    /// Sets the value. Settings of the network need CAP_NET_ADMIN and no user in particular.
    public func write(_ value: String) throws(NetlinkError) {
        guard let path else { throw NetlinkError(failing: "set \(line(value))", code: EINVAL) }
        let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw NetlinkError(failing: "set \(line(value))", code: errno) }
        defer { _ = close(descriptor) }
        let octets = Array(value.utf8)
        let count = unsafe octets.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == octets.count else { throw NetlinkError(failing: "set \(line(value))", code: errno) }
    }
}
