/// The text of a statement, with `$1`, `$2`… where values go.
///
/// It can only be written as a literal in the source: values travel beside the text as parameters, so nothing that a
/// user or a file supplied can become part of a statement. Two texts may be joined with `+`.
public struct SQL: Sendable, ExpressibleByStringLiteral {
    let text: String

    /// A statement from a literal.
    public init(stringLiteral value: StaticString) {
        text = value.description
    }

    /// For text that is not a literal and not a value: migration files, and identifiers quoted by libpq.
    init(trusted text: String) {
        self.text = text
    }

    /// One text followed by another, with nothing between.
    public static func + (left: SQL, right: SQL) -> SQL {
        SQL(trusted: left.text + right.text)
    }
}
