extension GateRules {
    /// Decides on an object: a pure function of these rules, the header's `facts` (nil for a file without DICOM
    /// identity) and the rendered `radiograph` (nil to decide by the header alone, before pixels are decoded).
    ///
    /// The first rule that refuses gives the reason; every flag and input is reported either way.
    public func decide(facts: GateFacts?, radiograph: Radiograph?) -> GateDecision {
        var judgement = GateJudgement()
        if let facts {
            judgement.inputs = facts.inputs
            judgeKind(facts, &judgement)
            judgeBodyPart(facts, &judgement)
            judgeView(facts, &judgement)
            judgeOrientation(facts, &judgement)
            judgePatient(facts, &judgement)
            judgePurpose(facts, &judgement)
        }
        if let radiograph {
            judgePicture(radiograph, &judgement)
            // A header that names no part of the body vouches for nothing: then the picture has to.
            let isVouchedFor = facts.map { $0.bodyPartExamined != nil || $0.anatomicRegion != nil } ?? true
            judgeContent(radiograph, isVouchedFor: isVouchedFor, &judgement)
        }
        return GateDecision(refusal: judgement.refusal, flags: judgement.flags, inputs: judgement.inputs)
    }

    private func judgeKind(_ facts: GateFacts, _ judgement: inout GateJudgement) {
        if let modality = facts.modality {
            if !modalities.containsCode(modality) {
                judgement.refuse(
                    "modality_not_accepted",
                    "modality \(modality) is not scored; accepted: \(modalities.joined(separator: ", "))")
            }
        } else {
            judgement.refuse(
                "modality_absent", "the header names no modality; send objects as the acquisition made them")
        }
        if let sopClass = facts.sopClassUID {
            if !sopClasses.contains(sopClass) {
                judgement.refuse(
                    "sop_class_not_accepted",
                    "objects of the SOP class \(sopClass) are not scored; the model's profile can allow them")
            }
        } else {
            judgement.flag("sop_class_absent")
        }
        if let photometric = facts.photometricInterpretation, !photometric.hasPrefix("MONOCHROME") {
            judgement.refuse("not_greyscale", "photometric interpretation \(photometric) is not a radiograph's")
        }
        if facts.numberOfFrames > 1 { judgement.flag("multi_frame") }
    }

    private func judgeBodyPart(_ facts: GateFacts, _ judgement: inout GateJudgement) {
        if let bodyPart = facts.bodyPartExamined, !bodyParts.containsCode(bodyPart) {
            judgement.refuse(
                "body_part_not_accepted", "body part \(bodyPart) is not scored; only chest radiographs are")
        }
        if let region = facts.anatomicRegion, !anatomicRegions.containsCode(region) {
            judgement.refuse(
                "anatomic_region_not_accepted",
                "the anatomic region \(region) is not scored; only chest radiographs are")
        }
        if facts.bodyPartExamined == nil && facts.anatomicRegion == nil { judgement.flag("body_part_absent") }
    }

    private func judgeView(_ facts: GateFacts, _ judgement: inout GateJudgement) {
        // In the order of the codes, so that equal rules give equal reasons.
        if let view = facts.viewCode {
            for (code, views) in refusedViewCodes.sorted(by: { $0.key < $1.key }) where views.containsCode(view) {
                judgement.refuse(code, "the view \(view) is not frontal; only frontal views are scored")
            }
        }
        guard let view = facts.viewPosition else {
            if facts.viewCode == nil { judgement.flag("view_position_absent") }
            return
        }
        for (code, positions) in refusedViewPositions.sorted(by: { $0.key < $1.key })
        where positions.containsCode(view) {
            return judgement.refuse(code, "view position \(view) is not frontal; only frontal views are scored")
        }
        if !frontalViewPositions.containsCode(view) { judgement.flag("view_position_unrecognised") }
    }

    /// Holds Patient Orientation against an upright frontal view: rows run to the patient's left or right, columns to
    /// the feet (PS3.3 C.7.6.1.1.1). The first letter of each value is the main direction.
    private func judgeOrientation(_ facts: GateFacts, _ judgement: inout GateJudgement) {
        guard facts.patientOrientation.count == 2, let row = facts.patientOrientation[0].first,
            let column = facts.patientOrientation[1].first
        else { return judgement.flag("patient_orientation_absent") }
        let (across, along): (Set<Character>, Set<Character>) = (["L", "R"], ["H", "F"])
        switch (row, column) {
        case (_, "F") where across.contains(row): return
        case (_, "H") where across.contains(row):
            judgement.react(
                wrongOrientation, "upside_down_by_header", "patient orientation says that the picture is upside down")
        case (_, _) where along.contains(row) && across.contains(column):
            judgement.react(
                wrongOrientation, "rotated_by_header", "patient orientation says that the picture lies on its side")
        default:
            judgement.react(
                wrongOrientation, "lateral_by_header", "patient orientation says that this is not a frontal view")
        }
    }

