/// Somebody asked for records: recorded before any was returned, also where none was found or all were denied.
///
/// A result with more records than one entry can name is recorded in several, `part` 1 to `parts`, all under one `readID`.
public struct ReadEntry: Sendable, Equatable, Codable {
    /// The most records that one entry names, so that it stays below 65,535 bytes: 40 a record, 67 a patient.
    public static let maximumRecords = 500

    /// The read's row, a UUIDv7.
    public var readID: String
    /// The purpose of use, a code such as `TREAT`, `HQUALMGT`, `HOPERAT` (HL7 PurposeOfUse).
    public var purpose: String
    /// What was asked for: `scores`, `show`, `worklist`, `who_viewed`…
    public var question: String
    /// The conditions.
    public var criteria: [Criterion]
    /// Whether the reader may ask that.
    public var isGranted: Bool
    /// Why not, as a code.
    public var denial: String?
    /// Whose records came back, each once.
    public var patients: [Commitment]
    /// The records that came back: UUIDv7.
    public var records: [String]
    /// The number of records of all parts.
    public var recordCount: Int
    /// Which part this is, from 1.
    public var part: Int
    /// The number of parts.
    public var parts: Int

    /// What happened, by these values.
    public init(
        readID: String, purpose: String, question: String, criteria: [Criterion], isGranted: Bool,
        denial: String? = nil, patients: [Commitment], records: [String], recordCount: Int, part: Int, parts: Int
    ) {
        self.readID = readID
        self.purpose = purpose
        self.question = question
        self.criteria = criteria
        self.isGranted = isGranted
        self.denial = denial
        self.patients = patients
        self.records = records
        self.recordCount = recordCount
        self.part = part
        self.parts = parts
    }
}
