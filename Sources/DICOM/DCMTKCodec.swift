import CDCMTK

/// JPEG and JPEG-LS through DCMTK, one frame at a time.
enum DCMTKCodec {
    /// Decodes a code stream whose header has been held against the attributes, with samples of `bits` bits.
    static func decode(
        _ codestream: UnsafeBufferPointer<UInt8>, _ description: PixelDescription, _ syntax: TransferSyntax, bits: Int
    ) throws(DICOMError) -> StoredPixels.Samples {
        if syntax.coding == .jpegLS, let explicit = JPEGLSThresholds.madeExplicit(codestream) {
            return try explicit.withUnsafeBufferPointer { (explicit) throws(DICOMError) in
                try decode(explicit, description, syntax, bits: bits)
            }
        }
        guard bits > 8 else {
            let bytes = try frame(of: UInt8.self, codestream, description, syntax)
            var layout = description.layout
            layout.bitsAllocated = 8
            layout.planarConfiguration = 0
            layout.bitsStored = description.isSigned ? min(layout.bitsStored, 8) : 8
            layout.highBit = layout.bitsStored - 1
            return try bytes.withUnsafeBufferPointer { (bytes) throws(DICOMError) in
                try StoredPixels.unpack(bytes, layout).samples
            }
        }
        guard description.isSigned else {
            return .unsigned(try frame(of: UInt16.self, codestream, description, syntax))
        }
        var values = try frame(of: Int16.self, codestream, description, syntax)
        CDCMTK_extend_sign(&values, values.count, UInt32(description.bitsStored))
        return .signed(values)
    }

    private static func frame<Value: FixedWidthInteger>(
        of _: Value.Type, _ codestream: UnsafeBufferPointer<UInt8>, _ description: PixelDescription,
        _ syntax: TransferSyntax
    ) throws(DICOMError) -> [Value] {
        // One more value: DCMTK asks for an even number of bytes. Zeros, so that no other memory shows in a damaged
        // picture.
        var values = [Value](repeating: 0, count: description.samplesPerFrame + 1)
        // Cells as wide as the code stream's samples, which may be narrower than Bits Allocated.
        var layout = description.layout
        layout.bitsAllocated = UInt16(Value.bitWidth)
        layout.bitsStored = min(layout.bitsStored, layout.bitsAllocated)
        layout.highBit = layout.bitsStored - 1
        var message = CDCMTK_message()
        let status = values.withUnsafeMutableBytes { buffer in
            CDCMTK_decode_frame(
                syntax.uid, description.photometricInterpretation, &layout, CDCMTK_bytes(codestream),
                buffer.baseAddress,
                buffer.count, &message)
        }
        try DICOMLibrary.check(status, message, tag: .pixelData)
        values.removeLast()
        return values
    }
}
