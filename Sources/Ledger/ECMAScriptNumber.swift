/// Numbers as ECMAScript writes them (Number::toString, ECMA-262 section 6.1.6.1.20): the fewest digits that lead back to
/// the same value, the nearest of several such.
enum ECMAScriptNumber {
    /// The text of a finite double. Negative zero is "0", as RFC 8785, section 3.2.2.3, has it.
    static func text(_ value: Double) -> String {
        precondition(value.isFinite, "JSON has no infinity and no NaN")
        return value == 0 ? "0" : layOut(value.description)
    }

    /// ECMAScript's layout of Swift's description of a finite number, whose digits are the same: Swift's are the
    /// shortest, nearest ones too, only that it writes the exponent differently and always a fraction.
    static func layOut(_ description: String) -> String {
        var digits: [UInt8] = []
        var exponent = 0  // of ten, of the digit after the last
        var point = 0
        var isNegative = false
        var isFraction = false
        var rest = Substring(description).utf8
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"):
                exponent = Int(String(Substring(rest)))!
                rest = rest.suffix(0)
            default:
                digits.append(byte)
                if isFraction { point += 1 }
            }
        }
        exponent -= point
        while digits.last == UInt8(ascii: "0"), digits.count > 1 {
            digits.removeLast()
            exponent += 1
        }
        digits.removeFirst(min(digits.prefix { $0 == UInt8(ascii: "0") }.count, digits.count - 1))
        if digits == [UInt8(ascii: "0")] { exponent = 0 }
        return (isNegative ? "-" : "") + layOut(digits: digits, exponent: exponent)
    }

    /// Steps 6 to 12 of Number::toString for `digits` × 10^`exponent`; the standard's k and n are as there.
    private static func layOut(digits: [UInt8], exponent: Int) -> String {
        let text = String(decoding: digits, as: UTF8.self)
        let k = digits.count
        let n = exponent + k
        if k <= n, n <= 21 { return text + String(repeating: "0", count: n - k) }
        if 0 < n, n <= 21 { return text.prefix(n) + "." + text.suffix(k - n) }
        if -6 < n, n <= 0 { return "0." + String(repeating: "0", count: -n) + text }
        let power = (n > 0 ? "e+" : "e-") + String((n - 1).magnitude)
        return k == 1 ? text + power : text.prefix(1) + "." + text.dropFirst() + power
    }
}
