import CDCMTK

extension StoredPixels {
    /// Takes the stored bits out of native cells (PS3.5 8.1.1), and returns the smallest and the largest value with
    /// them.
    ///
    /// `bytes` holds the whole frame, from `bitOffset` on: the caller has checked that. `isWords` says that
    /// big-endian bytes are swapped in pairs (OW) even if samples are smaller. Throws
    /// ``DICOMError/Code/unsupportedPixelFormat`` for cells other than of 1, 8, 12, 16 and 32 bits.
    static func unpack(
        _ bytes: UnsafeBufferPointer<UInt8>, _ layout: CDCMTK_layout, bitOffset: Int = 0, isBigEndian: Bool = false,
        isWords: Bool = true
    ) throws(DICOMError) -> Decoded {
        let count = Int(layout.rows) * Int(layout.columns) * Int(layout.samplesPerPixel)
        var (low, high): (Int64, Int64) = (0, 0)
        func values<Value: FixedWidthInteger>(_: Value.Type) throws(DICOMError) -> [Value] {
            var status = CDCMTK_OK
            let values = [Value](unsafeUninitializedCapacity: count) { buffer, filled in
                var layout = layout
                status = CDCMTK_unpack(
                    CDCMTK_bytes(bytes), bitOffset, isBigEndian ? 1 : 0, isWords ? 1 : 0, &layout, buffer.baseAddress,
                    &low, &high)
                filled = status == CDCMTK_OK ? count : 0
            }
            guard status == CDCMTK_OK else {
                throw DICOMError(
                    .unsupportedPixelFormat,
                    "samples of \(layout.bitsStored) bits in cells of \(layout.bitsAllocated) are not decoded.",
                    tag: .bitsAllocated)
            }
            return values
        }
        let samples: Samples
        if layout.bitsStored > 16 {
            samples = .wide(try values(Int32.self))
        } else if layout.isSigned != 0 {
            samples = .signed(try values(Int16.self))
        } else {
            samples = .unsigned(try values(UInt16.self))
        }
        return (samples, Int(low)...Int(high))
    }
}
