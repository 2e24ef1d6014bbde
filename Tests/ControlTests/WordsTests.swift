import ControlClient
import Testing

@Suite("Numbers and times as people read them")
struct WordsTests {
    @Test(
        "thousands are set apart",
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1,000"), (81_204_113, "81,204,113"), (.max, "18,446,744,073,709,551,615"),
        ]
            as [(UInt64, String)]
    )
    func number(value: UInt64, text: String) { #expect(Words.number(value) == text) }

    @Test(
        "only nothing is 0 % and only the whole is 100 %",
        arguments: [
            (0, 0, "0 %"), (0, 5, "0 %"), (1, 1_000, "<1 %"), (61, 100, "61 %"), (999, 1_000, "99 %"), (7, 7, "100 %"),
            (8, 7, "100 %"),
        ]
            as [(UInt64, UInt64, String)]
    )
    func percent(part: UInt64, whole: UInt64, text: String) { #expect(Words.percent(part, of: whole) == text) }

    @Test(
        "octets are told in the unit that fits",
        arguments: [
            (0, "0 octets"), (1, "1 octet"), (1_023, "1023 octets"), (1_024, "1.0 KiB"), (1_048_575, "1.0 MiB"),
            (9_771_234_567, "9.1 GiB"), (.max, "16.0 EiB"),
        ] as [(UInt64, String)]
    )
    func octets(value: UInt64, text: String) { #expect(Words.octets(value) == text) }

    @Test(
        "rates are told in bits",
        arguments: [
            (0, "0 b/s"), (-1, "0 b/s"), (.nan, "0 b/s"), (10, "80 b/s"), (1_537_500, "12.3 Mb/s"),
            (1e30, "1,000,000,000,000,000,000.0 Tb/s"),
        ]
            as [(Double, String)]
    )
    func bitRate(octets: Double, text: String) { #expect(Words.bitRate(octetsPerSecond: octets) == text) }

    @Test(
        "durations are told in their two greatest units",
        arguments: [
            (0, "0 seconds"), (1, "1 second"), (60, "1 minute"), (3_599, "59 minutes 59 seconds"), (86_400, "1 day"),
            (273_605, "3 days 4 hours"), (86_405, "1 day 5 seconds"),
        ] as [(UInt64, String)]
    )
    func duration(seconds: UInt64, text: String) { #expect(Words.duration(seconds) == text) }

    @Test(
        "durations in a column are short",
        arguments: [(0, "0 s"), (59, "59 s"), (245, "4:05"), (7_440, "2:04:00")] as [(UInt64, String)]
    )
    func short(seconds: UInt64, text: String) { #expect(Words.shortDuration(seconds) == text) }
}
