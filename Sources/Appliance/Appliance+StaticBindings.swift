internal import Configuration
internal import Control
internal import ControlAPI
internal import IPAddressing
internal import Linux
internal import Logging
internal import NAT64

/// The bindings that the operator wrote down: those of the file and those added at runtime.
extension Appliance {
    /// Which are to be in force: those of the file, and those added at runtime as far as the file leaves room.
    private var wantedStaticBindings: [StaticBinding] {
        var wanted = configuration.staticBindings
        for binding in runtimeBindings.bindings where !wanted.contains(binding) && conflict(of: binding, wanted) == nil
        {
            wanted.append(binding)
        }
        return wanted
    }

    /// Puts all static bindings in force, and takes note of those that cannot be. To be called whenever the
    /// configuration, the pool or the translator has changed.
    func adoptStaticBindings() {
        let old = staticProblems
        staticProblems = [:]
        if let translator {
            let refused = translator.adopt(staticBindings: wantedStaticBindings, at: MonotonicClock.now())
            for (binding, refusal) in refused { staticProblems[binding] = refusal.sentence }
        }
        for binding in runtimeBindings.bindings {
            if let conflict = conflict(of: binding, configuration.staticBindings) { staticProblems[binding] = conflict }
        }
        for (binding, problem) in staticProblems where old[binding] != problem {
            log.warning("the static binding \(binding.text) is not in force: \(problem)")
        }
    }

    /// All static bindings, a run of ports as one.
    func staticBindingList() -> StaticBindingList {
        let file = configuration.staticBindings
        let runtime = runtimeBindings.bindings.filter { !file.contains($0) }
        let waiting = translator == nil ? "NAT64 does not run" : nil
        let entry = { [staticProblems] (binding: StaticBinding, origin: StaticBindingEntry.Origin) in
            StaticBindingEntry(
                transport: binding.transport.word,
                external: binding.externalText,
                client: binding.clientText,
                origin: origin,
                problem: staticProblems[binding] ?? waiting
            )
        }
        return StaticBindingList(bindings: file.map { entry($0, .file) } + runtime.map { entry($0, .runtime) })
    }

    /// Adds a static binding. The file in the state folder comes first: what cannot be kept is not done.
    func addStaticBinding(_ change: StaticBindingChange) -> Result<Void, ControlRefusal> {
        let binding: StaticBinding
        do throws(StaticBindingText.Complaint) {
            binding = try StaticBindingText.binding(
                protocol: change.transport,
                external: change.external,
                client: change.client
            )
        } catch {
            return .failure(ControlRefusal(.badRequest, error.sentence))
        }
        let wanted = wantedStaticBindings
        if wanted.contains(binding), staticProblems[binding] == nil { return .success(()) }
        if let refusal = refusal(of: binding, beside: wanted.filter { $0 != binding }) { return .failure(refusal) }
        if change.replace != true, let obstacle = translator?.tables.obstacle(to: binding) {
            return .failure(ControlRefusal(.conflict, "\(obstacle.sentence.capitalizedFirst)."))
        }
        var bindings = runtimeBindings
        bindings.add(binding)
        if let refusal = keep(bindings) { return .failure(refusal) }
        adoptStaticBindings()
        guard let problem = staticProblems[binding] else {
            log.notice("\(binding.text) is a static binding from now on")
            return .success(())
        }
        // Something came in its way since we looked: as if nobody had asked.
        bindings.remove(binding)
        if let refusal = keep(bindings) { return .failure(refusal) }
        adoptStaticBindings()
        return .failure(ControlRefusal(.conflict, "\(problem.capitalizedFirst)."))
    }

