/// A media type with its parameters (RFC 9110 section 8.3.1), as Content-Type has it.
struct MediaType: Sendable, Equatable {
    /// Type and subtype in lower case: `application/dicom`.
    let name: String
    /// By name in lower case.
    let parameters: [String: String]

    /// Reads `text`; nil where it is malformed, or names a parameter twice.
    init?(_ text: String) {
        var rest = Substring(text)
        let name = rest.prefix { $0 != ";" }
        rest = rest.dropFirst(name.count)
        let halves = Self.trimmed(name).split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, halves.allSatisfy(Self.isToken) else { return nil }
        var parameters: [String: String] = [:]
        while !rest.isEmpty {
            rest = Self.trimmed(rest.dropFirst())
            // An empty parameter between two semicolons is allowed.
            guard let first = rest.first, first != ";" else { continue }
            guard let mark = rest.firstIndex(of: "="), Self.isToken(rest[..<mark]) else { return nil }
            let key = rest[..<mark].lowercased()
            rest = rest[rest.index(after: mark)...]
            guard let value = Self.value(&rest), parameters.updateValue(value, forKey: key) == nil else { return nil }
            rest = Self.trimmed(rest)
            guard rest.isEmpty || rest.first == ";" else { return nil }
        }
        self.name = Self.trimmed(name).lowercased()
        self.parameters = parameters
    }

    /// A token or a quoted string at the beginning of `rest`.
    private static func value(_ rest: inout Substring) -> String? {
        guard rest.first == "\"" else {
            // Wider than a token, as boundaries with these marks are often sent without quotes.
            let value = rest.prefix { $0 != ";" && $0 != " " && $0 != "\t" && $0 != "\"" }
            rest = rest.dropFirst(value.count)
            return value.isEmpty ? nil : String(value)
        }
        rest = rest.dropFirst()
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return value
            case "\\":
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped)
            default: value.append(character)
            }
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return start[...last]
    }

    private static func isToken(_ text: Substring) -> Bool {
        let marks = Set("!#$%&'*+-.^_`|~")
        return !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || marks.contains($0) }
    }
}
