import DNSWire
import PacketMemory

/// One answer in memory of its own, shared by all who wait for it. Immutable once made.
@safe
struct StoredAnswer: @unchecked Sendable {
    /// The image behind its length, in one piece of memory.
    private let memory: ManagedBuffer<Int, UInt8>

    /// How many octets the image takes.
    var count: Int { memory.header }

    private var start: UnsafeMutableRawPointer {
        unsafe memory.withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
    }

    /// Makes the image of an answer.
    ///
    /// - Parameters:
    ///   - message: The message, from its header to the end of its additional section.
    ///   - ttls: Where the TTLs of its records lie.
    init(_ facts: AnswerFacts, message: borrowing RawSpan, messageCount: Int, ttls: borrowing Span<UInt16>) {
        let count = AnswerImage.size(message: messageCount, ttls: ttls.count, name: facts.nameCount)
        memory = ManagedBuffer.create(minimumCapacity: count) { _ in count }
        let start = unsafe self.start
        unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        var image = unsafe MutableRawSpan(_unsafeStart: start, byteCount: count)
        image.store(UInt32(count), at: 0)
        image.store(facts.stored, at: 4)
        image.store(facts.lifetime, at: 8)
        image.store(UInt16(messageCount), at: 12)
        image.store(UInt16(ttls.count), at: 14)
        image.store(UInt16(facts.firstAddress), at: 16)
        image.store(UInt16(facts.addressCount), at: 18)
        image.store(UInt16(facts.authority), at: 20)
        image.store(UInt16(facts.additional), at: 22)
        image.store(facts.type.rawValue, at: 24)
        image.store(UInt16(facts.nameCount), at: 26)
        image.store(facts.kind.rawValue, at: 28)
        image.store(facts.variant.rawValue, at: 29)
        image.store(facts.flags | (facts.error == nil ? 0 : AnswerImage.hasError), at: 30)
        image.store(UInt8(facts.addressOwnerCount), at: 31)
        image.store(facts.addressTTL, at: 32)
        image.store(facts.denialTTL, at: 36)
        image.store(facts.hash, at: 40)
        if let error = facts.error { image.store(error.rawValue, at: 52) }
        image.copy(message, from: 0, to: AnswerImage.fixedSize, count: messageCount)
        // The name in lower case, so that a look-up compares whole words.
        for index in 0..<facts.nameCount {
            let offset = AnswerImage.fixedSize + MessageHeader.size + index
            let octet = image.octet(at: offset)
            if octet >= 65 && octet <= 90 { image.store(octet | 32, at: offset) }
        }
        let places = AnswerImage.fixedSize + (messageCount + 1) & ~1
        for index in 0..<ttls.count { image.store(ttls[index], at: places + 2 * index) }
    }

    /// Copies the image at an offset.
    init(copying octets: borrowing RawSpan, at base: Int) {
        let count = Int(octets.uint32(at: base))
        memory = ManagedBuffer.create(minimumCapacity: count) { _ in count }
        let start = unsafe self.start
        var image = unsafe MutableRawSpan(_unsafeStart: start, byteCount: count)
        image.copy(octets, from: base, to: 0, count: count)
    }

    /// Whether two are one and the same, and not only alike.
    static func === (left: StoredAnswer, right: StoredAnswer) -> Bool { left.memory === right.memory }

    /// The image, at offset 0.
    var octets: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = unsafe RawSpan(_unsafeStart: start, byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// How many seconds it holds; zero keeps it out of the cache.
    var lifetime: UInt32 { octets.uint32(at: 8) }

    /// The image's fixed part.
    var image: AnswerImage { AnswerImage(octets, at: 0) }
}

/// What is known of an answer besides its message.
struct AnswerFacts {
    var kind: AnswerKind
    var type: RecordType
    var variant: AnswerVariant
    var hash: UInt64
    var nameCount: Int
    /// Seconds of the engine's clock.
    var stored: UInt32
    /// Seconds; zero keeps the answer out of the cache.
    var lifetime: UInt32 = 0
    var flags: UInt8 = 0
    var firstAddress = 0
    var addressCount = 0
    var addressOwnerCount = 0
    var authority = 0
    var additional = 0
    var addressTTL: UInt32 = 0
    var denialTTL = AnswerImage.noDenialTTL
    /// The extended error that comes with it.
    var error: ExtendedError?
}
