import FuzzedInput
import PacketMemory
import PacketWire
import TestPackets

/// Any octets, read as a packet and as the quote of an ICMP error: what is accepted lies inside what was given, and the words for it
/// can be read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let packet = octets(start, count)
    for quoted in [false, true] {
        read(packet, quoted: quoted)
        describe(packet, quoted: quoted)
    }
    return 0
}

private func read(_ packet: [UInt8], quoted: Bool) {
    do {
        let layout = try PacketLayout(reading: packet.span.bytes, at: 0, count: packet.count, quoted: quoted)
        require(
            layout.start == 0 && layout.payload <= layout.end && layout.end <= packet.count,
            "the payload lies inside"
        )
        require(layout.isFragment || layout.fragmentOffset == 0, "an offset makes a fragment")
        require(quoted || layout.end == layout.declaredLength, "a packet has the length it says")
    } catch {
        require(Int(error.pointer) <= max(packet.count, 20), "the pointer is an offset in the packet")
    }
}

private func describe(_ packet: [UInt8], quoted: Bool) {
    guard
        let description = try? PacketDescription(
            describing: packet.span.bytes,
            at: 0,
            count: packet.count,
            quoted: quoted
        )
    else { return }
    let line = description.description
    guard let again = PacketDescription(line) else { return require(false, "the line can be read: \(line)") }
    require(again.description == line, "the line says the same again: \(line)")
    _ = again.octets
}
