/// Turns entries' structs into JSON values. Members are called by the property's name in snake_case; nil has no member.
///
/// Real numbers are refused: those of entries are ``DecimalFloat`` and ``DecimalDouble``.
enum JSONValueEncoder {
    static func encode(_ value: any Encodable) throws -> JSONValue {
        let target = Target()
        try value.encode(to: ValueEncoder(target: target))
        // A struct without present members never asks for a container to write to.
        return target.value ?? .object(JSONObject())
    }

    private final class Target {
        var value: JSONValue?
    }

    private struct ValueEncoder: Encoder {
        let target: Target
        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            // A value that builds on another's members asks a second time.
            if case .object? = target.value {} else { target.value = .object(JSONObject()) }
            return KeyedEncodingContainer(Members<Key>(target: target))
        }

        func unkeyedContainer() -> any UnkeyedEncodingContainer {
            target.value = .array([])
            return Elements(target: target)
        }

        func singleValueContainer() -> any SingleValueEncodingContainer { Single(target: target) }
    }

    private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let target: Target
        var codingPath: [any CodingKey] { [] }

        private func set(_ value: JSONValue, _ key: Key) {
            guard case .object(var object)? = target.value else { return }
            target.value = nil  // so that the object is not copied
            object[SnakeCase.name(of: key.stringValue)] = value
            target.value = .object(object)
        }

        func encodeNil(forKey key: Key) { set(.null, key) }
        func encode(_ value: String, forKey key: Key) { set(.string(value), key) }
        func encode(_ value: Bool, forKey key: Key) { set(.bool(value), key) }
        func encode(_ value: Int, forKey key: Key) { set(.integer(Int64(value)), key) }
        func encode(_ value: some Encodable, forKey key: Key) throws { set(try JSONValueEncoder.encode(value), key) }
        func nestedContainer<Nested: CodingKey>(
            keyedBy keyType: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> { JSONValueEncoder.unused() }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { JSONValueEncoder.unused() }
        func superEncoder() -> any Encoder { JSONValueEncoder.unused() }
        func superEncoder(forKey key: Key) -> any Encoder { JSONValueEncoder.unused() }
    }

    private struct Elements: UnkeyedEncodingContainer {
        let target: Target
        var codingPath: [any CodingKey] { [] }
        private(set) var count = 0

        init(target: Target) {
            self.target = target
        }

        private mutating func append(_ value: JSONValue) {
            guard case .array(var elements)? = target.value else { return }
            target.value = nil
            elements.append(value)
            target.value = .array(elements)
            count += 1
        }

        mutating func encodeNil() { append(.null) }
        mutating func encode(_ value: String) { append(.string(value)) }
        mutating func encode(_ value: some Encodable) throws { append(try JSONValueEncoder.encode(value)) }
        func nestedContainer<Nested: CodingKey>(
            keyedBy keyType: Nested.Type
        ) -> KeyedEncodingContainer<Nested> { JSONValueEncoder.unused() }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { JSONValueEncoder.unused() }
        func superEncoder() -> any Encoder { JSONValueEncoder.unused() }
    }

    private struct Single: SingleValueEncodingContainer {
        let target: Target
        var codingPath: [any CodingKey] { [] }

        func encodeNil() { target.value = .null }
        func encode(_ value: String) { target.value = .string(value) }
        func encode(_ value: Bool) { target.value = .bool(value) }
        func encode(_ value: Int) { target.value = .integer(Int64(value)) }
        func encode(_ value: Double) throws { throw JSONValueEncoder.realNumber }
        func encode(_ value: Float) throws { throw JSONValueEncoder.realNumber }
        func encode(_ value: some Encodable) throws { target.value = try JSONValueEncoder.encode(value) }
    }

    private static let realNumber = LedgerError(
        .malformedEntry, "an entry holds real numbers as decimal strings: DecimalFloat or DecimalDouble")

    /// The compiler's own conformances, the only ones that entries have, never ask for these.
    private static func unused<Result>() -> Result {
        preconditionFailure("an entry's type writes its members itself; let the compiler do it")
    }
}

/// Names of properties as names of members: `inferenceID` is `inference_id`, `sopClassUID` is `sop_class_uid`.
enum SnakeCase {
    static func name(of property: String) -> String {
        let letters = Array(property.utf8)
        let isUpper = letters.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        let isLower = letters.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        var name: [UInt8] = []
        for index in letters.indices {
            // A word begins with a capital after a small letter, and with the last capital of several before a small one.
            let begins =
                isUpper[index] && index > 0
                && (isLower[index - 1] || (isUpper[index - 1] && index + 1 < letters.count && isLower[index + 1]))
            if begins { name.append(UInt8(ascii: "_")) }
            name.append(isUpper[index] ? letters[index] | 0x20 : letters[index])
        }
        return String(decoding: name, as: UTF8.self)
    }
}
