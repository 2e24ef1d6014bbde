import PacketWire
import Testing

@testable import NAT64

@Suite("The TCP state machine, RFC 6146 section 3.5.2.2")
struct TCPStateTests {
    /// Every pair of state and event that changes the state or starts a lifetime, or probes; the others do nothing.
    static let table = """
        CLOSED               V4 SYN            -> V4 INIT              TCP_TRANS, opening
        CLOSED               V4 SYN, held      -> V4 INIT              TCP_INCOMING_SYN
        CLOSED               V6 SYN            -> V6 INIT              TCP_TRANS, opening
        V4 INIT              V6 SYN            -> ESTABLISHED          TCP_EST
        V4 INIT              lifetime expired  -> CLOSED
        V6 INIT              V4 SYN            -> ESTABLISHED          TCP_EST
        V6 INIT              V6 SYN            -> V6 INIT              TCP_TRANS, opening
        V6 INIT              lifetime expired  -> CLOSED
        ESTABLISHED          V4 SYN            -> ESTABLISHED          TCP_EST
        ESTABLISHED          V6 SYN            -> ESTABLISHED          TCP_EST
        ESTABLISHED          V4 FIN            -> V4 FIN RCV           TCP_EST
        ESTABLISHED          V6 FIN            -> V6 FIN RCV           TCP_EST
        ESTABLISHED          V4 RST            -> TRANS                TCP_TRANS
        ESTABLISHED          V6 RST            -> TRANS                TCP_TRANS
        ESTABLISHED          other V4 segment  -> ESTABLISHED          TCP_EST
        ESTABLISHED          other V6 segment  -> ESTABLISHED          TCP_EST
        ESTABLISHED          lifetime expired  -> TRANS                TCP_TRANS, probe
        V4 FIN RCV           V4 SYN            -> V4 FIN RCV           TCP_EST
        V4 FIN RCV           V6 SYN            -> V4 FIN RCV           TCP_EST
        V4 FIN RCV           V4 FIN            -> V4 FIN RCV           TCP_EST
        V4 FIN RCV           V6 FIN            -> V4 FIN + V6 FIN RCV  TCP_TRANS
        V4 FIN RCV           V4 RST            -> V4 FIN RCV           TCP_EST
        V4 FIN RCV           V6 RST            -> V4 FIN RCV           TCP_EST
        V4 FIN RCV           other V4 segment  -> V4 FIN RCV           TCP_EST
        V4 FIN RCV           other V6 segment  -> V4 FIN RCV           TCP_EST
        V4 FIN RCV           lifetime expired  -> CLOSED
        V6 FIN RCV           V4 SYN            -> V6 FIN RCV           TCP_EST
        V6 FIN RCV           V6 SYN            -> V6 FIN RCV           TCP_EST
        V6 FIN RCV           V4 FIN            -> V4 FIN + V6 FIN RCV  TCP_TRANS
        V6 FIN RCV           V6 FIN            -> V6 FIN RCV           TCP_EST
        V6 FIN RCV           V4 RST            -> V6 FIN RCV           TCP_EST
        V6 FIN RCV           V6 RST            -> V6 FIN RCV           TCP_EST
        V6 FIN RCV           other V4 segment  -> V6 FIN RCV           TCP_EST
        V6 FIN RCV           other V6 segment  -> V6 FIN RCV           TCP_EST
        V6 FIN RCV           lifetime expired  -> CLOSED
        V4 FIN + V6 FIN RCV  V4 SYN            -> V4 INIT              TCP_TRANS, opening
        V4 FIN + V6 FIN RCV  V6 SYN            -> V6 INIT              TCP_TRANS, opening
        V4 FIN + V6 FIN RCV  lifetime expired  -> CLOSED
        TRANS                V4 SYN            -> ESTABLISHED          TCP_EST
        TRANS                V6 SYN            -> ESTABLISHED          TCP_EST
        TRANS                V4 FIN            -> ESTABLISHED          TCP_EST
        TRANS                V6 FIN            -> ESTABLISHED          TCP_EST
        TRANS                other V4 segment  -> ESTABLISHED          TCP_EST
        TRANS                other V6 segment  -> ESTABLISHED          TCP_EST
        TRANS                lifetime expired  -> CLOSED
        """

    @Test("TCP-01 TCP-06 TCP-09 TCP-11 TCP-15 TCP-16 TCP-20 TCP-24 TCP-27 the machine is the table in this file")
    func pinnedTable() {
        var lines: [String] = []
        for state in TCPState.allCases {
            for event in TCPEvent.allCases {
                for held in [false, true] {
                    let step = state.step(on: event, held: held)
                    if step == TCPStep(state) || held && step == state.step(on: event) { continue }
                    if state == .closed, event == .lifetimeExpired { continue }
                    var effects = step.lifetime?.name ?? ""
                    if step.probes { effects += ", probe" }
                    let before = padded("\(state.name)", 21) + padded(event.name + (held ? ", held" : ""), 18)
                    let line = before + "-> " + padded("\(step.state.name)", 21) + effects
                    lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
                }
            }
        }
        #expect(lines.joined(separator: "\n") == Self.table)
    }

    @Test("a reset is a reset whatever other bits it carries, and SYN counts before FIN")
    func events() {
        #expect(TCPEvent(fromIPv4: [.rst, .syn, .fin]) == .v4Rst)
        #expect(TCPEvent(fromIPv6: [.syn, .fin]) == .v6Syn)
        #expect(TCPEvent(fromIPv4: [.syn, .ack]) == .v4Syn)
        #expect(TCPEvent(fromIPv6: [.fin, .ack]) == .v6Fin)
        #expect(TCPEvent(fromIPv4: [.ack]) == .v4Other)
        #expect(TCPEvent(fromIPv6: TCPFlags(rawValue: 0xC8)) == .v6Other)
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 0))
    }
}

extension LifetimeClass {
    /// How the specification calls it.
    fileprivate var name: String {
        switch self {
        case .none: ""
        case .udp: "UDP_DEFAULT"
        case .icmp: "ICMP_DEFAULT"
        case .established: "TCP_EST"
        case .transitory: "TCP_TRANS"
        case .opening: "TCP_TRANS, opening"
        case .incomingSyn: "TCP_INCOMING_SYN"
        case .holdDown: "hold-down"
        }
    }
}

extension TCPEvent {
    /// The event in the words of the specification.
    fileprivate var name: String {
        switch self {
        case .v4Syn: "V4 SYN"
        case .v6Syn: "V6 SYN"
        case .v4Fin: "V4 FIN"
        case .v6Fin: "V6 FIN"
        case .v4Rst: "V4 RST"
        case .v6Rst: "V6 RST"
        case .v4Other: "other V4 segment"
        case .v6Other: "other V6 segment"
        case .lifetimeExpired: "lifetime expired"
        }
    }
}
