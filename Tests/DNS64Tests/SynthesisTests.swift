import DNS64
import Testing

@Suite("The decision of RFC 6147 section 5.1")
struct SynthesisTests {
    /// Every pair of findings with its outcome: a change to the machine is a change to this table.
    private static let table = """
        unknown       unknown       wait
        unknown       records       wait
        unknown       excluded      wait
        unknown       noData        wait
        unknown       signedDenial  wait
        unknown       nameError     wait
        unknown       failure       wait
        records       unknown       native
        records       records       native
        records       excluded      native
        records       noData        native
        records       signedDenial  native
        records       nameError     native
        records       failure       native
        excluded      unknown       wait
        excluded      records       synthesize
        excluded      excluded      denial
        excluded      noData        denial
        excluded      signedDenial  denial
        excluded      nameError     denial
        excluded      failure       denial
        noData        unknown       wait
        noData        records       synthesize
        noData        excluded      denial
        noData        noData        denial
        noData        signedDenial  denial
        noData        nameError     denial
        noData        failure       denial
        signedDenial  unknown       native
        signedDenial  records       native
        signedDenial  excluded      native
        signedDenial  noData        native
        signedDenial  signedDenial  native
        signedDenial  nameError     native
        signedDenial  failure       native
        nameError     unknown       native
        nameError     records       native
        nameError     excluded      native
        nameError     noData        native
        nameError     signedDenial  native
        nameError     nameError     native
        nameError     failure       native
        failure       unknown       wait
        failure       records       synthesize
        failure       excluded      native
        failure       noData        native
        failure       signedDenial  native
        failure       nameError     denial
        failure       failure       native
        """

    @Test("D64-01 D64-03 D64-04 D64-10 what is known of AAAA and A decides, pair by pair")
    func pairs() {
        var lines: [String] = []
        for aaaa in Finding.allCases {
            for a in Finding.allCases {
                func padded(_ finding: Finding) -> String {
                    let word = "\(finding)"
                    return word + String(repeating: " ", count: 14 - word.count)
                }
                lines.append(padded(aaaa) + padded(a) + "\(Synthesis.step(aaaa: aaaa, a: a))")
            }
        }
        #expect(lines.joined(separator: "\n") == Self.table)
    }

    @Test("counts have names of words joined by hyphens, each another one")
    func names() {
        let names = ResolverCount.allCases.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.contains("from-cache") && names.contains("upstream-queries-tcp"))
        #expect(names.allSatisfy { $0.utf8.allSatisfy { $0 == 45 || (97...122).contains($0) } })
    }
}
