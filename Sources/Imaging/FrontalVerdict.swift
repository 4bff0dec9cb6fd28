/// What the pixels of a picture say about its being an upright frontal chest radiograph.
public struct FrontalVerdict: Sendable, Equatable, Codable {
    /// The conclusion.
    public enum Verdict: String, Sendable, Codable {
        /// An upright frontal chest radiograph, bone white.
        case frontal
        /// Neither clearly one nor clearly none: a person should look.
        case uncertain
        /// Surely not one.
        case notFrontal = "not_frontal"
    }

    /// What a picture is that is not an upright frontal chest radiograph, as codes of the gate.
    public enum Reason: String, Sendable, Codable, CaseIterable {
        /// A chest whose head end is below, mirrored or not.
        case upsideDown = "upside_down_picture"
        /// A chest that lies on its side.
        case rotated = "rotated_picture"
        /// A chest whose bones are black.
        case inverted = "inverted_picture"
        /// Another view or part, a part of a chest only, or no radiograph.
        case notFrontalChest = "not_frontal_chest"
    }

    /// The conclusion.
    public let verdict: Verdict
    /// The most probable alternative; nil where the verdict is `frontal`.
    public let reason: Reason?
    /// The network's share of belief, 0 … 1, in an upright frontal chest radiograph. It orders pictures; it is not
    /// calibrated to how often such pictures occur.
    public let probability: Double
    /// What the verdict is taken from: the logit of `frontal` less that of the most probable alternative, in 1/2048.
    public let margin: Int
    /// The weights' name (`FrontalCheck.version`).
    public let version: String
}
