/// Why the appliance does not run, with the code it exits with: sysexits(3) where that has one.
struct StartFailure: Error {
    /// What is wrong and what to do, one or more lines.
    let report: String
    /// The exit code.
    let code: Int32

    /// Something it needs is missing or taken.
    static func failed(_ report: String) -> StartFailure { StartFailure(report: report, code: 1) }
    /// EX_NOPERM: a privilege is missing.
    static func notAllowed(_ report: String) -> StartFailure { StartFailure(report: report, code: 77) }
    /// EX_CONFIG: the configuration is wrong.
    static func configuration(_ report: String) -> StartFailure { StartFailure(report: report, code: 78) }
}
