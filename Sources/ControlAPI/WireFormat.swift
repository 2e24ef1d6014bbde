private import FoundationEssentials

/// How the types of this module are written as JSON: keys in alphabetical order, so that two equal reports are equal
/// texts.
public enum WireFormat {
    /// The value as one line of JSON, or on many lines for people.
    ///
    /// - Throws: `EncodingError` if a floating-point number is not finite.
    public static func encode(_ value: some Encodable, readable: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            readable ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(value))
    }

    /// Reads a value; fields it does not know are passed over.
    ///
    /// - Throws: `DecodingError` if the octets are not JSON, or not of this type.
    public static func decode<Value: Decodable>(_ type: Value.Type, from octets: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(octets))
    }
}

extension Double? {
    /// The number, unless it is one that JSON cannot write: a rate over no time.
    var finite: Double? { flatMap { $0.isFinite ? $0 : nil } }
}
