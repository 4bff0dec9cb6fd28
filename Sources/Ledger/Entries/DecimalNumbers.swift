/// A binary32 number of an entry, written as ``DecimalText``. Equal where the bits are.
public struct DecimalFloat: Sendable, Hashable, Codable {
    private let bits: UInt32

    /// The number.
    public var value: Float { Float(bitPattern: bits) }

    /// A number; an infinite one, or NaN, is refused when the entry is encoded.
    public init(_ value: Float) {
        bits = value.bitPattern
    }

    /// Reads a decimal string.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = DecimalText.float(text) else {
            throw LedgerError(.malformedEntry, "a number must be the shortest decimal string of a binary32 number")
        }
        self.init(value)
    }

    /// Writes a decimal string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(DecimalText.encode(value))
    }
}

/// A binary64 number of an entry, written as ``DecimalText``. Equal where the bits are.
public struct DecimalDouble: Sendable, Hashable, Codable {
    private let bits: UInt64

    /// The number.
    public var value: Double { Double(bitPattern: bits) }

    /// A number; an infinite one, or NaN, is refused when the entry is encoded.
    public init(_ value: Double) {
        bits = value.bitPattern
    }

    /// Reads a decimal string.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = DecimalText.double(text) else {
            throw LedgerError(.malformedEntry, "a number must be the shortest decimal string of a binary64 number")
        }
        self.init(value)
    }

    /// Writes a decimal string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(DecimalText.encode(value))
    }
}
