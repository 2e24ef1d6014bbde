internal import ControlAPI
private import Glibc

/// The journal of the daemon, as systemd keeps it.
package struct Journal: Sendable {
    /// The program that reads it, as the shell finds it.
    private let program: String

    /// The journal of this machine, or what another program makes of it.
    package init(program: String = "journalctl") { self.program = program }

    /// What has to be read before a moment: everything in force is written down once a day.
    private static let day: UInt64 = 86_400

    /// Reads what the journal says around a moment, in the order it was written.
    ///
    /// - Parameter take: Is given each line without its end.
    /// - Throws: A sentence, if there is no such program, or it did not read to the end; it has told the reason itself.
    func read(around time: UTCTime, _ take: (String) -> Void) throws(ControlFailure) {
        // Nothing but numbers comes from outside.
        let (first, last) = (time.seconds - min(time.seconds, Self.day + 600), time.seconds + 600)
        let command = "exec \(program) --output=cat --unit=nat64-appliance --since=@\(first) --until=@\(last)"
        guard let pipe = unsafe popen(command, "re") else { throw .notReached(Self.unread) }
        var line: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 64 * 1_024)
        while true {
            let count = unsafe room.withUnsafeMutableBytes {
                unsafe Glibc.read(fileno(pipe), $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for octet in room[..<count] {
                guard octet == UInt8(ascii: "\n") else {
                    line.append(octet)
                    continue
                }
                take(String(decoding: line, as: UTF8.self))
                line.removeAll(keepingCapacity: true)
            }
        }
        if !line.isEmpty { take(String(decoding: line, as: UTF8.self)) }
        guard unsafe pclose(pipe) == 0 else { throw .notReached(Self.unread) }
    }

    private static let unread =
        "the journal cannot be read with journalctl; give what the daemon has logged on standard input, with --journal"
}
