/// One walk over the element headers of a data set, before DCMTK parses it.
///
/// DCMTK recurses as deep as sequences are nested and allocates what lengths declare; so lengths are held against the
/// data, and depth and number of elements against ``DICOMLimits``, first. The walk also finds Pixel Data, which DCMTK
/// never gets to see: native samples and compressed fragments are read where they lie in the caller's bytes.
struct StructureWalk {
    /// Where Pixel Data of the main data set is.
    struct PixelDataElement: Equatable {
        /// Pixel Data, Float Pixel Data or Double Float Pixel Data.
        var tag: DICOMTag
        /// From the tag to the end of the value.
        var element: Range<Int>
        /// The value where it is native.
        var value: Range<Int>
        var valueRepresentation: String
        /// The first item, where the value is encapsulated (PS3.5 A.4); nil where it is native.
        var offsetTable: Range<Int>?
        /// The other items.
        var fragments: [Range<Int>] = []
        var isEncapsulated: Bool { offsetTable != nil }
        /// Whether there is the attribute, but no byte of a picture.
        var isEmpty: Bool { isEncapsulated ? fragments.allSatisfy(\.isEmpty) : value.isEmpty }
    }

    let bytes: UnsafeRawBufferPointer
    let limits: DICOMLimits
    private(set) var pixelData: PixelDataElement?
    private(set) var extendedOffsetTable: Range<Int>?
    /// The values of SOP Class UID and SOP Instance UID of the main data set.
    private(set) var sopClassUID: Range<Int>?
    private(set) var sopInstanceUID: Range<Int>?
    private(set) var deviations: Set<String> = []
    private var elementCount = 0

