/// Somebody took note of a score.
public struct ReviewEntry: Sendable, Equatable, Codable {
    /// The inference.
    public var inferenceID: String
    /// Commitment to the patient's ID and its issuer.
    public var patient: Commitment?
    /// Commitment to what the reviewer wrote.
    public var note: Commitment?

    /// What happened, by these values.
    public init(
        inferenceID: String, patient: Commitment? = nil, note: Commitment? = nil
    ) {
        self.inferenceID = inferenceID
        self.patient = patient
        self.note = note
    }
}
