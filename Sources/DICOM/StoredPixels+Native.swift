import CDCMTK

extension StoredPixels.Samples {
    /// Takes the stored bits out of native cells (PS3.5 8.1.1).
    ///
    /// `bytes` holds the whole frame, from `bitOffset` on: the caller has checked that. `isWords` says that
    /// big-endian bytes are swapped in pairs (OW) even if samples are smaller. Throws
    /// ``DICOMError/Code/unsupportedPixelFormat`` for cells other than of 1, 8, 12, 16 and 32 bits.
    init(
        native bytes: UnsafeBufferPointer<UInt8>, _ layout: CDCMTK_layout, bitOffset: Int = 0,
        isBigEndian: Bool = false,
        isWords: Bool = true
    ) throws(DICOMError) {
        let count = Int(layout.rows) * Int(layout.columns) * Int(layout.samplesPerPixel)
        func unpack<Value: FixedWidthInteger>(_: Value.Type) throws(DICOMError) -> [Value] {
            var status = CDCMTK_OK
            let values = [Value](unsafeUninitializedCapacity: count) { buffer, filled in
                var layout = layout
                status = CDCMTK_unpack(
                    CDCMTK_bytes(bytes), bitOffset, isBigEndian ? 1 : 0, isWords ? 1 : 0, &layout, buffer.baseAddress)
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
        if layout.bitsStored > 16 {
            self = .wide(try unpack(Int32.self))
        } else if layout.isSigned != 0 {
            self = .signed(try unpack(Int16.self))
        } else {
            self = .unsigned(try unpack(UInt16.self))
        }
    }
}
