/// Values at places that do not move, each use of a place under a number of its own, so that an old reference finds
/// nothing rather than something else.
struct Slots<Element> {
    /// A place and which use of it is meant.
    struct Reference: Hashable {
        var index: Int32
        var generation: UInt32
    }

    private var elements: [Element] = []
    private var generations: [UInt32] = []
    private var free: [Int32] = []
    private let blank: Element
    /// How many places are in use.
    private(set) var count = 0

    /// Takes what lies in a place that is not in use; it should hold nothing that takes memory.
    init(blank: Element) { self.blank = blank }

    /// Puts a value in.
    mutating func insert(_ element: consuming Element) -> Reference {
        count += 1
        if let index = free.popLast() {
            elements[Int(index)] = element
            generations[Int(index)] &+= 1
            return Reference(index: index, generation: generations[Int(index)])
        }
        elements.append(element)
        generations.append(1)
        return Reference(index: Int32(elements.count - 1), generation: 1)
    }

    /// Whether a value is still there. A place in use has an odd generation.
    func holds(_ reference: Reference) -> Bool {
        generations.indices.contains(Int(reference.index)) && generations[Int(reference.index)] == reference.generation
    }

    /// The value at a place that is known to be in use.
    subscript(_ reference: Reference) -> Element {
        // Inlined, so that who wants one field does not get a copy of the whole.
        @inline(__always) get { elements[Int(reference.index)] }
        _modify { yield &elements[Int(reference.index)] }
    }

    /// Gives a value another reference: those handed out before find nothing any more.
    mutating func rename(_ reference: Reference) -> Reference {
        generations[Int(reference.index)] &+= 2
        return Reference(index: reference.index, generation: generations[Int(reference.index)])
    }

    /// Lets go of a value that is known to be there.
    mutating func discard(_ reference: Reference) {
        elements[Int(reference.index)] = blank
        generations[Int(reference.index)] &+= 1
        free.append(reference.index)
        count -= 1
    }

    /// Takes a value out; nothing if it is gone.
    @discardableResult
    mutating func remove(_ reference: Reference) -> Element? {
        guard holds(reference) else { return nil }
        let element = exchange(&elements[Int(reference.index)], with: blank)
        generations[Int(reference.index)] &+= 1
        free.append(reference.index)
        count -= 1
        return element
    }
}

/// A few values in a row, mostly one, for which no memory is taken.
///
/// Invariant: where there is no first there are no more.
struct Few<Element: Equatable>: Sequence {
    private var first: Element?
    private var more: [Element] = []

    init() {}

    init(_ element: Element) { first = element }

    var isEmpty: Bool { first == nil }

    mutating func append(_ element: Element) {
        if first == nil {
            first = element
        } else {
            more.append(element)
        }
    }

    /// Takes a value out, if it is there.
    mutating func remove(_ element: Element) {
        if first == element {
            first = more.isEmpty ? nil : more.removeFirst()
        } else {
            more.removeAll { $0 == element }
        }
    }

    /// Goes through them in their order.
    struct Iterator: IteratorProtocol {
        fileprivate var first: Element?
        fileprivate let more: [Element]
        fileprivate var place = 0

        mutating func next() -> Element? {
            if let element = first {
                first = nil
                return element
            }
            guard place < more.count else { return nil }
            place += 1
            return more[place - 1]
        }
    }

    func makeIterator() -> Iterator { Iterator(first: first, more: more) }
}

/// First in, first out.
struct Line<Element> {
    private var elements: [Element?] = []
    private var begin = 0

    /// The one that is taken out next.
    var first: Element? { begin < elements.count ? elements[begin] : nil }

    /// The one put in last.
    var last: Element? { elements.last ?? nil }

    mutating func append(_ element: consuming Element) { elements.append(element) }

    mutating func next() -> Element? {
        guard begin < elements.count else { return nil }
        let element = exchange(&elements[begin], with: nil)
        begin += 1
        if begin == elements.count {
            elements.removeAll(keepingCapacity: elements.count <= 4096)
            begin = 0
        } else if begin >= 1024, begin * 2 >= elements.count {
            elements.removeFirst(begin)
            begin = 0
        }
        return element
    }
}
