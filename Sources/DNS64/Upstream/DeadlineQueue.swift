import Timing

/// What is to be looked at when, the earliest first. What has become pointless stays until its time and is then skipped
/// by who looks at it.
///
/// Most subjects are looked at so long after they were put in, or so long: those stand in lines, each in its order, where
/// a hundred thousand cost no more than ten. What fits into no line lies in a heap.
struct DeadlineQueue<Subject> {
    private typealias Entry = (moment: Moment, subject: Subject)

    /// In each the earliest comes first.
    private var lines: [Line<Entry>]
    private var heap: [Entry] = []

    /// - Parameter lineCount: How many lines there are.
    init(lineCount: Int = 4) { lines = [Line<Entry>](repeating: Line(), count: lineCount) }

    /// The earliest moment.
    var first: Moment? {
        var first = heap.first?.moment
        for line in lines.indices {
            guard let moment = lines[line].first?.moment else { continue }
            first = min(first ?? moment, moment)
        }
        return first
    }

    mutating func append(_ subject: Subject, at moment: Moment) {
        // The line whose end is nearest, so that one that ends late does not hold up those that are due early.
        var best: (line: Int, last: Moment)?
        for line in lines.indices {
            let last = lines[line].last?.moment ?? .start
            if last <= moment, best.map({ $0.last < last }) ?? true { best = (line, last) }
        }
        guard let best else { return push((moment, subject)) }
        lines[best.line].append((moment, subject))
    }

    /// Takes out what is due.
    mutating func next(upTo now: Moment) -> Subject? {
        guard let first, first <= now else { return nil }
        for line in lines.indices where lines[line].first?.moment == first { return lines[line].next()?.subject }
        return pop()
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].moment < heap[parent].moment else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> Subject? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.subject }
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
        return first.subject
    }
}
