import CDCMTK

/// Specific Character Set: how the bytes of text become characters (PS3.3 C.12.1.1.2, PS3.5 6.1).
///
/// Written here rather than taken from DCMTK, which asks iconv for JIS X 0208 and 0212 by names that the GNU C
/// library does not have; both can be had from its EUC encodings.
public struct SpecificCharacterSet: Sendable {
    /// Where text is cut: code extensions end at these characters (PS3.5 6.1.2.5.3).
    enum Delimiters {
        /// PN: values, component groups and components.
        case personName
        /// LO, SH, UC: values.
        case values
        /// LT, ST, UT: only line ends and their like.
        case none
    }

    /// Whether every defined term is one of the standard.
    let isKnown: Bool
    /// The encoding, where one is used throughout and escape sequences have no meaning.
    private let whole: String?
    private let initialG0: CharacterRepertoire
    private let initialG1: CharacterRepertoire?

    /// From the values of the attribute; empty for the default repertoire.
    init(_ terms: [String]) {
        let terms = terms.map(Self.normalised)
        let first = terms.first ?? ""
        let isExtended = terms.count > 1 || first.hasPrefix("ISO 2022")
        if let encoding = Self.wholeEncodings[first] {
            // UTF-8, GB18030 and GBK allow no code extensions (PS3.3 C.12.1.1.2); further terms are ignored.
            whole = encoding
            isKnown = true
            initialG0 = .ascii
            initialG1 = nil
            return
        }
        let single = Self.singleByte[Self.number(of: first)]
        whole = nil
        initialG0 = Self.number(of: first) == "13" ? Self.romaji : .ascii
        initialG1 = single
        isKnown = terms.enumerated().allSatisfy { index, term in
            let number = Self.number(of: term)
            if term.isEmpty || number == "6" { return true }
            if Self.singleByte[number] != nil { return true }
            return isExtended && Self.multiByteNumbers.contains(number)
        }
    }

    /// Converts text; never fails: where bytes do not fit what is declared, the text is taken as UTF-8 if it is that,
    /// else as Latin-1.
    func decode(_ bytes: [UInt8], _ delimiters: Delimiters) -> String {
        if bytes.allSatisfy({ $0 < 0x80 && $0 != Self.escape }), initialG0 == .ascii {
            return String(decoding: bytes, as: UTF8.self)
        }
        let text = whole.map { CharacterRepertoire.convert(bytes, from: $0) } ?? extended(bytes, delimiters)
        if let text { return text }
        return String(validating: bytes, as: UTF8.self)
            ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// Follows escape sequences through the text; nil where a run is not valid in its repertoire.
    private func extended(_ bytes: [UInt8], _ delimiters: Delimiters) -> String? {
        var text = ""
        var (g0, g1) = (initialG0, initialG1)
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == Self.escape {
                guard let escape = Self.escapes.first(where: { bytes[(offset + 1)...].starts(with: $0.code) }) else {
                    return nil
                }
                if escape.isG1 { g1 = escape.repertoire } else { g0 = escape.repertoire }
                offset += 1 + escape.code.count
                continue
            }
            if g0.width == 1 || byte < 0x21, Self.ends(byte, delimiters) {
                // Senders of Korean and Chinese often designate G1 once for a whole name.
                (g0, g1) = (initialG0, initialG1 ?? g1)
                text.unicodeScalars.append(Unicode.Scalar(byte))
                offset += 1
                continue
            }
            if byte < 0x21 {
                text.unicodeScalars.append(Unicode.Scalar(byte))
                offset += 1
                continue
            }
            let isHigh = byte >= 0x80
            guard let repertoire = isHigh ? g1 : g0 else { return nil }
            var end = offset
            while end < bytes.count, (bytes[end] >= 0x80) == isHigh, bytes[end] >= 0x21,
                repertoire.width > 1 || !Self.ends(bytes[end], delimiters)
            {
                end += repertoire.width
            }
            guard end <= bytes.count, let run = repertoire.decoded(bytes[offset..<end]) else { return nil }
            text.append(run)
            offset = end
        }
        return text
    }

    private static func ends(_ byte: UInt8, _ delimiters: Delimiters) -> Bool {
        switch byte {
        case 0x09, 0x0A, 0x0C, 0x0D: true
        case UInt8(ascii: "\\"): delimiters != .none
        case UInt8(ascii: "^"), UInt8(ascii: "="): delimiters == .personName
        default: false
        }
    }
}

