import Timing

/// What is to be looked at when, the earliest first. What has become pointless stays until its time and is then skipped
/// by who looks at it.
struct DeadlineQueue<Subject> {
    private var heap: [(moment: Moment, subject: Subject)] = []

    /// The earliest moment.
    var first: Moment? { heap.first?.moment }

    var count: Int { heap.count }

    mutating func append(_ subject: Subject, at moment: Moment) {
        heap.append((moment, subject))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].moment < heap[parent].moment else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out what is due.
    mutating func next(upTo now: Moment) -> Subject? {
        guard let first = heap.first, first.moment <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2]
                where child < heap.count && heap[child].moment < heap[least].moment { least = child }
                guard least != parent else { break }
                heap.swapAt(parent, least)
                parent = least
            }
        }
        return first.subject
    }
}
