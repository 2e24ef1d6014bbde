import IPAddressing
public import PacketMemory
public import Policy

/// What the fuzzer hands a target, as octets of our own.
public func octets(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}

/// A property that must hold for every input; the fuzzer keeps the input that breaks it.
public func require(_ condition: Bool, _ property: @autoclosure () -> String, line: UInt = #line) {
    if !condition { fatalError("line \(line): \(property())") }
}

/// Copies octets into memory of ours.
public func fill(_ memory: inout MutableRawSpan, with octets: some Sequence<UInt8>, at start: Int) {
    var position = start
    for octet in octets {
        memory.store(octet, at: position)
        position += 1
    }
}

/// Memory that is taken once and lent to one input after the other.
public struct Scratch {
    private let memory: UnsafeMutableRawBufferPointer

    /// Takes the memory, all zero.
    public init(count: Int) {
        memory = .allocate(byteCount: count, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Lends it.
    public func lend<Result>(_ body: (inout MutableRawSpan) -> Result) -> Result {
        var span = memory.mutableBytes
        return body(&span)
    }
}

/// Numbers and pieces read off the front of an input; nothing when it has ended.
public struct Pieces {
    private var rest: ArraySlice<UInt8>

    /// Starts at the front.
    public init(_ input: [UInt8]) { rest = input[...] }

    /// Whether nothing is left.
    public var isEmpty: Bool { rest.isEmpty }

    /// The next octet.
    public mutating func octet() -> UInt8? { rest.popFirst() }

    /// The next two octets as a number.
    public mutating func number() -> Int? {
        guard rest.count >= 2 else { return nil }
        return Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
    }

    /// The next octets, fewer if there are no more.
    public mutating func piece(_ count: Int) -> ArraySlice<UInt8> {
        let piece = rest.prefix(count)
        rest = rest.dropFirst(count)
        return piece
    }
}

/// The well-known prefix and one of an operator, clients 2001:db8::/32 and 10.0.0.0/8, everything that is global.
public let fuzzedPolicy: Policy = {
    guard let wellKnown = IPv6Prefix("64:ff9b::/96"), let own = IPv6Prefix("2001:db8:64::/96"),
        let clients = IPPrefix("2001:db8::/32"), let clients4 = IPPrefix("10.0.0.0/8"),
        let prefixes = try? [TranslationPrefix(wellKnown), TranslationPrefix(own)]
    else { fatalError("the literals are valid") }
    return Policy(
        generation: 1,
        prefixes: prefixes,
        clients: ClientAccess(networks: [clients, clients4]),
        destinations: DestinationRules(),
        views: Views(synthesizeByDefault: true, synthesizeOverIPv4: false, views: [])
    )
}()

/// The same secret in every run, so that an input found once does the same again.
public let fuzzedSecret = KeyedHash(key0: 0x0123_4567_89AB_CDEF, key1: 0xFEDC_BA98_7654_3210)
