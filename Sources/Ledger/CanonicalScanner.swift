/// Tells whether bytes are canonical JSON, without building the value: the check of every entry of an export.
///
/// No memory is allocated for what entries hold; numbers other than short integers and names with escapes take a slower
/// way. Nesting is limited as in ``JSONParser``.
struct CanonicalScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// Whether `bytes` are one canonical JSON object and nothing else.
    static func isCanonicalObject(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.first == UInt8(ascii: "{") else { return false }
        var scanner = CanonicalScanner(bytes: bytes)
        return scanner.value(depth: 0) && scanner.position == bytes.count
    }

    private init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] { return false }
        position += count
        return true
    }

    private mutating func value(depth: Int) -> Bool {
        guard position < bytes.count else { return false }
        switch bytes[position] {
        case UInt8(ascii: "\""): return string() != nil
        case UInt8(ascii: "{"): return depth < JSONParser.maximumDepth && object(depth: depth)
        case UInt8(ascii: "["): return depth < JSONParser.maximumDepth && array(depth: depth)
        case UInt8(ascii: "t"): return skip("true")
        case UInt8(ascii: "f"): return skip("false")
        case UInt8(ascii: "n"): return skip("null")
        default: return number()
        }
    }

    private mutating func array(depth: Int) -> Bool {
        position += 1
        if skip(UInt8(ascii: "]")) { return true }
        repeat {
            guard value(depth: depth + 1) else { return false }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]"))
    }

    private mutating func object(depth: Int) -> Bool {
        position += 1
        if skip(UInt8(ascii: "}")) { return true }
        var previous: Text?
        repeat {
            guard let name = string(), skip(UInt8(ascii: ":")) else { return false }
            if let previous, !precedes(previous, name) { return false }
            previous = name
            guard value(depth: depth + 1) else { return false }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "}"))
    }

    /// Where a string's text is, without its quotes.
    private struct Text {
        var range: Range<Int>
        var hasEscapes: Bool
    }

    private func precedes(_ left: Text, _ right: Text) -> Bool {
        if left.hasEscapes || right.hasEscapes { return UTF16Order.precedes(unescaped(left), unescaped(right)) }
        let count = min(left.range.count, right.range.count)
        for offset in 0..<count {
            let a = bytes[left.range.lowerBound + offset]
            let b = bytes[right.range.lowerBound + offset]
            if a != b { return UTF16Order.rank(a) < UTF16Order.rank(b) }
        }
        return left.range.count < right.range.count
    }

    /// The text of a string whose escapes were found to be canonical.
    private func unescaped(_ text: Text) -> [UInt8] {
        let quoted = [UInt8](bytes[(text.range.lowerBound - 1)...text.range.upperBound])
        guard case .string(let string)? = try? JSONParser.parse(quoted) else { return [] }
        return Array(string.utf8)
    }

    private mutating func string() -> Text? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = position
        var hasEscapes = false
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return Text(range: start..<position - 1, hasEscapes: hasEscapes)
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                guard escape() else { return nil }
            } else if byte < 0x20 {
                return nil
            } else if byte < 0x80 {
                position += 1
            } else {
                guard multibyteScalar() else { return nil }
            }
        }
        return nil
    }

    /// An escape that has no shorter form.
    private mutating func escape() -> Bool {
        guard position + 1 < bytes.count else { return false }
        switch bytes[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "t"), UInt8(ascii: "n"),
            UInt8(ascii: "f"), UInt8(ascii: "r"):
            position += 2
            return true
        default:
            guard skip("\\u00"), position + 2 <= bytes.count,
                let value = Hexadecimal.decode(String(decoding: bytes[position..<position + 2], as: UTF8.self)),
                value[0] < 0x20, CanonicalJSON.shortEscape(of: value[0]) == nil
            else { return false }
            position += 2
            return true
        }
    }

    /// A well-formed sequence of two to four bytes (Unicode, table 3-7).
    private mutating func multibyteScalar() -> Bool {
        let first = bytes[position]
        let count: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: count = 2
        case 0xE0...0xEF:
            count = 3
            if first == 0xE0 { second = 0xA0...0xBF }
            if first == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            count = 4
            if first == 0xF0 { second = 0x90...0xBF }
            if first == 0xF4 { second = 0x80...0x8F }
        default: return false
        }
        guard position + count <= bytes.count, second.contains(bytes[position + 1]) else { return false }
        for offset in 2..<max(count, 2) where bytes[position + offset] & 0xC0 != 0x80 { return false }
        position += count
        return true
    }

    private mutating func number() -> Bool {
        let start = position
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        _ = skip(UInt8(ascii: "-"))
        let first = position
        while position < bytes.count, digits.contains(bytes[position]) { position += 1 }
        let count = position - first
        guard count > 0 else { return false }
        let follows = position < bytes.count ? bytes[position] : 0
        let isPlain = follows != UInt8(ascii: ".") && follows != UInt8(ascii: "e")
        // At most 15 digits are below 2⁵³ and written as they are; "-0" and leading zeros are not canonical.
        if isPlain, count <= 15 { return bytes[first] != UInt8(ascii: "0") || (count == 1 && first == start) }
        while position < bytes.count,
            digits.contains(bytes[position]) || ".e+-".utf8.contains(bytes[position])
        { position += 1 }
        let text = [UInt8](bytes[start..<position])
        guard let value = try? JSONParser.parse(text), let canonical = try? CanonicalJSON.encode(value) else {
            return false
        }
        return canonical == text
    }
}
