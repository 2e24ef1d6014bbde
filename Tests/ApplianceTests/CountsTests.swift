import DNS64
import Testing

@testable import Appliance

@Suite("What the resolver counts")
struct CountsTests {
    @Test("F17 every count is shown, as a refusal, by itself or among the others, and says what it means")
    func all() {
        let fields: [ResolverCount] = [.queries, .fromCache, .synthesized, .native, .failedQuestions]
        let shown = fields + ResolverCount.refusals + ResolverCount.others
        #expect(Set(shown) == Set(ResolverCount.allCases) && shown.count == ResolverCount.allCases.count)
        for count in ResolverCount.refusals + ResolverCount.others {
            #expect(count.explanation.hasSuffix(".") && count.explanation != "Counted.", "\(count.name)")
        }
    }
}
