import Glibc
import IPAddressing
import Linux
import Synchronization
import TestNamespace
import Testing

@testable import Resolver

@Suite("The book of listening sockets")
struct ListenBookTests {
    /// What a book said.
    private final class Said: Sendable {
        private let events = Mutex<[ResolverEvent]>([])

        func hear(_ event: ResolverEvent) { events.withLock { $0.append(event) } }

        var all: [ResolverEvent] { events.withLock { $0 } }
    }

    private let place = ListenPlace(ListenAddress(endpoint("127.0.0.1:53")), .udp)

    private func door() -> TCPDoor {
        TCPDoor(limits: settings().tcp, certificate: ServerCertificate(), dropsPrivileges: false) { _ in }
    }

    @Test("a socket that a worker cannot watch is a problem with a name, is not left open, and is tried again")
    func watchFails() async throws {
        try await inNamespace {
            let (whole, broken) = (try WorkerPort(number: 0), try WorkerPort(number: 1))
            let door = door()
            defer { door.stop() }
            let said = Said()
            var book = ListenBook(ports: [whole, broken], door: door) { said.hear($0) }
            // What the second worker waits on is no poll any more.
            let poll = dup(broken.poll.number)
            let other = open("/dev/null", O_RDONLY)
            defer {
                close(poll)
                close(other)
            }
            #expect(dup2(other, broken.poll.number) == broken.poll.number)

            book.reconcile(demanded: [place], automatic: [])
            #expect(book.count == 0)
            #expect(book.problems[place]?.code == EINVAL)
            #expect(book.problems[place]?.reason.contains("epoll_ctl add") == true)
            #expect(said.all.map(\.sort) == ["listening"])
            #expect(said.all.first?.description.hasPrefix("cannot listen on UDP 127.0.0.1:53: epoll_ctl add") == true)
            var listeners = Listeners()
            take(whole, into: &listeners)
            take(broken, into: &listeners)
            #expect(dup2(poll, broken.poll.number) == broken.poll.number)
            // The workers have been told to let it go: the address is free, as soon as no child process of another test
            // has a copy of the descriptor any more.
            #expect(
                eventually {
                    book.reconcile(demanded: [place], automatic: [])
                    return book.places == [place] && book.problems.isEmpty
                }
            )
        }
    }

    @Test("however often addresses come and go, no more numbers are in use than were open at once, and none twice")
    func numbers() async throws {
        try await inNamespace {
            let worker = try WorkerPort(number: 0)
            let door = door()
            defer { door.stop() }
            var book = ListenBook(ports: [worker], door: door) { _ in }
            let steady = ListenPlace(ListenAddress(endpoint("127.0.0.2:53")), .udp)
            var listeners = Listeners()
            var numbers: [Int] = []
            for port in 1000..<1100 {
                let place = ListenPlace(ListenAddress(endpoint("127.0.0.1:\(port)")), .udp)
                book.reconcile(demanded: [steady, place], automatic: [])
                numbers += take(worker, into: &listeners)
                book.reconcile(demanded: [steady], automatic: [])
                take(worker, into: &listeners)
                // Only the address that stays is listened on, and by its number alone.
                #expect(numbers.filter { listeners[$0] != nil }.count == 1)
            }
            #expect(numbers.count == 101)
            #expect(Set(numbers).count == 101)
            #expect(listeners.slots == 2)
        }
    }

    /// Does what a worker is told of sockets; the numbers of those that are new.
    @discardableResult
    private func take(_ port: WorkerPort, into listeners: inout Listeners) -> [Int] {
        port.mailbox.collect().compactMap { letter -> Int? in
            switch letter {
            case .listen(let number, let listener):
                listeners.add(listener, as: number)
                return number
            case .hush(let number):
                listeners.remove(number)
                return nil
            default: return nil
            }
        }
    }
}
