/// An XML element as it is written: attributes, then elements or text.
struct XMLElement {
    private let name: String
    private var attributes = ""
    private var content = ""

    init(_ name: String, _ build: (inout XMLElement) -> Void = { _ in }) {
        self.name = name
        build(&self)
    }

    init(_ name: String, text: String) {
        self.name = name
        content = Self.escaped(text)
    }

    /// An A.5 coded value.
    init(_ name: String, _ code: AuditCode) {
        self.name = name
        self["csd-code"] = code.value
        self["codeSystemName"] = code.scheme
        self["originalText"] = code.meaning
    }

    /// Adds an attribute; nil adds none.
    subscript(name: String) -> String? {
        @available(*, unavailable)
        get { fatalError("elements are written, not read") }
        set { if let newValue { attributes += " \(name)=\"\(Self.escaped(newValue))\"" } }
    }

    mutating func append(_ child: XMLElement) {
        content += child.text
    }

    var text: String {
        content.isEmpty ? "<\(name)\(attributes)/>" : "<\(name)\(attributes)>\(content)</\(name)>"
    }

    /// Text that means itself in content and in attributes. Line breaks and tabs would become spaces in an attribute, so
    /// they are references; what XML 1.0 can't hold (section 2.2) becomes U+FFFD.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\t", "\n", "\r": escaped += "&#\(character.value);"
            case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
