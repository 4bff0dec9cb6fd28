/// Decodes one frame of RLE, JPEG or JPEG-LS: checks first, then the decoder that reads it.
enum FrameDecoder {
    /// Decodes a code stream after holding its own header against the attributes: codecs allocate by one and write by
    /// the other.
    static func decode(
        _ codestream: UnsafeBufferPointer<UInt8>, _ description: PixelDescription, _ syntax: TransferSyntax
    ) throws(DICOMError) -> StoredPixels.Samples {
        let bits = try checkedBits(codestream, description, syntax)
        if let samples = try PixelCodec.decode(codestream, description, syntax.coding, bits: bits) { return samples }
        // Colour, twelve bits by DCT, progressive scans.
        return try DCMTKCodec.decode(codestream, description, syntax, bits: bits)
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
}
