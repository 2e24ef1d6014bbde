internal import DNS64
internal import Linux
internal import NIOCore

extension Worker {
    /// Does what the letters of other threads say.
    mutating func readLetters() {
        for letter in port.mailbox.collect() {
            switch letter {
            case .question(let question): answer(question)
            case .reply(let reply): take(reply)
            case .listen(let number, let listener): listeners.add(listener, as: number)
            case .hush(let number): hush(number)
            case .settings(let settings): adopt(settings)
            case .news(let news): engine.hear(news, at: now)
            case .recursor(let door): adopt(door)
            case .policy: adoptPolicy()
            case .stop: isStopping = true
            }
        }
    }

    /// Brings an answer to the other workers that wait for it.
    mutating func tell(_ workers: WorkerSet, _ news: AnswerNews) {
        for peer in peers where peer !== port && workers.contains(peer.number) { peer.mailbox.post(.news(news)) }
    }

    private mutating func hush(_ number: Int) {
        // What has come already is answered.
        hear(number)
        listeners.remove(number)
    }

    /// Goes on with an engine of these settings. Clients that wait do not notice: their questions are asked again.
    private mutating func adopt(_ settings: EngineSettings) {
        exchanges.removeAll()
        era += 1
        let viewCounters = engine.viewCounters
        engine = ResolverEngine(
            settings: settings.settings,
            cache: cache,
            counters: settings.counters[port.number],
            worker: port.number,
            rules: settings.rules,
            rates: settings.rates,
            standings: settings.standings
        )
        engine.viewCounters = viewCounters
        logsOneIn = settings.logsOneIn
        settings.forgetting.workerIsReady(cache)
        engine.epoch = WallClock.epoch()
        engine.synthesisIsSuspended = policies.suspendsSynthesis
        routes = settings.routes
        sources = UpstreamSources()
        for waiter in waiters.takeAll() { ask(waiter) }
    }
}