extension SpecificCharacterSet {
    /// Loads what converts every encoding known here, and keeps it: afterwards no file is opened to convert text.
    public static func loadConverters() {
        let repertoires = Array(singleByte.values) + escapes.map(\.repertoire)
        for encoding in Set(repertoires.map(\.encoding) + wholeEncodings.values) { CDCMTK_load_converter(encoding) }
    }
}

// MARK: - Tables

extension SpecificCharacterSet {
    private static let escape: UInt8 = 0x1B

    /// Spelling as the standard has it: senders write `ISO-IR 100`, `ISO_IR_100` and the like.
    private static func normalised(_ term: String) -> String {
        let words = term.uppercased().split { " _-".contains($0) }
        guard words.first == "ISO", words.count >= 2, let number = words.last else { return term.uppercased() }
        return (words[1] == "2022" ? "ISO 2022 IR " : "ISO_IR ") + number
    }

    /// The registration number that ends a term, such as `100`.
    private static func number(of term: String) -> String {
        term.isEmpty ? "6" : String(term.split { $0 == " " }.last ?? "")
    }

    private static let wholeEncodings = ["ISO_IR 192": "UTF-8", "GB18030": "GB18030", "GBK": "GBK"]

    private static let romaji = CharacterRepertoire(encoding: "US-ASCII", form: .romaji, width: 1)
    /// One byte, in EUC-JP's second set.
    private static let katakana = CharacterRepertoire(encoding: "EUC-JP", form: .prefixed(0x8E, width: 1), width: 1)

    /// By registration number (PS3.3 tables C.12-2 and C.12-3).
    private static let singleByte: [String: CharacterRepertoire] = [
        "100": latin("ISO-8859-1"), "101": latin("ISO-8859-2"), "109": latin("ISO-8859-3"), "110": latin("ISO-8859-4"),
        "144": latin("ISO-8859-5"), "127": latin("ISO-8859-6"), "126": latin("ISO-8859-7"), "138": latin("ISO-8859-8"),
        "148": latin("ISO-8859-9"), "203": latin("ISO-8859-15"), "166": latin("TIS-620"), "13": katakana,
    ]
    private static let multiByteNumbers: Set<String> = ["87", "159", "149", "58"]

    private static func latin(_ encoding: String) -> CharacterRepertoire {
        CharacterRepertoire(encoding: encoding, form: .plain, width: 1)
    }

    private struct Escape: Sendable {
        let code: [UInt8]
        let isG1: Bool
        let repertoire: CharacterRepertoire

        init(_ code: String, g1 isG1: Bool, _ repertoire: CharacterRepertoire) {
            self.code = Array(code.utf8)
            self.isG1 = isG1
            self.repertoire = repertoire
        }
    }

    /// What follows the escape character (PS3.3 tables C.12-3 and C.12-4).
    private static let escapes: [Escape] = [
        Escape("$(D", g1: false, CharacterRepertoire(encoding: "EUC-JP", form: .prefixed(0x8F, width: 2), width: 2)),
        Escape("$B", g1: false, CharacterRepertoire(encoding: "EUC-JP", form: .high, width: 2)),
        Escape("$)C", g1: true, CharacterRepertoire(encoding: "EUC-KR", form: .plain, width: 2)),
        Escape("$)A", g1: true, CharacterRepertoire(encoding: "GB2312", form: .plain, width: 2)),
        Escape("(B", g1: false, .ascii), Escape("(J", g1: false, romaji), Escape(")I", g1: true, katakana),
        Escape("-A", g1: true, latin("ISO-8859-1")), Escape("-B", g1: true, latin("ISO-8859-2")),
        Escape("-C", g1: true, latin("ISO-8859-3")), Escape("-D", g1: true, latin("ISO-8859-4")),
        Escape("-L", g1: true, latin("ISO-8859-5")), Escape("-G", g1: true, latin("ISO-8859-6")),
        Escape("-F", g1: true, latin("ISO-8859-7")), Escape("-H", g1: true, latin("ISO-8859-8")),
        Escape("-M", g1: true, latin("ISO-8859-9")), Escape("-b", g1: true, latin("ISO-8859-15")),
        Escape("-T", g1: true, latin("TIS-620")),
    ]
}
