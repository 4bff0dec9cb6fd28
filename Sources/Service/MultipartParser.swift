import Glibc

/// Splits a multipart body (RFC 2046 section 5.1) into its parts while it comes in: bytes go in, events come out.
///
/// Content is handed on as it comes and never kept; what is kept of the body is at most one header block. Header names
/// are compared in lower case, folded header lines are joined (RFC 5322 section 2.2.3).
struct MultipartParser: Sendable {
    /// What one body may hold.
    struct Limits: Sendable {
        /// Parts in all.
        var parts = 1000
        /// Bytes of one part's content.
        var partBytes = 256 << 20
        /// Bytes of one part's header block.
        var headerBytes = 8192
        /// Fields of one part's header block.
        var headerFields = 32
        /// Bytes before the first boundary and after the last, which mean nothing.
        var outsideBytes = 4096
    }

    /// What has come.
    enum Event: Equatable {
        /// A part's header, names in lower case.
        case partBegan([String: String])
        /// More of the part's content; never empty.
        case content(ArraySlice<UInt8>)
        /// The part is whole: a boundary line follows it.
        case partEnded
    }

    /// Why the rest of a body is not looked at.
    enum Failure: Error, Equatable {
        case malformed(String)
        case tooManyParts
        case partTooLarge
    }

    private enum State { case preamble, boundaryLine, header, content, epilogue }

    private let limits: Limits
    /// CRLF, two hyphens and the boundary. As a boundary has no CR, no delimiter begins inside another.
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// So many bytes of the delimiter were the last that came. The CRLF before the first boundary, and before one that
    /// follows an empty line, is that of the line before it.
    private var matched = 2
    /// Those of `matched` that are not the content's.
    private var borrowed = 2
    private var isInPart = false
    private var line: [UInt8] = []
    private var fields: [(name: String, value: String)] = []
    private var partCount = 0, partBytes = 0, headerBytes = 0, outsideBytes = 0

    /// A parser for bodies with `boundary`; nil where that is none: 1 to 70 of certain characters, the last no blank.
    init?(boundary: String, limits: Limits = Limits()) {
        let marks = Set("'()+_,-./:=? ".utf8)
        guard (1...70).contains(boundary.utf8.count), boundary.utf8.last != UInt8(ascii: " "),
            boundary.utf8.allSatisfy({ Self.isAlphanumeric($0) || marks.contains($0) })
        else { return nil }
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.limits = limits
    }

    /// The next event; takes from `input` what it was told by. Nil when more must come.
    mutating func next(_ input: inout ArraySlice<UInt8>) throws(Failure) -> Event? {
        while !input.isEmpty {
            switch state {
            case .preamble:
                let (skipped, isDelimiter) = scan(&input)
                try countOutside(skipped.count)
                if isDelimiter { state = .boundaryLine }
            case .content:
                let (content, isDelimiter) = scan(&input)
                if isDelimiter { state = .boundaryLine }
                guard !content.isEmpty else { continue }
                partBytes += content.count
                guard partBytes <= limits.partBytes else { throw .partTooLarge }
                return .content(content)
            case .boundaryLine:
                if let event = try boundaryLine(input.removeFirst()) { return event }
            case .header:
                if let event = try header(input.removeFirst()) { return event }
            case .epilogue:
                try countOutside(input.count)
                input = []
            }
        }
        return nil
    }

    /// Must be called at the end of the body.
    func finish() throws(Failure) {
        guard state == .epilogue else { throw .malformed("the body ends before its last boundary") }
    }

    // MARK: Content

    /// What surely is content, and whether a delimiter follows it. Takes both from `input`.
    private mutating func scan(_ input: inout ArraySlice<UInt8>) -> (ArraySlice<UInt8>, isDelimiter: Bool) {
        if matched > 0 {
            let common = zip(delimiter[matched...], input).prefix { $0 == $1 }.count
            input.removeFirst(common)
            matched += common
            if matched == delimiter.count {
                (matched, borrowed) = (0, 0)
                return ([], true)
            }
            guard !input.isEmpty else { return ([], false) }
            // It only looked like one.
            let content = delimiter[borrowed..<matched]
            (matched, borrowed) = (0, 0)
            if !content.isEmpty { return (content, false) }
        }
        let (length, found) = input.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count,
                let hit = memchr(bytes.baseAddress! + start, 0x0D, bytes.count - start)
            {
                let offset = UnsafeRawPointer(hit) - bytes.baseAddress!
                let count = min(delimiter.count, bytes.count - offset)
                if memcmp(hit, delimiter, count) == 0 { return (offset, count) }
                start = offset + 1
            }
            return (bytes.count, 0)
        }
        let content = input.prefix(length)
        input.removeFirst(length + found)
        let isDelimiter = found == delimiter.count
        matched = isDelimiter ? 0 : found
        return (content, isDelimiter)
    }

    private mutating func countOutside(_ count: Int) throws(Failure) {
        outsideBytes += count
        guard outsideBytes <= limits.outsideBytes else {
            throw .malformed("more than \(limits.outsideBytes) bytes lie outside of the parts")
        }
    }

    // MARK: Lines

    /// What follows a delimiter: two hyphens where it was the last; else blanks, and CRLF.
    private mutating func boundaryLine(_ byte: UInt8) throws(Failure) -> Event? {
        line.append(byte)
        let isLast = line == Array("--".utf8)
        let isComplete = isLast || line.suffix(2) == [0x0D, 0x0A]
        let isPadding = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        guard line == [UInt8(ascii: "-")] || isComplete || isPadding, line.count <= 80 else {
            throw .malformed("a boundary line goes on after the boundary")
        }
        guard isComplete else { return nil }
        line = []
        if isLast {
            state = .epilogue
        } else {
            partCount += 1
            guard partCount <= limits.parts else { throw .tooManyParts }
            (state, fields, headerBytes) = (.header, [], 0)
        }
        defer { isInPart = false }
        return isInPart ? .partEnded : nil
    }

    private mutating func header(_ byte: UInt8) throws(Failure) -> Event? {
        headerBytes += 1
        guard headerBytes <= limits.headerBytes else {
            throw .malformed("a part's header has more than \(limits.headerBytes) bytes")
        }
        line.append(byte)
        guard byte == 0x0A else { return nil }
        guard line.suffix(2) == [0x0D, 0x0A] else { throw .malformed("a header line ends without a carriage return") }
        let text = line.dropLast(2)
        line = []
        if text.isEmpty {
            (state, isInPart, partBytes, matched, borrowed) = (.content, true, 0, 2, 2)
            return .partBegan(try joined())
        }
        guard text.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .malformed("a header line holds control characters")
        }
        if text.first == 0x20 || text.first == 0x09 {
            guard !fields.isEmpty else { throw .malformed("a part's header begins with a continued line") }
            fields[fields.count - 1].value += " " + Self.trimmed(text)
            return nil
        }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex,
            text[..<colon].allSatisfy({ Self.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { throw .malformed("a header line is no name, colon and value") }
        guard fields.count < limits.headerFields else {
            throw .malformed("a part's header has more than \(limits.headerFields) fields")
        }
        let name = String(decoding: text[..<colon], as: UTF8.self).lowercased()
        fields.append((name, Self.trimmed(text[(colon + 1)...])))
        return nil
    }

    private func joined() throws(Failure) -> [String: String] {
        var header: [String: String] = [:]
        for (name, value) in fields {
            guard header.updateValue(value, forKey: name) == nil else {
                throw .malformed("a part's header names a field twice")
            }
        }
        return header
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let start = bytes.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(decoding: start[...last], as: UTF8.self)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
