import DICOM
import Foundation
import TestSupport
import Testing

/// Every file of the developers' corpus, against what other decoders read from it.
///
/// All rows are reached. The lossy ones are equal to their reference too, since that is DCMTK's or OpenJPEG's own
/// output.
@Suite("the corpus", .needsSharedData)
struct CorpusTests {
    @Test(
        "stored values equal those of the reference decoders",
        arguments: ManifestRow.expected("decode", "decode_lossy", "decode_colour"))
    func referenceDigest(_ row: ManifestRow) throws {
        let pixels = try DICOMObject(bytes: try row.bytes()).storedPixels()
        #expect(pixels.digest == row.digest)
        #expect(pixels.minimum == row.integer("ref_min"))
        #expect(pixels.maximum == row.integer("ref_max"))
        // One row of the manifest has no header values, because the decoder that wrote it could not read the file.
        if let rows = row.integer("rows"), let columns = row.integer("columns") {
            #expect(pixels.rows == rows)
            #expect(pixels.columns == columns)
        }
        if let bits = row.integer("bits_stored") { #expect(pixels.bitsStored == bits) }
        if let frames = row.integer("frames") { #expect(pixels.frameCount == frames) }
        if let photometric = row.columns["photometric"], !photometric.isEmpty {
            #expect(pixels.photometricInterpretation == photometric)
        }
    }

    @Test(
        "an object without a picture is read, and its missing pixels are a typed error",
        arguments: ManifestRow.expected("no_image"))
    func noPicture(_ row: ManifestRow) throws {
        let object = try DICOMObject(bytes: try row.bytes())
        #expect(!object.attributes.isEmpty)
        #expect(throws: DICOMError.self) { try object.storedPixels() }
        do { _ = try object.storedPixels() } catch { #expect(error.code == .noPixelData) }
    }

    @Test("a damaged file is refused for what is wrong with it", arguments: ManifestRow.expected("refuse"))
    func refused(_ row: ManifestRow) throws {
        let codes: [String: DICOMError.Code] = [
            "bulk_3gb_truncated.dcm": .truncated, "empty.dcm": .empty, "emri_small_j2k_too_short.dcm": .truncated,
            "J2K_embedded_delimiter.dcm": .decodeFailed, "MR_truncated.dcm": .truncated,
            "no_meta_stray_byte.dcm": .notDICOM, "not_dicom_json.dcm": .notDICOM,
        ]
        let bytes = try row.bytes()
        let error = #expect(throws: DICOMError.self) { try DICOMObject(bytes: bytes).storedPixels() }
        #expect(error?.code == codes[row.file])
    }

    @Test("where good decoders differ, a picture comes with a warning", arguments: ManifestRow.expected("unclear"))
    func unclear(_ row: ManifestRow) throws {
        let warnings = [
            "CT_JPEG_retired_53.dcm": "retired_transfer_syntax",
            "MR_GH340_12bits_packed.dcm": "missing_photometric_interpretation",
            "rtdose_32bit_bigendian.dcm": "ambiguous_byte_order",
        ]
        let object = try DICOMObject(bytes: try row.bytes())
        #expect(try object.storedPixels().digest == row.digest)
        #expect(object.deviations.contains(try #require(warnings[row.file])))
    }

    /// A file that the reference decoders don't read alike, who reads it right, and by what.
    struct Disagreement: Sendable {
        var file, right: String
        var wrong: [String]
        var reason: String
    }

    static let disagreements = [
        Disagreement(
            file: "RG3_JPLY.dcm", right: "dcmtk", wrong: ["gdcm"],
            reason: """
                Eight samples decode to 1024 where Bits Stored is 10. ITU-R T.81 A.3.1 clamps them to the precision of \
                the frame header, 12 bits, and no further; masking to Bits Stored (PS3.5 8.1.1) is about the cells of \
                native pixel data, so GDCM's 0 for the brightest pixels has no ground. The value is not clipped.
                """),
        Disagreement(
            file: "rtdose_32bit_bigendian.dcm", right: "pydicom", wrong: ["dcmtk"],
            reason: """
                PS3.5 7.3 (2016b, before the transfer syntax was retired) swaps the bytes of each 16-bit word of OW and \
                8.1.1 does not say in which order the words of a cell of 32 bits come. Read by cells the doses are \
                smooth, read by words they are noise; so by cells, with the flag ambiguous_byte_order.
                """),
        Disagreement(
            file: "CT1_GH177_undefined_length.dcm", right: "dcmtk", wrong: ["pydicom", "gdcm"],
            reason: """
                A sequence of representation UN and undefined length is implicit little endian inside (PS3.5 \
                6.2.2), whatever is around it. Its pixels are those of CT1_RLE_FRAGS.
                """),
        Disagreement(
            file: "CT_JPEG_retired_53.dcm", right: "dcmtk", wrong: ["pydicom"],
            reason: """
                Retired transfer syntaxes keep their meaning (PS3.5 annex A; edition of 2004, A.4.1). Spectral selection is progressive mode without successive approximation (T.81 G.1.1.1.1).
                """),
        Disagreement(
            file: "MR_GH340_12bits_packed.dcm", right: "gdcm", wrong: ["pydicom"],
            reason: """
                Cells of Bits Allocated 12 follow each other without gaps across byte boundaries (PS3.5 8.1.1 and \
                annex D); the flag says that Photometric Interpretation is missing.
                """),
        Disagreement(
            file: "JLSL_7bit.dcm", right: "pydicom", wrong: ["gdcm", "dcmtk"],
            reason: """
                Without an LSE segment the context thresholds have the defaults of T.87 C.2.4.1.1.1, which for MAXVAL \
                below 128 are scaled down; both refuse since they don't scale.
                """),
    ]

    @Test("where decoders differ, the standard's text decides", arguments: disagreements)
    func disagreement(_ entry: Disagreement) throws {
        let row = try #require(ManifestRow.all.first { $0.file == entry.file })
        let digest = try DICOMObject(bytes: try row.bytes()).storedPixels().digest
        #expect(row.columns[entry.right] == "ok " + digest.prefix(12), "\(entry.reason)")
        for decoder in entry.wrong { #expect(row.columns[decoder] != "ok " + digest.prefix(12), "\(entry.reason)") }
    }

    @Test("no disagreement of the manifest is left undecided")
    func decided() {
        let decided = Set(Self.disagreements.map(\.file))
        for row in ManifestRow.all where row.expected.hasPrefix("decode") || row.expected == "unclear" {
            let answers = Set(
                ["pydicom", "gdcm", "dcmtk"].compactMap { row.columns[$0] }.filter { $0.hasPrefix("ok") })
            let agreed = row.columns["agreement"] ?? ""
            guard agreed == "disagree" || agreed == "one decoder only" || row.expected == "unclear" else { continue }
            #expect(decided.contains(row.file), "\(answers)")
        }
    }

    @Test("every kind of row is covered")
    func coverage() {
        let kinds = ["decode", "decode_lossy", "decode_colour", "no_image", "refuse", "unclear"]
        #expect(ManifestRow.all.count >= 75)
        #expect(ManifestRow.all.allSatisfy { kinds.contains($0.expected) })
    }

    @Test(
        "tolerated departures are named",
        arguments: [
            ("CR-MONO1-10-chest.dcm", ["missing_preamble", "missing_meta_header"]),
            ("RG1_UNCR.dcm", ["nonzero_preamble"]),
            ("MR_small_padded.dcm", ["nonzero_preamble", "surplus_pixel_data"]),
            ("badVR.dcm", ["invalid_number_of_frames"]),
            ("DX_dog_thorax.dcm", ["odd_length", "unpadded_pixel_data"]),
            ("meta_missing_tsyntax.dcm", ["missing_transfer_syntax", "odd_length"]),
            ("RG3_J2KR.dcm", []),
        ])
    func deviations(_ file: String, _ expected: [String]) throws {
        #expect(try DICOMObject(bytes: try SharedData.bytes("data/dicom/" + file)).deviations == expected)
    }

    @Test("every frame of a file with many can be decoded by itself")
    func frames() throws {
        let object = try DICOMObject(bytes: try SharedData.bytes("data/dicom/XA_HasFragmentSequence.dcm"))
        let first = try object.storedPixels(frame: 0), last = try object.storedPixels(frame: 95)
        #expect(first.frameCount == 96)
        #expect(first.digest != last.digest)
        #expect(throws: DICOMError.self) { try object.storedPixels(frame: 96) }
        let native = try DICOMObject(bytes: try SharedData.bytes("data/dicom/emri_small_big_endian.dcm"))
        #expect(Set(try (0..<10).map { try native.storedPixels(frame: $0).digest }).count == 10)
    }

    @Test(
        "a compressed file cut short gives a typed error, never a picture",
        arguments: [
            "JPEGLS_near_16.dcm", "MR_small_RLE.dcm", "MR_small_jpegls.dcm", "JPEGExtended_12bit.dcm",
            "image_deflated_512.dcm",
            "J2K_pixelrep_mismatch.dcm", "MR_16alloc_8stored.dcm",
        ])
    func compressedPrefixes(_ file: String) throws {
        let bytes = try SharedData.bytes("data/dicom/" + file)
        let whole = try DICOMObject(bytes: bytes).storedPixels().digest
        let step = max(1, bytes.count / 150)
        for count in stride(from: 0, to: bytes.count, by: step) {
            do {
                #expect(try DICOMObject(bytes: Array(bytes[..<count])).storedPixels().digest == whole)
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }
}

extension ManifestRow {
    func integer(_ column: String) -> Int? { columns[column].flatMap(Int.init) }
}
