import DNS64
import Testing

@Suite("The decision of RFC 6147 section 5.1")
struct SynthesisTests {
    /// Every pair of findings with its outcome: a change to the machine is a change to this table.
    private static let table = """
        unknown       unknown       wait
        unknown       records       wait
        unknown       secure        wait
        unknown       excluded      wait
        unknown       noData        wait
        unknown       signedDenial  wait
        unknown       nameError     wait
        unknown       failure       wait
        unknown       bogus         wait
        records       unknown       native
        records       records       native
        records       secure        native
        records       excluded      native
        records       noData        native
        records       signedDenial  native
        records       nameError     native
        records       failure       native
        records       bogus         native
        secure        unknown       native
        secure        records       native
        secure        secure        native
        secure        excluded      native
        secure        noData        native
        secure        signedDenial  native
        secure        nameError     native
        secure        failure       native
        secure        bogus         native
        excluded      unknown       wait
        excluded      records       synthesize
        excluded      secure        synthesize
        excluded      excluded      denial
        excluded      noData        denial
        excluded      signedDenial  denial
        excluded      nameError     denial
        excluded      failure       denial
        excluded      bogus         denial
        noData        unknown       wait
        noData        records       synthesize
        noData        secure        synthesize
        noData        excluded      denial
        noData        noData        denial
        noData        signedDenial  denial
        noData        nameError     denial
        noData        failure       denial
        noData        bogus         denial
        signedDenial  unknown       native
        signedDenial  records       native
        signedDenial  secure        native
        signedDenial  excluded      native
        signedDenial  noData        native
        signedDenial  signedDenial  native
        signedDenial  nameError     native
        signedDenial  failure       native
        signedDenial  bogus         native
        nameError     unknown       native
        nameError     records       native
        nameError     secure        native
        nameError     excluded      native
        nameError     noData        native
        nameError     signedDenial  native
        nameError     nameError     native
        nameError     failure       native
        nameError     bogus         native
        failure       unknown       wait
        failure       records       synthesize
        failure       secure        native
        failure       excluded      native
        failure       noData        native
        failure       signedDenial  native
        failure       nameError     denial
        failure       failure       native
        failure       bogus         native
        bogus         unknown       native
        bogus         records       native
        bogus         secure        native
        bogus         excluded      native
        bogus         noData        native
        bogus         signedDenial  native
        bogus         nameError     native
        bogus         failure       native
        bogus         bogus         native
        """

    @Test("D64-01 D64-03 D64-04 D64-10 D64-28 what is known of AAAA and A decides, pair by pair")
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
