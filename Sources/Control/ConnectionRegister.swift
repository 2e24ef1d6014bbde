internal import NIOCore

/// The connections there are. Lives on the one event loop.
///
/// Invariant: never more than the limit. When one more comes, the resting one that came to rest first makes room, so
/// that nobody can shut others out by connecting and keeping silent.
final class ConnectionRegister {
    private struct Place {
        let channel: any Channel
        /// When it came to rest, counted up; nothing while a request of its is on the way.
        var resting: UInt64?
    }

    private let limit: Int
    private var places: [UInt64: Place] = [:]
    private var count: UInt64 = 0

    init(limit: Int) { self.limit = limit }

    /// Gives a newcomer a place, or nothing if all are busy.
    func enter(_ channel: any Channel) -> UInt64? {
        if places.count >= limit {
            let resting = places.compactMap { ticket, place in place.resting.map { (ticket, $0) } }
            guard let longest = resting.min(by: { $0.1 < $1.1 }) else { return nil }
            places.removeValue(forKey: longest.0)?.channel.close(promise: nil)
        }
        count += 1
        places[count] = Place(channel: channel, resting: count)
        return count
    }

    /// A request begins.
    func occupy(_ ticket: UInt64) { places[ticket]?.resting = nil }

    /// A request is done with.
    func rest(_ ticket: UInt64) {
        count += 1
        places[ticket]?.resting = count
    }

    /// The connection ended.
    func leave(_ ticket: UInt64) { places[ticket] = nil }
}
