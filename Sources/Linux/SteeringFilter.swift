private import CLinux

/// A BPF program in the kernel that says which queue of a device a packet is for.
public struct SteeringFilter: ~Copyable, Sendable {
    let descriptor: OwnedDescriptor

    /// Loads a program, for which the kernel wants CAP_BPF.
    ///
    /// - Parameter instructions: As RFC 9669 section 3 encodes them, in the octet order of this machine.
    public init(_ instructions: [UInt64]) throws(SystemError) {
        let result = unsafe instructions.withUnsafeBufferPointer { buffer in
            unsafe clinux_steering_load(buffer.baseAddress, buffer.count)
        }
        descriptor = try OwnedDescriptor(adopting: result, from: "bpf BPF_PROG_LOAD")
    }

    /// What the program answers to a packet.
    public func answer(to packet: [UInt8]) throws(SystemError) -> UInt32 {
        var answer: UInt32 = 0
        let octets = [UInt8](repeating: 0, count: 14) + packet
        let result = unsafe octets.withUnsafeBytes { buffer in
            unsafe clinux_steering_try(descriptor.number, buffer.baseAddress, buffer.count, &answer)
        }
        try SystemError.check(result, "bpf BPF_PROG_TEST_RUN")
        return answer
    }
}
