/// Real numbers in entries: decimal strings that lead back to exactly the same bits.
///
/// The shortest decimal that rounds to the value in its own format (binary32 or binary64), in ECMAScript's layout; zero
/// keeps its sign ("0", "-0"). A number has one such text, so texts can be compared instead of numbers.
public enum DecimalText {
    /// The text of a binary32 number.
    /// - Throws: ``LedgerError`` (`notFinite`).
    public static func encode(_ value: Float) throws -> String {
        guard value.isFinite else { throw notFinite }
        return ECMAScriptNumber.layOut(value.description)
    }

    /// The text of a binary64 number.
    /// - Throws: ``LedgerError`` (`notFinite`).
    public static func encode(_ value: Double) throws -> String {
        guard value.isFinite else { throw notFinite }
        return ECMAScriptNumber.layOut(value.description)
    }

    /// The binary32 number of a text that `encode` wrote; nil for another text.
    public static func float(_ text: String) -> Float? {
        guard let value = Float(text), value.isFinite, ECMAScriptNumber.layOut(value.description) == text else {
            return nil
        }
        return value
    }

    /// The binary64 number of a text that `encode` wrote; nil for another text.
    public static func double(_ text: String) -> Double? {
        guard let value = Double(text), value.isFinite, ECMAScriptNumber.layOut(value.description) == text else {
            return nil
        }
        return value
    }

    private static let notFinite = LedgerError(
        .notFinite, "infinity and NaN have no place in an entry; such a result must be refused before it is recorded")
}
