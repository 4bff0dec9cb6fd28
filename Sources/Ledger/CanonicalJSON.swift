import Crypto

/// JSON in the one form that RFC 8785 gives it: the bytes that are hashed.
public enum CanonicalJSON {
    /// The most bytes an entry may have: what a C2SP entry bundle's 16-bit length can say.
    public static let maximumBytes = 65_535

    /// The canonical bytes of a value.
    /// - Throws: ``LedgerError`` (`notFinite`; `malformedJSON` for an integer beyond 53 bits).
    public static func encode(_ value: JSONValue) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        try append(value, to: &bytes)
        return bytes
    }

    /// Whether bytes are one canonical JSON object and nothing else: the form of an entry.
    public static func isObject(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { CanonicalScanner.isCanonicalObject($0) }
    }

    /// SHA-256 of the canonical form of a JSON text: what an entry says of a JSON column.
    /// - Throws: ``LedgerError`` (`malformedJSON`, `notFinite`).
    public static func sha256(ofJSON text: String) throws -> MerkleHash {
        MerkleHash(SHA256.hash(data: try encode(JSONParser.parse(Array(text.utf8)))))
    }

    private static func append(_ value: JSONValue, to bytes: inout [UInt8]) throws {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let integer):
            guard integer.magnitude <= JSONValue.largestInteger else {
                throw LedgerError(
                    .malformedJSON,
                    "the integer \(integer) is beyond 53 bits, which JSON readers do not keep; use a string")
            }
            bytes.append(contentsOf: String(integer).utf8)
        case .number(let number):
            guard number.isFinite else { throw LedgerError(.notFinite, "JSON has no infinity and no NaN") }
            bytes.append(contentsOf: ECMAScriptNumber.text(number).utf8)
        case .string(let text): append(text, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                try append(element, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                try append(member.value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// RFC 8785, section 3.2.2.2: the short escapes, \u00xx in lower case for the other controls, all else as it is.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(UInt8(ascii: "\\"))
                if let letter = shortEscape(of: byte) {
                    bytes.append(letter)
                } else {
                    bytes.append(contentsOf: "u00".utf8)
                    bytes.append(contentsOf: Hexadecimal.encode(CollectionOfOne(byte)).utf8)
                }
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The letter after the backslash for a control character that has one.
    static func shortEscape(of byte: UInt8) -> UInt8? {
        switch byte {
        case 0x08: UInt8(ascii: "b")
        case 0x09: UInt8(ascii: "t")
        case 0x0A: UInt8(ascii: "n")
        case 0x0C: UInt8(ascii: "f")
        case 0x0D: UInt8(ascii: "r")
        default: nil
        }
    }
}

extension CanonicalJSON {
    /// The canonical bytes of a struct: members in snake_case, nil as no member, no real numbers.
    /// - Throws: ``LedgerError`` (`malformedJSON`).
    public static func encode(_ value: some Encodable) throws -> [UInt8] {
        try encode(JSONValueEncoder.encode(value))
    }

    /// The struct of JSON bytes that `encode` wrote.
    /// - Throws: ``LedgerError`` (`malformedJSON`, `malformedEntry`).
    public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONValueDecoder.decode(JSONParser.parse(bytes, maximumBytes: 1 << 24), at: "value")
    }
}
