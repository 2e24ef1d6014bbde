internal import IPAddressing
internal import Linux
internal import NIOCore

/// The listening sockets of the resolver, brought in line with the addresses that are wanted.
///
/// Sockets are made by the calling thread, which may bind port 53; the threads that use them may not.
struct ListenBook {
    /// One of the two sockets of an address.
    struct Place: Hashable {
        var address: ListenAddress
        var transport: ListenTransport
    }

    private enum Opened {
        /// Datagram sockets, one for each worker, known by a number.
        case datagrams(Int)
        case connections(any Channel)
    }

    private let ports: [WorkerPort]
    private let door: TCPDoor
    private let report: @Sendable (ResolverEvent) -> Void
    private var opened: [Place: Opened] = [:]
    private var lastNumber = -1
    /// Places that are wanted and not open.
    private(set) var problems: [Place: ListenProblem] = [:]

    init(ports: [WorkerPort], door: TCPDoor, report: @escaping @Sendable (ResolverEvent) -> Void) {
        self.ports = ports
        self.door = door
        self.report = report
    }

    /// The addresses on which something listens.
    var addresses: Set<ListenAddress> { Set(opened.keys.map(\.address)) }

    /// How many sockets are open, one counted for all workers.
    var count: Int { opened.count }

    /// Opens what is wanted and not open, and closes what is open and not wanted. Can be called again to try again.
    ///
    /// - Parameters:
    ///   - demanded: Addresses that the operator wrote down; they may be bound before this machine has them.
    ///   - automatic: Addresses that this machine has.
    mutating func reconcile(demanded: Set<ListenAddress>, automatic: Set<ListenAddress>) {
        let wanted = demanded.union(automatic)
        for place in opened.keys where !wanted.contains(place.address) { close(place) }
        problems = problems.filter { wanted.contains($0.key.address) }
        for address in wanted.sorted(by: { $0.description < $1.description }) {
            for transport in ListenTransport.allCases {
                let place = Place(address: address, transport: transport)
                guard opened[place] == nil else { continue }
                open(place, beforeAddressExists: demanded.contains(address))
            }
        }
    }

    /// Closes everything.
    mutating func closeAll() { for place in opened.keys { close(place) } }

    private mutating func open(_ place: Place, beforeAddressExists: Bool) {
        do throws(SystemError) {
            switch place.transport {
            case .udp: opened[place] = try openDatagrams(place.address, beforeAddressExists)
            case .tcp: opened[place] = try openConnections(place.address, beforeAddressExists)
            }
            problems[place] = nil
            report(.listening(place.address, place.transport))
        } catch {
            note(error, at: place)
        }
    }

    private mutating func note(_ error: SystemError, at place: Place) {
        // Tried every second; told once.
        guard problems[place]?.code != error.code else { return }
        // Looked for among all processes, and only where there can be one.
        let holder =
            error.isAddressInUse
            ? PortHolder.name(of: place.address.address, stream: place.transport == .tcp) : nil
        let problem = ListenProblem(
            address: place.address,
            transport: place.transport,
            code: error.code,
            reason: error.reason,
            holder: holder
        )
        problems[place] = problem
        report(.cannotListen(problem))
    }

    private mutating func openDatagrams(
        _ address: ListenAddress,
        _ beforeAddressExists: Bool
    ) throws(SystemError) -> Opened {
        var listeners: [Listener] = []
        for port in ports {
            var how: UDPSocket.Listening = beforeAddressExists ? .beforeAddressExists : []
            // The first must have the address alone; the others join it.
            if port.number > 0 { how.insert(.joiningOwn) }
            let socket = try UDPSocket(listeningOn: address.address, scope: address.scope, how)
            listeners.append(Listener(socket: socket))
        }
        lastNumber += 1
        for (port, listener) in zip(ports, listeners) {
            port.mailbox.post(.listen(number: lastNumber, listener))
        }
        return .datagrams(lastNumber)
    }

    private func openConnections(
        _ address: ListenAddress,
        _ beforeAddressExists: Bool
    ) throws(SystemError) -> Opened {
        let how: UDPSocket.Listening = beforeAddressExists ? .beforeAddressExists : []
        let number = try TCPSocket.bound(to: address.address, scope: address.scope, how)
        return .connections(try door.listen(on: number))
    }

    private mutating func close(_ place: Place) {
        guard let socket = opened.removeValue(forKey: place) else { return }
        switch socket {
        case .datagrams(let number): for port in ports { port.mailbox.post(.hush(number: number)) }
        case .connections(let channel): door.close(channel)
        }
        report(.stoppedListening(place.address, place.transport))
    }
}
