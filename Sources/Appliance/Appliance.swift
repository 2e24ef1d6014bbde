internal import Configuration
internal import Control
internal import ControlAPI
internal import ControlAPI
internal import DNS64
internal import Dataplane
internal import Linux
internal import Logging
internal import NAT64
internal import Netlink
internal import PacketMemory
internal import Policy
internal import Resolver
private import Synchronization
internal import Timing

/// The composition root: makes the parts, introduces them to each other, and is the only one that changes them.
///
/// Everything here happens on the supervisor's thread. Others see it through the ``ControlDesk``.
final class Appliance {
    let log: Logger
    let logThreshold: LogThreshold
    /// The configuration file that a reload reads; nothing if the defaults hold.
    let file: String?
    let state: StateDirectory
    /// Which ports clients get, and the keys of all tables that strangers fill.
    let secret: KeyedHash
    let started: Moment

    var configuration: ValidatedConfiguration
    var runtimeViews = RuntimeViews()
    var runtimeBindings = RuntimeBindings()
    /// Why static bindings are not in force.
    var staticProblems: [StaticBinding: String] = [:]
    var policy: Policy
    var lastReload: (at: Moment, applied: Bool, problems: [String])?
    /// What is wrong with the state folder, for as long as it is.
    var stateProblem: String?

    var installation: NetworkInstallation
    var watch: NetworkWatch
    var facts: UplinkFacts
    var clientLinks: ClientLinks
    var pool: ResolvedPool
    /// What is to stand in the kernel's tables; nothing while there is no pool.
    var plan: NetworkPlan?
    /// What is missing there.
    var networkProblems: [NetworkProblem] = []
    var networkNotices: [NetworkNotice] = []
    var repairs: UInt64 = 0
    /// How often the data plane has followed links and addresses that changed.
    var followed: UInt64 = 0
    /// Ports of the share that programs of the host have.
    var hostPorts = HostPorts()

    /// The program that leads packets to their workers.
    let steering: Steering
    var translator: Translator?
    var dataplane: Dataplane?
    /// Until when nothing follows from a shared address that has gone; nothing while there is none such.
    var awaitedUntil: Moment?
    /// Why the data plane does not run.
    var dataplaneProblem: String?
    let resolver: Resolver
    let desk: ControlDesk
    var control: ControlServer?
    /// Rings when a worker loses its queue, and when a client network has taken a block of ports.
    let alarm: Alarm

    var pulse = Pulse()
    var nextRepair = Moment.start
    var nextPairing = Moment.start
    var nextPortRecord = Moment.start
    var nextLookAtSockets = Moment.start
    var looksAgainAtSessions = false
    var rates = Rates()
    var silence = Silence()
    var dropNotices = DropNotices()

    /// Makes and starts every part; what was started is stopped again if one of them cannot be.
    init(
        configuration: ValidatedConfiguration,
        file: String?,
        log: Logger,
        logThreshold: LogThreshold
    ) throws(StartFailure) {
        self.configuration = configuration
        self.file = file
        self.log = log
        self.logThreshold = logThreshold
        started = MonotonicClock.now()
        try Self.requirePrivileges()

        state = StateDirectory(path: configuration.stateDirectory)
        var stateProblem: String?
        secret = Self.secret(in: state, problem: &stateProblem)
        let (views, viewsProblem) = state.runtimeViews()
        runtimeViews = views
        let (bindings, bindingsProblem) = state.runtimeBindings()
        runtimeBindings = bindings
        self.stateProblem = stateProblem ?? viewsProblem ?? bindingsProblem
        // Before there is another thread: whoever comes after has the privilege no more.
        steering = Steering(secret: secret)
        do throws(SystemError) {
            try Capabilities.giveUp(.bpf)
        } catch {
            throw .failed("\(error)")
        }

        do throws(NetlinkError) {
            // Listens before it looks, so that no change falls between.
            watch = try NetworkWatch()
            installation = try NetworkInstallation()
            facts = try installation.uplinkFacts(without: configuration.device)
        } catch {
            throw .failed("the kernel's network tables cannot be read: \(error)")
        }
        if let link = try? installation.link(named: configuration.device), link.kind != "tun" {
            throw .configuration(
                "nat64.device: \(configuration.device) is an interface of this machine already, and no TUN device; set "
                    + "nat64.device to a name that nothing has, such as \"nat64\", which is the default"
            )
        }
        pool = configuration.pool.resolve(by: facts)
        clientLinks = ClientLinks(facts.networks)
        policy = configuration.policy(generation: 1, linkNetworks: clientLinks.networks, runtimeViews: views)
        resolver = Resolver(
            settings: configuration.resolverSettings,
            cache: AnswerCache(size: configuration.dns64.cacheSize, secret: SystemRandom.secret()),
            policy: policy,
            secret: SystemRandom.secret()
        ) { event in
            switch event {
            case .cannotListen, .badCertificate, .badAuthorities, .encryptedUpstreamFails, .recursorEnded,
                .recursorHung, .cannotStartRecursor, .recursorWithoutLandlock, .cannotWriteQueryLog:
                log.warning("resolver: \(event)", source: event.sort)
            case .listening, .stoppedListening: log.info("resolver: \(event)", source: event.sort)
            case .upstreams, .leftOutOurselves, .certificate, .recursorStarted, .queryLogWritten:
                log.notice("resolver: \(event)", source: event.sort)
            }
        }
        do throws(SystemError) {
            desk = try ControlDesk()
            alarm = try Alarm()
        } catch {
            throw .failed("\(error)")
        }
        do throws(StartFailure) {
            try start()
        } catch {
            stop()
            throw error
        }
    }

