/// A report was made of a score.
public struct ReportEntry: Sendable, Equatable, Codable {
    /// The inference.
    public var inferenceID: String
    /// Commitment to the patient's ID and its issuer.
    public var patient: Commitment?
    /// Commitment to the SHA-256 of the report's file.
    public var report: Commitment
    /// `html`, `pdf`, `png`, `dicom-sr`…
    public var format: String
    /// The number of the file's bytes.
    public var byteCount: Int
    /// Where it was sent: a destination's name.
    public var destination: String?

    /// What happened, by these values.
    public init(
        inferenceID: String, patient: Commitment? = nil, report: Commitment, format: String, byteCount: Int,
        destination: String? = nil
    ) {
        self.inferenceID = inferenceID
        self.patient = patient
        self.report = report
        self.format = format
        self.byteCount = byteCount
        self.destination = destination
    }
}
