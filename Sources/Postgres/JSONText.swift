import Foundation

/// A JSON text, passed as `jsonb` and read from `json` and `jsonb`. What it says is checked by the server.
public struct JSONText: Hashable, Sendable {
    /// The text, UTF-8.
    public var text: String

    /// A JSON text, which is not looked at here.
    public init(_ text: String) {
        self.text = text
    }

    /// The JSON of a value, keys in order.
    public init(encoding value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// The binary form of jsonb is a version number, 1, followed by the text (`jsonb_send`, adt/jsonb.c).
    private static let binaryVersion: UInt8 = 1

    static func body(ofBinaryJSONB bytes: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
        guard bytes.first == binaryVersion else { throw PostgresDecodingFailure("is jsonb of an unknown version") }
        return UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    }
}

extension JSONText: PostgresEncodable {
    /// Passes the text as `jsonb`.
    /// - Throws: ``PostgresError`` (`invalidParameter`) for text with U+0000.
    public func postgresParameter() throws -> PostgresParameter {
        guard !text.utf8.contains(0) else { throw PostgresError.zeroCharacter }
        return PostgresParameter(binary: [Self.binaryVersion] + text.utf8, type: .jsonb)
    }
}

extension JSONText: PostgresDecodable {
    /// Reads json and jsonb, and refuses NULL and every other type.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard type == .json || type == .jsonb else { throw PostgresDecodingFailure.mismatch(type, JSONText.self) }
        text = try String(postgres: bytes, type: type)
    }
}
