import Linux
import TestNamespace
import Testing

@Suite("The TUN device")
struct TunDeviceTests {
    @Test("a device opens with all its queues and every offload class the kernel knows")
    func opens() async throws {
        let (queues, offloads) = try await inNamespace {
            let device = try TunDevice(name: "nat64", queues: 4)
            return (device.queueCount, device.offloads)
        }
        #expect(queues == 4)
        #expect(offloads.isSuperset(of: [.checksum, .tcp4, .tcp6]))
        #expect(offloads.names.first == "checksum")
    }

    @Test("the device is gone with its last queue, so that the next start finds nothing")
    func vanishes() async throws {
        try await inNamespace {
            for _ in 0..<3 { _ = try TunDevice(name: "nat64", queues: 2) }
        }
    }

    @Test("a name that is too long is refused in words")
    func longName() async throws {
        let error = await #expect(throws: SystemError.self) {
            try await inNamespace { _ = try TunDevice(name: "a-name-of-sixteen", queues: 1) }
        }
        #expect(error?.reason == "File name too long")
    }

    @Test("a thread that has given up its privileges cannot make a device")
    func withoutPrivilege() async throws {
        try await inNamespace {
            #expect(Capabilities.has(.netAdmin))
            Capabilities.dropAll()
            #expect(!Capabilities.has(.netAdmin))
            #expect(throws: SystemError.self) { _ = try TunDevice(name: "nat64", queues: 1) }
        }
    }
}
