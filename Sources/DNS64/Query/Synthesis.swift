/// What is known of the answer to one of the two questions that synthesis rests on.
package enum Finding: UInt8, CaseIterable {
    /// Nothing yet.
    case unknown
    /// Records that count.
    case records
    /// A records that our recursor validated.
    case secure
    /// Records, all of them in the exclusion set (RFC 6147 section 5.1.4).
    case excluded
    /// The name has no such record.
    case noData
    /// The same, with signatures that the client wanted and that synthesis would belie.
    case signedDenial
    /// The name does not exist.
    case nameError
    /// An error, or no answer in time.
    case failure
    /// No answer that was genuine.
    case bogus
}

/// What a client gets that asked for AAAA and is to get synthetic ones: RFC 6147 section 5.1.
package enum Synthesis: UInt8, CaseIterable {
    /// An answer is still awaited.
    case wait
    /// The answer to the AAAA question, without the records that are excluded.
    case native
    /// AAAA records made from the A records; if none of them may be reached, the same as `native`.
    case synthesize
    /// The answer to the A question, which has no A record.
    case denial

    /// The rule, a case per sentence of the RFC.
    package static func step(aaaa: Finding, a: Finding) -> Synthesis {
        switch (aaaa, a) {
        // Section 5.1.1: real AAAA records are handed out and nothing is made. Section 5.1.4: records that are not
        // excluded are handed out although others are.
        case (.records, _), (.secure, _): .native
        // Section 5.1.2: NXDOMAIN goes to the client.
        case (.nameError, _): .native
        // Section 5.5: what a client validates for itself is not belied.
        case (.signedDenial, _): .native
        // Section 5.5: the denial is validated before A is used. Where A is signed, so is the denial, and no answer
        // in its place is what an attacker would have us hear.
        case (.bogus, _), (.failure, .secure): .native
        // Section 5.1.8: both questions are asked at the same time, and A must not win against a late AAAA.
        case (.unknown, _): .wait
        // Sections 5.1.2, 5.1.3 and 5.1.4: any other error, no answer in time and excluded records count as none.
        case (.noData, .unknown), (.excluded, .unknown), (.failure, .unknown): .wait
        // Section 5.1.6: A records are what AAAA records are made from.
        case (.noData, .records), (.excluded, .records), (.failure, .records): .synthesize
        case (.noData, .secure), (.excluded, .secure): .synthesize
        // Section 5.1.6: an empty or failed answer to A is the basis of the client's.
        case (.noData, _), (.excluded, _): .denial
        // Sections 5.1.6 and 5.4 differ when both go wrong; we keep the first error, so that a failure of AAAA does not
        // become a denial. That the name does not exist is no denial of AAAA alone.
        case (.failure, .nameError): .denial
        case (.failure, _): .native
        }
    }
}
