internal import Linux

/// Frames on their way through a door: sent at once while there is room, and otherwise kept in order until there is.
struct Outbox: ~Copyable {
    let socket: MessageSocket
    /// How many octets are kept at most in frames of more than the shortest kind.
    private let mostOctets: Int
    private var kept: [[UInt8]] = []
    /// How many of ``kept`` have gone.
    private var gone = 0
    private var octets = 0

    /// Nothing is on its way yet.
    init(_ socket: consuming MessageSocket, mostOctets: Int) {
        self.socket = socket
        self.mostOctets = mostOctets
    }

    /// Whether nothing waits for room.
    var isEmpty: Bool { kept.isEmpty }

    /// Sends a frame or keeps it.
    ///
    /// - Parameter brief: What is kept in its place if the frames kept take all the octets they may.
    /// - Returns: Whether it is the frame itself that was sent or kept.
    mutating func send(_ frame: [UInt8], orElse brief: @autoclosure () -> [UInt8]) -> Bool {
        guard !isEmpty || !hasGone(frame) else { return true }
        let fits = octets + frame.count <= mostOctets
        let chosen = fits ? frame : brief()
        octets += chosen.count
        kept.append(chosen)
        return fits
    }

    /// Sends what there is room for now.
    mutating func flush() {
        while gone < kept.count, hasGone(kept[gone]) {
            octets -= kept[gone].count
            kept[gone] = []
            gone += 1
        }
        guard gone == kept.count else { return }
        kept.removeAll(keepingCapacity: false)
        gone = 0
    }

    /// Whether a frame needs no further thought: it was sent, or there is nobody any more to send it to, as whoever
    /// listens at the door will find.
    private func hasGone(_ frame: [UInt8]) -> Bool {
        do throws(SystemError) {
            return try unsafe socket.send(frame.span.bytes)
        } catch {
            return true
        }
    }
}
