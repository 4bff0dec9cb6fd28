import CDCMTK
import COpenJPEG
import CPixelCodecs

/// JPEG 2000 (ITU-T T.800) and high-throughput JPEG 2000 (T.814) through OpenJPEG.
enum JPEG2000 {
    /// Code blocks are decoded side by side. A radiograph has enough of them for more threads, but other radiographs
    /// are scored meanwhile.
    private static let maximumThreads: Int32 = 4

    /// What OpenJPEG reads from.
    private struct Source {
        let bytes: UnsafeBufferPointer<UInt8>
        var offset = 0
    }

    /// Decodes a code stream or a JP2 file. Values are as OpenJPEG gives them; where Pixel Representation is 1 they are
    /// sign-extended from Bits Stored, since code streams are found that call signed samples unsigned.
    static func decode(
        _ codestream: UnsafeBufferPointer<UInt8>, _ description: PixelDescription
    ) throws(DICOMError) -> StoredPixels.Decoded {
        // The standard wants a bare code stream (PS3.5 A.4.4); files of the JP2 format are found.
        let isFile = codestream.starts(with: [0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20])
        guard let codec = opj_create_decompress(isFile ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K) else {
            throw DICOMError(.libraryUnusable, "OpenJPEG can't be set up.")
        }
        defer { opj_destroy_codec(codec) }
        var parameters = opj_dparameters_t()
        opj_set_default_decoder_parameters(&parameters)
        guard opj_setup_decoder(codec, &parameters) != 0, opj_decoder_set_strict_mode(codec, OPJ_TRUE) != 0,
            let stream = opj_stream_create(1 << 20, OPJ_TRUE)
        else { throw DICOMError(.libraryUnusable, "OpenJPEG can't be set up.") }
        defer { opj_stream_destroy(stream) }
        // Where no thread is to be had, OpenJPEG decodes on this one.
        _ = opj_codec_set_threads(codec, min(opj_get_num_cpus(), maximumThreads))

        var source = Source(bytes: codestream)
        return try withUnsafeMutablePointer(to: &source) { (source) throws(DICOMError) in
            opj_stream_set_user_data(stream, source, nil)
            opj_stream_set_user_data_length(stream, UInt64(codestream.count))
            connect(stream)
            var decoded: UnsafeMutablePointer<opj_image_t>?
            defer { opj_image_destroy(decoded) }
            guard opj_read_header(stream, codec, &decoded) != 0, let image = decoded else {
                throw DICOMError(.decodeFailed, "the JPEG 2000 header is damaged.", tag: .pixelData)
            }
            try check(image.pointee, description)
            guard opj_decode(codec, stream, image) != 0, opj_end_decompress(codec, stream) != 0 else {
                throw DICOMError(.decodeFailed, "the JPEG 2000 code stream is damaged.", tag: .pixelData)
            }
            return try samples(of: image.pointee, description)
        }
    }

    private static func connect(_ stream: UnsafeMutablePointer<opj_stream_t?>) {
        opj_stream_set_read_function(stream) { target, wanted, context in
            let source = context!.assumingMemoryBound(to: Source.self)
            let left = source.pointee.bytes.count - source.pointee.offset
            guard left > 0, let base = source.pointee.bytes.baseAddress else { return OPJ_SIZE_T.max }
            let count = min(left, wanted)
            target!.copyMemory(from: base + source.pointee.offset, byteCount: count)
            source.pointee.offset += count
            return count
        }
        opj_stream_set_skip_function(stream) { distance, context in
            let source = context!.assumingMemoryBound(to: Source.self)
            let (end, overflow) = source.pointee.offset.addingReportingOverflow(Int(distance))
            guard !overflow, end >= 0, end <= source.pointee.bytes.count else { return -1 }
            source.pointee.offset = end
            return distance
        }
        opj_stream_set_seek_function(stream) { position, context in
            let source = context!.assumingMemoryBound(to: Source.self)
            guard position >= 0, position <= source.pointee.bytes.count else { return OPJ_FALSE }
            source.pointee.offset = Int(position)
            return OPJ_TRUE
        }
    }

    /// Holds the code stream's own dimensions against the attributes before anything is allocated by them.
    private static func check(_ image: opj_image_t, _ description: PixelDescription) throws(DICOMError) {
        let components = UnsafeBufferPointer(start: image.comps, count: Int(image.numcomps))
        guard components.count == description.samplesPerPixel,
            components.allSatisfy({ Int($0.w) == description.columns && Int($0.h) == description.rows })
        else {
            throw DICOMError(
                .pixelDataMismatch, "Rows, Columns or Samples per Pixel differ from those of the code stream.",
                tag: .pixelData)
        }
        guard components.allSatisfy({ (1...31).contains($0.prec) && Int($0.prec) <= description.bitsAllocated }) else {
            throw DICOMError(
                .pixelDataMismatch, "the code stream's samples do not fit Bits Allocated.", tag: .bitsAllocated)
        }
    }

    private static func samples(
        of image: opj_image_t, _ description: PixelDescription
    ) throws(DICOMError) -> StoredPixels.Decoded {
        let components = UnsafeBufferPointer(start: image.comps, count: Int(image.numcomps))
        guard components.allSatisfy({ $0.data != nil }) else {
            throw DICOMError(.decodeFailed, "a component of the JPEG 2000 code stream is missing.", tag: .pixelData)
        }
        let pixels = description.rows * description.columns
        let bits = description.isSigned ? UInt32(description.bitsStored) : 32
        var (low, high) = (Int32.max, Int32.min)
        func fill<Value>(
            _: Value.Type, _ take: (UnsafePointer<Int32>, UnsafeMutablePointer<Value>, inout Int32, inout Int32) -> Void
        ) -> [Value] {
            [Value](unsafeUninitializedCapacity: pixels * components.count) { buffer, filled in
                for (index, component) in components.enumerated() {
                    var (least, greatest): (Int32, Int32) = (0, 0)
                    take(component.data, buffer.baseAddress! + index, &least, &greatest)
                    (low, high) = (min(low, least), max(high, greatest))
                }
                filled = pixels * components.count
            }
        }
        if description.isSigned, description.bitsStored <= 16 {
            let values = fill(Int16.self) { plane, out, low, high in
                out.withMemoryRebound(to: UInt16.self, capacity: (pixels - 1) * components.count + 1) {
                    lv_plane_to_16(plane, pixels, components.count, bits, $0, &low, &high)
                }
            }
            return (.signed(values), Int(low)...Int(high))
        }
        if !description.isSigned {
            let values = fill(UInt16.self) { lv_plane_to_16($0, pixels, components.count, bits, $1, &$2, &$3) }
            if low >= 0, high <= Int32(UInt16.max) { return (.unsigned(values), Int(low)...Int(high)) }
        }
        let values = fill(Int32.self) { lv_plane_to_32($0, pixels, components.count, bits, $1, &$2, &$3) }
        return (.wide(values), Int(low)...Int(high))
    }
}
