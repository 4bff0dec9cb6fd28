/// The table of contents of a safetensors file: strictly parsed JSON of the one shape the format allows.
///
/// Source: https://github.com/huggingface/safetensors, "Format": an object from tensor name to {dtype, shape,
/// data_offsets}, and optionally `__metadata__` from text to text. Foundation's parser is not used because it keeps
/// only one of two equal names.
struct SafetensorsHeader {
    struct Entry: Equatable {
        var dtype: String
        var shape: [Int]
        var begin: Int
        var end: Int
    }

    private(set) var entries: [String: Entry] = [:]
    private(set) var metadata: [String: String] = [:]

    /// Parses the header's bytes (spaces may follow the object).
    init(parsing bytes: UnsafeRawBufferPointer) throws(HeaderError) {
        var reader = HeaderReader(bytes: bytes)
        var seen: Set<String> = []
        try reader.object { (reader, name) throws(HeaderError) in
            guard seen.insert(name).inserted else { throw HeaderError("it holds “\(name)” twice") }
            if name == "__metadata__" {
                try reader.object { (reader, key) throws(HeaderError) in
                    guard metadata.updateValue(try reader.string(), forKey: key) == nil else {
                        throw HeaderError("its metadata hold “\(key)” twice")
                    }
                }
            } else {
                entries[name] = try Self.entry(&reader, name)
            }
        }
        try reader.end()
    }

    private static func entry(_ reader: inout HeaderReader, _ name: String) throws(HeaderError) -> Entry {
        var dtype: String?
        var shape: [Int]?
        var offsets: [Int]?
        try reader.object { (reader, key) throws(HeaderError) in
            switch key {
            case "dtype" where dtype == nil: dtype = try reader.string()
            case "shape" where shape == nil: shape = try reader.integers()
            case "data_offsets" where offsets == nil: offsets = try reader.integers()
            default: throw HeaderError("the entry of “\(name)” holds “\(key)” wrongly or twice")
            }
        }
        guard let dtype, let shape, let offsets, offsets.count == 2 else {
            throw HeaderError("the entry of “\(name)” lacks dtype, shape or data_offsets")
        }
        return Entry(dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
    }
}

struct HeaderError: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

/// Reads the JSON that a safetensors header may hold: objects, strings and arrays of unsigned integers.
private struct HeaderReader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var malformed: HeaderError { HeaderError("its header is not valid JSON at byte \(position)") }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    /// The next byte that isn't space, consumed.
    private mutating func next() throws(HeaderError) -> UInt8 {
        skipSpace()
        guard position < bytes.count else { throw malformed }
        position += 1
        return bytes[position - 1]
    }

    private mutating func expect(_ character: Character) throws(HeaderError) {
        guard try next() == character.asciiValue else { throw malformed }
    }

    mutating func end() throws(HeaderError) {
        skipSpace()
        guard position == bytes.count else { throw malformed }
    }

    mutating func object(_ member: (inout Self, String) throws(HeaderError) -> Void) throws(HeaderError) {
        try expect("{")
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            let key = try string()
            try expect(":")
            try member(&self, key)
            switch try next() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "}"): return
            default: throw malformed
            }
        }
    }

    mutating func integers() throws(HeaderError) -> [Int] {
        try expect("[")
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
            position += 1
            return []
        }
        var values: [Int] = []
        while true {
            values.append(try integer())
            switch try next() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "]"): return values
            default: throw malformed
            }
        }
    }

    private mutating func integer() throws(HeaderError) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while position < bytes.count, 0x30...0x39 ~= bytes[position] {
            let (tenfold, overflow1) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = tenfold.addingReportingOverflow(Int(bytes[position] - 0x30))
            guard !overflow1, !overflow2 else { throw HeaderError("its header holds a number too large for any file") }
            value = sum
            position += 1
        }
        guard position > start, position == start + 1 || bytes[start] != 0x30 else { throw malformed }
        return value
    }

    mutating func string() throws(HeaderError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while true {
            guard position < bytes.count else { throw malformed }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw malformed }
                return string
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20: throw malformed
            default: text.append(byte)
            }
        }
    }

    private mutating func escape() throws(HeaderError) -> [UInt8] {
        guard position < bytes.count else { throw malformed }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var unit = try hexadecimal()
            if 0xD800..<0xDC00 ~= unit {
                guard position + 2 <= bytes.count, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw malformed }
                position += 2
                let low = try hexadecimal()
                guard 0xDC00..<0xE000 ~= low else { throw malformed }
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw malformed }
            return Array(String(Character(scalar)).utf8)
        default: throw malformed
        }
    }

    private mutating func hexadecimal() throws(HeaderError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw malformed }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else { throw malformed }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
