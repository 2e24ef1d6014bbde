import PacketMemory

/// Where names lie in the data of the types that may have them compressed: RFC 3597 section 4.
///
/// Data of all other types is passed on octet by octet.
@frozen
public struct RecordDataLayout: Hashable, Sendable {
    /// Octets before the first name.
    public var prefix: Int
    /// Names in a row.
    public var names: Int
    /// Octets that follow; nothing if there may be any number.
    public var suffix: Int?
    /// Whether names may be compressed when we write them: RFC 1035 types only.
    public var mayCompress: Bool

    /// The layout of a type's data; nothing if it has no name that could be compressed.
    @inlinable
    public init?(_ type: RecordType) {
        switch type.rawValue {
        case 2, 3, 4, 5, 7, 8, 9, 12: (prefix, names, suffix, mayCompress) = (0, 1, 0, true)
        case 6: (prefix, names, suffix, mayCompress) = (0, 2, 20, true)
        case 14: (prefix, names, suffix, mayCompress) = (0, 2, 0, true)
        case 15: (prefix, names, suffix, mayCompress) = (2, 1, 0, true)
        case 17: (prefix, names, suffix, mayCompress) = (0, 2, 0, false)
        case 18, 21, 36: (prefix, names, suffix, mayCompress) = (2, 1, 0, false)
        case 24: (prefix, names, suffix, mayCompress) = (18, 1, nil, false)
        case 26: (prefix, names, suffix, mayCompress) = (2, 2, 0, false)
        case 30: (prefix, names, suffix, mayCompress) = (0, 1, nil, false)
        case 33: (prefix, names, suffix, mayCompress) = (6, 1, 0, false)
        case 39: (prefix, names, suffix, mayCompress) = (0, 1, 0, false)
        default: return nil
        }
    }

    /// Checks that a record's data has the form that its type demands, as far as a resolver must rely on it.
    public static func check(_ record: ResourceRecord, in message: borrowing RawSpan) throws(WireProblem) {
        switch record.type {
        case .a:
            guard record.dataCount == 4 else { throw .recordData }
            return
        case .aaaa:
            guard record.dataCount == 16 else { throw .recordData }
            return
        default: break
        }
        guard let layout = RecordDataLayout(record.type) else { return }
        guard record.dataCount >= layout.prefix else { throw .recordData }
        var offset = record.data + layout.prefix
        for _ in 0..<layout.names {
            guard offset < record.end else { throw .recordData }
            _ = try Name(in: message, at: offset)
            offset = try Name.end(in: message, at: offset)
            guard offset <= record.end else { throw .recordData }
        }
        if let suffix = layout.suffix {
            guard offset + suffix == record.end else { throw .recordData }
        }
    }
}

/// What a denial's SOA record says: RFC 2308 section 5.
@frozen
public struct StartOfAuthority: Hashable, Sendable {
    /// How long the record itself may be kept, in seconds.
    public var ttl: UInt32
    /// How long a denial may be kept, in seconds.
    public var minimum: UInt32

    /// Reads a SOA record.
    public init(_ record: ResourceRecord, in message: borrowing RawSpan) throws(WireProblem) {
        try RecordDataLayout.check(record, in: message)
        guard record.type == .soa else { throw .recordData }
        ttl = record.ttl
        minimum = message.uint32(at: record.end - 4)
    }
}
