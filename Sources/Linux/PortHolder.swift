private import CLinux
public import IPAddressing

/// Who has a port that cannot be bound, for the message that says so.
public enum PortHolder {
    /// The program that has a port, as far as this process may see: `dnsmasq (process 812)`; nil when nobody has it.
    ///
    /// - Parameter stream: Whether the port of TCP is meant, and not that of UDP.
    public static func name(of address: TransportAddress, stream: Bool) -> String? {
        let at = address.endpoint()
        var name = [CChar](repeating: 0, count: 32)
        let process = unsafe withUnsafePointer(to: at) { at in
            unsafe name.withUnsafeMutableBufferPointer { name in
                unsafe clinux_port_holder(at, stream ? 1 : 0, name.baseAddress, UInt32(name.count))
            }
        }
        guard process >= 0 else { return nil }
        guard process > 0 else { return "another program" }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        return text.isEmpty ? "process \(process)" : "\(text) (process \(process))"
    }
}
