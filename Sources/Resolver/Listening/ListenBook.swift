internal import IPAddressing
internal import Linux
internal import NIOCore

/// The listening sockets of the resolver, brought in line with the addresses that are wanted.
///
/// Sockets are made by the calling thread, which may bind port 53; the threads that use them may not.
struct ListenBook {
    private enum Opened {
        /// Datagram sockets, one for each worker, known by a number.
        case datagrams(Int)
        case connections(any Channel)
    }

    private let ports: [WorkerPort]
    private let door: TCPDoor
    private let report: @Sendable (ResolverEvent) -> Void
    private var opened: [ListenPlace: Opened] = [:]
    private var numbers = ListenerNumbers()
    /// Places that are wanted and not open.
    private(set) var problems: [ListenPlace: ListenProblem] = [:]

    init(ports: [WorkerPort], door: TCPDoor, report: @escaping @Sendable (ResolverEvent) -> Void) {
        self.ports = ports
        self.door = door
        self.report = report
    }

    /// The addresses on which something listens.
    var addresses: Set<ListenAddress> { Set(opened.keys.map(\.address)) }

    /// The sockets that listen, sorted.
    var places: [ListenPlace] { opened.keys.sorted() }

    /// How many sockets are open, one counted for all workers.
    var count: Int { opened.count }

    /// Opens what is wanted and not open, and closes what is open and not wanted. Can be called again to try again.
    ///
    /// - Parameters:
    ///   - demanded: What the operator wrote down; those addresses may be bound before this machine has them.
    ///   - automatic: Addresses that this machine has.
    mutating func reconcile(demanded: Set<ListenPlace>, automatic: Set<ListenPlace>) {
        let wanted = demanded.union(automatic)
        for place in opened.keys where !wanted.contains(place) { close(place) }
        problems = problems.filter { wanted.contains($0.key) }
        for place in wanted.sorted() where opened[place] == nil {
            open(place, beforeAddressExists: demanded.contains(place))
        }
    }

    /// Closes everything.
    mutating func closeAll() { for place in opened.keys { close(place) } }

    private mutating func open(_ place: ListenPlace, beforeAddressExists: Bool) {
        do throws(SystemError) {
            switch place.transport {
            case .udp: opened[place] = try openDatagrams(place.address, beforeAddressExists)
            case .tcp, .tls, .https: opened[place] = try openConnections(place, beforeAddressExists)
            }
            problems[place] = nil
            report(.listening(place.address, place.transport))
        } catch {
            note(error, at: place)
        }
    }

    private mutating func note(_ error: SystemError, at place: ListenPlace) {
        // Tried every second; told once.
        guard problems[place]?.code != error.code else { return }
        // Looked for among all processes, and only where there can be one.
        let holder =
            error.isAddressInUse
            ? PortHolder.name(of: place.address.address, stream: place.transport != .udp) : nil
        let problem = ListenProblem(
            address: place.address,
            transport: place.transport,
            code: error.code,
            reason: error.reasonAtAddress,
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
        let number = numbers.take()
        do throws(SystemError) {
            for (port, listener) in zip(ports, listeners) {
                // Told first: a worker that hears of a socket it does not have cannot stop the noise.
                port.mailbox.post(.listen(number: number, listener))
                try port.poll.add(listener.socket.number, for: .readable, token: Token.listener(number))
            }
        } catch {
            hush(number)
            throw error
        }
        return .datagrams(number)
    }

    /// Makes the workers close their sockets of this number.
    private mutating func hush(_ number: Int) {
        for port in ports { port.mailbox.post(.hush(number: number)) }
        numbers.release(number)
    }

    private func openConnections(
        _ place: ListenPlace,
        _ beforeAddressExists: Bool
    ) throws(SystemError) -> Opened {
        let address = place.address
        let how: UDPSocket.Listening = beforeAddressExists ? .beforeAddressExists : []
        let number = try TCPSocket.bound(to: address.address, scope: address.scope, how)
        return .connections(try door.listen(on: number, for: place.transport))
    }

    private mutating func close(_ place: ListenPlace) {
        guard let socket = opened.removeValue(forKey: place) else { return }
        switch socket {
        case .datagrams(let number): hush(number)
        case .connections(let channel): door.close(channel)
        }
        report(.stoppedListening(place.address, place.transport))
    }
}