    private static func requirePrivileges() throws(StartFailure) {
        let missing = [Capabilities.Name.netAdmin, .netBindService].filter { !Capabilities.has($0) }
        // Without port 53 there may still be listeners on other ports; without devices there is nothing.
        guard missing.contains(.netAdmin) else { return }
        throw .notAllowed(
            "the privilege \(missing.map(\.spelling).joined(separator: " and ")) is missing: start the appliance with "
                + "`systemctl start nat64-appliance`, or as root"
        )
    }

    /// The box's secret; one for this run alone if the state folder cannot keep it.
    private static func secret(in state: StateDirectory, problem: inout String?) -> KeyedHash {
        do throws(SystemError) {
            try state.prepare()
            return try state.secret()
        } catch {
            problem =
                "the state folder cannot be used (\(error)): runtime switches cannot be kept, and clients get other "
                + "ports after a restart"
            return SystemRandom.secret()
        }
    }

    private func start() throws(StartFailure) {
        if let stateProblem { log.warning("\(stateProblem)") }
        recordPortsAtStart()
        try startDataplane(atStart: true)
        listenOnOwnAddresses()
        do throws(ResolverError) {
            try resolver.start()
        } catch {
            throw .failed("\(error)")
        }
        coupleHalves()
        do throws(ControlSocketError) {
            let settings = ControlSettings(socketPath: configuration.controlSocket, group: configuration.controlGroup)
            control = try ControlServer(settings: settings, appliance: desk)
        } catch {
            throw .failed("\(error)")
        }
        log.notice("nat64-appliance \(applianceVersion) is ready: \(summary)")
        for finding in report().findings where finding.severity != .note {
            log.warning("\(finding.problem) \(finding.remedy)")
        }
    }

    /// Stops every part in the reverse order of the start, and leaves nothing in the kernel.
    func stop() {
        stopControl()
        resolver.stop()
        stopDataplane()
    }

    /// Ends the control server. It waits for the request it is just answering, whose question may still lie on the
    /// desk; so somebody else waits for it while we answer.
    private func stopControl() {
        guard let control else { return }
        let ended = Flag()
        let waiting = try? PlainThread(name: "control-stop") {
            control.stop()
            ended.raise()
        }
        while !ended.isRaised, waiting != nil {
            _ = DescriptorIO.waitReadable(desk.questions.number, atMost: .milliseconds(20))
            for question in desk.questions.collect() { question(self) }
        }
        waiting?.join()
        self.control = nil
    }
}

/// Something that happens once, on another thread.
private final class Flag: Sendable {
    private let raised = Atomic<Bool>(false)
    var isRaised: Bool { raised.load(ordering: .acquiring) }
    func raise() { raised.store(true, ordering: .releasing) }
}