    /// Takes away a static binding that was added at runtime, and ends its sessions.
    func removeStaticBinding(transport word: String, external text: String) -> Result<Void, ControlRefusal> {
        let transport: TransportProtocol
        let external: StaticBindingText.External
        do throws(StaticBindingText.Complaint) {
            transport = try StaticBindingText.transport(word)
            external = try StaticBindingText.external(text, transport)
        } catch {
            return .failure(ControlRefusal(.badRequest, error.sentence))
        }
        let overlaps = { (binding: StaticBinding) in
            binding.transport == transport && binding.external == external.address
                && binding.externalPorts.overlaps(external.ports)
        }
        guard let found = runtimeBindings.bindings.first(where: overlaps) else {
            let ofFile = configuration.staticBindings.first(where: overlaps)
            return .failure(
                ofFile.map { binding in
                    ControlRefusal(
                        .conflict,
                        "\(binding.text) stands in the configuration file; take it out there and reload."
                    )
                } ?? ControlRefusal(.notFound, "No static binding was added at runtime for \(word) \(text).")
            )
        }
        guard found.externalPorts == external.ports else {
            let whole = "\(word) \(found.externalText)"
            return .failure(ControlRefusal(.conflict, "It was added as \(whole) and goes as a whole; remove \(whole)."))
        }
        var bindings = runtimeBindings
        bindings.remove(found)
        if let refusal = keep(bindings) { return .failure(refusal) }
        adoptStaticBindings()
        log.notice("\(found.text) is no static binding any more")
        return .success(())
    }

    /// Why a binding cannot be added beside those there are, whatever traffic does.
    private func refusal(of binding: StaticBinding, beside wanted: [StaticBinding]) -> ControlRefusal? {
        if let (_, complaint) = configuration.complaint(about: binding) {
            return ControlRefusal(.badRequest, "\(complaint.capitalizedFirst).")
        }
        if let conflict = conflict(of: binding, wanted) {
            return ControlRefusal(.conflict, "\(conflict.capitalizedFirst); remove that first.")
        }
        let total = wanted.reduce(binding.count) { $0 + $1.count }
        guard total <= StaticBinding.most else {
            let most = StaticBinding.most
            return ControlRefusal(
                .conflict,
                "There would be \(total) static bindings, each port counted; the most is \(most)."
            )
        }
        return nil
    }

    /// Which other static binding stands in the way of one.
    private func conflict(of binding: StaticBinding, _ others: [StaticBinding]) -> String? {
        others.first { $0 != binding && ($0.overlapsOutside(binding) || $0.overlapsInside(binding)) }
            .map { "the static binding \($0.text) stands in its way" }
    }

    /// Keeps what was added at runtime over a restart.
    private func keep(_ bindings: RuntimeBindings) -> ControlRefusal? {
        do throws(SystemError) {
            try state.keep(bindings)
            stateProblem = nil
        } catch {
            stateProblem = "static bindings added at runtime cannot be kept: \(error)"
            let remedy =
                "Nothing was changed; make room in \(configuration.stateDirectory), or let the appliance write there."
            return ControlRefusal(.failed, "The change cannot be kept over a restart (\(error)). \(remedy)")
        }
        runtimeBindings = bindings
        return nil
    }
}

extension StaticBinding {
    /// As people write it: `tcp 203.0.113.1:443 for [2001:db8:6::5]:443`.
    var text: String { "\(transport.word) \(externalText) for \(clientText)" }
}

extension StaticBindingRefusal {
    /// What stands in the way, and what helps.
    var sentence: String {
        switch self {
        case .outsidePool: "its address is none of the pool; write it in nat64.pool"
        case .portOfHost(let ours):
            "its address is the host's own, of which NAT64 has ports \(ours.lowerBound) to \(ours.upperBound); "
                + "take one of these, or set nat64.ports to a range that holds the port"
        case .externalTaken(let external, let client, let isStatic):
            "\(external) stands for \(client) already" + (isStatic ? " by a static binding" : Self.byTraffic)
        case .clientTaken(let client, let external, let isStatic):
            "\(external) stands for \(client) already" + (isStatic ? " by a static binding" : Self.byTraffic)
        case .externalOfHost(let external): "a program of this host has \(external)"
        case .externalBusy(let external): "\(external) is used by several clients; wait until they are done"
        case .tableFull: "the table of bindings is full; raise nat64.limits.bindings"
        }
    }

    private static let byTraffic = ", which uses it now; --replace ends that with its sessions"
}

extension String {
    /// With a capital letter in front.
    var capitalizedFirst: String {
        prefix { $0 != " " }.contains(":") ? self : prefix(1).uppercased() + dropFirst()
    }
}