    init(_ bytes: UnsafeRawBufferPointer, limits: DICOMLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    /// Walks the main data set from `start` to the end of the bytes, and returns where its last element ends.
    mutating func dataset(from start: Int, _ encoding: ElementHeader.Encoding) throws(DICOMError) -> Int {
        var offset = start
        var last: DICOMTag?
        // Found once: looked for at every element, a picture's run of zeros in the wrong place would cost quadratic time.
        let zeroTail = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        while offset < bytes.count {
            guard let header = ElementHeader(bytes, at: offset, encoding) else {
                // Padding to a block of tape or disk.
                if offset >= zeroTail {
                    deviations.insert("trailing_bytes")
                    return offset
                }
                throw Self.truncated("the object ends within the header of an element.", tag: nil)
            }
            if header.tag.number == 0, header.length == 0 || header.length == nil, last != nil, offset >= zeroTail {
                deviations.insert("trailing_bytes")
                return offset
            }
            if let last, header.tag <= last { deviations.insert("elements_out_of_order") }
            last = header.tag
            let end = try element(header, within: bytes.count, depth: 0, encoding, start: offset)
            offset = end
        }
        return offset
    }

    /// Walks one element and returns where it ends.
    private mutating func element(
        _ header: ElementHeader, within limit: Int, depth: Int, _ encoding: ElementHeader.Encoding, start: Int
    ) throws(DICOMError) -> Int {
        elementCount += 1
        guard elementCount <= limits.elements else {
            throw DICOMError(.tooLarge, "the object has more than \(limits.elements) elements.")
        }
        guard header.tag.group != 0xFFFE else {
            throw DICOMError(.malformed, "an item or delimiter stands outside of a sequence.", tag: header.tag)
        }
        let isPixelData =
            depth == 0 && header.tag.group == 0x7FE0
            && (header.tag == .pixelData || header.tag == .floatPixelData || header.tag == .doubleFloatPixelData)
        let vr = header.valueRepresentation
        guard let length = header.length else {
            if header.tag == .pixelData, vr == "OB" || vr == "OW" || vr == "UN" || !encoding.isExplicit {
                return try encapsulated(header, within: limit, isMain: isPixelData, encoding, start: start)
            }
            guard vr == "SQ" || vr == "UN" || !encoding.isExplicit else {
                throw DICOMError(.malformed, "the length is undefined, which only sequences may have.", tag: header.tag)
            }
            let inner = vr == "UN" && encoding.isExplicit ? ElementHeader.Encoding.unknown : encoding
            return try sequence(header, from: header.value, to: nil, within: limit, depth: depth + 1, inner)
        }
        guard length <= bytes.count - header.value else {
            throw Self.truncated("the value is declared longer than what is left of the object.", tag: header.tag)
        }
        let end = header.value + length
        guard end <= limit else {
            throw DICOMError(.malformed, "the value is declared longer than the item around it.", tag: header.tag)
        }
        if length & 1 == 1 { deviations.insert("odd_length") }
        if vr == "SQ" {
            _ = try sequence(header, from: header.value, to: end, within: end, depth: depth + 1, encoding)
        } else if vr == "UN", encoding.isExplicit, !header.tag.isPrivate,
            DICOMLibrary.lookUp(header.tag).valueRepresentation == "SQ"
        {
            _ = try sequence(header, from: header.value, to: end, within: end, depth: depth + 1, .unknown)
        }
        if isPixelData {
            pixelData = PixelDataElement(
                tag: header.tag, element: start..<end, value: header.value..<end, valueRepresentation: vr)
        } else if depth == 0, header.tag == .extendedOffsetTable {
            extendedOffsetTable = header.value..<end
        } else if depth == 0, header.tag == .sopClassUID {
            sopClassUID = header.value..<end
        } else if depth == 0, header.tag == .sopInstanceUID {
            sopInstanceUID = header.value..<end
        }
        return end
    }

    /// Walks the items of a sequence that ends at `end`, or at its delimiter where that is nil.
    private mutating func sequence(
        _ owner: ElementHeader, from start: Int, to end: Int?, within limit: Int, depth: Int,
        _ encoding: ElementHeader.Encoding
    ) throws(DICOMError) -> Int {
        guard depth <= limits.nestingDepth else {
            throw DICOMError(
                .nestingTooDeep, "sequences are nested more than \(limits.nestingDepth) deep.", tag: owner.tag)
        }
        var offset = start
        while offset < end ?? limit {
            guard let header = ElementHeader(bytes, at: offset, encoding) else { break }
            if header.tag == .sequenceDelimitationItem {
                return end ?? header.value
            }
            guard header.tag == .item else {
                throw DICOMError(.malformed, "the sequence holds something else than items.", tag: owner.tag)
            }
            offset = try item(header, of: owner, within: end ?? limit, depth: depth, encoding)
        }
        guard let end else {
            throw Self.truncated("the sequence has no end.", tag: owner.tag)
        }
        guard offset == end else {
            throw DICOMError(.malformed, "the items do not fill the sequence.", tag: owner.tag)
        }
        return end
    }

    private mutating func item(
        _ header: ElementHeader, of owner: ElementHeader, within limit: Int, depth: Int,
        _ encoding: ElementHeader.Encoding
    ) throws(DICOMError) -> Int {
        if let length = header.length, length > bytes.count - header.value {
            throw Self.truncated("an item is declared longer than what is left of the object.", tag: owner.tag)
        }
        let end = header.length.map { header.value + $0 }
        guard end ?? limit <= limit else {
            throw DICOMError(.malformed, "an item is declared longer than its sequence.", tag: owner.tag)
        }
        var offset = header.value
        while offset < end ?? limit {
            guard let inner = ElementHeader(bytes, at: offset, encoding) else { break }
            if inner.tag == .itemDelimitationItem {
                return end ?? inner.value
            }
            offset = try element(inner, within: end ?? limit, depth: depth, encoding, start: offset)
        }
        guard let end else { throw Self.truncated("an item has no end.", tag: owner.tag) }
        guard offset == end else {
            throw DICOMError(.malformed, "the elements do not fill the item.", tag: owner.tag)
        }
        return end
    }

    /// Walks the fragments of encapsulated pixel data, which are little endian in every transfer syntax that has them.
    private mutating func encapsulated(
        _ owner: ElementHeader, within limit: Int, isMain: Bool, _ encoding: ElementHeader.Encoding, start: Int
    ) throws(DICOMError) -> Int {
        var items: [Range<Int>] = []
        var offset = owner.value
        while let header = ElementHeader(bytes, at: offset, encoding), header.value <= limit {
            elementCount += 1
            guard elementCount <= limits.elements else {
                throw DICOMError(.tooLarge, "the object has more than \(limits.elements) elements.")
            }
            if header.tag == .sequenceDelimitationItem {
                if isMain {
                    pixelData = PixelDataElement(
                        tag: owner.tag, element: start..<header.value, value: owner.value..<offset,
                        valueRepresentation: owner.valueRepresentation, offsetTable: items.first ?? offset..<offset,
                        fragments: Array(items.dropFirst()))
                }
                return header.value
            }
            guard header.tag == .item, let length = header.length else {
                throw DICOMError(
                    .malformed, "the compressed pixel data holds something else than fragments.", tag: owner.tag)
            }
            guard length <= limit - header.value else {
                throw Self.truncated("a fragment is declared longer than what is left of the object.", tag: owner.tag)
            }
            items.append(header.value..<(header.value + length))
            offset = header.value + length
        }
        throw Self.truncated("the compressed pixel data has no end.", tag: owner.tag)
    }

    private static func truncated(_ message: String, tag: DICOMTag?) -> DICOMError {
        DICOMError(.truncated, message + " Fetch the object again.", tag: tag)
    }
}
