import CDCMTK

/// A data set in the making, written as explicit VR little endian.
///
/// Values are checked against their value representation as they are set (PS3.5 table 6.2-1), so that what is written
/// is valid. Text that is not ASCII is written as UTF-8, and Specific Character Set says so.
public struct DICOMBuilder: Sendable {
    private enum Value: Sendable {
        case bytes([UInt8], valueRepresentation: String)
        case sequence([DICOMBuilder])
    }

    private var elements: [DICOMTag: Value] = [:]
    private var hasUnicode = false

    /// An empty data set.
    public init() {}

    /// Sets an attribute to values given as text, which are converted to the attribute's value representation.
    ///
    /// The data dictionary gives the value representation unless `valueRepresentation` does. Throws
    /// ``DICOMError/Code/invalidAttribute`` where a value does not fit it.
    public mutating func set(
        _ tag: DICOMTag, _ values: String..., valueRepresentation: String? = nil
    ) throws(DICOMError) {
        let vr = valueRepresentation ?? DICOMLibrary.lookUp(tag).valueRepresentation
        if DICOMValueRules.isText(vr) {
            for value in values {
                if let complaint = DICOMValueRules.complaint(about: value, vr) {
                    throw DICOMError(.invalidAttribute, complaint, tag: tag)
                }
                if value.utf8.contains(where: { $0 >= 0x80 }) { hasUnicode = true }
            }
            var bytes = Array(values.joined(separator: "\\").utf8)
            if bytes.count & 1 == 1 { bytes.append(vr == "UI" ? 0 : 0x20) }
            try store(bytes, vr, tag)
        } else if vr == "FD" || vr == "FL" {
            var numbers: [Double] = []
            for value in values {
                guard let number = Double(value), number.isFinite else { throw Self.notANumber(tag) }
                numbers.append(number)
            }
            let bytes =
                vr == "FD"
                ? numbers.flatMap { Self.littleEndian($0.bitPattern) }
                : numbers.flatMap { Self.littleEndian(Float($0).bitPattern) }
            try store(bytes, vr, tag)
        } else {
            var numbers: [Int] = []
            for value in values {
                guard let number = Int(value) else { throw Self.notANumber(tag) }
                numbers.append(number)
            }
            try set(tag, integers: numbers, valueRepresentation: vr)
        }
    }

