/// What the gate does with the verdict of `FrontalCheck`: the rule `frontal_check`.
public enum FrontalCheckRule: String, Sendable, Codable {
    /// Pixels are not looked at.
    case off
    /// Whatever is not clearly an upright frontal chest radiograph is scored with a flag.
    case flag
    /// What surely is none is refused; what is unclear is flagged, or refused too where a DICOM header does not name the
    /// part of the body. Inverted polarity is flagged only: such a picture shows a frontal chest, and which way its
    /// values go is for its header to say, which may be put right.
    case refuse
}

extension GateRules {
    /// Judges what the picture shows: the verdict goes to the inputs, its reason to the flags or the refusal.
    ///
    /// - Parameter isVouchedFor: whether somebody says that this is a chest: the header, or, of a file without one, who
    ///   handed it in.
    func judgeContent(_ radiograph: Radiograph, isVouchedFor: Bool, _ judgement: inout GateJudgement) {
        let level = radiograph.provenance.level
        guard frontalCheck != .off, level.low < level.high else { return }
        let verdict = FrontalCheck.judge(radiograph.picture)
        judgement.inputs["FrontalCheck"] = verdict.version
        judgement.inputs["FrontalCheckVerdict"] = verdict.verdict.rawValue
        judgement.inputs["FrontalCheckMargin"] = String(verdict.margin)
        judgement.inputs["FrontalCheckProbability"] = String(verdict.probability)
        guard let reason = verdict.reason else { return }
        let isRefused = verdict.verdict == .notFrontal || !isVouchedFor
        if frontalCheck == .refuse, isRefused, reason != .inverted {
            judgement.refuse(reason.rawValue, reason.message)
        } else {
            judgement.flag(reason.rawValue)
        }
    }
}

extension FrontalVerdict.Reason {
    /// What it means and what to do, for people.
    fileprivate var message: String {
        switch self {
        case .upsideDown: "the picture shows a chest upside down; send it upright"
        case .rotated: "the picture shows a chest lying on its side; send it upright"
        case .inverted: "the picture shows a chest with black bones; check the polarity its header declares"
        case .notFrontalChest: "the picture is not a frontal radiograph of the whole chest; only those are scored"
        }
    }
}
