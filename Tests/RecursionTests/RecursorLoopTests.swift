import DNSWire
import Glibc
import IPAddressing
import Linux
import PacketMemory
import Testing
import Timing

@testable import Recursion

@Suite("The recursor at work")
struct RecursorLoopTests {
    /// A frame with a question for `NUMBER.lab.`, whose first eight octets are the number.
    private func question(_ number: UInt8) -> [UInt8] {
        [0, 0, 0, 0, 0, 0, 0, number] + [0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0]
            + [1, number, 3, 0x6C, 0x61, 0x62, 0] + [0, 1, 0, 1]
    }

    /// The end that the loop is to have, with a number of its own.
    private func handedOver(_ door: borrowing MessageSocket) throws -> Int32 {
        let number = fcntl(door.number, F_DUPFD_CLOEXEC, 3)
        guard number >= 3 else { throw SystemError(call: "fcntl", code: errno) }
        return number
    }

    private func send(_ frame: [UInt8], by door: borrowing MessageSocket) throws {
        guard try door.send(frame.span.bytes) else { throw SystemError(call: "send", code: EAGAIN) }
    }

    @Test("A question beyond the most that may be under way is refused at once, by name, and counted")
    func refusal() throws {
        // Nobody listens there, which libunbound hears no sooner than the loop has taken all that waits for it.
        var settings = RecursionSettings()
        settings.forwarders = [RecursionSettings.Forwarder(try #require(TransportAddress("127.0.0.1:9")))]
        let (ours, theirs) = try ends()
        for number in 1...5 { try send(question(UInt8(number)), by: ours.socket) }
        try send([UInt8](repeating: 0, count: RecursionFrame.start), by: ours.socket)
        // So that the loop finds the end behind what was asked.
        #expect(shutdown(ours.socket.number, Int32(SHUT_WR)) == 0)
        try RecursorLoop(settings, doors: theirs..<theirs + 1, mostPending: 4, hasLandlock: true).run()

        let refused = try #require(ours.next())
        #expect(refused[7] == 5)
        #expect(refused[RecursionFrame.start + 3] & 0x0F == 2)
        #expect(Array(refused.suffix(28)) == [0, 14] + Array("too many questions at once".utf8))
        let pulse = try #require(ours.next())
        #expect(pulse == RecursorPulse(refused: 1, hasLandlock: true).octets)
    }

    @Test("Answers that find no room are sent in order as soon as there is some")
    func room() throws {
        let (ours, theirs) = try ends()
        var least: Int32 = 1
        #expect(setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &least, socklen_t(MemoryLayout<Int32>.size)) == 0)
        // More answers than the socket holds, and none of them is fetched yet.
        let numbers = (1...200).map { UInt8($0) }
        for number in numbers { try send(question(number), by: ours.socket) }
        let loop = try PlainThread(name: "recursor") {
            do {
                try RecursorLoop(RecursionSettings(), doors: theirs..<theirs + 1, mostPending: 0, hasLandlock: true)
                    .run()
            } catch {
                Issue.record(error)
            }
        }
        let answered = numbers.map { _ in ours.next()?[7] }
        #expect(answered == numbers)
        #expect(shutdown(ours.socket.number, Int32(SHUT_WR)) == 0)
        loop.join()
    }

    @Test("What is kept until there is room is bounded: beyond it the shortest answer is kept")
    func bound() throws {
        let (ours, theirs) = try ends()
        let large = [UInt8](repeating: 1, count: 50_000)
        var outbox = Outbox(try MessageSocket(adopting: theirs), mostOctets: 120_000)
        var sent = 0
        var hasRoom = true
        while hasRoom {
            _ = outbox.send(large, orElse: [2])
            sent += 1
            hasRoom = outbox.isEmpty
        }
        // One is kept already, another is, the third is too much, and what is short still fits.
        let isKept = [outbox.send(large, orElse: [2]), outbox.send(large, orElse: [2]), outbox.send([3], orElse: [2])]
        #expect(isKept == [true, false, true])
        var got: [Int] = []
        while got.count < sent + 3, let frame = ours.next() {
            got.append(frame.count == large.count ? 1 : Int(frame[0]))
            outbox.flush()
        }
        #expect(got == [Int](repeating: 1, count: sent + 1) + [2, 3])
        // With nobody there any more nothing is kept.
        #expect(shutdown(ours.socket.number, Int32(SHUT_RDWR)) == 0)
        for _ in 0...sent { _ = outbox.send(large, orElse: [2]) }
        let isEmpty = outbox.isEmpty
        #expect(isEmpty)
    }

    @Test("A pulse comes out of its octets as it went in", arguments: [0, 1, 1 << 40], [true, false])
    func pulse(refused: UInt64, hasLandlock: Bool) {
        let pulse = RecursorPulse(refused: refused, hasLandlock: hasLandlock)
        #expect(pulse.octets.count == RecursionFrame.start)
        #expect(RecursorPulse(pulse.octets.span.bytes) == pulse)
    }

    /// Our end, where a tuple can hold it.
    private final class Near {
        let socket: MessageSocket
        init(_ socket: consuming MessageSocket) { self.socket = socket }

        /// What comes next, within a minute; nothing if the other end is closed or nothing comes.
        func next() -> [UInt8]? {
            var memory = OctetBuffer(count: RecursionFrame.most)
            while DescriptorIO.waitReadable(socket.number, atMost: .seconds(60)) {
                var octets = memory.mutableOctets
                switch socket.receive(into: &octets) {
                case .message(let count): return self.octets(count, of: memory)
                case .nothing: continue
                case .ended: return nil
                }
            }
            return nil
        }

        private func octets(_ count: Int, of memory: borrowing OctetBuffer) -> [UInt8] {
            var octets: [UInt8] = []
            for place in 0..<count { octets.append(memory.octets.octet(at: place)) }
            return octets
        }
    }

    private func ends() throws -> (ours: Near, theirs: Int32) {
        let pair = try MessageSocket.pair()
        let theirs = try handedOver(pair.theirs)
        return pair.split { ours, _ in (Near(ours), theirs) }
    }
}
