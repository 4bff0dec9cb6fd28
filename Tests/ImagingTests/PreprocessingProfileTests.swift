import Foundation
import Testing

@testable import Imaging

@Suite("Preprocessing profiles")
struct PreprocessingProfileTests {
    private func decode(_ json: String) throws -> PreprocessingProfile {
        try JSONDecoder().decode(PreprocessingProfile.self, from: Data(json.utf8))
    }

    @Test("a profile survives JSON and back")
    func roundTrip() throws {
        var gate = GateRules()
        gate.modalities = ["DX"]
        let profile = try PreprocessingProfile.cxrRisk(size: 320, gate: gate, voi: .named("LUNG"))
        #expect(try JSONDecoder().decode(PreprocessingProfile.self, from: JSONEncoder().encode(profile)) == profile)
    }

    @Test("the name alone means the published values and the default gate")
    func defaults() throws {
        #expect(try decode(#"{"name": "cxr-risk"}"#) == .cxrRisk)
        let gated = try decode(#"{"name": "cxr-risk", "gate": {"body_parts": ["CHEST"]}}"#)
        #expect(gated.gate.bodyParts == ["CHEST"] && gated.gate.modalities == ["CR", "DX"])
    }

    @Test(
        "an unknown name or impossible values are refused",
        arguments: [
            #"{"name": "cxr-magic"}"#, #"{"name": "cxr-risk", "size": 0}"#,
            #"{"name": "cxr-risk", "std": [0.2, 0, 0.2]}"#,
            #"{"name": "cxr-risk", "mean": [0.5]}"#, #"{"name": "cxr-risk", "center_view_weight": 1.5}"#,
            #"{"name": "cxr-risk", "corner_view_scale": 0.5}"#,
            #"{"name": "cxr-risk", "rendered_shorter_side": 100000}"#,
        ])
    func refused(json: String) {
        #expect(errorCode { try decode(json) } == .invalidProfile)
    }
}
