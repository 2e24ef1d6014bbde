internal import Configuration
internal import Dataplane
internal import Linux
private import Logging
internal import NAT64
internal import Netlink
internal import Resolver
internal import Timing

/// How the supervisor knows that everybody is alive.
struct Pulse {
    /// The heartbeats of all workers at the last look.
    private var beats: [UInt64] = []
    /// When each of them was last seen to have moved.
    private var moved: [Moment] = []
    /// The last look.
    private var looked = Moment.start

    /// Looks at the heartbeats.
    ///
    /// - Returns: Whether every worker has moved within the last seconds.
    mutating func isAlive(_ fresh: [UInt64], at now: Moment) -> Bool {
        let pause = now - looked
        looked = now
        guard fresh.count == beats.count else {
            beats = fresh
            moved = [Moment](repeating: now, count: fresh.count)
            return true
        }
        // Whoever did not look for so long has stood still as well: the process was stopped, or the whole machine.
        if pause >= .seconds(5) { moved = moved.map { $0 + pause } }
        for index in fresh.indices where fresh[index] != beats[index] { moved[index] = now }
        beats = fresh
        return moved.allSatisfy { now - $0 < .seconds(5) }
    }
}

extension Appliance {
    private enum Source: UInt64 {
        case signals, network, questions, alarm
    }

    /// Serves until a signal says stop; then stops every part.
    func supervise(_ signals: borrowing Signals) {
        do throws(SystemError) {
            let poll = try EventPoll()
            try poll.add(signals.number, for: .readable, token: Source.signals.rawValue)
            try poll.add(watch.descriptor, for: .readable, token: Source.network.rawValue)
            try poll.add(desk.questions.number, for: .readable, token: Source.questions.rawValue)
            try poll.add(alarm.number, for: .readable, token: Source.alarm.rawValue)
            ServiceNotification.ready(status: summary)
            try loop(poll, signals)
        } catch {
            log.error("the supervisor cannot go on: \(error)")
        }
        log.notice("stopping")
        ServiceNotification.stopping()
        stop()
        log.notice("stopped; nothing is left in the kernel's tables")
    }

    private func loop(_ poll: borrowing EventPoll, _ signals: borrowing Signals) throws(SystemError) {
        let patience = min(ServiceNotification.watchdogInterval ?? .seconds(1), .seconds(1))
        var next = MonotonicClock.now()
        var stops = false
        while !stops {
            var ready: [Source] = []
            let now = MonotonicClock.now()
            try poll.wait(atMost: min(next, awaitedUntil ?? next) - now) { token, _ in
                if let source = Source(rawValue: token) { ready.append(source) }
            }
            for source in ready {
                switch source {
                case .signals:
                    while let wish = signals.next() {
                        switch wish {
                        case .stop: stops = true
                        case .reload:
                            ServiceNotification.reloading()
                            _ = reload()
                            ServiceNotification.ready(status: summary)
                        }
                    }
                case .network: networkChanged()
                case .questions: for question in desk.questions.collect() { question(self) }
                case .alarm: alarmed()
                }
            }
            let later = MonotonicClock.now()
            endWait(at: later)
            guard later >= next else { continue }
            next = later + patience
            look(at: later)
        }
    }

    /// What is done every second.
    private func look(at now: Moment) {
        let resolving = resolver.status
        let beats =
            (dataplane?.heartbeats ?? []) + resolving.workers.map(\.heartbeat) + [resolving.connectionsHeartbeat]
        if pulse.isAlive(beats, at: now) {
            ServiceNotification.watchdog()
        } else {
            log.error("a worker stands still; without a watchdog, restart the appliance")
        }
        sampleRates(at: now)
        if let translator {
            for (reason, packets) in dropNotices.due(translator.counters, at: now) {
                log.notice("\(packets) packets refused, \(reason.name): \(reason.explanation)")
            }
        }
        // They are bounded already: one line for each place that has used up its allowance.
        for (level, text) in logThreshold.allowance.due(at: now) {
            log.log(level: level, "\(text)", source: JournalLog.record)
        }
        recordPortBlocks(at: now)
        forgetLostNetworks(at: now)
        lookAgainAtSessions()
        endDraining(at: now)
        dropDrainedAddresses()
        // The kernel tells of most changes but not of all: proxy neighbours and some settings change in silence.
        if !networkProblems.isEmpty || now >= nextRepair {
            repair()
            nextRepair = now + .seconds(30)
        }
        if now >= nextPairing {
            translator?.renewPairings()
            nextPairing = now + .seconds(60)
        }
        if now >= nextLookAtSockets {
            lookAtHostSockets()
            let end = MonotonicClock.now()
            nextLookAtSockets = end + HostPorts.pause(afterLookOf: end - now)
        }
        if dataplane == nil, plan != nil { restartDataplane() }
        goOn()
    }

    /// A worker has something to be put on record, or has lost its queue: the device was deleted by somebody, or the kernel
    /// took it away.
    private func alarmed() {
        alarm.hush()
        recordPortBlocks(at: MonotonicClock.now())
        guard let loss = dataplane?.loss else { return }
        log.error(
            "the device \(configuration.device) is gone (\(SystemError(call: "read", code: loss).reason)); making it anew"
        )
        repairs += 1
        restartDataplane()
    }
}
