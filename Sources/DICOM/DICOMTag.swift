/// The tag of an attribute: a group and an element number (PS3.5 section 7.1).
public struct DICOMTag: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    /// The group number.
    public let group: UInt16
    /// The element number within the group.
    public let element: UInt16

    /// A tag from its two numbers, as in `DICOMTag(0x0010, 0x0020)`.
    public init(_ group: UInt16, _ element: UInt16) {
        self.group = group
        self.element = element
    }

    /// Group and element as one number, which orders tags as a data set holds them.
    public var number: UInt32 { UInt32(group) << 16 | UInt32(element) }

    /// Whether the group belongs to a manufacturer (an odd group number).
    public var isPrivate: Bool { group & 1 == 1 }

    /// The standard's keyword, such as `SOPInstanceUID` (PS3.6), or nil if the standard has none for this tag.
    public var keyword: String? { DICOMLibrary.lookUp(self).keyword }

    /// The tag in the standard's notation, such as `(0008,0018)`.
    public var description: String { "(\(Self.hexadecimal(group)),\(Self.hexadecimal(element)))" }

    /// Orders tags by group, then element.
    public static func < (left: DICOMTag, right: DICOMTag) -> Bool { left.number < right.number }

    private static func hexadecimal(_ value: UInt16) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
