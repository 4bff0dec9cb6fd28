import TestSupport

@testable import Ledger

/// JSON values of every kind, names that sort differently in UTF-8 and UTF-16 among them.
enum RandomJSON {
    private static let names = [
        "a", "b", "ab", "", "\u{FB33}", "😀", "\u{FFFD}", "é", "e\u{301}", "\n", "\u{1F}", "\"", "\\", "€", "\u{7F}",
    ]

    static func object(depth: Int = 0, using generator: inout SeededGenerator) -> JSONObject {
        var object = JSONObject()
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            let name =
                names.randomElement(using: &generator)!
                + (Bool.random(using: &generator) ? names.randomElement(using: &generator)! : "")
            object[name] = value(depth: depth + 1, using: &generator)
        }
        return object
    }

    private static func value(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth < 4 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2:
            return .integer(Int64.random(in: -JSONValue.largestInteger...JSONValue.largestInteger, using: &generator))
        case 3:
            let number = Double(bitPattern: UInt64.random(in: 0 ... .max, using: &generator))
            return .number(number.isFinite ? number : 0.5)
        case 4: return .string(names.randomElement(using: &generator)! + names.randomElement(using: &generator)!)
        case 5:
            return .array(
                (0..<Int.random(in: 0...3, using: &generator)).map { _ in value(depth: depth + 1, using: &generator) })
        default: return .object(object(depth: depth, using: &generator))
        }
    }
}
