import CDCMTK

/// RLE, JPEG and JPEG-LS through DCMTK, one frame at a time.
enum DCMTKCodec {
    /// Decodes a code stream after holding its own header against the attributes: DCMTK's codecs allocate by one and
    /// write by the other.
    static func decode(
        _ codestream: UnsafeBufferPointer<UInt8>, _ description: PixelDescription, _ syntax: TransferSyntax
    ) throws(DICOMError) -> StoredPixels.Samples {
        let bits = try checkedBits(codestream, description, syntax)
        if let samples = try PixelCodec.decode(codestream, description, syntax.coding, bits: bits) { return samples }
        if syntax.coding == .jpegLS, let explicit = JPEGLSThresholds.madeExplicit(codestream) {
            return try explicit.withUnsafeBufferPointer { (explicit) throws(DICOMError) in
                try decode(explicit, description, syntax)
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

    /// The bits of a sample in the code stream, after the checks.
    private static func checkedBits(
        _ codestream: UnsafeBufferPointer<UInt8>, _ description: PixelDescription, _ syntax: TransferSyntax
    ) throws(DICOMError) -> Int {
        guard description.bitsAllocated == 8 || description.bitsAllocated == 16 else {
            throw DICOMError(
                .unsupportedPixelFormat,
                "compressed samples in cells of \(description.bitsAllocated) bits are not decoded.",
                tag: .bitsAllocated)
        }
        guard syntax.coding != .rle else {
            let reader = ByteReader(bytes: UnsafeRawBufferPointer(codestream))
            let segments = description.samplesPerPixel * description.bitsAllocated / 8
            guard codestream.count > 64, let declared = reader.uint32(at: 0), Int(declared) == segments else {
                throw DICOMError(
                    .pixelDataMismatch, "the RLE header does not have the \(segments) segments that a frame needs.",
                    tag: .pixelData)
            }
            return description.bitsAllocated
        }
        guard let header = JPEGHeader(codestream) else {
            throw DICOMError(.decodeFailed, "the code stream has no frame header.", tag: .pixelData)
        }
        guard header.rows == description.rows, header.columns == description.columns,
            header.components == description.samplesPerPixel
        else {
            throw DICOMError(
                .pixelDataMismatch, "Rows, Columns or Samples per Pixel differ from those of the code stream.",
                tag: .pixelData)
        }
        guard (2...16).contains(header.precision), header.precision <= description.bitsAllocated else {
            throw DICOMError(
                .pixelDataMismatch, "the code stream's samples of \(header.precision) bits do not fit Bits Allocated.",
                tag: .bitsAllocated)
        }
        guard JPEGHeader.hasEnd(codestream) else {
            throw DICOMError(.decodeFailed, "the code stream has no end.", tag: .pixelData)
        }
        return header.precision
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
