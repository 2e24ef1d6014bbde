/// Why octets are not the DNS message they should be. Decoders refuse with one of these and never trap.
public enum WireProblem: UInt8, Error, Hashable, Sendable, CaseIterable {
    /// The message ends before its header does.
    case headerCut
    /// The message ends inside a name.
    case nameCut
    /// A name is longer than 255 octets (RFC 1035 section 2.3.4).
    case nameTooLong
    /// A label has one of the two types that mean neither text nor a pointer.
    case labelType
    /// A pointer does not point to an earlier place (RFC 1035 section 4.1.4), so it could loop; or a name has more of
    /// them than labels.
    case pointer
    /// The message ends inside a question.
    case questionCut
    /// The message ends inside the fixed part of a record, or its data would lie past the end.
    case recordCut
    /// The data of a record has not the form that its type demands.
    case recordData
    /// More than one OPT record, or one whose owner is not the root (RFC 6891 section 6.1.1).
    case optRecord
    /// A chain of aliases leads back into itself, or is longer than anybody means.
    case aliasLoop
    /// A reply names others to be asked instead of an answer (RFC 2308 section 2.2).
    case referral
    /// An EDNS option is longer than the OPT record that holds it.
    case optOption
}
