import DNSWire
import FuzzedInput
import PacketMemory

/// Any octets, read as a DNS message from end to end: header, question, every record and what is in it; and what could be read,
/// written again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let message = octets(start, count)
    scratch.lend { room in
        do throws(WireProblem) {
            try read(message.span.bytes, copyInto: &room)
        } catch {}
    }
    return 0
}

nonisolated(unsafe) private let scratch = Scratch(count: 65_535)

private func read(_ message: borrowing RawSpan, copyInto room: inout MutableRawSpan) throws(WireProblem) {
    let header = try MessageHeader(message)
    let question = try Question(message)
    require(question.name.count <= 255, "a name has at most 255 octets")
    require(Name(question.name.description)?.isSpelledLike(question.name) == true, "a name is read as it is written")
    let records = Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount)
    var position = try Name.end(in: message, at: 12) + 4
    var writer = MessageWriter(limit: 512 + message.byteCount % 1024)
    _ = writer.question(question.name, question.type, question.recordClass, into: &room)
    for _ in 0..<records {
        let record = try ResourceRecord(in: message, at: position)
        require(record.end > position && record.end <= message.byteCount, "a record lies inside and takes room")
        let owner = try Name(in: message, at: record.owner)
        require(owner.count <= 255, "a name has at most 255 octets")
        if record.type == .opt { _ = try? EDNS(record, in: message) }
        let before = writer.position
        do throws(WireProblem) {
            let fits = try writer.copy(record, owner: owner, ttl: record.ttl, of: message, into: &room)
            require(writer.position <= writer.limit, "no record is written past the limit")
            require(fits != (writer.position == before), "a record is written whole or not at all")
        } catch {
            require(writer.position == before, "of a record that cannot be read nothing is written")
        }
        if writer.position > before { try again(room.bytes, at: before, like: record, owner) }
        position = record.end
    }
}

/// Reads back a record that was written.
private func again(
    _ room: borrowing RawSpan,
    at start: Int,
    like record: ResourceRecord,
    _ owner: Name
) throws(WireProblem) {
    let copy = try ResourceRecord(in: room, at: start)
    require(copy.type == record.type && copy.ttl == record.ttl, "a copy has the same type and TTL")
    require(try Name(in: room, at: copy.owner).isSpelledLike(owner), "a copy has the same owner")
    try RecordDataLayout.check(copy, in: room)
}
