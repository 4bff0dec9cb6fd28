import TestSupport
import Testing

@testable import DICOM

@Suite("text by Specific Character Set")
struct CharacterSetTests {
    /// The examples of PS3.5 annexes H, I and J, and one for each repertoire besides.
    private static let examples: [(terms: [String], bytes: String, text: String)] = [
        ([], "Adams^John Robert Quincy", "Adams^John Robert Quincy"),
        (["ISO_IR 100"], "Buc^J\\xe9r\\xf4me", "Buc^Jérôme"),
        (["ISO_IR 101"], "Wa\\xb3\\xeasa", "Wałęsa"),
        (["ISO_IR 127"], "\\xe2\\xc8\\xc7\\xe6\\xea^\\xe4\\xe6\\xd2\\xc7\\xd1", "قباني^لنزار"),
        (["ISO_IR 126"], "\\xc4\\xe9\\xef\\xed\\xf5\\xf3\\xe9\\xef\\xf2", "Διονυσιος"),
        (["ISO_IR 144"], "\\xbb\\xee\\xdace\\xdc\\xd1yp\\xd3", "Люкceмбypг"),
        (["ISO_IR 138"], "\\xf9\\xf8\\xe5\\xef^\\xe3\\xe1\\xe5\\xf8\\xe4", "שרון^דבורה"),
        (["ISO_IR 148"], "\\xc7a\\xfd", "Çaı"),
        (["ISO_IR 203"], "\\xa4", "€"),
        (["ISO_IR 166"], "\\xca\\xc1\\xaa\\xd2\\xc2", "สมชาย"),
        (["ISO_IR 192"], "Wang^XiaoDong=\\xe7\\x8e\\x8b^\\xe5\\xb0\\x8f\\xe4\\xb8\\x9c=", "Wang^XiaoDong=王^小东="),
        (["GB18030"], "Wang^XiaoDong=\\xcd\\xf5^\\xd0\\xa1\\xb6\\xab=", "Wang^XiaoDong=王^小东="),
        (["GBK"], "\\xcd\\xf5", "王"),
        (
            ["", "ISO 2022 IR 87"],
            "Yamada^Tarou=\\x1b$B;3ED\\x1b(B^\\x1b$BB@O:\\x1b(B=\\x1b$B$d$^$@\\x1b(B^\\x1b$B$?$m$&\\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう"
        ),
        (
            ["ISO 2022 IR 13", "ISO 2022 IR 87"],
            "\\xd4\\xcf\\xc0\\xde^\\xc0\\xdb\\xb3=\\x1b$B;3ED\\x1b(J^"
                + "\\x1b$BB@O:\\x1b(J=\\x1b$B$d$^$@\\x1b(J^\\x1b$B$?$m$&\\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"
        ),
        (["", "ISO 2022 IR 159"], "\\x1b$(D\\x30\\x21\\x1b(B", "丂"),
        (
            ["", "ISO 2022 IR 149"],
            "Hong^Gildong=\\x1b$)C\\xfb\\xf3^\\x1b$)C\\xd1\\xce\\xd4\\xd7="
                + "\\x1b$)C\\xc8\\xab^\\x1b$)C\\xb1\\xe6\\xb5\\xbf",
            "Hong^Gildong=洪^吉洞=홍^길동"
        ),
        (
            ["", "ISO 2022 IR 58"],
            "Zhang^XiaoDong=\\x1b$)A\\xd5\\xc5^\\x1b$)A\\xd0\\xa1\\xb6\\xab=", "Zhang^XiaoDong=张^小东="
        ),
        (
            ["ISO 2022 IR 100", "ISO 2022 IR 144"], "Dupr\\xe9\\x1b-L\\xb0^\\xe9", "DupréА^é"
        ),
    ]

    @Test("names in every repertoire become UTF-8", arguments: examples.indices)
    func names(_ index: Int) {
        let (terms, bytes, text) = Self.examples[index]
        let characterSet = SpecificCharacterSet(terms)
        #expect(characterSet.isKnown)
        #expect(characterSet.decode(Self.unescaped(bytes), .personName) == text)
    }

    @Test("a person's name has its component groups and components")
    func personName() {
        let name = DICOMPersonName("Yamada^Tarou^^Dr. =山田^太郎=やまだ^たろう")
        #expect(name.alphabetic?.familyName == "Yamada")
        #expect(name.alphabetic?.formatted == "Dr. Tarou Yamada")
        #expect(name.ideographic?.givenName == "太郎")
        #expect(name.phonetic?.familyName == "やまだ")
        #expect(DICOMPersonName("=王^小东=").alphabetic == nil)
        #expect(DICOMPersonName("=王^小东=").phonetic == nil)
    }

    @Test("a backslash in a second byte does not end a value")
    func backslashWithin() throws {
        // GBK has characters whose second byte is that of a backslash.
        #expect(SpecificCharacterSet(["GBK"]).decode([0x81, 0x5C], .values) == "乗")
        // JIS X 0208, 0x255C: a katakana letter.
        let bytes: [UInt8] = [0x1B, 0x24, 0x42, 0x25, 0x5C, 0x1B, 0x28, 0x42]
        #expect(SpecificCharacterSet(["", "ISO 2022 IR 87"]).decode(bytes, .values) == "ボ")
    }

    @Test(
        "common misspellings of terms are understood",
        arguments: ["ISO-IR 100", "ISO_IR_100", "iso_ir 100", "ISO IR 100"])
    func spelling(_ term: String) {
        #expect(SpecificCharacterSet([term]).decode([0xE9], .values) == "é")
        #expect(SpecificCharacterSet([term]).isKnown)
    }

    @Test("what no set explains is kept, as UTF-8 or else as Latin-1")
    func unexplained() {
        #expect(SpecificCharacterSet([]).decode([0xC3, 0xA9], .values) == "é")
        #expect(SpecificCharacterSet([]).decode([0xE9], .values) == "é")
        #expect(!SpecificCharacterSet(["ISO_IR 999"]).isKnown)
        #expect(!SpecificCharacterSet(["KLINGON"]).isKnown)
    }

    @Test(
        "the corpus' names are read", .needsSharedData,
        arguments: [
            ("chrArab.dcm", "قباني^لنزار"), ("chrX2_GB18030.dcm", "Wang^XiaoDong=王^小东="), ("chrKoreanMulti.dcm", "김희중"),
            ("chrJapMulti.dcm", "やまだ^たろう"),
        ])
    func corpus(_ file: String, _ name: String) throws {
        let dataset = try DICOMObject(bytes: try SharedData.bytes("data/dicom/" + file)).dataset
        #expect(dataset.string(.patientName) == name)
    }

    /// Bytes from text in which `\xNN` stands for a byte.
    private static func unescaped(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x") {
                bytes.append(UInt8(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self), radix: 16)!)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
