import FuzzedInput
import Glibc
import PacketMemory

/// A conversation: packets of either family one after the other, as the TUN hands them over. Each is preceded by its length (two
/// octets), by one that says how much time has passed and whether its checksums are to be mended, and by the virtio header (ten).
/// Whatever comes out is a packet that can be read again, and in the end nothing is left behind.
///
/// All inputs meet one translator, because making one takes milliseconds; after each, time passes until all that it made has ended.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    memory.lend { room in
        world.feed(octets(start, count), through: &room)
        world.forget(through: &room)
    }
    return 0
}

/// Says in the end how many packets the inputs held.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutablePointer<CInt>?, _ words: UnsafeMutableRawPointer?) -> CInt {
    atexit { print("packets: \(world.packets)") }
    return 0
}

nonisolated(unsafe) private let memory = Scratch(count: World.slotOctets)
nonisolated(unsafe) private var world = World()
