/// Whether an object may be scored, and on what grounds. A refusal is recorded as carefully as a score.
public struct GateDecision: Sendable, Equatable, Codable {
    /// Why an object is not scored.
    public struct Refusal: Sendable, Equatable, Codable {
        /// A stable code: `modality_absent`, `modality_not_accepted`, `body_part_not_accepted`, `lateral_view`,
        /// `oblique_view`, `decubitus_view`, `for_processing`, `not_greyscale`, `constant_picture`, one of
        /// `FrontalVerdict.Reason`, or one of the rules'.
        public let code: String
        /// What that means and what to do, for people.
        public let message: String
    }

    /// Why the object is refused; nil where it is accepted.
    public let refusal: Refusal?
    /// What a reader of the score should know: `body_part_absent`, `view_position_absent`,
    /// `view_position_unrecognised`, `multi_frame`, the flags of the radiograph, and those of `FrontalVerdict.Reason`.
    public let flags: [String]
    /// The attribute values and the pixels' verdict that the decision was based on, by keyword; none of them personal.
    public let inputs: [String: String]

    /// Whether the object may be scored.
    public var isAccepted: Bool { refusal == nil }
}

extension GateRules {
    /// Decides on an object: a pure function of these rules, the header's `facts` (nil for a file without DICOM
    /// identity) and the rendered `radiograph` (nil to decide by the header alone, before pixels are decoded).
    ///
    /// The first rule that refuses gives the reason; every flag and input is reported either way.
    public func decide(facts: GateFacts?, radiograph: Radiograph?) -> GateDecision {
        var flags: [String] = []
        var inputs: [String: String] = [:]
        var refusal: GateDecision.Refusal?
        func refuse(_ code: String, _ message: String) {
            if refusal == nil { refusal = .init(code: code, message: message) }
        }
        if let facts {
            inputs = facts.inputs
            judgeModality(facts, refuse)
            judgeBodyPart(facts, refuse, &flags)
            judgeView(facts, refuse, &flags)
            judgePixels(facts, refuse, &flags)
        }
        if let radiograph {
            let picture = radiograph.picture
            inputs["RenderedSize"] = "\(picture.width)x\(picture.height)"
            for flag in radiograph.flags where !flags.contains(flag) { flags.append(flag) }
            if radiograph.provenance.level.low == radiograph.provenance.level.high {
                refuse("constant_picture", "every pixel has the same value: there is no picture to score")
            } else {
                judgePicture(picture, refuse, &flags, &inputs)
            }
        }
        return GateDecision(refusal: refusal, flags: flags, inputs: inputs)
    }

    private func judgeModality(_ facts: GateFacts, _ refuse: (String, String) -> Void) {
        guard let modality = facts.modality else {
            return refuse("modality_absent", "the header names no modality; send objects as the acquisition made them")
        }
        if !modalities.containsCode(modality) {
            refuse(
                "modality_not_accepted",
                "modality \(modality) is not scored; accepted: \(modalities.joined(separator: ", "))")
        }
    }

    private func judgeBodyPart(_ facts: GateFacts, _ refuse: (String, String) -> Void, _ flags: inout [String]) {
        guard let bodyPart = facts.bodyPartExamined else { return flags.append("body_part_absent") }
        if !bodyParts.containsCode(bodyPart) {
            refuse("body_part_not_accepted", "body part \(bodyPart) is not scored; only chest radiographs are")
        }
    }

    private func judgeView(_ facts: GateFacts, _ refuse: (String, String) -> Void, _ flags: inout [String]) {
        guard let view = facts.viewPosition else { return flags.append("view_position_absent") }
        // In the order of the codes, so that equal rules give equal reasons.
        for (code, positions) in refusedViewPositions.sorted(by: { $0.key < $1.key })
        where positions.containsCode(view) {
            return refuse(code, "view position \(view) is not frontal; only frontal views are scored")
        }
        if !frontalViewPositions.containsCode(view) { flags.append("view_position_unrecognised") }
    }

    private func judgePixels(_ facts: GateFacts, _ refuse: (String, String) -> Void, _ flags: inout [String]) {
        if let intent = facts.presentationIntentType, refusedPresentationIntents.containsCode(intent) {
            refuse("for_processing", "the object holds unprocessed detector data; send the image for presentation")
        }
        if let photometric = facts.photometricInterpretation, !photometric.hasPrefix("MONOCHROME") {
            refuse("not_greyscale", "photometric interpretation \(photometric) is not a radiograph's")
        }
        if facts.numberOfFrames > 1 { flags.append("multi_frame") }
    }
}

extension [String] {
    /// Whether a normalised code string is in this list, whose own entries may be written in any case.
    fileprivate func containsCode(_ code: String) -> Bool { contains { GateFacts.codeString($0) == code } }
}

extension GateFacts {
    /// The facts by attribute keyword, absent ones left out.
    fileprivate var inputs: [String: String] {
        var inputs = ["NumberOfFrames": String(numberOfFrames)]
        inputs["Modality"] = modality
        inputs["BodyPartExamined"] = bodyPartExamined
        inputs["ViewPosition"] = viewPosition
        inputs["PresentationIntentType"] = presentationIntentType
        inputs["PhotometricInterpretation"] = photometricInterpretation
        return inputs
    }
}