    private func judgePatient(_ facts: GateFacts, _ judgement: inout GateJudgement) {
        if facts.isAnimal == true {
            judgement.refuse("not_human", "the patient's species is not human")
        }
        guard minimumAge != nil || maximumAge != nil else { return }
        guard let age = facts.ageInYears else {
            judgement.inputs["PatientAgeInRange"] = "unknown"
            return judgement.flag("age_unknown")
        }
        judgement.inputs["PatientAgeInRange"] = "yes"
        if let minimumAge, age < minimumAge {
            judgement.inputs["PatientAgeInRange"] = "below"
            judgement.refuse(
                "age_below_range", "the patient is younger than the \(Int(minimumAge)) years the model is for")
        } else if let maximumAge, age >= maximumAge + 1 {
            judgement.inputs["PatientAgeInRange"] = "above"
            judgement.flag("age_above_range")
        }
    }

    private func judgePurpose(_ facts: GateFacts, _ judgement: inout GateJudgement) {
        if let intent = facts.presentationIntentType, refusedPresentationIntents.containsCode(intent) {
            judgement.refuse(
                "for_processing", "the object holds unprocessed detector data; send the image for presentation")
        }
        switch facts.qualityControlImage {
        case "YES":
            judgement.react(
                qualityControlImage, "quality_control_image", "the header calls this a quality control image")
        case "BOTH": judgement.flag("quality_control_material_present")
        default: break
        }
        if facts.burnedInAnnotation == "YES" {
            judgement.react(
                burnedInAnnotation, "burned_in_annotation", "the header says that annotation is burned into the picture"
            )
        }
    }

    private func judgePicture(_ radiograph: Radiograph, _ judgement: inout GateJudgement) {
        let (picture, provenance) = (radiograph.picture, radiograph.provenance)
        judgement.inputs["RenderedSize"] = "\(picture.width)x\(picture.height)"
        judgement.inputs["StoredSize"] = "\(provenance.storedSize.width)x\(provenance.storedSize.height)"
        for flag in radiograph.flags { judgement.flag(flag) }
        if provenance.level.low == provenance.level.high {
            judgement.refuse("constant_picture", "every pixel has the same value: there is no picture to score")
        }
        let (short, long) = (
            min(provenance.trim.width, provenance.trim.height), max(provenance.trim.width, provenance.trim.height)
        )
        if Double(long) > Double(short) * maximumAspectRatio {
            judgement.refuse(
                "extreme_aspect_ratio",
                "without its border the picture is \(provenance.trim.width) × \(provenance.trim.height) pixels, which no "
                    + "chest radiograph is")
        }
        let share = picture.largestUniformShare
        // To the thousandth, as text that is the same everywhere.
        judgement.inputs["UniformShare"] = "\(Int((share * 1000).rounded()))/1000"
        if share > maximumUniformShare {
            judgement.refuse("nearly_empty_picture", "nearly all pixels have one and the same level")
        }
        if min(provenance.storedSize.width, provenance.storedSize.height) < minimumStoredSide {
            judgement.flag("low_resolution")
        }
    }
}

/// A decision in the making.
struct GateJudgement {
    private(set) var refusal: GateDecision.Refusal?
    private(set) var flags: [String] = []
    var inputs: [String: String] = [:]

    mutating func refuse(_ code: String, _ message: String) {
        if refusal == nil { refusal = .init(code: code, message: message) }
    }

    mutating func flag(_ code: String) {
        if !flags.contains(code) { flags.append(code) }
    }

    mutating func react(_ reaction: GateRules.Reaction, _ code: String, _ message: String) {
        switch reaction {
        case .accept: break
        case .flag: flag(code)
        case .refuse: refuse(code, message)
        }
    }
}

extension GreyPicture {
    /// The share of pixels that have the commonest level, 0…1.
    var largestUniformShare: Double {
        var counts = [Int](repeating: 0, count: 256)
        for pixel in pixels { counts[Int(pixel)] += 1 }
        return Double(counts.max()!) / Double(pixels.count)
    }
}

extension [String] {
    /// Whether a normalised code string is in this list, whose own entries may be written in any case.
    fileprivate func containsCode(_ code: String) -> Bool { contains { GateFacts.codeString($0) == code } }
}

extension GateFacts {
    /// The facts by attribute keyword, absent and personal ones left out.
    fileprivate var inputs: [String: String] {
        var inputs = ["NumberOfFrames": String(numberOfFrames)]
        inputs["SOPClassUID"] = sopClassUID
        inputs["Modality"] = modality
        inputs["BodyPartExamined"] = bodyPartExamined
        inputs["AnatomicRegionSequence"] = anatomicRegion
        inputs["ViewPosition"] = viewPosition
        inputs["ViewCodeSequence"] = viewCode
        if !patientOrientation.isEmpty { inputs["PatientOrientation"] = patientOrientation.joined(separator: "\\") }
        inputs["PresentationIntentType"] = presentationIntentType
        inputs["PhotometricInterpretation"] = photometricInterpretation
        inputs["BurnedInAnnotation"] = burnedInAnnotation
        inputs["QualityControlImage"] = qualityControlImage
        return inputs
    }
}
