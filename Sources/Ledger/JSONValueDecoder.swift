/// Turns JSON values into entries' structs, as ``JSONValueEncoder`` wrote them.
enum JSONValueDecoder {
    /// The value that `value`, the entry's member `name`, stands for.
    /// - Throws: ``LedgerError`` (`malformedEntry`) that names the member.
    static func decode<Value: Decodable>(_ value: JSONValue, at name: String) throws -> Value {
        do {
            return try Value(from: ValueDecoder(value: value, path: name))
        } catch let error as LedgerError {
            throw error
        } catch {
            // What the compiler's own conformances throw: a string that is no case of an enumeration.
            throw LedgerError(.malformedEntry, "the entry's “\(name)” holds a value that its type has not")
        }
    }

    private struct ValueDecoder: Decoder {
        let value: JSONValue
        let path: String
        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
            guard case .object(let object) = value else { throw mismatch("an object", path) }
            return KeyedDecodingContainer(Members<Key>(object: object, path: path))
        }

        func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
            guard case .array(let elements) = value else { throw mismatch("an array", path) }
            return Elements(elements: elements, path: path)
        }

        func singleValueContainer() -> any SingleValueDecodingContainer { Single(value: value, path: path) }
    }

    private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let object: JSONObject
        let path: String
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { object.members.compactMap { Key(stringValue: $0.name) } }

        func contains(_ key: Key) -> Bool { object[SnakeCase.name(of: key.stringValue)] != nil }

        func decodeNil(forKey key: Key) -> Bool { object[SnakeCase.name(of: key.stringValue)] == .null }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            let name = SnakeCase.name(of: key.stringValue)
            guard let value = object[name] else {
                throw LedgerError(.malformedEntry, "the entry has no “\(path).\(name)”")
            }
            return try JSONValueDecoder.decode(value, at: "\(path).\(name)")
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> { JSONValueDecoder.unused() }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            JSONValueDecoder.unused()
        }
        func superDecoder() throws -> any Decoder { JSONValueDecoder.unused() }
        func superDecoder(forKey key: Key) throws -> any Decoder { JSONValueDecoder.unused() }
    }

    private struct Elements: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let path: String
        private(set) var currentIndex = 0
        var codingPath: [any CodingKey] { [] }
        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex == elements.count }

        init(elements: [JSONValue], path: String) {
            self.elements = elements
            self.path = path
        }

        func decodeNil() -> Bool { false }

        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            defer { currentIndex += 1 }
            return try JSONValueDecoder.decode(elements[currentIndex], at: "\(path)[\(currentIndex)]")
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> { JSONValueDecoder.unused() }
        func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { JSONValueDecoder.unused() }
        func superDecoder() throws -> any Decoder { JSONValueDecoder.unused() }
    }

    private struct Single: SingleValueDecodingContainer {
        let value: JSONValue
        let path: String
        var codingPath: [any CodingKey] { [] }

        func decodeNil() -> Bool { value == .null }

        func decode(_ type: String.Type) throws -> String {
            guard case .string(let text) = value else { throw mismatch("a string", path) }
            return text
        }

        func decode(_ type: Bool.Type) throws -> Bool {
            guard case .bool(let flag) = value else { throw mismatch("true or false", path) }
            return flag
        }

        func decode(_ type: Int.Type) throws -> Int {
            guard case .integer(let number) = value else { throw mismatch("an integer", path) }
            return Int(number)
        }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try Value(from: ValueDecoder(value: value, path: path))
        }
    }

    private static func mismatch(_ expected: String, _ path: String) -> LedgerError {
        LedgerError(.malformedEntry, "the entry's “\(path)” must be \(expected)")
    }

    /// The compiler's own conformances, the only ones that entries have, never ask for these.
    private static func unused<Result>() -> Result {
        preconditionFailure("an entry's type reads its members itself; let the compiler do it")
    }
}
