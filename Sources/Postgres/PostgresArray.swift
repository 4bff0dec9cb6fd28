public import Foundation

/// An element of an array that PostgreSQL stores as one value. `UInt8` is one too: its array is `bytea`.
public protocol PostgresArrayElement: Sendable {
    /// The array as the server reads it.
    static func postgresParameter(of array: [Self]) throws -> PostgresParameter
    /// Reads the binary form of an array; the bytes are valid during the call only.
    static func array(postgres bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [Self]
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    /// Passes the whole array as one parameter, not one for each element.
    public func postgresParameter() throws -> PostgresParameter { try Element.postgresParameter(of: self) }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    /// Reads a one-dimensional array; NULL is refused, as an array or as an element.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        self = try Element.array(postgres: bytes, type: type)
    }
}

extension UInt8: PostgresArrayElement {
    /// Passes the bytes as bytea.
    public static func postgresParameter(of array: [UInt8]) -> PostgresParameter {
        PostgresParameter(binary: array, type: .bytea)
    }

    /// Reads bytea; an array of a numeric type is refused.
    public static func array(postgres bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [UInt8] {
        guard type == .bytea else { throw PostgresDecodingFailure.mismatch(type, [UInt8].self) }
        return Array(bytes)
    }
}

extension String: PostgresArrayElement {
    /// Passes the texts as text[].
    /// - Throws: ``PostgresError`` (`invalidParameter`) where one holds U+0000.
    public static func postgresParameter(of array: [String]) throws -> PostgresParameter {
        try PostgresArray.parameter(array, elementType: .text, arrayType: .textArray) { text in
            guard !text.utf8.contains(0) else { throw PostgresError.zeroCharacter }
            return Array(text.utf8)
        }
    }

    /// Reads text[], varchar[] and arrays of an enumeration, whose elements are labels.
    public static func array(postgres bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [String] {
        try PostgresArray.elements(bytes, type: type) { try String(postgres: $0, type: $1) }
    }
}

extension Int: PostgresArrayElement {
    /// Passes the numbers as int8[].
    public static func postgresParameter(of array: [Int]) throws -> PostgresParameter {
        try PostgresArray.parameter(array, elementType: .int8, arrayType: .int8Array) { Int64($0).bigEndianBytes }
    }

    /// Reads int2[], int4[] and int8[].
    public static func array(postgres bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [Int] {
        try PostgresArray.elements(bytes, type: type) { try Int(postgres: $0, type: $1) }
    }
}

extension Double: PostgresArrayElement {
    /// Passes the numbers as float8[], bit for bit.
    public static func postgresParameter(of array: [Double]) throws -> PostgresParameter {
        try PostgresArray.parameter(array, elementType: .float8, arrayType: .float8Array) {
            $0.bitPattern.bigEndianBytes
        }
    }

    /// Reads float8[] and float4[], bit for bit.
    public static func array(postgres bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [Double] {
        try PostgresArray.elements(bytes, type: type) { try Double(postgres: $0, type: $1) }
    }
}

extension Float: PostgresArrayElement {
    /// Passes the numbers as float4[], bit for bit.
    public static func postgresParameter(of array: [Float]) throws -> PostgresParameter {
        try PostgresArray.parameter(array, elementType: .float4, arrayType: .float4Array) {
            $0.bitPattern.bigEndianBytes
        }
    }

    /// Reads float4[], bit for bit; a float8[] would lose bits and is refused.
    public static func array(postgres bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [Float] {
        try PostgresArray.elements(bytes, type: type) { try Float(postgres: $0, type: $1) }
    }
}

extension UUID: PostgresArrayElement {
    /// Passes the identifiers as uuid[].
    public static func postgresParameter(of array: [UUID]) throws -> PostgresParameter {
        try PostgresArray.parameter(array, elementType: .uuid, arrayType: .uuidArray) {
            $0.postgresParameter().bytes
        }
    }

    /// Reads uuid[].
    public static func array(postgres bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [UUID] {
        try PostgresArray.elements(bytes, type: type) { try UUID(postgres: $0, type: $1) }
    }
}

/// The binary form of one-dimensional arrays (`array_send` in src/backend/utils/adt/arrayfuncs.c): the number of
/// dimensions, whether there are NULLs, the element type; a length and a lower bound for each dimension; then each
/// element's length and bytes. All numbers are big-endian int32.
private enum PostgresArray {
    static let arrayTypes: Set<PostgresType> = [
        .int2Array, .int4Array, .int8Array, .textArray, .varcharArray, .float4Array, .float8Array, .uuidArray,
    ]

    static func parameter<Element>(
        _ array: [Element], elementType: PostgresType, arrayType: PostgresType, bytes: (Element) throws -> [UInt8]
    ) throws -> PostgresParameter {
        var form: [UInt8] = []
        func append(_ number: Int) { form += Int32(number).bigEndianBytes }
        append(array.isEmpty ? 0 : 1)
        append(0)
        form += elementType.rawValue.bigEndianBytes
        if !array.isEmpty {
            append(array.count)
            append(1)
        }
        for element in array {
            let elementBytes = try bytes(element)
            append(elementBytes.count)
            form += elementBytes
        }
        return PostgresParameter(binary: form, type: arrayType)
    }

    static func elements<Element>(
        _ bytes: UnsafeRawBufferPointer, type: PostgresType,
        element: (UnsafeRawBufferPointer, PostgresType) throws -> Element
    ) throws -> [Element] {
        // The array of an enumeration has an identifier of its own; what it holds is seen below.
        guard arrayTypes.contains(type) || type.rawValue >= PostgresType.firstUserDefined else {
            throw PostgresDecodingFailure.mismatch(type, [Element].self)
        }
        let dimensions = try bytes.bigEndian(Int32.self)
        let elementType = PostgresType(rawValue: try bytes.bigEndian(UInt32.self, at: 8))
        guard dimensions != 0 else { return [] }
        guard dimensions == 1 else {
            throw PostgresDecodingFailure("has \(dimensions) dimensions; only one is read")
        }
        let count = Int(try bytes.bigEndian(Int32.self, at: 12))
        var elements: [Element] = []
        guard (0...bytes.count).contains(count) else {
            throw PostgresDecodingFailure.mismatch(type, [Element].self)
        }
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            let length = Int(try bytes.bigEndian(Int32.self, at: offset))
            offset += 4
            guard length >= 0 else { throw PostgresDecodingFailure("has a NULL element, which is not read") }
            guard offset + length <= bytes.count else {
                throw PostgresDecodingFailure("holds fewer bytes than its type needs")
            }
            elements.append(try element(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]), elementType))
            offset += length
        }
        return elements
    }
}
