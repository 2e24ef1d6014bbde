import ControlAPI
import FuzzedInput

/// What the two ends of the control socket read: the target of a request, the JSON in its body, and on the other side the reply, in
/// whatever pieces it comes. The first octet says which.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var pieces = Pieces(octets(start, count))
    guard let what = pieces.octet() else { return 0 }
    switch what % 3 {
    case 0: readTarget(String(decoding: pieces.piece(.max), as: UTF8.self))
    case 1: readBody(Array(pieces.piece(.max)))
    default:
        guard let cut = pieces.octet() else { return 0 }
        readReply(Array(pieces.piece(.max)), cut: Int(cut))
    }
    return 0
}

private func readTarget(_ text: String) {
    do throws(Problem) {
        let target = try RequestTarget(text)
        require(!target.segments.isEmpty, "a path has a segment")
        let words = target.segments + target.parameters.keys + target.parameters.values
        require(words.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 } }, "no control characters come through")
    } catch {
        require(error.status == 400, "what is wrong with a target is the client's fault")
    }
}

private func readBody(_ body: [UInt8]) {
    guard let change = try? WireFormat.decode(ViewChange.self, from: body) else { return }
    guard let octets = try? WireFormat.encode(change),
        let again = try? WireFormat.decode(ViewChange.self, from: octets)
    else { return require(false, "what we write we can read") }
    require(again == change, "what is written says the same")
}

/// A reply is the same whether it comes at once or in two pieces.
private func readReply(_ octets: [UInt8], cut: Int) {
    let whole = reply(in: [octets[...]])
    let cut = octets.isEmpty ? 0 : cut * octets.count / 256
    let pieced = reply(in: [octets[..<cut], octets[cut...]])
    switch (whole, pieced) {
    case (.success(let one), .success(let other)): require(one == other, "pieces make the same reply")
    case (.failure, .failure): break
    // A reply that was whole before the octets that spoil it has been taken.
    case (.failure, .success), (.success, .failure): break
    }
}

private func reply(in pieces: [ArraySlice<UInt8>]) -> Result<HTTPReply, MalformedReply> {
    var reader = HTTPReplyReader()
    do throws(MalformedReply) {
        for piece in pieces {
            if let reply = try reader.take(piece) { return .success(reply) }
        }
        return .success(try reader.finish())
    } catch {
        return .failure(error)
    }
}

extension Problem {
    /// What `RequestTarget` says, as in the module it is from.
    static func badRequest(_ detail: String) -> Problem {
        Problem(status: 400, title: "Bad request", detail: detail)
    }
}
