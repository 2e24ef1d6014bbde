/// One TCP session after the text of RFC 6146 section 3.5.2.2, sentence by sentence, with seconds instead of a wheel.
struct ReferenceConnection: Equatable {
    enum Segment: CaseIterable { case syn, fin, rst, other }

    /// As the RFC spells it.
    var state = "CLOSED"
    /// When the session ends, or an established one is asked whether it is still there.
    var deadline = UInt64.max

    static let established: UInt64 = 2 * 60 * 60
    static let transitory: UInt64 = 4 * 60

    mutating func receive(_ segment: Segment, fromIPv6: Bool, at now: UInt64) {
        switch state {
        case "CLOSED":
            if segment == .syn { become(fromIPv6 ? "V6 INIT" : "V4 INIT", now + Self.transitory) }
        case "V4 INIT":
            if segment == .syn, fromIPv6 { become("ESTABLISHED", now + Self.established) }
        case "V6 INIT":
            if segment == .syn {
                if fromIPv6 {
                    deadline = now + Self.transitory
                } else {
                    become("ESTABLISHED", now + Self.established)
                }
            }
        case "ESTABLISHED":
            switch segment {
            // RFC 6146 names no lifetime here; RFC 5382, requirement 5, does.
            case .fin: become(fromIPv6 ? "V6 FIN RCV" : "V4 FIN RCV", now + Self.established)
            case .rst: become("TRANS", now + Self.transitory)
            case .syn, .other: deadline = now + Self.established
            }
        case "V4 FIN RCV", "V6 FIN RCV":
            if segment == .fin, (state == "V4 FIN RCV") == fromIPv6 {
                become("V4 FIN + V6 FIN RCV", now + Self.transitory)
            } else {
                deadline = now + Self.established
            }
        case "V4 FIN + V6 FIN RCV":
            // The RFC says nothing of a new connection between the same ends; it is followed from its first segment.
            if segment == .syn { become(fromIPv6 ? "V6 INIT" : "V4 INIT", now + Self.transitory) }
        default:
            if segment != .rst { become("ESTABLISHED", now + Self.established) }
        }
    }

    /// What the end of the lifetime does; true when the ends are probed.
    mutating func pass(to now: UInt64) -> Bool {
        guard now > deadline else { return false }
        guard state == "ESTABLISHED" else {
            become("CLOSED", .max)
            return false
        }
        become("TRANS", now + Self.transitory)
        return true
    }

    private mutating func become(_ state: String, _ deadline: UInt64) {
        self.state = state
        self.deadline = deadline
    }
}
