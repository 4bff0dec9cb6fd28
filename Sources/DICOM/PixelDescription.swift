import CDCMTK

/// The attributes of the Image Pixel module that say how samples are stored (PS3.3 C.7.6.3), held against the bytes.
struct PixelDescription {
    let rows: Int
    let columns: Int
    let samplesPerPixel: Int
    let frameCount: Int
    let bitsAllocated: Int
    let bitsStored: Int
    let highBit: Int
    let isSigned: Bool
    let planarConfiguration: Int
    let photometricInterpretation: String

    /// The number of values in a frame.
    var samplesPerFrame: Int { rows * columns * samplesPerPixel }

    /// The number of bits in a frame that is not compressed.
    var frameBits: Int { samplesPerFrame * bitsAllocated }

    /// What the C functions want to know.
    var layout: CDCMTK_layout {
        CDCMTK_layout(
            rows: UInt32(rows), columns: UInt32(columns), samplesPerPixel: UInt16(samplesPerPixel),
            bitsAllocated: UInt16(bitsAllocated), bitsStored: UInt16(bitsStored), highBit: UInt16(highBit),
            isSigned: isSigned ? 1 : 0, planarConfiguration: UInt16(planarConfiguration))
    }

    /// Reads the attributes; throws ``DICOMError`` where one is missing or impossible, or where they don't describe the
    /// pixel data.
    init(
        _ dataset: DICOMDataset, _ pixelData: StructureWalk.PixelDataElement, isBigEndian: Bool,
        limits: DICOMLimits, deviations: inout [String]
    ) throws(DICOMError) {
        guard pixelData.tag == .pixelData else {
            throw DICOMError(.unsupportedPixelFormat, "pixels in floating point are no radiograph.", tag: pixelData.tag)
        }
        guard dataset.contains(.rows) || dataset.contains(.columns) || dataset.contains(.bitsAllocated) else {
            throw DICOMError(
                .noPixelData, "there are bytes, but nothing says that they are a picture.", tag: .pixelData)
        }
        rows = try Self.required(.rows, 1...65_535, dataset)
        columns = try Self.required(.columns, 1...65_535, dataset)
        bitsAllocated = try Self.required(.bitsAllocated, 1...64, dataset)
        func optional(
            _ tag: DICOMTag, _ range: ClosedRange<Int>, default substitute: Int, deviation: String
        ) throws(DICOMError) -> Int {
            if let value = try dataset.integer(tag) { return try Self.checked(value, tag, range) }
            deviations.append(deviation)
            return substitute
        }
        samplesPerPixel = try optional(.samplesPerPixel, 1...4, default: 1, deviation: "missing_samples_per_pixel")
        bitsStored = try optional(
            .bitsStored, 1...bitsAllocated, default: bitsAllocated, deviation: "missing_bits_stored")
        highBit = try optional(
            .highBit, (bitsStored - 1)...(bitsAllocated - 1), default: bitsStored - 1, deviation: "missing_high_bit")
        isSigned = try optional(.pixelRepresentation, 0...1, default: 0, deviation: "missing_pixel_representation") == 1
        planarConfiguration =
            samplesPerPixel == 1
            ? 0 : try optional(.planarConfiguration, 0...1, default: 0, deviation: "missing_planar_configuration")
        photometricInterpretation = dataset.string(.photometricInterpretation) ?? ""
        if photometricInterpretation.isEmpty { deviations.append("missing_photometric_interpretation") }

        // In big endian it is open whether the words or the cells of more than 16 bits are swapped: PS3.5 7.3 says
        // words, senders and decoders mostly do cells, and so does this one.
        if isBigEndian, bitsAllocated > 16 { deviations.append("ambiguous_byte_order") }

        let (pixels, pixelsOverflow) = rows.multipliedReportingOverflow(by: columns)
        let (samples, samplesOverflow) = pixels.multipliedReportingOverflow(by: samplesPerPixel)
        guard !pixelsOverflow, !samplesOverflow, samples <= limits.samplesPerFrame else {
            throw DICOMError(
                .tooLarge, "a frame of more than \(limits.samplesPerFrame) values is not decoded.", tag: .rows)
        }

        // Words in Number of Frames are tolerated if the data can tell how many frames there are.
        let declaredFrames: Int?
        do {
            declaredFrames = try dataset.integer(.numberOfFrames) ?? 1
        } catch {
            declaredFrames = nil
            deviations.append("invalid_number_of_frames")
        }
        guard declaredFrames ?? 1 >= 1 else {
            throw DICOMError(.invalidAttribute, "the number is not positive.", tag: .numberOfFrames)
        }
        frameCount =
            pixelData.isEncapsulated
            ? try Self.encapsulatedFrames(declaredFrames, pixelData)
            : try Self.nativeFrames(declaredFrames, samples * bitsAllocated, pixelData, &deviations)
    }

    /// How many frames of `frameBits` bits native pixel data holds.
    ///
    /// Data shorter than declared is refused. Surplus up to an eighth is tolerated as padding; more says that Rows,
    /// Columns or another attribute is wrong, and the picture would be sheared.
    private static func nativeFrames(
        _ declared: Int?, _ frameBits: Int, _ pixelData: StructureWalk.PixelDataElement, _ deviations: inout [String]
    ) throws(DICOMError) -> Int {
        let available = pixelData.value.count * 8
        let frames = declared ?? max(1, available / frameBits)
        let (bits, overflow) = frameBits.multipliedReportingOverflow(by: frames)
        let expected = bits / 8 + (bits % 8 == 0 ? 0 : 1)
        guard !overflow, expected <= pixelData.value.count else {
            throw DICOMError(
                .pixelDataMismatch,
                "\(pixelData.value.count) bytes are fewer than Rows, Columns and the attributes like them describe.",
                tag: .pixelData)
        }
        let surplus = pixelData.value.count - expected - (expected & 1)
        guard surplus <= expected / 8 else {
            throw DICOMError(
                .pixelDataMismatch,
                "\(pixelData.value.count) bytes are more than Rows, Columns and the attributes like them describe.",
                tag: .pixelData)
        }
        if surplus > 0 { deviations.append("surplus_pixel_data") }
        if surplus < 0 { deviations.append("unpadded_pixel_data") }
        return frames
    }

    private static func encapsulatedFrames(
        _ declared: Int?, _ pixelData: StructureWalk.PixelDataElement
    ) throws(DICOMError) -> Int {
        let frames = declared ?? 1
        guard frames <= pixelData.fragments.count else {
            throw DICOMError(
                .pixelDataMismatch, "there are fewer fragments of compressed data than frames.", tag: .pixelData)
        }
        return frames
    }

    private static func required(
        _ tag: DICOMTag, _ range: ClosedRange<Int>, _ dataset: DICOMDataset
    ) throws(DICOMError) -> Int {
        guard let value = try dataset.integer(tag) else {
            throw DICOMError(
                .invalidAttribute, "the attribute is missing, and pixels can't be read without it.", tag: tag)
        }
        return try checked(value, tag, range)
    }

    private static func checked(_ value: Int, _ tag: DICOMTag, _ range: ClosedRange<Int>) throws(DICOMError) -> Int {
        guard range.contains(value) else {
            throw DICOMError(
                .invalidAttribute, "the value is outside of \(range.lowerBound) to \(range.upperBound).", tag: tag)
        }
        return value
    }
}
