/// A patient's data and openings were destroyed.
public struct ErasureEntry: Sendable, Equatable, Codable {
    /// The commitment that nobody can open any more.
    public var patient: Commitment
    /// Why, as a code or in words without personal data.
    public var reason: String
    /// The number of openings destroyed.
    public var openingCount: Int
    /// The number of objects destroyed.
    public var objectCount: Int
    /// The number of pictures destroyed.
    public var pictureCount: Int
    /// The number of inferences that can no longer be led back to the patient.
    public var inferenceCount: Int

    /// What happened, by these values.
    public init(
        patient: Commitment, reason: String, openingCount: Int, objectCount: Int, pictureCount: Int,
        inferenceCount: Int
    ) {
        self.patient = patient
        self.reason = reason
        self.openingCount = openingCount
        self.objectCount = objectCount
        self.pictureCount = pictureCount
        self.inferenceCount = inferenceCount
    }
}
