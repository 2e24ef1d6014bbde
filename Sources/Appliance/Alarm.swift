internal import Linux

/// A bell that several threads may ring and the supervisor hears.
final class Alarm: Sendable {
    private let bell: Bell

    init() throws(SystemError) { bell = try Bell() }

    var number: Int32 { bell.number }
    func ring() { bell.ring() }
    func hush() { bell.hush() }
}
