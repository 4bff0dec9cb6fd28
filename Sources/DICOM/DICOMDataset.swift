import CDCMTK

/// A data set or an item of a sequence: attributes by tag. Keeps its ``DICOMObject`` alive; as that, one thread at a
/// time.
public struct DICOMDataset {
    let object: DICOMObject
    let item: OpaquePointer

    /// Whether the attribute is there, with or without a value.
    public func contains(_ tag: DICOMTag) -> Bool {
        CDCMTK_item_contains(item, tag.group, tag.element) != 0 || (isRoot && object.holdsPixelData(as: tag))
    }

    /// The first value as text, without padding; nil if the attribute is absent or empty.
    ///
    /// Text is converted to UTF-8 from Specific Character Set (PS3.3 C.12.1.1.2), with its code extensions; numbers
    /// come in decimal notation.
    public func string(_ tag: DICOMTag) -> String? { strings(tag).first.flatMap { $0.isEmpty ? nil : $0 } }

    /// All values as text, without padding; empty if the attribute is absent or empty.
    public func strings(_ tag: DICOMTag) -> [String] {
        let bytes = take { CDCMTK_item_text(item, tag.group, tag.element, &$0, &$1) }
        guard !bytes.isEmpty else { return [] }
        let text: String
        switch valueRepresentation(of: tag) {
        case "PN": text = characterSet.decode(bytes, .personName)
        case "LO", "SH", "UC": text = characterSet.decode(bytes, .values)
        case "ST", "LT", "UT":
            // One value, in which a backslash is an ordinary character (PS3.5 6.2).
            let value = Self.trimmingEnd(characterSet.decode(bytes, .none)[...])
            return value.isEmpty ? [] : [value]
        case "UR":
            let value = Self.trimmingEnd(String(decoding: bytes, as: UTF8.self)[...])
            return value.isEmpty ? [] : [value]
        default: text = String(decoding: bytes, as: UTF8.self)
        }
        let values = text.split(separator: "\\", omittingEmptySubsequences: false).map { value in
            Self.trimmingEnd(value.drop { $0 == " " })
        }
        return values.allSatisfy(\.isEmpty) ? [] : values
    }

    /// Specific Character Set of this item, or of the nearest around it that has one.
    var characterSet: SpecificCharacterSet {
        let bytes = take { CDCMTK_item_character_set(item, &$0, &$1) }
        let terms = String(decoding: bytes, as: UTF8.self).split(separator: "\\", omittingEmptySubsequences: false)
        return SpecificCharacterSet(terms.map { Self.trimmingEnd($0.drop { $0 == " " }) })
    }

    /// The first value as an integer; nil if the attribute is absent or empty.
    ///
    /// Reads IS, US, SS, UL, SL, UV, SV and AT, and DS where it holds a whole number. Throws
    /// ``DICOMError/Code/invalidAttribute`` if a value is not an integer.
    public func integer(_ tag: DICOMTag) throws(DICOMError) -> Int? { try integers(tag).first }

    /// All values as integers; empty if the attribute is absent or empty. Reads and throws as ``integer(_:)``.
    public func integers(_ tag: DICOMTag) throws(DICOMError) -> [Int] {
        var values: UnsafeMutablePointer<Int64>?
        var count = 0
        let status = CDCMTK_item_integers(item, tag.group, tag.element, &values, &count)
        return try take(values, count, status, tag, "the value is not an integer.").map(Int.init)
    }

    /// The first value as a number; nil if the attribute is absent or empty.
    ///
    /// Reads DS, FL, FD and what ``integer(_:)`` reads. Throws ``DICOMError/Code/invalidAttribute`` if a value is not a
    /// finite number.
    public func decimal(_ tag: DICOMTag) throws(DICOMError) -> Double? { try decimals(tag).first }

    /// All values as numbers; empty if the attribute is absent or empty. Reads and throws as ``decimal(_:)``.
    public func decimals(_ tag: DICOMTag) throws(DICOMError) -> [Double] {
        var values: UnsafeMutablePointer<Double>?
        var count = 0
        let status = CDCMTK_item_decimals(item, tag.group, tag.element, &values, &count)
        return try take(values, count, status, tag, "the value is not a number.")
    }

    /// The value as 16-bit words in this machine's byte order, as LUT Data holds; empty if the attribute is absent or
    /// empty.
    ///
    /// Reads US, SS, OW, OB and UN. Throws ``DICOMError/Code/invalidAttribute`` for others.
    public func words(_ tag: DICOMTag) throws(DICOMError) -> [UInt16] {
        var values: UnsafeMutablePointer<UInt16>?
        var count = 0
        let status = CDCMTK_item_words(item, tag.group, tag.element, &values, &count)
        return try take(values, count, status, tag, "the value does not consist of 16-bit words.")
    }

    /// The items of a sequence; empty if the attribute is absent, empty, or no sequence.
    public func items(_ tag: DICOMTag) -> [DICOMDataset] {
        var items: UnsafeMutablePointer<OpaquePointer?>?
        var count = 0
        guard CDCMTK_item_items(item, tag.group, tag.element, &items, &count) == CDCMTK_OK else { return [] }
        defer { CDCMTK_release(items) }
        return UnsafeBufferPointer(start: items, count: count).compactMap { item in
            item.map { DICOMDataset(object: object, item: $0) }
        }
    }

    private var isRoot: Bool { item == CDCMTK_object_dataset(object.handle) }

    private func valueRepresentation(of tag: DICOMTag) -> String {
        var vr: (CChar, CChar, CChar) = (0, 0, 0)
        return withUnsafeMutableBytes(of: &vr) { buffer in
            let characters = buffer.assumingMemoryBound(to: CChar.self).baseAddress!
            CDCMTK_item_vr(item, tag.group, tag.element, characters)
            return String(cString: characters)
        }
    }

    private func take<Value>(
        _ values: UnsafeMutablePointer<Value>?, _ count: Int, _ status: CDCMTK_code, _ tag: DICOMTag,
        _ complaint: String
    ) throws(DICOMError) -> [Value] {
        defer { CDCMTK_release(values) }
        switch status {
        case CDCMTK_OK: return Array(UnsafeBufferPointer(start: values, count: count))
        case CDCMTK_ABSENT: return []
        case CDCMTK_INVALID_VALUE: throw DICOMError(.invalidAttribute, complaint, tag: tag)
        default:
            try DICOMLibrary.check(status, tag: tag)
            return []
        }
    }

    /// The bytes that `read` returns; none if it finds nothing.
    private func take(
        _ read: (inout UnsafeMutablePointer<UInt8>?, inout Int) -> CDCMTK_code
    ) -> [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard read(&bytes, &count) == CDCMTK_OK else { return [] }
        defer { CDCMTK_release(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    private static func trimmingEnd(_ text: Substring) -> String {
        var text = text
        while let last = text.unicodeScalars.last, last == " " || last == "\0" { text.unicodeScalars.removeLast() }
        return String(text)
    }
}
