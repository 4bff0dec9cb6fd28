/// What values of a value representation may look like (PS3.5 table 6.2-1), as far as a writer has to know.
enum DICOMValueRules {
    private static let lengths: [String: Int] = [
        "AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10_240, "PN": 324, "SH": 16,
        "ST": 1_024, "TM": 14, "UC": .max, "UI": 64, "UR": .max, "UT": .max,
    ]

    /// Whether values are text.
    static func isText(_ vr: String) -> Bool { lengths[vr] != nil }

    /// Whether the length takes two bytes in an explicit encoding (PS3.5 table 7.1-2).
    static func hasShortLength(_ vr: String) -> Bool {
        !["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"].contains(vr)
    }

    /// What is wrong with `value` as one value of a text representation, or nil.
    static func complaint(about value: String, _ vr: String) -> String? {
        guard value.unicodeScalars.count <= lengths[vr] ?? 0 else { return "the value is longer than \(vr) allows." }
        let isFree = vr == "LT" || vr == "ST" || vr == "UT"
        let isValid =
            switch vr {
            case "UI": value.isEmpty || DICOMUID.isValid(value)
            case "CS": value.utf8.allSatisfy { isUpperCase($0) || isDigit($0) || $0 == 0x20 || $0 == 0x5F }
            case "IS": value.isEmpty || Int32(value) != nil
            case "DS": value.isEmpty || Double(value)?.isFinite == true
            case "DA": value.isEmpty || (value.utf8.count == 8 && value.utf8.allSatisfy(isDigit))
            case "AS":
                value.isEmpty
                    || (value.utf8.count == 4 && value.utf8.prefix(3).allSatisfy(isDigit)
                        && "DWMY".contains(value.last!))
            case "TM", "DT": value.utf8.allSatisfy { isDigit($0) || $0 == 0x2E || $0 == 0x2B || $0 == 0x2D }
            case "AE", "UR": value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x5C }
            default: isFree || !value.utf8.contains { $0 < 0x20 || $0 == 0x5C }
            }
        return isValid ? nil : "the value is not a valid \(vr)."
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private static func isUpperCase(_ byte: UInt8) -> Bool { (65...90).contains(byte) }
}
