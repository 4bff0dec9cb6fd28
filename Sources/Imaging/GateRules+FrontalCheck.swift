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
    /// Judges the pixels of `picture`: the verdict goes to `inputs`, its reason to `flags` or `refuse`.
    func judgePicture(
        _ picture: GreyPicture, _ refuse: (String, String) -> Void, _ flags: inout [String],
        _ inputs: inout [String: String]
    ) {
        guard frontalCheck != .off else { return }
        let verdict = FrontalCheck.judge(picture)
        inputs["FrontalCheck"] = verdict.version
        inputs["FrontalCheckVerdict"] = verdict.verdict.rawValue
        inputs["FrontalCheckMargin"] = String(verdict.margin)
        inputs["FrontalCheckProbability"] = String(verdict.probability)
        guard let reason = verdict.reason else { return }
        if frontalCheck == .refuse, verdict.verdict == .notFrontal, reason != .inverted {
            refuse(reason.rawValue, reason.message)
        } else {
            flags.append(reason.rawValue)
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
