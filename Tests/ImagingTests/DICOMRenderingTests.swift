import DICOM
import TestSupport
import Testing

@testable import Imaging

@Suite("Rendering DICOM objects", .needsSharedData)
struct DICOMRenderingTests {
    /// Files, and the identity of the picture that pydicom, the numpy reference and Pillow make of them.
    static let references = [
        // Enlarged from 440 × 440, without meta header.
        ("CR-MONO1-10-chest", "9e02ca34edb06904ae7cf6ef5e11319b5c2c0f016675f1065b53e82ddb223b3f"),
        ("RG1_UNCR", "0c155b8f43a0e9b83776541ec6644292be10a9cad1b8adcbbb69cc680166a15c"),
        ("RG3_UNCR", "b320811c392bcb80c72cee08036699683297ec994d228b3f37e05735d8b90583"),
        // Presentation LUT Shape INVERSE beside MONOCHROME1: one inversion.
        ("DX_dog_thorax", "2a070253d3ad5790a5e9ac496f2d5adcf2edfed3b1cacaf8c71bd5aac0f1085d"),
        // Signed, rescaled.
        ("CT_small", "082cfe8901bf22bc854db40b47895bf7fb45f8495ca489f54c7366125854fae5"),
        ("MR_small_implicit", "1b449a037e6ac28d79e2d3eaa40912a93ca6e4f7f7348feebdf557707ddba6f1"),
        // A slope that is no integer.
        ("CR_cspine_16x16", "3fd6f0a89feaa0f4c3b8cedfdb411de4dfd63b1cf98372ace311eccbb46ec4b5"),
        ("CR-ModalitySequenceLUT", "6dccdfe06e4937b0d326b3133ff1a86e24df5e2cd75dbe7298b6081f7deac58e"),
    ]

    private func render(_ name: String) throws -> (Radiograph, GateDecision) {
        let object = try DICOMObject(bytes: SharedData.bytes("data/dicom/\(name).dcm"))
        let pixels = try object.storedPixels(frame: 0)
        let radiograph = try Radiograph(pixels, of: object.dataset, profile: .cxrRisk)
        let facts = GateFacts(object.dataset)
        return (radiograph, PreprocessingProfile.cxrRisk.gate.decide(facts: facts, radiograph: radiograph))
    }

    @Test("the picture equals the reference's in every pixel", arguments: references)
    func equalsReference(name: String, identity: String) throws {
        #expect(try render(name).0.picture.sha256 == identity)
    }

    @Test("the modality transform is recorded as it was applied")
    func provenance() throws {
        let lut = try render("CR-ModalitySequenceLUT").0.provenance
        #expect(lut.modalityTransform == .lookupTable(firstMapped: 0, entryCount: 1024))
        let rescaled = try render("CT_small").0.provenance
        #expect(rescaled.modalityTransform == .rescale(slope: 1, intercept: -1024))
        let dog = try render("DX_dog_thorax").0.provenance
        #expect(dog.polarity == .init(inverted: true, basis: .presentationLUTShape))
        #expect(dog.resampling == LanczosResampler.name && dog.flags.isEmpty)
    }

    @Test("real chest radiographs are accepted, other body parts and modalities refused")
    func gate() throws {
        for name in ["CR-MONO1-10-chest", "RG1_UNCR"] { #expect(try render(name).1.isAccepted, "\(name)") }
        // A chest radiograph that was made into a secondary capture: a matter of the profile.
        #expect(try render("CXR_SIIM_jpeg").1.refusal?.code == "sop_class_not_accepted")
        #expect(try render("RG3_UNCR").1.refusal?.code == "body_part_not_accepted")
        // A dental panorama whose header names no part of the body.
        #expect(try render("CR-ModalitySequenceLUT").1.refusal?.code == "extreme_aspect_ratio")
        #expect(try render("CT_small").1.refusal?.code == "modality_not_accepted")
        #expect(try render("MR_small_implicit").1.refusal?.code == "modality_not_accepted")
        #expect(try render("CR_cspine_16x16").1.refusal?.code == "body_part_not_accepted")
    }

    @Test("colour is refused as not greyscale", arguments: ["SC_rgb_3x3", "ALOKA_palette16_bigendian"])
    func colour(name: String) {
        #expect(errorCode { try render(name) } == .notGreyscale)
    }
}
