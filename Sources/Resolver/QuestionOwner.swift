internal import NIOCore
internal import PacketMemory

/// Which worker asks upstreams for a name: equal questions meet at one worker and are asked once.
struct QuestionOwner: Sendable {
    let workers: Int
    let secret: KeyedHash

    /// The worker of a message's question, whatever the case of its letters. A message without a readable question has
    /// some worker as well.
    func index(of message: ByteBuffer) -> Int {
        guard workers > 1 else { return 0 }
        let octets = message.readableBytesSpan
        var word = secret.key0
        var position = 12
        while position < octets.byteCount {
            let octet = octets.octet(at: position)
            guard octet != 0 else { break }
            // Bit 5 is the case of a letter; that other octets lose it too does no harm.
            word = (word ^ UInt64(octet | 0x20)) &* 0x9E37_79B9_7F4A_7C15
            word ^= word >> 29
            position += 1
        }
        return Int(secret(word) % UInt64(workers))
    }
}
