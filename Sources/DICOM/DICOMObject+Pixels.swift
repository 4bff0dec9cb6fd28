import CDCMTK

extension DICOMObject {
    /// The number of frames, 0 where the object holds no picture that can be described.
    public var frameCount: Int { (try? describedPixels().0.frameCount) ?? 0 }

    /// Decodes one frame's stored values, `frame` counted from 0.
    ///
    /// Native samples: the Bits Stored bits that end at High Bit, sign-extended where Pixel Representation is 1;
    /// anything else in the cell, such as an overlay, is masked (PS3.5 8.1.1). Compressed samples: what the codec
    /// gives, sign-extended from Bits Stored where Pixel Representation is 1, else not clipped. Throws
    /// ``DICOMError``.
    public func storedPixels(frame: Int = 0) throws(DICOMError) -> StoredPixels {
        let (description, pixelData) = try describedPixels()
        guard frame >= 0, frame < description.frameCount else {
            throw DICOMError(
                .invalidAttribute, "there is no frame \(frame) among \(description.frameCount).", tag: .numberOfFrames)
        }
        let coding = layout.transferSyntax.coding
        guard coding != .unsupported else {
            throw DICOMError(
                .unsupportedTransferSyntax,
                "this compression is not decoded. Ask the sender for JPEG lossless or uncompressed.",
                tag: .transferSyntaxUID)
        }
        guard pixelData.isEncapsulated else {
            // Some senders decompress without changing the meta information; the encoding of the element itself
            // decides.
            return StoredPixels(description, try nativeSamples(pixelData.value, frame, description))
        }
        guard coding != .native else {
            throw DICOMError(
                .pixelDataMismatch, "the pixel data is compressed, but its transfer syntax is not.",
                tag: .transferSyntaxUID)
        }
        let frames = EncapsulatedFrames(layout, pixelData, frameCount: description.frameCount)
        let decoded: StoredPixels.Decoded = try frames.withCodestream(ofFrame: frame) {
            (codestream) throws(DICOMError) in
            switch coding {
            case .encapsulatedUncompressed:
                guard codestream.count >= (description.frameBits + 7) / 8 else {
                    throw DICOMError(
                        .pixelDataMismatch, "the frame is shorter than Rows and Columns describe.", tag: .pixelData)
                }
                return try StoredPixels.unpack(codestream, description.layout)
            case .jpeg2000: return try JPEG2000.decode(codestream, description)
            default: return (try FrameDecoder.decode(codestream, description, layout.transferSyntax), nil)
            }
        }
        return StoredPixels(description, decoded)
    }

    private func nativeSamples(
        _ value: Range<Int>, _ frame: Int, _ description: PixelDescription
    ) throws(DICOMError) -> StoredPixels.Decoded {
        try layout.storage.withUnsafeBufferPointer { (storage) throws(DICOMError) in
            try StoredPixels.unpack(
                UnsafeBufferPointer(rebasing: storage[value]), description.layout,
                bitOffset: frame * description.frameBits, isBigEndian: layout.transferSyntax.isBigEndian,
                isWords: layout.pixelData?.valueRepresentation != "OB")
        }
    }
}
