import Foundation
import TestSupport
import Testing

@testable import Imaging

@Suite("Gate")
struct GateTests {
    private let rules = GateRules()

    /// The facts of a plain frontal chest radiograph, with a change.
    private func facts(_ change: (inout GateFacts) -> Void = { _ in }) -> GateFacts {
        var facts = GateFacts()
        facts.sopClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        facts.modality = "DX"
        facts.bodyPartExamined = "CHEST"
        facts.viewPosition = "PA"
        facts.patientOrientation = ["L", "F"]
        facts.presentationIntentType = "FOR PRESENTATION"
        facts.photometricInterpretation = "MONOCHROME2"
        change(&facts)
        return facts
    }

    private func decide(_ change: (inout GateFacts) -> Void = { _ in }) -> GateDecision {
        rules.decide(facts: facts(change), radiograph: nil)
    }

    @Test("a frontal chest radiograph is accepted without flags, and the grounds are recorded")
    func accepted() {
        let decision = decide()
        #expect(decision.isAccepted && decision.flags.isEmpty)
        #expect(
            decision.inputs == [
                "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1", "Modality": "DX", "BodyPartExamined": "CHEST",
                "ViewPosition": "PA", "PatientOrientation": "L\\F", "NumberOfFrames": "1",
                "PresentationIntentType": "FOR PRESENTATION", "PhotometricInterpretation": "MONOCHROME2",
            ])
    }

    @Test("what is known not to be an upright frontal chest radiograph is refused with its reason")
    func refused() {
        let cases: [(String, (inout GateFacts) -> Void)] = [
            ("modality_not_accepted", { $0.modality = "CT" }), ("modality_absent", { $0.modality = nil }),
            ("sop_class_not_accepted", { $0.sopClassUID = "1.2.840.10008.5.1.4.1.1.7" }),
            ("body_part_not_accepted", { $0.bodyPartExamined = "HAND" }),
            ("anatomic_region_not_accepted", { $0.anatomicRegion = "SCT 69536005" }),
            ("lateral_view", { $0.viewPosition = "LL" }), ("oblique_view", { $0.viewPosition = "LLO" }),
            ("decubitus_view", { $0.viewPosition = "RLD" }),
            ("lateral_view", { $0.viewCode = "SCT 399173006" }), ("lateral_view", { $0.viewCode = "SRT R 10232" }),
            ("lateral_by_header", { $0.patientOrientation = ["A", "F"] }),
            ("lateral_by_header", { $0.patientOrientation = ["PL", "F"] }),
            ("upside_down_by_header", { $0.patientOrientation = ["L", "H"] }),
            ("rotated_by_header", { $0.patientOrientation = ["F", "L"] }),
            ("for_processing", { $0.presentationIntentType = "FOR PROCESSING" }),
            ("not_greyscale", { $0.photometricInterpretation = "RGB" }),
            ("not_greyscale", { $0.photometricInterpretation = "PALETTE COLOR" }),
            ("quality_control_image", { $0.qualityControlImage = "YES" }), ("not_human", { $0.isAnimal = true }),
        ]
        for (code, change) in cases { #expect(decide(change).refusal?.code == code) }
    }

    @Test("what the header does not say is flagged")
    func flagged() {
        let bare = decide {
            $0.sopClassUID = nil
            $0.bodyPartExamined = nil
            $0.viewPosition = nil
            $0.patientOrientation = []
            $0.presentationIntentType = nil
            $0.numberOfFrames = 3
        }
        #expect(bare.isAccepted)
        #expect(
            bare.flags == [
                "sop_class_absent", "multi_frame", "body_part_absent", "view_position_absent",
                "patient_orientation_absent",
            ])
        #expect(decide { $0.viewPosition = "XYZ" }.flags == ["view_position_unrecognised"])
        #expect(decide { $0.burnedInAnnotation = "YES" }.flags == ["burned_in_annotation"])
        #expect(decide { $0.qualityControlImage = "BOTH" }.flags == ["quality_control_material_present"])
        // A coded region or view says what the older attribute leaves out.
        #expect(
            decide {
                $0.bodyPartExamined = nil
                $0.anatomicRegion = "SRT T D3000"
                $0.viewPosition = nil
                $0.viewCode = "SCT 272479007"
            }.flags.isEmpty)
    }

    @Test("an age below the model's range is refused, above or unknown flagged, and never stored")
    func age() {
        var rules = GateRules()
        (rules.minimumAge, rules.maximumAge) = (55, 74)
        func decide(_ age: Double?) -> GateDecision {
            rules.decide(facts: facts { $0.ageInYears = age }, radiograph: nil)
        }
        #expect(decide(54.9).refusal?.code == "age_below_range")
        #expect(decide(54.9).inputs["PatientAgeInRange"] == "below")
        #expect(decide(55).isAccepted && decide(55).flags.isEmpty)
        #expect(decide(74.9).flags.isEmpty)
        #expect(decide(75).flags == ["age_above_range"])
        #expect(decide(nil).flags == ["age_unknown"])
        #expect(!decide(55).inputs.values.contains { $0.contains("55") })
        #expect(self.decide { $0.ageInYears = 3 }.isAccepted, "without a range any age is scored")
    }

    @Test("ages are read in years, months, weeks and days")
    func ages() {
        #expect(GateFacts.years("062Y") == 62 && GateFacts.years("62") == 62)
        #expect(GateFacts.years("018M") == 1.5)
        #expect(abs(GateFacts.years("003W")! - 21 / 365.25) < 1e-12)
        for nonsense in [nil, "", "Y", "062X", "06.5Y", "-12Y", "0620Y", "1962"] {
            #expect(GateFacts.years(nonsense) == nil)
        }
    }

    @Test("reactions and lists are the profile's to change, and survive JSON")
    func configuration() throws {
        let json = """
            {"sop_classes": ["1.2.840.10008.5.1.4.1.1.7"], "wrong_orientation": "flag", "burned_in_annotation": "refuse",
             "quality_control_image": "accept", "minimum_age": 40, "maximum_uniform_share": 0.5}
            """
        let rules = try JSONDecoder().decode(GateRules.self, from: Data(json.utf8))
        #expect(try JSONDecoder().decode(GateRules.self, from: JSONEncoder().encode(rules)) == rules)
        let decision = rules.decide(
            facts: facts {
                $0.sopClassUID = "1.2.840.10008.5.1.4.1.1.7"
                $0.patientOrientation = ["L", "H"]
                $0.qualityControlImage = "YES"
                $0.ageInYears = 41
            }, radiograph: nil)
        #expect(decision.isAccepted && decision.flags == ["upside_down_by_header"])
        let burned = rules.decide(
            facts: facts {
                $0.sopClassUID = "1.2.840.10008.5.1.4.1.1.7"
                $0.burnedInAnnotation = "YES"
                $0.ageInYears = 41
            }, radiograph: nil)
        #expect(burned.refusal?.code == "burned_in_annotation")
        #expect(try JSONDecoder().decode(GateRules.self, from: Data("{}".utf8)) == GateRules())
    }

    @Test(
        "code strings are compared in any case and spacing", arguments: ["chest", " CHEST ", "Port_Chest", "CHEST-PA"])
    func spelling(bodyPart: String) {
        #expect(decide { $0.bodyPartExamined = GateFacts.codeString(bodyPart) }.isAccepted)
    }

    @Test("free text in a coded attribute is neither stored nor shown")
    func freeText() {
        let decision = decide { $0.bodyPartExamined = GateFacts.codeString("Thorax of Jürgen Müller, born 1950") }
        #expect(decision.refusal?.code == "body_part_not_accepted")
        #expect(decision.inputs["BodyPartExamined"] == "(NOT A CODE STRING)")
        #expect(!decision.refusal!.message.uppercased().contains("JÜRGEN"))
        #expect(GateFacts.uid("1.2.Müller") == "(NOT A UID)")
    }

    @Test("a file without DICOM identity passes with its flags; a constant or nearly empty one does not")
    func imageFile() throws {
        let chest = ChestPhantom.pixels(width: 48, height: 64, highest: 255).map { UInt8($0) }
        let picture = try Radiograph(
            imageFile: GreyPicture(width: 48, height: 64, pixels: chest).pngFile())
        let accepted = rules.decide(facts: nil, radiograph: picture)
        #expect(accepted.isAccepted && accepted.flags.first == "no_dicom_identity")
        func judge(_ pixels: [UInt8]) throws -> GateDecision {
            let file = try GreyPicture(width: 20, height: 20, pixels: pixels).pngFile()
            return rules.decide(facts: nil, radiograph: try Radiograph(imageFile: file))
        }
        var pixels = [UInt8](repeating: 9, count: 400)
        let constant = try judge(pixels)
        #expect(constant.refusal?.code == "constant_picture")
        #expect(constant.flags == ["no_dicom_identity", "constant_picture", "low_resolution"])
        // Corners that differ keep the border from being trimmed.
        for corner in [0, 19, 380, 399] { pixels[corner] = UInt8(100 + corner % 7) }
        #expect(try judge(pixels).refusal?.code == "nearly_empty_picture")
    }

    @Test("a strip is no radiograph")
    func strip() throws {
        let pixels = (0..<400 * 100).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let file = try GreyPicture(width: 400, height: 100, pixels: pixels).pngFile()
        let decision = rules.decide(facts: nil, radiograph: try Radiograph(imageFile: file))
        #expect(decision.refusal?.code == "extreme_aspect_ratio")
    }
}
