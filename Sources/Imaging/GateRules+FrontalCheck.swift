/// What the gate does with the verdict of `FrontalCheck`: the rule `frontal_check`.
public enum FrontalCheckRule: String, Sendable, Codable {
    /// Pixels are not looked at.
    case off
    /// Whatever is not clearly an upright frontal chest radiograph is scored with a flag.
    case flag
    /// What surely is none is refused; what is unclear is flagged. Inverted polarity is flagged only: such a picture
    /// shows a frontal chest, and which way its values go is for its header to say, which may be put right.
    case refuse
}

extension GateRules {
    /// Judges what `picture` shows: the verdict goes to the inputs, its reason to the flags or the refusal.
    func judgeContent(_ picture: GreyPicture, _ judgement: inout GateJudgement) {
        guard frontalCheck != .off else { return }
        let verdict = FrontalCheck.judge(picture)
        judgement.inputs["FrontalCheck"] = verdict.version
        judgement.inputs["FrontalCheckVerdict"] = verdict.verdict.rawValue
        judgement.inputs["FrontalCheckMargin"] = String(verdict.margin)
        judgement.inputs["FrontalCheckProbability"] = String(verdict.probability)
        guard let reason = verdict.reason else { return }
        if frontalCheck == .refuse, verdict.verdict == .notFrontal, reason != .inverted {
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
