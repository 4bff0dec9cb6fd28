import CDCMTK
import CPixelCodecs

/// Where the parts of an object are: file meta information, data set, Pixel Data (PS3.10 chapter 7).
struct ObjectLayout {
    /// The bytes that the ranges refer to: the caller's, or what a deflated data set inflates to.
    let storage: [UInt8]
    /// The elements of the file meta information; empty if there are none.
    let meta: [UInt8]
    /// The transfer syntax used, whatever is declared.
    let transferSyntax: TransferSyntax
    /// The data set up to Pixel Data.
    let head: Range<Int>
    /// The data set after Pixel Data.
    let tail: Range<Int>
    let pixelData: StructureWalk.PixelDataElement?
    /// The value of SOP Instance UID.
    let sopInstanceUID: Range<Int>?
    /// The value of Extended Offset Table.
    let extendedOffsetTable: Range<Int>?
    /// Tolerated departures from the standard.
    let deviations: [String]

    init(_ bytes: [UInt8], limits: DICOMLimits) throws(DICOMError) {
        guard !bytes.isEmpty else { throw DICOMError(.empty, "there are no bytes. Fetch the object again.") }
        let meta = try bytes.withUnsafeBufferPointer { (buffer) throws(DICOMError) in
            try FileMetaInformation(UnsafeRawBufferPointer(buffer))
        }
        self.meta = Array(bytes[meta.range])
        var deviations = meta.deviations
        var start = meta.range.upperBound
        if let uid = meta.transferSyntaxUID, TransferSyntax(uid: uid).isDeflated {
            storage = try Self.inflate(bytes, from: start, limit: limits.inflatedBytes)
            start = 0
        } else {
            storage = bytes
        }
        var walk: StructureWalk?
        var end = start
        transferSyntax = try storage.withUnsafeBufferPointer { (buffer) throws(DICOMError) in
            let buffer = UnsafeRawBufferPointer(buffer)
            let syntax = try TransferSyntax.determine(
                declared: meta.transferSyntaxUID, buffer, at: start, deviations: &deviations)
            var thisWalk = StructureWalk(buffer, limits: limits)
            end = try thisWalk.dataset(
                from: start, ElementHeader.Encoding(isExplicit: syntax.isExplicit, isBigEndian: syntax.isBigEndian))
            walk = thisWalk
            return syntax
        }
        pixelData = walk?.pixelData
        sopInstanceUID = walk?.sopInstanceUID
        extendedOffsetTable = walk?.extendedOffsetTable
        head = start..<(pixelData?.element.lowerBound ?? end)
        tail = (pixelData?.element.upperBound ?? end)..<end
        if transferSyntax.isRetired { deviations.append("retired_transfer_syntax") }
        self.deviations = deviations + (walk?.deviations.sorted() ?? [])
    }

    /// Inflates a deflated data set (PS3.5 A.5), within bounds: a few kilobytes can inflate to gigabytes.
    ///
    /// Nothing says how large the result is. Radiographs deflate to a half or a third; room that is not needed is never
    /// touched, and where it does not suffice there is a second attempt with all that is allowed.
    private static func inflate(_ bytes: [UInt8], from start: Int, limit: Int) throws(DICOMError) -> [UInt8] {
        var capacity = min((bytes.count - start) * 8 + 4096, limit)
        while true {
            var status = LV_CODEC_OK
            let inflated = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                bytes.withUnsafeBufferPointer { bytes in
                    status = lv_deflate_decode(
                        bytes.baseAddress! + start, bytes.count - start, buffer.baseAddress, capacity, &count)
                }
                if status != LV_CODEC_OK { count = 0 }
            }
            switch status {
            case LV_CODEC_OK: return inflated
            case LV_CODEC_TOO_LARGE where capacity < limit: capacity = limit
            case LV_CODEC_TOO_LARGE:
                throw DICOMError(.tooLarge, "the deflated data set inflates to more than is allowed.")
            case LV_CODEC_NO_MEMORY: throw DICOMError(.tooLarge, "there is not enough memory.")
            default: throw damage(in: bytes, from: start, limit: limit)
            }
        }
    }

    /// What is wrong with a stream that libdeflate refuses: zlib tells one without an end from a damaged one.
    private static func damage(in bytes: [UInt8], from start: Int, limit: Int) -> DICOMError {
        var message = CDCMTK_message()
        var isComplete: Int32 = 0
        let status = bytes.withUnsafeBufferPointer { bytes in
            CDCMTK_check_deflate(
                CDCMTK_bytes(UnsafeBufferPointer(rebasing: bytes[start...])), limit, &isComplete, &message)
        }
        do throws(DICOMError) {
            try DICOMLibrary.check(status, message)
        } catch {
            return error
        }
        return isComplete == 0
            ? DICOMError(.truncated, "the deflated data set has no end. Fetch the object again.")
            : DICOMError(.malformed, "the deflated data set is damaged.")
    }
}
