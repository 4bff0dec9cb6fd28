public import Foundation

/// A value that can be read from a column.
public protocol PostgresDecodable: Sendable {
    /// Reads the binary form of one value.
    ///
    /// - Parameters:
    ///   - bytes: valid during the call only; nil stands for NULL.
    ///   - type: the type of the column.
    /// - Throws: ``PostgresDecodingFailure``; the row adds the name of the column.
    init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws
}

/// Why a value could not be read.
public struct PostgresDecodingFailure: Error, Equatable {
    /// What is wrong, worded to follow "column "x" …".
    public var reason: String

    /// A failure for `reason`, worded as the property says.
    public init(_ reason: String) {
        self.reason = reason
    }

    static func mismatch(_ type: PostgresType, _ wanted: Any.Type) -> PostgresDecodingFailure {
        PostgresDecodingFailure("is of type \(type), which \(wanted) does not read; cast it in the statement")
    }

    static var null: PostgresDecodingFailure {
        PostgresDecodingFailure("is NULL; read it as an optional")
    }
}

extension UnsafeRawBufferPointer {
    /// The big-endian integer at `offset`.
    func bigEndian<Value: FixedWidthInteger>(_: Value.Type = Value.self, at offset: Int = 0) throws -> Value {
        guard offset >= 0, offset + MemoryLayout<Value>.size <= count else {
            throw PostgresDecodingFailure("holds fewer bytes than its type needs")
        }
        return Value(bigEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

/// NULL is nil.
extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// Reads NULL as nil, whatever the type of the column, and all else as `Wrapped` does.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        self = bytes == nil ? nil : try Wrapped(postgres: bytes, type: type)
    }
}

extension String: PostgresDecodable {
    /// Reads character types, json, jsonb and labels of enumerations; the bytes must be UTF-8.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard var bytes else { throw PostgresDecodingFailure.null }
        switch type {
        case .text, .varchar, .bpchar, .name, .char, .unknown, .json:
            break
        case .jsonb:
            bytes = try JSONText.body(ofBinaryJSONB: bytes)
        case _ where type.rawValue >= PostgresType.firstUserDefined:
            // The binary form of an enumeration is its label.
            break
        default:
            throw PostgresDecodingFailure.mismatch(type, String.self)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw PostgresDecodingFailure("is not valid UTF-8")
        }
        self = text
    }
}

extension Bool: PostgresDecodable {
    /// Reads bool alone; numbers are no truth values.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        guard type == .bool else { throw PostgresDecodingFailure.mismatch(type, Bool.self) }
        self = try bytes.bigEndian(UInt8.self) != 0
    }
}

/// Reads int2, int4, int8 and oid.
extension Int64: PostgresDecodable {
    /// Reads integers of up to 64 bits; NULL and other types are refused.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        switch type {
        case .int8: self = try bytes.bigEndian(Int64.self)
        case .int4: self = Int64(try bytes.bigEndian(Int32.self))
        case .int2: self = Int64(try bytes.bigEndian(Int16.self))
        case .oid: self = Int64(try bytes.bigEndian(UInt32.self))
        default: throw PostgresDecodingFailure.mismatch(type, Int64.self)
        }
    }
}

/// Reads int2, int4, int8 and oid.
extension Int: PostgresDecodable {
    /// Reads what `Int64` reads.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        self = Int(try Int64(postgres: bytes, type: type))
    }
}

/// Reads int2 and int4.
extension Int32: PostgresDecodable {
    /// Reads integers of up to 32 bits with a sign; an int8 could overflow and is refused.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        switch type {
        case .int4: self = try bytes.bigEndian(Int32.self)
        case .int2: self = Int32(try bytes.bigEndian(Int16.self))
        default: throw PostgresDecodingFailure.mismatch(type, Int32.self)
        }
    }
}

/// Reads float8 and float4, bit for bit.
extension Double: PostgresDecodable {
    /// Reads float8, and float4 widened without rounding; NULL and other types are refused.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        switch type {
        case .float8: self = Double(bitPattern: try bytes.bigEndian(UInt64.self))
        case .float4: self = Double(Float(bitPattern: try bytes.bigEndian(UInt32.self)))
        default: throw PostgresDecodingFailure.mismatch(type, Double.self)
        }
    }
}

/// Reads float4, bit for bit; a float8 would lose bits and is refused.
extension Float: PostgresDecodable {
    /// Reads float4 alone; NULL is refused.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        guard type == .float4 else { throw PostgresDecodingFailure.mismatch(type, Float.self) }
        self = Float(bitPattern: try bytes.bigEndian(UInt32.self))
    }
}

extension UUID: PostgresDecodable {
    /// Reads uuid alone, 16 bytes in the order of RFC 9562.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        guard type == .uuid else { throw PostgresDecodingFailure.mismatch(type, UUID.self) }
        guard bytes.count == 16 else { throw PostgresDecodingFailure("is not 16 bytes long") }
        self.init(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
}
