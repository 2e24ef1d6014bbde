internal import Control
internal import ControlAPI
internal import Linux
private import Synchronization
internal import Timing

/// Where the control server's questions wait for the supervisor, which owns the state they are about.
final class ControlDesk: ControlledAppliance {
    /// A question; the supervisor answers it by running it.
    typealias Question = @Sendable (Appliance) -> Void

    let questions: Mailbox<Question>
    /// Rings when a question is answered; no two wait at a time.
    private let answered: Bell

    init() throws(SystemError) {
        questions = try Mailbox()
        answered = try Bell()
    }

    var version: String { applianceVersion }

    func status() -> StatusReport { ask { $0.report() } }

    func sessions(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> SessionPage {
        try ask { $0.sessions(filter: filter, cursor: cursor, limit: limit) }.get()
    }

    func bindings(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> BindingPage {
        try ask { $0.bindings(filter: filter, cursor: cursor, limit: limit) }.get()
    }

    func portBlocks(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> PortBlockPage {
        try ask { $0.portBlocks(filter: filter, cursor: cursor, limit: limit) }.get()
    }

    func portHolder(external: String, at time: UTCTime?) throws(ControlRefusal) -> PortOwner {
        try ask { $0.portHolder(external: external, at: time) }.get()
    }

    func staticBindings() -> StaticBindingList { ask { $0.staticBindingList() } }

    func addStaticBinding(_ change: StaticBindingChange) throws(ControlRefusal) {
        try ask { $0.addStaticBinding(change) }.get()
    }

    func removeStaticBinding(transport: String, external: String) throws(ControlRefusal) {
        try ask { $0.removeStaticBinding(transport: transport, external: external) }.get()
    }

    func views() -> ViewList { ask { $0.viewList() } }

    func setView(_ change: ViewChange) throws(ControlRefusal) {
        try ask { $0.switchView(network: change.network, synthesize: change.synthesize) }.get()
    }

    func removeView(network: String) throws(ControlRefusal) {
        try ask { $0.switchView(network: network, synthesize: nil) }.get()
    }

    func reload() -> ReloadReport { ask { $0.reload() } }

    private final class Slot<Answer: Sendable>: Sendable {
        let answer = Mutex<Answer?>(nil)
    }

    /// Hands a question in and waits for the answer.
    private func ask<Answer: Sendable>(_ question: @escaping @Sendable (Appliance) -> Answer) -> Answer {
        let slot = Slot<Answer>()
        questions.post { [self] appliance in
            let answer = question(appliance)
            slot.answer.withLock { $0 = answer }
            answered.ring()
        }
        while true {
            if let answer = slot.answer.withLock({ $0 }) { return answer }
            if DescriptorIO.waitReadable(answered.number, atMost: .seconds(1)) { answered.hush() }
        }
    }
}
