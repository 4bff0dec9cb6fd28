/// Whether an object may be scored, and on what grounds. A refusal is recorded as carefully as a score.
public struct GateDecision: Sendable, Equatable, Codable {
    /// Why an object is not scored.
    public struct Refusal: Sendable, Equatable, Codable {
        /// A stable code in snake_case; docs/gate.md lists them.
        public let code: String
        /// What that means and what to do, for people.
        public let message: String
    }

    /// Why the object is refused; nil where it is accepted.
    public let refusal: Refusal?
    /// What a reader of the score should know, as codes; docs/gate.md lists them, with the flags of the radiograph.
    public let flags: [String]
    /// The attribute values and the pixels' verdict that the decision was based on, by keyword; none of them personal.
    public let inputs: [String: String]

    /// Whether the object may be scored.
    public var isAccepted: Bool { refusal == nil }
}
