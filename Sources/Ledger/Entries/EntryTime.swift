/// A moment in UTC to the microsecond, in its one text: `2026-03-01T09:05:00.000123Z`.
///
/// The ledger has no clock: the text is the database's.
public struct EntryTime: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    private let text: String

    /// The moment of a text in exactly that form.
    /// - Throws: ``LedgerError`` (`malformedEntry`).
    public init(_ text: String) throws {
        guard Self.isValid(Array(text.utf8)) else {
            throw LedgerError(.malformedEntry, "a time must read YYYY-MM-DDThh:mm:ss.ffffffZ and exist")
        }
        self.text = text
    }

    private static func isValid(_ text: [UInt8]) -> Bool {
        let form = Array("0000-00-00T00:00:00.000000Z".utf8)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard text.count == form.count,
            zip(text, form).allSatisfy({ $1 == UInt8(ascii: "0") ? digits.contains($0) : $0 == $1 })
        else { return false }
        func number(_ start: Int, _ count: Int) -> Int {
            text[start..<start + count].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        }
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2))
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...12).contains(month) && day > 0 && day <= days[month - 1] && number(11, 2) < 24 && number(14, 2) < 60
            && number(17, 2) < 60
    }

    /// The text.
    public var description: String { text }

    /// Whether `left` is earlier: texts of one form sort like the moments.
    public static func < (left: EntryTime, right: EntryTime) -> Bool { left.text < right.text }

    /// Reads the text.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
