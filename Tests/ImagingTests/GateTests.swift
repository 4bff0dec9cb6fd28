import TestSupport
import Testing

@testable import Imaging

@Suite("Gate")
struct GateTests {
    private let rules = GateRules()

    private func facts(
        modality: String? = "DX", bodyPart: String? = "CHEST", view: String? = "PA",
        intent: String? = "FOR PRESENTATION",
        photometric: String? = "MONOCHROME2", frames: Int = 1
    ) -> GateFacts {
        GateFacts(
            modality: modality, bodyPartExamined: bodyPart, viewPosition: view, presentationIntentType: intent,
            photometricInterpretation: photometric, numberOfFrames: frames)
    }

    @Test("a frontal chest radiograph is accepted without flags, and the grounds are recorded")
    func accepted() {
        let decision = rules.decide(facts: facts(), radiograph: nil)
        #expect(decision.isAccepted && decision.flags.isEmpty)
        #expect(
            decision.inputs == [
                "Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": "PA", "NumberOfFrames": "1",
                "PresentationIntentType": "FOR PRESENTATION", "PhotometricInterpretation": "MONOCHROME2",
            ])
    }

    @Test("what is known not to be a frontal chest radiograph is refused with its reason")
    func refused() {
        let cases: [(GateFacts, String)] = [
            (facts(modality: "CT"), "modality_not_accepted"), (facts(modality: nil), "modality_absent"),
            (facts(modality: "  "), "modality_absent"), (facts(bodyPart: "HAND"), "body_part_not_accepted"),
            (facts(view: "LL"), "lateral_view"), (facts(view: "lateral "), "lateral_view"),
            (facts(view: "LLO"), "oblique_view"), (facts(view: "RLD"), "decubitus_view"),
            (facts(intent: "FOR PROCESSING"), "for_processing"), (facts(photometric: "RGB"), "not_greyscale"),
            (facts(photometric: "PALETTE COLOR"), "not_greyscale"),
        ]
        for (facts, code) in cases {
            #expect(rules.decide(facts: facts, radiograph: nil).refusal?.code == code)
        }
    }

    @Test("what the header does not say is flagged")
    func flagged() {
        let decision = rules.decide(facts: facts(bodyPart: nil, view: nil, intent: nil, frames: 3), radiograph: nil)
        #expect(decision.isAccepted)
        #expect(decision.flags == ["body_part_absent", "view_position_absent", "multi_frame"])
        #expect(rules.decide(facts: facts(view: "XYZ"), radiograph: nil).flags == ["view_position_unrecognised"])
    }

    @Test(
        "code strings are compared in any case and spacing", arguments: ["chest", " CHEST ", "Port_Chest", "CHEST-PA"])
    func spelling(bodyPart: String) {
        #expect(rules.decide(facts: facts(bodyPart: bodyPart), radiograph: nil).isAccepted)
    }

    @Test("free text in a coded attribute is neither stored nor shown")
    func freeText() {
        let decision = rules.decide(facts: facts(bodyPart: "Thorax of Jürgen Müller, born 1950"), radiograph: nil)
        #expect(decision.refusal?.code == "body_part_not_accepted")
        #expect(decision.inputs["BodyPartExamined"] == "(NOT A CODE STRING)")
        #expect(!decision.refusal!.message.uppercased().contains("JÜRGEN"))
    }

    @Test("a file without DICOM identity passes with its flag, unless it is constant")
    func imageFile() throws {
        let chest = ChestPhantom.pixels(width: 48, height: 64, highest: 255).map { UInt8($0) }
        let picture = try Radiograph(
            imageFile: GreyPicture(width: 48, height: 64, pixels: chest).pngFile())
        let accepted = rules.decide(facts: nil, radiograph: picture)
        #expect(accepted.isAccepted && accepted.flags == ["no_dicom_identity"])
        let black = try GreyPicture(width: 9, height: 9, pixels: [UInt8](repeating: 9, count: 81)).pngFile()
        let refused = rules.decide(facts: nil, radiograph: try Radiograph(imageFile: black))
        #expect(refused.refusal?.code == "constant_picture")
        #expect(refused.flags == ["no_dicom_identity", "constant_picture"])
    }
}
