/// Tag, value representation and length at the start of an element (PS3.5 section 7.1).
struct ElementHeader {
    /// How the elements around are encoded.
    struct Encoding: Hashable {
        var isExplicit: Bool
        var isBigEndian: Bool

        /// The content of a value representation UN of undefined length (PS3.5 6.2.2 note 4).
        static let unknown = Encoding(isExplicit: false, isBigEndian: false)
    }

    let tag: DICOMTag
    /// Two letters; from the data dictionary where the encoding is implicit; empty for items and delimiters.
    let valueRepresentation: String
    /// nil where undefined.
    let length: Int?
    /// Where the value starts.
    let value: Int

    /// Reads the header at `offset`; nil where fewer bytes than a header are left.
    init?(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ encoding: Encoding) {
        let reader = ByteReader(bytes: bytes, isBigEndian: encoding.isBigEndian)
        guard let tag = reader.tag(at: offset) else { return nil }
        self.tag = tag
        let length: UInt32
        if tag.group == 0xFFFE || !encoding.isExplicit {
            guard let declared = reader.uint32(at: offset + 4) else { return nil }
            length = declared
            value = offset + 8
            valueRepresentation = tag.group == 0xFFFE ? "" : DICOMLibrary.lookUp(tag).valueRepresentation
        } else {
            guard offset + 8 <= bytes.count else { return nil }
            let (first, second) = (bytes[offset + 4], bytes[offset + 5])
            valueRepresentation = String(decoding: [first, second], as: UTF8.self)
            if Self.hasLongLength(first, second) {
                guard let declared = reader.uint32(at: offset + 8) else { return nil }
                length = declared
                value = offset + 12
            } else {
                guard let declared = reader.uint16(at: offset + 6) else { return nil }
                length = UInt32(declared)
                value = offset + 8
            }
        }
        self.length = length == .max ? nil : Int(length)
    }

    /// Whether the length takes four bytes after two reserved ones: every value representation but those of PS3.5
    /// table 7.1-2. Letters that name none are read as a later addition to the standard, other bytes as the short
    /// form; DCMTK does so too.
    private static func hasLongLength(_ first: UInt8, _ second: UInt8) -> Bool {
        guard isLetter(first), isLetter(second) else { return false }
        return !shortForms.contains(UInt16(first) << 8 | UInt16(second))
    }

    /// Whether two bytes can be a value representation.
    static func isValueRepresentation(_ first: UInt8, _ second: UInt8) -> Bool {
        let code = UInt16(first) << 8 | UInt16(second)
        return shortForms.contains(code) || longForms.contains(code)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

    private static let shortForms = codes(
        [
            "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM",
            "UI", "UL", "US",
        ])
    private static let longForms = codes(
        ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])

    private static func codes(_ names: [String]) -> Set<UInt16> {
        Set(names.map { name in name.utf8.reduce(0) { $0 << 8 | UInt16($1) } })
    }
}
