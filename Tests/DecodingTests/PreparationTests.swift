import DICOM
import Decoding
import Imaging
import TestSupport
import Testing

@Suite("Preparation")
struct PreparationTests {
    private func prepare(_ bytes: [UInt8]) throws -> Preparation {
        try Preparation(bytes, profile: .cxrRisk)
    }

    private func radiograph(_ change: (inout DICOMBuilder) throws -> Void = { _ in }) throws -> [UInt8] {
        var builder = DICOMBuilder()
        try builder.set(.sopClassUID, DICOMUID.computedRadiographyImageStorage)
        try builder.set(.sopInstanceUID, DICOMUID.deterministic(seed: 3, index: 1))
        try builder.set(.modality, "CR")
        try builder.set(.bodyPartExamined, "CHEST")
        try builder.set(.viewPosition, "PA")
        try builder.set(.patientID, "P-1")
        let pixels = ChestPhantom.pixels(width: 30, height: 40, highest: 4095)
        try builder.setPixels(pixels, rows: 40, columns: 30, bitsStored: 12)
        try change(&builder)
        return try builder.file()
    }

    private func refusal(_ bytes: [UInt8]) throws -> (stage: Preparation.Stage, code: String) {
        guard case .refused(let refusal) = try prepare(bytes).result else {
            Issue.record("the object was accepted")
            return (.decode, "")
        }
        return (refusal.stage, refusal.code)
    }

    @Test("a radiograph is ready, with its attributes")
    func ready() throws {
        let prepared = try prepare(try radiograph())
        guard case .ready(let ready) = prepared.result else {
            Issue.record("the radiograph was refused")
            return
        }
        #expect(ready.radiograph.picture.width == 512)
        #expect(prepared.identity?.patientID == "P-1")
        #expect(prepared.identity?.transferSyntaxUID == "1.2.840.10008.1.2.1")
    }

    @Test("departures from the standard that were tolerated become flags")
    func deviations() throws {
        let bytes = Array(try radiograph().dropFirst(128 + 4))
        guard case .ready(let ready) = try prepare(bytes).result else {
            Issue.record("an object without preamble was refused")
            return
        }
        #expect(ready.flags.contains("missing_preamble"))
    }

    @Test("each step refuses in its own name")
    func stages() throws {
        #expect(try refusal([]) == (.decode, "empty_file"))
        #expect(try refusal(Array("text".utf8)) == (.decode, "not_dicom"))
        #expect(try refusal(try radiograph { $0.remove(.pixelData) }) == (.decode, "no_pixel_data"))
        #expect(
            try refusal(
                try radiograph {
                    try $0.set(.rescaleSlope, "0"); try $0.set(.rescaleIntercept, "0")
                }
            ).stage == .render)
        #expect(try refusal(try radiograph { try $0.set(.viewPosition, "LL") }) == (.gate, "lateral_view"))
        #expect(try refusal(try radiograph { try $0.set(.modality, "MR") }) == (.gate, "modality_not_accepted"))
        let flat = try radiograph {
            try $0.setPixels([UInt16](repeating: 9, count: 1200), rows: 40, columns: 30, bitsStored: 12)
        }
        #expect(try refusal(flat) == (.gate, "constant_picture"))
        let upsideDown = try radiograph {
            let pixels = ChestPhantom.pixels(width: 30, height: 40, highest: 4095).reversed()
            try $0.setPixels(Array(pixels), rows: 40, columns: 30, bitsStored: 12)
        }
        #expect(try refusal(upsideDown) == (.gate, "upside_down_picture"))
    }
}
