/// A position in a text.
struct TextPosition: Equatable {
    var line: Int
    var column: Int
}

/// Where every key and value of a TOML text stands.
///
/// TOMLKit says what a text means but forgets where it stood. ``KeyScanner`` reads the text once more and leaves a tree
/// of these, which is asked by key for places.
final class KeyPlaces {
    /// Where the key stands (for an element of a list: where the element does).
    var key: TextPosition?
    /// Where the value stands.
    var value: TextPosition?
    /// The keys below, if this is a table.
    private(set) var names: [String: KeyPlaces] = [:]
    /// The elements, if this is a list.
    private(set) var elements: [KeyPlaces] = []

    /// The place of the key below; made if it is new.
    func child(_ name: String, at position: TextPosition) -> KeyPlaces {
        if let known = names[name] { return known }
        let new = KeyPlaces()
        new.key = position
        names[name] = new
        return new
    }

    /// A new element at the end of the list.
    func appendElement(at position: TextPosition) -> KeyPlaces {
        let new = KeyPlaces()
        new.key = position
        new.value = position
        elements.append(new)
        return new
    }

    /// A table header or dotted key that names a list of tables means its last element.
    var entered: KeyPlaces { elements.last ?? self }
}
