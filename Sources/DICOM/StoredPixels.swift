import CDCMTK

/// The stored values of one frame, before any look-up table (PS3.3 C.7.6.3.1), rows from top to bottom, samples of a
/// pixel side by side.
public struct StoredPixels: Sendable {
    /// Values by the narrowest type that holds them all.
    public enum Samples: Sendable {
        /// Pixel Representation 0, at most 16 bits.
        case unsigned([UInt16])
        /// Pixel Representation 1, at most 16 bits.
        case signed([Int16])
        /// More than 16 bits, or a codec's values outside the range that the header declares.
        case wide([Int32])
    }

    /// The height of the picture.
    public let rows: Int
    /// The width of the picture.
    public let columns: Int
    /// 1 for a grey picture, 3 for a colour picture.
    public let samplesPerPixel: Int
    /// The number of frames in the object, of which this is one.
    public let frameCount: Int
    /// Bits Allocated, as the header says.
    public let bitsAllocated: Int
    /// Bits Stored, as the header says.
    public let bitsStored: Int
    /// High Bit, as the header says.
    public let highBit: Int
    /// Whether Pixel Representation is 1.
    public let isSigned: Bool
    /// Photometric Interpretation, as the header says; empty where it says nothing. Colour is left as stored, except
    /// that a JPEG 2000 decoder undoes its own component transformation (YBR_RCT and YBR_ICT hold RGB values here).
    public let photometricInterpretation: String
    /// `rows` × `columns` × `samplesPerPixel` values.
    public let samples: Samples
    /// The smallest value.
    public let minimum: Int
    /// The largest value.
    public let maximum: Int

    /// Whether a codec gave values that Bits Stored can't hold, as damaged or lossy code streams do. They are not
    /// clipped.
    public var exceedsBitsStored: Bool {
        let lowest = isSigned ? -(1 << (bitsStored - 1)) : 0
        return minimum < lowest || maximum >= lowest + (1 << bitsStored)
    }

    /// Values as a decoder gives them, with the smallest and the largest where it has found them on the way.
    typealias Decoded = (samples: Samples, extremes: ClosedRange<Int>?)

    init(_ description: PixelDescription, _ decoded: Decoded) {
        let samples = decoded.samples
        rows = description.rows
        columns = description.columns
        samplesPerPixel = description.samplesPerPixel
        frameCount = description.frameCount
        bitsAllocated = description.bitsAllocated
        bitsStored = description.bitsStored
        highBit = description.highBit
        isSigned = description.isSigned
        photometricInterpretation = description.photometricInterpretation
        self.samples = samples
        if let extremes = decoded.extremes {
            (minimum, maximum) = (extremes.lowerBound, extremes.upperBound)
            return
        }
        var (low, high): (Int64, Int64) = (0, 0)
        switch samples {
        case .unsigned(let values): CDCMTK_range_u16(values, values.count, &low, &high)
        case .signed(let values): CDCMTK_range_s16(values, values.count, &low, &high)
        case .wide(let values): CDCMTK_range_s32(values, values.count, &low, &high)
        }
        minimum = Int(low)
        maximum = Int(high)
    }

    /// Passes the values to `body` in order, each as a little-endian 32-bit integer, in chunks of at most 64 KiB.
    ///
    /// The SHA-256 over all chunks is `stored_pixels_sha256` of `longview dicom digest`.
    public func withLittleEndianInt32Chunks(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        switch samples {
        case .unsigned(let values): try Self.chunks(of: values, body)
        case .signed(let values): try Self.chunks(of: values, body)
        case .wide(let values): try Self.chunks(of: values, body)
        }
    }

    private static let chunkSize = 16_384

    private static func chunks<Value: FixedWidthInteger>(
        of values: [Value], _ body: (UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        try withUnsafeTemporaryAllocation(of: Int32.self, capacity: chunkSize) { chunk in
            try values.withUnsafeBufferPointer { values in
                var start = 0
                while start < values.count {
                    let count = min(chunkSize, values.count - start)
                    for index in 0..<count {
                        chunk[index] = Int32(truncatingIfNeeded: values[start + index]).littleEndian
                    }
                    try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(chunk)[..<(count * 4)]))
                    start += count
                }
            }
        }
    }
}
