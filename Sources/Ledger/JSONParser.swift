/// A strict reader of JSON (RFC 8259, RFC 7493).
///
/// Refuses what other readers differ on: two members of one name, bytes that are not UTF-8, lone surrogates, a byte order
/// mark, nesting deeper than `maximumDepth`, and more bytes than asked for.
public struct JSONParser {
    /// The deepest nesting of arrays and objects.
    public static let maximumDepth = 32

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// The value of a whole text of at most `maximumBytes`.
    /// - Throws: ``LedgerError`` (`malformedJSON`) that says where.
    public static func parse(
        _ bytes: [UInt8], maximumBytes: Int = CanonicalJSON.maximumBytes
    ) throws -> JSONValue {
        guard bytes.count <= maximumBytes else {
            throw LedgerError(
                .malformedJSON, "the JSON text has \(bytes.count) bytes; at most \(maximumBytes) are read")
        }
        return try bytes.withUnsafeBytes { buffer in
            var parser = JSONParser(bytes: buffer)
            let value = try parser.value(depth: 0)
            parser.skipSpace()
            guard parser.position == buffer.count else { throw parser.malformed("more text follows the value") }
            return value
        }
    }

    private init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    private func malformed(_ reason: String) -> LedgerError {
        LedgerError(.malformedJSON, "not JSON at byte \(position): \(reason)")
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        skipSpace()
        guard let byte = next else { throw malformed("a value is missing") }
        switch byte {
        case UInt8(ascii: "{"): return try .object(object(depth: depth))
        case UInt8(ascii: "["): return try .array(array(depth: depth))
        case UInt8(ascii: "\""): return try .string(string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard next == text.utf8Start[index] else { throw malformed("“\(text)” is misspelt") }
            position += 1
        }
        return value
    }

    private mutating func open(depth: Int) throws {
        guard depth < Self.maximumDepth else { throw malformed("nested deeper than \(Self.maximumDepth)") }
        position += 1
    }

    private mutating func array(depth: Int) throws -> [JSONValue] {
        try open(depth: depth)
        var values: [JSONValue] = []
        if skip(UInt8(ascii: "]")) { return values }
        repeat { values.append(try value(depth: depth + 1)) } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw malformed("“,” or “]” expected") }
        return values
    }

    private mutating func object(depth: Int) throws -> JSONObject {
        try open(depth: depth)
        var members: [JSONObject.Member] = []
        if skip(UInt8(ascii: "}")) { return JSONObject() }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw malformed("a name expected") }
            let name = try string()
            guard skip(UInt8(ascii: ":")) else { throw malformed("“:” expected") }
            members.append(.init(name: name, value: try value(depth: depth + 1)))
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw malformed("“,” or “}” expected") }
        guard let object = JSONObject(unsorted: members) else {
            throw malformed("the object that ends here has two members of one name")
        }
        return object
    }

    private mutating func number() throws -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let integerStart = position
        try digits()
        guard position == integerStart + 1 || bytes[integerStart] != UInt8(ascii: "0") else {
            throw malformed("a number has no leading zeros")
        }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw malformed("a number beyond binary64") }
        let isInteger = value.rounded() == value && value.magnitude <= Double(JSONValue.largestInteger)
        return isInteger ? .integer(Int64(value)) : .number(value)
    }

    private mutating func digits() throws {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw malformed("a value or digit expected") }
    }

    private mutating func string() throws -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw malformed("the string that ends here is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw malformed("a control character in a string must be escaped")
            default: text.append(byte)
            }
        }
        throw malformed("a string does not end")
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard let byte = next else { throw malformed("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "u"):
            var code = try codeUnit()
            if (0xD800..<0xDC00).contains(code) {
                guard next == UInt8(ascii: "\\") else { throw malformed("a lone surrogate") }
                position += 1
                guard next == UInt8(ascii: "u") else { throw malformed("a lone surrogate") }
                position += 1
                let low = try codeUnit()
                guard (0xDC00..<0xE000).contains(low) else { throw malformed("a lone surrogate") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw malformed("a lone surrogate") }
            text.append(contentsOf: UTF8.encode(scalar)!)
        default: throw malformed("an unknown escape")
        }
    }

    private mutating func codeUnit() throws -> UInt32 {
        guard position + 4 <= bytes.count,
            let unit = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
            bytes[position] != UInt8(ascii: "+")
        else { throw malformed("four hexadecimal digits expected") }
        position += 4
        return unit
    }
}
