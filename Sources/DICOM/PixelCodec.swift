import CDCMTK
import CPixelCodecs

/// The decoders of `CPixelCodecs`, one frame at a time: RLE; JPEG lossless, JPEG baseline and JPEG-LS of one component.
enum PixelCodec {
    /// Decodes a code stream; nil where it is of a kind that none of these decoders reads.
    ///
    /// `bits` are those of a sample in the code stream. Values are as the decoder gives them; where Pixel
    /// Representation is 1 they are sign-extended from Bits Stored, or from the cell where that is narrower.
    static func decode(
        _ codestream: UnsafeBufferPointer<UInt8>, _ description: PixelDescription, _ coding: TransferSyntax.PixelCoding,
        bits: Int
    ) throws(DICOMError) -> StoredPixels.Samples? {
        let (rows, columns) = (description.rows, description.columns)
        let samples = description.samplesPerPixel
        func run(_ out: UnsafeMutablePointer<UInt16>) -> lv_codec_status {
            let (bytes, count) = (codestream.baseAddress, codestream.count)
            switch coding {
            case .rle:
                return lv_rle_decode(bytes, count, rows * columns, samples, description.bitsAllocated / 8, out)
            case .jpegLS where samples == 1: return lv_jpeg_ls_decode(bytes, count, rows, columns, out)
            case .jpeg where samples == 1:
                let status = lv_jpeg_lossless_decode(bytes, count, rows, columns, out)
                guard status == LV_CODEC_OTHER_KIND, bits == 8 else { return status }
                return lv_jpeg_baseline_decode(bytes, count, rows, columns, out)
            default: return LV_CODEC_OTHER_KIND
            }
        }
        var status = LV_CODEC_OK
        if description.isSigned {
            var values = [Int16](unsafeUninitializedCapacity: description.samplesPerFrame) { values, count in
                status = values.withMemoryRebound(to: UInt16.self) { run($0.baseAddress!) }
                count = status == LV_CODEC_OK ? values.count : 0
            }
            guard try isDecoded(status) else { return nil }
            let stored = min(description.bitsStored, bits > 8 ? 16 : 8)
            CDCMTK_extend_sign(&values, values.count, UInt32(stored))
            return .signed(values)
        }
        let values = [UInt16](unsafeUninitializedCapacity: description.samplesPerFrame) { values, count in
            status = run(values.baseAddress!)
            count = status == LV_CODEC_OK ? values.count : 0
        }
        return try isDecoded(status) ? .unsigned(values) : nil
    }

    /// The one place where a status of `CPixelCodecs` becomes an error; false for a code stream of another kind.
    private static func isDecoded(_ status: lv_codec_status) throws(DICOMError) -> Bool {
        switch status {
        case LV_CODEC_OK: return true
        case LV_CODEC_OTHER_KIND: return false
        case LV_CODEC_TRUNCATED:
            throw DICOMError(.decodeFailed, "the code stream ends before the picture does.", tag: .pixelData)
        case LV_CODEC_NO_MEMORY, LV_CODEC_TOO_LARGE:
            throw DICOMError(.tooLarge, "there is not enough memory to decode the picture.", tag: .pixelData)
        default: throw DICOMError(.decodeFailed, "the code stream is damaged.", tag: .pixelData)
        }
    }
}
