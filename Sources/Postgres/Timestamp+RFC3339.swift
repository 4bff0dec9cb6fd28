/// As RFC 3339 with six digits after the second: `2026-03-01T09:05:00.000123Z`.
extension Timestamp: CustomStringConvertible {
    /// The RFC 3339 form.
    public var description: String {
        let (seconds, fraction) = Self.floorDivide(microseconds, 1_000_000)
        let (days, second) = Self.floorDivide(seconds, 86_400)
        let (year, month, day) = Self.civil(days: days)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number.magnitude)
            return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
            + "T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
            + ".\(padded(fraction, 6))Z"
    }

    /// Reads an RFC 3339 date and time (`2026-03-01T10:05:00.5+01:00`); nil where the text is not one.
    ///
    /// Digits past the microsecond are refused, as they would be lost; so is the leap second 60.
    public init?(rfc3339 text: String) {
        var rest = Substring(text).utf8
        func number(_ width: Int) -> Int64? {
            guard rest.count >= width else { return nil }
            var value: Int64 = 0
            for byte in rest.prefix(width) {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            rest = rest.dropFirst(width)
            return value
        }
        func skip(_ allowed: String) -> Bool {
            guard let first = rest.first, allowed.utf8.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2),
            skip("Tt "), let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2)
        else { return nil }
        var fraction: Int64 = 0
        if skip(".") {
            let digits = rest.prefix { (0x30...0x39).contains($0) }.count
            guard (1...6).contains(digits), let value = number(digits) else { return nil }
            fraction = (digits..<6).reduce(value) { value, _ in value * 10 }
        }
        var offset: Int64 = 0
        if !skip("Zz") {
            guard let sign = rest.first, skip("+-"), let hours = number(2), skip(":"), let minutes = number(2),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -60 : 60)
        }
        let days = Self.days(year: year, month: month, day: day)
        guard rest.isEmpty, (1...12).contains(month), hour < 24, minute < 60, second < 60,
            Self.civil(days: days) == (year, month, day)
        else { return nil }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    // Days since 1970-01-01 in the proleptic Gregorian calendar and back, counted in eras of 400 years (146,097 days)
    // that begin on 1 March. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013.

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivide(shiftedYear, 400)
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }
}
