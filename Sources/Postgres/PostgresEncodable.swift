public import Foundation

/// A value that can stand for `$1`, `$2`… in a statement.
public protocol PostgresEncodable: Sendable {
    /// The value as the server reads it; throws ``PostgresError`` with the code `invalidParameter` where
    /// PostgreSQL has no such value.
    func postgresParameter() throws -> PostgresParameter
}

/// One parameter as it travels to the server.
public struct PostgresParameter: Sendable {
    /// How the bytes are to be read.
    public enum Format: Int32, Sendable {
        /// UTF-8 text in the type's input syntax, with a closing zero byte.
        case text = 0
        /// The type's binary form, big endian.
        case binary = 1
    }

    /// What the bytes stand for.
    public var type: PostgresType
    /// How they are written.
    public var format: Format
    /// The value.
    public var bytes: [UInt8]

    /// A parameter in binary form.
    public init(binary bytes: [UInt8], type: PostgresType) {
        self.type = type
        self.format = .binary
        self.bytes = bytes
    }

    /// A parameter in text form, whose type the server infers.
    public init(text: String) throws {
        guard !text.utf8.contains(0) else { throw PostgresError.zeroCharacter }
        self.type = .inferred
        self.format = .text
        self.bytes = Array(text.utf8) + [0]
    }

    init<Value: FixedWidthInteger>(bigEndian value: Value, type: PostgresType) {
        self.init(binary: value.bigEndianBytes, type: type)
    }
}

extension PostgresError {
    static var zeroCharacter: PostgresError {
        PostgresError(
            .invalidParameter,
            "a text holds the character U+0000, which PostgreSQL cannot store; remove it, or store the bytes as bytea")
    }
}

extension FixedWidthInteger {
    var bigEndianBytes: [UInt8] {
        withUnsafeBytes(of: bigEndian) { Array($0) }
    }
}

/// Text; also the way to pass a value of an enumeration, or of any type by its input syntax, as the type is inferred.
extension String: PostgresEncodable {
    /// Passes the text in text form.
    /// - Throws: ``PostgresError`` (`invalidParameter`) for text with U+0000.
    public func postgresParameter() throws -> PostgresParameter { try PostgresParameter(text: self) }
}

extension Bool: PostgresEncodable {
    /// Passes bool: one byte, 1 or 0.
    public func postgresParameter() -> PostgresParameter { PostgresParameter(binary: [self ? 1 : 0], type: .bool) }
}

extension Int: PostgresEncodable {
    /// Passes int8, whatever the type of the column.
    public func postgresParameter() -> PostgresParameter { PostgresParameter(bigEndian: Int64(self), type: .int8) }
}

extension Int64: PostgresEncodable {
    /// Passes int8.
    public func postgresParameter() -> PostgresParameter { PostgresParameter(bigEndian: self, type: .int8) }
}

extension Int32: PostgresEncodable {
    /// Passes int4.
    public func postgresParameter() -> PostgresParameter { PostgresParameter(bigEndian: self, type: .int4) }
}

/// Every bit is kept: infinities, negative zero, subnormal numbers and the payload of NaN.
extension Double: PostgresEncodable {
    /// Passes float8.
    public func postgresParameter() -> PostgresParameter { PostgresParameter(bigEndian: bitPattern, type: .float8) }
}

/// Every bit is kept: infinities, negative zero, subnormal numbers and the payload of NaN.
extension Float: PostgresEncodable {
    /// Passes float4.
    public func postgresParameter() -> PostgresParameter { PostgresParameter(bigEndian: bitPattern, type: .float4) }
}

extension UUID: PostgresEncodable {
    /// Passes uuid: 16 bytes in the order of RFC 9562.
    public func postgresParameter() -> PostgresParameter {
        PostgresParameter(binary: withUnsafeBytes(of: uuid) { Array($0) }, type: .uuid)
    }
}
