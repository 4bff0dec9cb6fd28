public import DICOM

/// An 8-bit RGB picture: never scored, but shown by `longview dicom render`.
public struct ColourPicture: Sendable, Equatable {
    /// Columns and rows.
    public let width, height: Int
    /// `width` × `height` × 3 values: red, green and blue side by side, row-major.
    public let pixels: [UInt8]

    /// The colours of `stored`, a frame of the object whose data set is `dataset`; nil where it is grey.
    ///
    /// Understands PALETTE COLOR (PS3.3 C.7.9), RGB, the two transformations that a
    /// JPEG 2000 decoder undoes (YBR_RCT, YBR_ICT), and YBR_FULL and YBR_FULL_422 (PS3.3 C.7.6.3.1.2). Throws
    /// `ImagingError.Code.unsupported` for other colour spaces.
    public init?(_ stored: StoredPixels, of dataset: DICOMDataset) throws(ImagingError) {
        let photometric = stored.photometricInterpretation
        if photometric.hasPrefix("MONOCHROME") || (photometric.isEmpty && stored.samplesPerPixel == 1) { return nil }
        width = stored.columns
        height = stored.rows
        let count = width * height
        switch (photometric, stored.samplesPerPixel) {
        case ("PALETTE COLOR", 1):
            let palette = try Palette(dataset, isSigned: stored.isSigned)
            pixels = stored.samples.flatten(count: count, channels: 3) { (value, output) in
                palette.write(value, to: output)
            }
        case ("RGB", 3), ("YBR_RCT", 3), ("YBR_ICT", 3), ("", 3):
            let shift = max(0, stored.bitsStored - 8)
            pixels = stored.samples.flatten(count: count * 3, channels: 1) { (value, output) in
                output[0] = UInt8(clamping: value >> shift)
            }
        case ("YBR_FULL", 3), ("YBR_FULL_422", 3):
            let shift = max(0, stored.bitsStored - 8)
            var rgb = stored.samples.flatten(count: count * 3, channels: 1) { (value, output) in
                output[0] = UInt8(clamping: value >> shift)
            }
            Self.convertFromYBR(&rgb)
            pixels = rgb
        default:
            throw ImagingError(.unsupported, "colours of this photometric interpretation are not shown")
        }
    }

    /// YBR_FULL to RGB in place (PS3.3 C.7.6.3.1.2), the inverse of ITU-R BT.601's luma and colour differences.
    private static func convertFromYBR(_ pixels: inout [UInt8]) {
        for start in stride(from: 0, to: pixels.count, by: 3) {
            let luma = Float(pixels[start])
            let blue = Float(pixels[start + 1]) - 128
            let red = Float(pixels[start + 2]) - 128
            func level(_ value: Float) -> UInt8 { UInt8(min(max(value.rounded(), 0), 255)) }
            pixels[start] = level(luma + 1.402 * red)
            pixels[start + 1] = level(luma - 0.344_136 * blue - 0.714_136 * red)
            pixels[start + 2] = level(luma + 1.772 * blue)
        }
    }
}

/// The three look-up tables of a palette, entries reduced to 8 bits.
private struct Palette {
    private let firstMapped: Int
    private let tables: [[UInt8]]

    init(_ dataset: DICOMDataset, isSigned: Bool) throws(ImagingError) {
        let attributes: [(descriptor: DICOMTag, data: DICOMTag, segmented: DICOMTag)] = [
            (
                .redPaletteColorLookupTableDescriptor, .redPaletteColorLookupTableData,
                .segmentedRedPaletteColorLookupTableData
            ),
            (
                .greenPaletteColorLookupTableDescriptor, .greenPaletteColorLookupTableData,
                .segmentedGreenPaletteColorLookupTableData
            ),
            (
                .bluePaletteColorLookupTableDescriptor, .bluePaletteColorLookupTableData,
                .segmentedBluePaletteColorLookupTableData
            ),
        ]
        var tables: [[UInt8]] = []
        var first = 0
        for (descriptor, data, segmented) in attributes {
            let table = try LookupTable(
                dataset, descriptor: descriptor, data: data,
                segmented: dataset.contains(segmented) ? segmented : nil, isSigned: isSigned, orElse: .unsupported,
                name: "palette")
            first = table.firstMapped
            let shift = table.bitsPerEntry > 8 ? 8 : 0
            tables.append(table.entries.map { UInt8(clamping: $0 >> shift) })
        }
        firstMapped = first
        self.tables = tables
    }

    func write(_ value: Int, to output: UnsafeMutablePointer<UInt8>) {
        for (channel, table) in tables.enumerated() {
            output[channel] = table[min(max(value - firstMapped, 0), table.count - 1)]
        }
    }
}

extension StoredPixels.Samples {
    /// What `write` makes of the first `count` values, `channels` bytes each.
    fileprivate func flatten(
        count: Int, channels: Int, _ write: (Int, UnsafeMutablePointer<UInt8>) -> Void
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count * channels) { buffer, filled in
            let output = buffer.baseAddress!
            switch self {
            case .unsigned(let values): for i in 0..<count { write(Int(values[i]), output + i * channels) }
            case .signed(let values): for i in 0..<count { write(Int(values[i]), output + i * channels) }
            case .wide(let values): for i in 0..<count { write(Int(values[i]), output + i * channels) }
            }
            filled = count * channels
        }
    }
}