    /// Sets an attribute to integers, in the value representation of the dictionary (`US` where it allows `US` or
    /// `SS`) or the one given. Throws ``DICOMError/Code/invalidAttribute`` where one does not fit.
    public mutating func set(
        _ tag: DICOMTag, integers values: [Int], valueRepresentation: String? = nil
    ) throws(DICOMError) {
        let vr = valueRepresentation ?? DICOMLibrary.lookUp(tag).valueRepresentation
        func encode<Number: FixedWidthInteger>(_: Number.Type) throws(DICOMError) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(values.count * MemoryLayout<Number>.size)
            for value in values {
                guard let number = Number(exactly: value) else { throw Self.notANumber(tag) }
                bytes.append(contentsOf: Self.littleEndian(number))
            }
            return bytes
        }
        switch vr {
        case "US", "OW": try store(try encode(UInt16.self), vr, tag)
        case "SS": try store(try encode(Int16.self), vr, tag)
        case "UL": try store(try encode(UInt32.self), vr, tag)
        case "SL": try store(try encode(Int32.self), vr, tag)
        case "OB", "UN":
            let bytes = try encode(UInt8.self)
            try store(bytes.count & 1 == 1 ? bytes + [0] : bytes, vr, tag)
        case "IS", "DS":
            let text = values.map(String.init).joined(separator: "\\")
            try store(Array((text.utf8.count & 1 == 1 ? text + " " : text).utf8), vr, tag)
        default: throw DICOMError(.invalidAttribute, "integers can't be written as \(vr).", tag: tag)
        }
    }

    /// Sets an attribute to a sequence of items.
    public mutating func set(_ tag: DICOMTag, items: [DICOMBuilder]) {
        elements[tag] = .sequence(items)
        if items.contains(where: \.hasUnicode) { hasUnicode = true }
    }

    /// Removes an attribute.
    public mutating func remove(_ tag: DICOMTag) { elements[tag] = nil }

    /// Sets Pixel Data and the attributes that describe it, for one grey frame of `rows` × `columns` values.
    ///
    /// Up to 8 bits stored take one byte a value, up to 16 take two; High Bit is Bits Stored − 1. Throws
    /// ``DICOMError/Code/pixelDataMismatch`` where the count or a value does not fit.
    public mutating func setPixels<Sample: FixedWidthInteger>(
        _ values: [Sample], rows: Int, columns: Int, bitsStored: Int, photometricInterpretation: String = "MONOCHROME2"
    ) throws(DICOMError) {
        guard (1...65_535).contains(rows), (1...65_535).contains(columns), values.count == rows * columns,
            (1...16).contains(bitsStored)
        else {
            throw DICOMError(.pixelDataMismatch, "the values are not rows × columns of up to 16 bits.", tag: .pixelData)
        }
        let lowest = Sample.isSigned ? -(1 << (bitsStored - 1)) : 0
        let highest = lowest + (1 << bitsStored) - 1
        let isByte = bitsStored <= 8
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * (isByte ? 1 : 2) + 1)
        for value in values {
            guard value >= lowest, value <= highest else {
                throw DICOMError(.pixelDataMismatch, "a value needs more than \(bitsStored) bits.", tag: .bitsStored)
            }
            let cell = UInt16(truncatingIfNeeded: value) & UInt16(truncatingIfNeeded: (1 << bitsStored) - 1)
            bytes.append(UInt8(truncatingIfNeeded: cell))
            if !isByte { bytes.append(UInt8(truncatingIfNeeded: cell >> 8)) }
        }
        if bytes.count & 1 == 1 { bytes.append(0) }
        try set(.samplesPerPixel, integers: [1])
        try set(.photometricInterpretation, photometricInterpretation)
        try set(.rows, integers: [rows])
        try set(.columns, integers: [columns])
        try set(.bitsAllocated, integers: [isByte ? 8 : 16])
        try set(.bitsStored, integers: [bitsStored])
        try set(.highBit, integers: [bitsStored - 1])
        try set(.pixelRepresentation, integers: [Sample.isSigned ? 1 : 0])
        elements[.pixelData] = .bytes(bytes, valueRepresentation: isByte ? "OB" : "OW")
    }

    /// The object as a Part 10 file: preamble, file meta information, data set.
    ///
    /// Throws ``DICOMError/Code/invalidAttribute`` where SOP Class UID or SOP Instance UID is missing.
    public func file() throws(DICOMError) -> [UInt8] {
        var dataset = self
        if hasUnicode { try dataset.set(.specificCharacterSet, "ISO_IR 192") }
        var file = try Self.fileHead(
            sopClassUID: try uid(.sopClassUID), sopInstanceUID: try uid(.sopInstanceUID),
            transferSyntaxUID: DICOMUID.explicitLittleEndian)
        dataset.encode(into: &file)
        return file
    }

    /// What stands before the data set in a Part 10 file: preamble, prefix and file meta information (PS3.10 7.1).
    static func fileHead(
        sopClassUID: String, sopInstanceUID: String, transferSyntaxUID: String, sourceTitle: String? = nil
    ) throws(DICOMError) -> [UInt8] {
        var meta = DICOMBuilder()
        try meta.set(.fileMetaInformationVersion, integers: [0, 1])
        try meta.set(.mediaStorageSOPClassUID, sopClassUID)
        try meta.set(.mediaStorageSOPInstanceUID, sopInstanceUID)
        try meta.set(.transferSyntaxUID, transferSyntaxUID)
        try meta.set(.implementationClassUID, DICOMUID.implementationClass)
        try meta.set(.implementationVersionName, CDCMTK_IMPLEMENTATION_VERSION)
        if let sourceTitle { try meta.set(.sourceApplicationEntityTitle, sourceTitle) }
        let group = meta.encoded()
        var length = DICOMBuilder()
        try length.set(.fileMetaInformationGroupLength, integers: [group.count])
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + length.encoded() + group
    }

    /// The elements alone, without preamble and file meta information.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }

    private func uid(_ tag: DICOMTag) throws(DICOMError) -> String {
        guard case .bytes(let bytes, _) = elements[tag] else {
            throw DICOMError(.invalidAttribute, "an object can't be written without it.", tag: tag)
        }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private mutating func store(_ bytes: [UInt8], _ vr: String, _ tag: DICOMTag) throws(DICOMError) {
        guard bytes.count <= (DICOMValueRules.hasShortLength(vr) ? 0xFFFE : 0xFFFF_FFFE) else {
            throw DICOMError(.invalidAttribute, "the value is too long for \(vr).", tag: tag)
        }
        elements[tag] = .bytes(bytes, valueRepresentation: vr)
    }

    private func encode(into bytes: inout [UInt8]) {
        for (tag, value) in elements.sorted(by: { $0.key < $1.key }) {
            bytes.append(contentsOf: Self.littleEndian(tag.group) + Self.littleEndian(tag.element))
            switch value {
            case .bytes(let value, let vr):
                bytes.append(contentsOf: vr.utf8)
                if DICOMValueRules.hasShortLength(vr) {
                    bytes.append(contentsOf: Self.littleEndian(UInt16(value.count)))
                } else {
                    bytes.append(contentsOf: [0, 0] + Self.littleEndian(UInt32(value.count)))
                }
                bytes.append(contentsOf: value)
            case .sequence(let items):
                // Undefined lengths, closed by delimiters: nothing has to be written twice.
                bytes.append(contentsOf: Array("SQ".utf8) + [0, 0] + Self.littleEndian(UInt32.max))
                for item in items {
                    Self.append(.item, length: .max, to: &bytes)
                    item.encode(into: &bytes)
                    Self.append(.itemDelimitationItem, length: 0, to: &bytes)
                }
                Self.append(.sequenceDelimitationItem, length: 0, to: &bytes)
            }
        }
    }

    private static func append(_ tag: DICOMTag, length: UInt32, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: littleEndian(tag.group) + littleEndian(tag.element) + littleEndian(length))
    }

    private static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static func notANumber(_ tag: DICOMTag) -> DICOMError {
        DICOMError(.invalidAttribute, "the value is not a number that the attribute can hold.", tag: tag)
    }
}
